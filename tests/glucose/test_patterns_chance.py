"""Strengths against slow twins, and that chance counts what it did itself fairly."""

from __future__ import annotations

from datetime import time

import numpy as np
import pytest

from fakes.habits import Wearer
from glucose.insight import EVERY_DAY, InsightKind, Outcome
from glucose.patterns import fortnights, turned_weeks
from glucose.patterns.chances import BUDGET, Chances
from glucose.patterns.contrasts import DayOutcome, quarters, whole_days
from glucose.patterns.day_table import STARTS, DayTable
from glucose.patterns.questions import Question, questions
from glucose.patterns.turned_days import LEAST_DAYS, ask
from glucose.targets import Targets
from naive import patterns as naive

NOTHING = np.empty(0, dtype=np.int64)


def table_of(wearer: Wearer) -> DayTable:
    table = DayTable.of(wearer.series(), wearer.today, NOTHING)
    assert table is not None
    return table


def row_of(values: np.ndarray) -> naive.Row:
    return [None if np.isnan(value) else float(value) for value in values]


def asked_rows(question: Question) -> list[naive.Row]:
    """Return what is compared, days that do not count as None."""
    values = question.tested.so if question.shares else question.tested.sizes
    return [row_of(row) for row in np.where(question.known, values, np.nan)]


@pytest.mark.parametrize("place", range(7))
def test_a_windows_strength_and_chances_largest_are_their_twins(place: int) -> None:
    wearer = Wearer(days=20, seed=11, lost=0.08).low(3, 0.7, EVERY_DAY).rise(8, 60, EVERY_DAY)
    table = table_of(wearer)
    question = list(questions(table, Targets()))[place]
    rng = np.random.default_rng(3)
    offsets = rng.integers(STARTS, size=(6, len(table.days)))
    asked = ask(question, table.weekdays, offsets)
    rows = asked_rows(question)
    score = naive.share_scores if question.shares else naive.rank_scores
    scores = {id(row): score(row) for row in rows}
    doubt = 1.0 if question.shares else 0.0

    def strength(days: list[naive.Row], start: int, turn: list[int], *, chance: bool) -> float:
        found = naive.strength(days, start, turn, lambda row: scores[id(row)], doubt, chance=chance)
        return abs(found) if question.signed else found

    chance: list[list[float]] = [[] for _ in offsets]
    for number, weekday_set in enumerate(question.weekday_sets):
        chosen = [day for day in range(20) if table.weekdays[day] in weekday_set]
        days = [rows[day] for day in chosen]
        tried = [
            start
            for start in question.starts
            if sum(day[start] is not None for day in days) >= LEAST_DAYS
        ]
        found = asked.strengths[number]
        assert np.flatnonzero(~np.isnan(found)).tolist() == tried
        for start in tried:
            assert found[start] == pytest.approx(
                strength(days, start, [0] * len(days), chance=False)
            )
        for at, turn in enumerate(offsets[:, chosen].tolist() if tried else []):
            for start in question.starts:
                chance[at].append(strength(days, start, turn, chance=True))
    if not any(chance):
        assert asked.strongest.tolist() == [-np.inf] * len(offsets)
        return
    largest = [max(windows) for windows in chance]
    np.testing.assert_allclose(asked.strongest, largest, rtol=1e-4)


def test_a_weekends_strength_is_its_twins() -> None:
    table = table_of(Wearer(days=45, seed=5, lost=0.02))
    rng = np.random.default_rng(4)
    offsets = rng.integers(7, size=(300, 8))
    for outcome in (*whole_days(table, Targets()), *quarters(table)):
        found = turned_weeks.strengths(outcome, table.weekdays, offsets)
        # The first day is a Monday, the fifth of a week that begins on Wednesday.
        days: naive.Row = [*[None] * 5, *row_of(outcome.tested)]
        days += [None] * (56 - len(days))
        weeks = [days[at : at + 7] for at in range(0, 56, 7)]
        turns = [naive.weekend_strength(weeks, turn) for turn in offsets.tolist()]
        real = naive.weekend_strength(weeks, [0] * 8)
        assert found[0] == pytest.approx(abs(real) / np.std(turns))
        np.testing.assert_allclose(found[1:], np.abs(turns) / np.std(turns), atol=1e-9)


def test_a_weekend_is_told_against_its_own_weeks_working_days() -> None:
    values = np.arange(14, dtype=np.float64)
    values[3] = np.nan
    weekdays = np.arange(14) % 7
    away = turned_weeks.weekends_of(values, weekdays)
    # Saturday 5 and Sunday 6 among Wednesday 2, Friday 4, Monday 7 and Tuesday 8.
    assert away[[5, 6]].tolist() == [5 - 21 / 4, 6 - 21 / 4]
    assert np.isnan(away[[0, 4, 7, 11]]).all()
    flat = DayOutcome(outcome=Outcome.MEAN, values=np.full(14, 100.0), least=1.0)
    offsets = np.zeros((3, 3), dtype=np.int64)
    assert np.isnan(turned_weeks.strengths(flat, weekdays, offsets)).all()


def test_a_changes_strength_is_its_twins() -> None:
    rng = np.random.default_rng(7)
    for _ in range(20):
        days = 140 + rng.normal(0, 15, 28).cumsum() / 3
        days[rng.choice(28, 3, replace=False)] = np.nan
        found = fortnights.strengths(days, 10, rng)
        assert found[0] == pytest.approx(naive.change_strength(row_of(days)))
        assert len(found) == 11
        assert fortnights.enough(days)
    flat = np.full(28, 120, dtype=np.float64)
    assert np.isnan(fortnights.strengths(flat, 5, rng)).all()
    flat[:5] = np.nan
    assert not fortnights.enough(flat)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5])
def test_change_is_seen_by_chance_as_seldom_as_it_says(share: float) -> None:
    rng = np.random.default_rng(8)
    runs = 400
    seen = 0
    for _ in range(runs):
        days = rng.standard_normal(28)
        for at in range(1, 28):
            days[at] = share * days[at - 1] + np.sqrt(1 - share**2) * days[at]
        found = fortnights.strengths(days, 199, rng)
        seen += 1 + int((found[1:] >= found[0]).sum()) <= 10
    print(f"days that keep {share} of the day before: {seen} of {runs} below 5 %")  # noqa: T201 - the rate is part of the proof
    # Binomial at 5 %: 20 expected, SD 4.4. Where days resemble each other most, a little over.
    assert seen <= 20 + 3 * 4.4


def test_the_days_outcomes_are_of_worn_days() -> None:
    wearer = Wearer(days=3, seed=1, lost=0)
    read = wearer.series()
    kept = np.ones(len(read), dtype=np.bool_)
    kept[288 : 288 + 120] = False
    table = DayTable.of(
        type(read)(times=read.times[kept], mg_dl=read.mg_dl[kept], zone=read.zone),
        wearer.today,
        NOTHING,
    )
    assert table is not None
    assert table.worn.tolist() == [True, False, True]
    mean, in_range, low = whole_days(table, Targets())
    first = read.mg_dl[:288].reshape(96, 3).mean(axis=1)
    assert mean.values[0] == pytest.approx(first.mean())
    assert in_range.values[0] == pytest.approx(100 * ((first >= 70) & (first <= 180)).mean())
    assert low.values[0] == pytest.approx(100 * (first < 70).mean())
    assert np.isnan(mean.values[1])
    last = quarters(table)[3]
    assert (last.start, last.end) == (time(18), time(0))
    assert last.values[0] == pytest.approx(first[72:].mean())
    assert np.isnan(last.values[1])


def test_chance_over_all_kinds_is_what_it_says() -> None:
    """Draw kinds of unlike wildness; the share of rounds told is the budget."""
    rng = np.random.default_rng(9)
    kinds = (InsightKind.RISE, InsightKind.DAWN, InsightKind.CHANGE, InsightKind.RECURRENT_LOW)
    runs, told = 1000, 0
    for _ in range(runs):
        shared = rng.standard_normal(400)
        draws = [
            shared + rng.standard_normal(400),
            rng.exponential(size=400) ** 2,
            np.abs(rng.standard_normal(400)),
            rng.integers(6, size=400).astype(np.float64),
        ]
        rounds = dict(zip(kinds, draws, strict=True))
        chances = Chances({kind: drawn[1:] for kind, drawn in rounds.items()})
        told += min(chances.of(kind, float(drawn[0])) for kind, drawn in rounds.items()) <= BUDGET
    print(f"told by chance: {told} of {runs}; the budget is {BUDGET:.1%}")  # noqa: T201 - the rate is part of the proof
    # Binomial at 2.5 %: 25 expected, SD 4.9.
    assert 25 - 3 * 4.9 <= told <= 25 + 3 * 4.9


def test_the_more_surprising_the_smaller_is_chance() -> None:
    rng = np.random.default_rng(10)
    chances = Chances({InsightKind.RISE: rng.standard_normal(999)})
    found = [chances.of(InsightKind.RISE, strength) for strength in (-9.0, 0.0, 2.0, 9.0)]
    assert found == sorted(found, reverse=True)
    assert found[0] == 1.0
    assert found[-1] <= 2 / 1000
