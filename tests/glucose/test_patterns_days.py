"""Days that went alike and kinds of days, against slow, obvious twins and planted truths."""

from __future__ import annotations

import math
import random
import statistics
from datetime import date, timedelta

import numpy as np
import pytest

from glucose.metrics.number import FloatArray
from glucose.patterns import day_types as module
from glucose.patterns.day_types import DayTypes, day_types
from glucose.patterns.fine_days import FineDays
from glucose.patterns.similar_days import day_distances, overlaps, similar_days
from glucose.targets import Targets

FIRST = date(2026, 3, 2)
TARGETS = Targets()
OFFICE = slice(100, 200)


def walked(days: int, *, seed: int, level: float = 0.1, noise: float = 3) -> FloatArray:
    """Make days of three meals, a level of their own, and noise that remembers."""
    chance = random.Random(seed)
    cells, rest = np.empty((days, 288)), 0.0
    for day in range(days):
        share = math.exp(chance.gauss(0, level))
        for at in range(288):
            rest = 0.985 * rest + chance.gauss(0, noise)
            meal = 40 * math.sin(at / 288 * 6 * math.pi)
            cells[day, at] = round(min(max(share * (140 + meal) + rest, 40), 400))
    return cells


def holed(cells: FloatArray, *, seed: int) -> FloatArray:
    chance = random.Random(seed)
    for row in cells:
        at, long = chance.randrange(288), chance.choice((0, 10, 40, 60))
        row[at : at + long] = np.nan
    return cells


def days_of(cells: FloatArray) -> FineDays:
    return FineDays(FIRST, 1440 // cells.shape[1], cells)


def test_the_distance_of_days_is_the_twins() -> None:
    cells = holed(walked(9, seed=3), seed=4)
    found, shares = day_distances(days_of(cells)), overlaps(days_of(cells))
    unknown = 0
    for one in range(9):
        for other in range(9):
            both = [
                (a, b)
                for a, b in zip(cells[one].tolist(), cells[other].tolist(), strict=True)
                if not math.isnan(a) and not math.isnan(b)
            ]
            assert shares[one, other] == pytest.approx(len(both) / 288)
            if len(both) < 0.85 * 288:
                assert math.isnan(found[one, other])
                unknown += 1
                continue
            mean_square = math.fsum((a - b) ** 2 for a, b in both) / len(both)
            assert found[one, other] == pytest.approx(math.sqrt(mean_square), abs=1e-9)
    assert 0 < unknown < 60


def test_exactly_85_per_cent_is_enough() -> None:
    cells = walked(2, seed=1)
    cells[0, : 288 - 245] = np.nan  # 85.07 %
    assert not np.isnan(day_distances(days_of(cells))).any()
    cells[0, 288 - 245] = np.nan
    assert np.isnan(day_distances(days_of(cells))).tolist() == [[True, True], [True, False]]


def test_the_likest_day_comes_first_and_its_differences_are_told() -> None:
    cells = walked(20, seed=7)
    cells[11] = cells[4] + 5
    cells[11, :20] = np.nan
    days = days_of(cells)
    first, *others = similar_days(days, FIRST + timedelta(days=4), TARGETS)
    assert (first.day, first.other) == (FIRST + timedelta(days=4), FIRST + timedelta(days=11))
    assert first.unlike == pytest.approx(5)
    assert first.mean_more == pytest.approx(5)
    assert first.overlap == pytest.approx(268 / 288)
    share = [
        100 * sum(70 <= value <= 180 for value in row[20:].tolist()) / 268
        for row in (cells[4], cells[11])
    ]
    assert first.in_range_more == pytest.approx(share[1] - share[0])
    assert [one.unlike for one in others] == sorted(one.unlike for one in others)
    assert len(others) == 2
    assert first.day not in {one.other for one in (first, *others)}


def test_a_day_alone_or_elsewhere_is_like_none() -> None:
    cells = walked(3, seed=1)
    cells[1, :100] = np.nan
    days = days_of(cells)
    assert similar_days(days, FIRST + timedelta(days=1), TARGETS) == ()
    assert len(similar_days(days, FIRST, TARGETS)) == 1
    assert similar_days(days, FIRST - timedelta(days=1), TARGETS) == ()
    assert similar_days(days, FIRST + timedelta(days=3), TARGETS) == ()


def kinds(cells: FloatArray) -> DayTypes:
    return day_types(days_of(cells), TARGETS)


def with_free_days(days: int, height: float, *, seed: int) -> FloatArray:
    cells = walked(days, seed=seed)
    cells[np.arange(days) % 7 >= 5, OFFICE] += height
    return cells


def test_two_kinds_of_days_are_told_apart() -> None:
    found = kinds(with_free_days(56, 110, seed=2))
    usual, free = found.types
    free_days = {FIRST + timedelta(days=day) for day in range(56) if day % 7 >= 5}
    assert found.eligible == 56
    assert len(usual.days) == 40
    assert set(free.days) == free_days
    assert list(free.days) == sorted(free.days)
    assert free.typical in free_days
    assert usual.typical not in free_days
    assert free.mean - usual.mean == pytest.approx(110 * 100 / 288, abs=10)
    assert free.in_range < usual.in_range
    assert free.curve[6] - usual.curve[6] == pytest.approx(110, abs=15)
    assert len(free.curve) == 12


def test_three_kinds_are_three() -> None:
    cells = walked(60, seed=5)
    cells[np.arange(60) % 3 == 1, :100] += 120
    cells[np.arange(60) % 3 == 2, 150:] += 120
    assert [len(one.days) for one in kinds(cells).types] == [20, 20, 20]


def test_days_that_are_alike_have_no_kinds() -> None:
    """Days of one kind, their level steady or not: at most 5 in 100 by the rule.

    If the rule just held, 4 or more of 18 would come up once in 90 such tests.
    """
    told = [
        bool(kinds(walked(42, seed=seed, level=0.1 + seed % 3 * 0.05)).types) for seed in range(18)
    ]
    print(f"kinds told of days of one kind: {sum(told)} of {len(told)}")  # noqa: T201 - the rate
    assert sum(told) <= 3


def test_days_whose_logarithm_alone_looks_grouped_are_alike() -> None:
    """Levels of one normal distribution, which the logarithm skews."""
    chance = random.Random(14)
    levels = [150 + 30 * chance.gauss(0, 1) for _ in range(42)]
    cells = np.array(
        [[max(level + chance.gauss(0, 8), 40) for _ in range(288)] for level in levels]
    )
    assert kinds(cells).types == ()


def test_a_difference_that_does_not_matter_makes_no_kinds() -> None:
    cells = np.full((40, 288), 120.0) + np.array(walked(40, seed=2, noise=0.2)) * 0.01
    cells[::2] += 10
    found = kinds(cells)
    assert found.silhouette is not None
    assert found.silhouette > 0.9
    assert found.types == ()


def test_odd_days_are_no_kind() -> None:
    cells = walked(40, seed=4, level=0.01, noise=1)
    cells[7:10] += 200
    assert kinds(cells).types == ()


def test_too_few_days_are_not_sorted() -> None:
    assert kinds(with_free_days(27, 110, seed=2)) == DayTypes(eligible=27)
    cells = with_free_days(30, 110, seed=2)
    cells[3, 24:37] = np.nan  # more than half of two hours
    assert kinds(cells).eligible == 29
    cells[3, 24:36] = walked(1, seed=1)[0, 24:36]
    assert kinds(cells).eligible == 30


def test_days_without_groups_large_enough_have_no_silhouette() -> None:
    cells = np.full((30, 288), 120.0)
    cells[0] += 100
    assert kinds(cells) == DayTypes(eligible=30)


def test_equal_days_give_equal_kinds() -> None:
    cells = with_free_days(42, 110, seed=2)
    assert kinds(cells) == kinds(cells.copy())


def test_the_silhouette_is_the_twins() -> None:
    chance = random.Random(3)
    points = [(chance.gauss(0, 1) + 4 * (at % 3), chance.gauss(0, 1)) for at in range(20)]
    groups = [at % 3 for at in range(20)]
    distances = [[math.dist(a, b) for b in points] for a in points]
    scores = []
    for one in range(20):
        mean = {
            group: statistics.fmean(
                distances[one][other]
                for other in range(20)
                if groups[other] == group and other != one
            )
            for group in range(3)
        }
        a = mean.pop(groups[one])
        scores.append((min(mean.values()) - a) / max(a, min(mean.values())))
    ours = module._silhouette(np.array(distances), np.array(groups), 3)  # noqa: SLF001 - a formula
    assert ours == pytest.approx(statistics.fmean(scores))
