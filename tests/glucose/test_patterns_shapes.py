"""Motifs and discords: what was planted is found, where and when it was planted."""

from __future__ import annotations

import math
import random
from datetime import date, time, timedelta

import numpy as np
import pytest

from glucose.metrics.number import FloatArray
from glucose.patterns.discords import discords
from glucose.patterns.fine_days import FineDays
from glucose.patterns.motifs import Motif, motifs
from naive import profile as naive

FIRST = date(2026, 3, 2)
HOURS_2 = 24


def quiet(days: int, *, seed: int = 1, step: int = 5) -> FloatArray:
    """Make days around 120 that swing by less than 40 in two hours."""
    chance = random.Random(seed)
    level, values = 0.0, []
    for _ in range(days * (1440 // step)):
        level = 0.9 * level + chance.gauss(0, 2)
        values.append(float(round(120 + level)))
    return np.array(values).reshape(days, -1)


def bump(height: float, step: int = 5) -> FloatArray:
    """Rise and fall within two hours."""
    count = 120 // step
    return np.rint(height * np.sin(np.arange(count) / count * math.pi))


def days_of(cells: FloatArray) -> FineDays:
    return FineDays(FIRST, 1440 // cells.shape[1], cells)


def with_breakfasts(days: int = 10, height: float = 70) -> tuple[FineDays, dict[int, int]]:
    """Plant the same rise on some mornings, up to half an hour earlier or later."""
    cells, chance = quiet(days), random.Random(5)
    planted = {day: 96 + chance.randint(-6, 6) for day in range(days) if day % 3}
    for day, at in planted.items():
        cells[day, at : at + HOURS_2] += bump(height)
    return days_of(cells), planted


def test_a_planted_shape_is_found_on_its_days_at_its_times() -> None:
    days, planted = with_breakfasts()
    found = motifs(days, 120)[0]
    assert found.days == tuple(FIRST + timedelta(days=day) for day in planted)
    for start, at in zip(found.starts, planted.values(), strict=True):
        assert abs(start.hour * 60 + start.minute - at * 5) < 120  # they overlap
    assert 40 <= found.swing <= 85
    assert max(found.curve) - min(found.curve) == pytest.approx(found.swing, abs=8)
    assert found.unlike < 6
    assert (found.minutes, found.step, len(found.curve)) == (120, 5, 24)


def test_the_nearest_pair_is_the_twins() -> None:
    """Every pair by definition: other days, the same time to 90 minutes, swings of 40."""
    days, _ = with_breakfasts(6)
    cells = days.cells.copy().ravel()
    # At 00:40 and 23:10 of one day, 90 minutes apart by the clock: alike, and no pair.
    early, late = slice(584, 584 + HOURS_2), slice(854, 854 + HOURS_2)
    for later in (0, 288, 576):
        cells[early.start + later : early.stop + later] += bump(90)
    cells[late] = cells[early]
    days = days_of(cells.reshape(6, 288))
    values = days.flat.tolist()
    windows = {
        start: window
        for start, window in naive.windows_of(values, HOURS_2).items()
        if max(window) - min(window) >= 40
    }
    least = min(
        naive.apart(one, other, naive.less_its_mean)
        for a, one in windows.items()
        for b, other in windows.items()
        if b - a >= 288 - 18 and a // 288 != b // 288
        if min((a - b) % 288, (b - a) % 288) <= 18
    )
    assert motifs(days, 120)[0].unlike == pytest.approx(least / math.sqrt(HOURS_2), abs=1e-6)


def test_small_swings_and_other_times_of_day_make_no_motif() -> None:
    assert motifs(days_of(quiet(10)), 120) == ()
    low, _ = with_breakfasts(height=20)
    assert motifs(low, 120) == ()
    cells = quiet(10)
    for day in range(10):  # three hours and more from each other day's
        at = day * 36 % 240 + 20
        cells[day, at : at + HOURS_2] += bump(70)
    assert all(len(one.days) < 4 for one in motifs(days_of(cells), 120))


def test_twice_a_day_is_two_motifs_that_do_not_overlap() -> None:
    cells = quiet(9)
    for day in range(9):
        cells[day, 90 : 90 + HOURS_2] += bump(70)
        cells[day, 220 : 220 + HOURS_2] -= bump(60)
    found = motifs(days_of(cells), 120, most=6)
    begins = {one.starts[0].hour for one in found if len(one.days) == 9}
    assert begins & {6, 7, 8}
    assert begins & {17, 18, 19}
    taken = np.zeros(9 * 288, dtype=np.int64)
    for one in found:
        for on, start in zip(one.days, one.starts, strict=True):
            at = (on - FIRST).days * 288 + (start.hour * 60 + start.minute) // 5
            taken[at : at + HOURS_2] += 1
    assert taken.max() == 1
    assert motifs(days_of(cells), 120, most=1) == found[:1]
    assert len(motifs(days_of(cells), 120)) == 3


def test_a_shape_around_midnight_is_one_shape() -> None:
    cells = quiet(9).ravel()
    for day, late in zip(range(1, 8), (-4, 3, -2, 5, 0, 2, -5), strict=True):
        at = day * 288 - 12 + late
        cells[at : at + HOURS_2] += bump(80)
    found = motifs(days_of(cells.reshape(9, 288)), 120)[0]
    assert len(found.days) >= 6
    assert len(set(found.days)) == len(found.days)
    assert {start.hour for start in found.starts} <= {22, 23, 0}


def test_a_shape_on_two_days_is_no_motif() -> None:
    cells = quiet(10)
    for day in (2, 6):
        cells[day, 96 : 96 + HOURS_2] += bump(70)
    assert motifs(days_of(cells), 120) == ()


def test_a_gap_in_the_shape_takes_its_day_out() -> None:
    days, planted = with_breakfasts()
    cells, (gone, *others) = days.cells.copy(), planted
    at = planted[gone]
    cells[gone, at - HOURS_2 : at + 2 * HOURS_2 : 12] = np.nan
    found = motifs(days_of(cells), 120)[0]
    assert found.days == tuple(FIRST + timedelta(days=day) for day in others)


def test_days_of_fifteen_minutes_have_motifs_too() -> None:
    cells = quiet(8, step=15)
    cells[:, 32:40] += bump(90, 15)
    found = motifs(days_of(cells), 120)[0]
    assert (found.step, len(found.curve), len(found.days)) == (15, 8, 8)


def test_a_strange_afternoon_is_the_discord() -> None:
    cells = quiet(10)
    cells[6, 180:204] = 300
    cells[6, 190] = 340
    found = discords(days_of(cells), 120)[0]
    assert (found.day, found.minutes) == (FIRST + timedelta(days=6), 120)
    assert time(13) < found.start < time(17)
    at = (found.start.hour * 60 + found.start.minute) // 5
    stretch = cells[6, at : at + HOURS_2]
    assert found.level == pytest.approx(stretch.mean())
    assert found.swing == stretch.max() - stretch.min() > 150
    assert found.unlike > 60


@pytest.mark.parametrize("minutes", [30, 120])
def test_discords_are_the_twins_and_do_not_overlap(minutes: int) -> None:
    cells = quiet(2, seed=4)
    cells[1, 100:140] = np.nan
    cells[0, 50] += 60
    m = minutes // 5
    twin = naive.profile(
        [None if math.isnan(value) else value for value in cells.ravel().tolist()],
        m,
        naive.as_it_is,
    )
    found = discords(days_of(cells), minutes, most=2)
    finite = [value for value in twin if math.isfinite(value)]
    assert found[0].unlike == pytest.approx(max(finite) / math.sqrt(m), abs=1e-6)
    places = [
        (one.day - FIRST).days * 288 + (one.start.hour * 60 + one.start.minute) // 5
        for one in found
    ]
    assert twin[places[0]] == max(finite)
    assert abs(places[0] - places[1]) >= m
    left = [v for at, v in enumerate(twin) if math.isfinite(v) and abs(at - places[0]) >= m]
    assert found[1].unlike == pytest.approx(max(left) / math.sqrt(m), abs=1e-6)


def test_without_a_pair_there_is_nothing_odd() -> None:
    empty = days_of(np.full((3, 288), np.nan))
    assert discords(empty, 120) == ()
    assert motifs(empty, 120) == ()
    one_day = days_of(quiet(1))
    assert motifs(one_day, 1440) == ()
    assert discords(one_day, 1440) == ()


@pytest.mark.parametrize("minutes", [7, 1445])
def test_lengths_off_the_grid_are_refused(minutes: int) -> None:
    days = days_of(quiet(2))
    with pytest.raises(ValueError, match="multiple of 5"):
        motifs(days, minutes)
    with pytest.raises(ValueError, match="multiple of 5"):
        discords(days, minutes)


def test_equal_days_give_equal_motifs() -> None:
    def found() -> tuple[Motif, ...]:
        return motifs(with_breakfasts()[0], 120)

    assert found() == found()
