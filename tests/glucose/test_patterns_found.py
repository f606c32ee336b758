"""What is found of planted habits, and that wearers without any are told nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from fakes.habits import FIRST, Wearer
from glucose.findings import Findings, Missing
from glucose.formats import read_export
from glucose.insight import EVERY_DAY, WEEKEND, WORKING_DAYS, Insight, InsightKind, Outcome
from glucose.metrics.series import Series
from glucose.patterns.found import found
from glucose.targets import Targets

DATA = Path(__file__).parents[2].resolve().parent / "shared" / "data" / "exports"
Plant = Callable[[Wearer], Wearer]
LONDON = ZoneInfo("Europe/London")


# A seed whose wearer's habit is told, and not with the smallest chance that can be told.
HARDLY_SEEN = 0


def findings(wearer: Wearer) -> Findings:
    return found(wearer.series(), Targets(), today=wearer.today)


def told(wearer: Wearer, kind: InsightKind) -> list[Insight]:
    return [one for one in findings(wearer).insights if one.kind is kind]


def as_time(minutes: float) -> time:
    return time(int(minutes // 60) % 24, int(minutes % 60))


def recovered(days: int, seeds: range, plant: Plant, right: Callable[[Insight], bool]) -> int:
    return sum(
        any(right(one) for one in findings(plant(Wearer(days=days, seed=seed))).insights)
        for seed in seeds
    )


def is_breakfast(one: Insight) -> bool:
    return (
        one.kind is InsightKind.RISE
        and one.start is not None
        and time(6, 30) <= one.start <= time(8, 30)
        and set(WORKING_DAYS) <= set(one.weekdays)
    )


def is_thursday_night(one: Insight) -> bool:
    late = one.start is not None and one.start >= time(20)
    return one.kind is InsightKind.RECURRENT_LOW and one.weekdays == ((3,) if late else (4,))


# Six weeks, a weekday's look at thirteen. The limits leave room for few wearers and for planted
# habits other than those whose power benchmarks/insight_rates.py prints.
@pytest.mark.parametrize(
    ("name", "days", "runs", "least", "plant", "right"),
    [
        (
            *("weekday breakfasts, +60", 42, 50, 42),
            lambda wearer: wearer.rise(7.5, 60, WORKING_DAYS),
            is_breakfast,
        ),
        (
            *("Thursday nights, low on 85 %", 91, 25, 20),
            lambda wearer: wearer.low(23.5, 0.85, (3,)),
            is_thursday_night,
        ),
        (
            *("dawns, +60", 42, 25, 19),
            lambda wearer: wearer.dawn(60),
            lambda one: one.kind is InsightKind.DAWN,
        ),
        (
            *("weekends, +45", 42, 25, 18),
            lambda wearer: wearer.weekend(45),
            lambda one: one.kind is InsightKind.WEEKEND_DIFFERENCE,
        ),
        (
            *("nights falling by 70", 42, 25, 19),
            lambda wearer: wearer.shift(60, np.ones(42, dtype=np.bool_)).drift(-70),
            lambda one: one.kind is InsightKind.OVERNIGHT_DRIFT and one.effect < 0,
        ),
        (
            *("last fortnight, +60", 42, 25, 15),
            lambda wearer: wearer.last_fortnight(60),
            lambda one: one.kind is InsightKind.CHANGE and one.effect > 0,
        ),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_planted_habits_are_found(
    name: str, days: int, runs: int, least: int, plant: Plant, right: Callable[[Insight], bool]
) -> None:
    seen = recovered(days, range(runs), plant, right)
    print(f"{name}: found in {seen} of {runs} wearers of {days} days")  # noqa: T201 - the rate is part of the proof
    assert seen >= least


@pytest.mark.parametrize(
    ("name", "runs", "make"),
    [
        ("six weeks", 100, lambda seed: Wearer(days=42, seed=seed)),
        ("thirteen weeks, slow", 40, lambda seed: Wearer(days=91, seed=seed, hours=5, rhythm=0)),
        (
            "days like the day before",
            40,
            lambda seed: Wearer(days=42, seed=seed, day_sd=30, day_share=0.6, sd=25),
        ),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_wearers_without_a_habit_are_told_nothing(
    name: str, runs: int, make: Callable[[int], Wearer]
) -> None:
    kinds: Counter[str] = Counter()
    any_told = 0
    for seed in range(10_000, 10_000 + runs):
        insights = findings(make(seed)).insights
        any_told += bool(insights)
        kinds.update(one.kind.value for one in insights)
    print(f"{name}: {any_told} of {runs} told anything: {dict(kinds)}")  # noqa: T201 - the rate is part of the proof
    # The budget, and 3 SD of a binomial over it.
    assert any_told <= 0.025 * runs + 3 * (0.025 * 0.975 * runs) ** 0.5


def test_every_field_is_filled() -> None:
    wearer = Wearer(days=42, seed=0).rise(7.5, 90, WORKING_DAYS)
    (one,) = told(wearer, InsightKind.RISE)
    assert one.weekdays == WORKING_DAYS
    assert one.start is not None
    assert time(7, 10) <= one.start <= time(8, 10)
    assert one.end == as_time(one.start.hour * 60 + one.start.minute + 180)
    assert one.extreme_at is not None
    assert one.start < one.extreme_at < one.end
    assert one.extreme_mg_dl is not None
    assert 170 < one.extreme_mg_dl < 300
    assert 60 <= one.effect <= 140
    assert one.low <= one.effect <= one.high
    assert one.elsewhere is not None
    assert one.elsewhere < one.effect - 20
    assert 0.6 * one.n_eligible <= one.n_days <= one.n_eligible <= 30
    assert all(day.weekday() < 5 and FIRST <= day < wearer.today for day in one.days)
    assert 0 < one.chance <= 0.025
    assert [minutes for minutes, _ in one.chart] == list(range(0, 1440, 15))
    chart = dict(one.chart)
    assert chart[9 * 60] > chart[7 * 60] + 30


def test_a_habit_is_said_once() -> None:
    insights = findings(Wearer(days=91, seed=2).rise(7.5, 100, EVERY_DAY)).insights
    (one,) = [one for one in insights if one.kind is not InsightKind.CHANGE]
    assert (one.kind, one.weekdays, one.elsewhere) == (InsightKind.RISE, EVERY_DAY, None)


@pytest.mark.parametrize("weekday", [3, 6], ids=("Thursday", "Sunday"))
def test_a_low_around_midnight_and_the_way_out_of_it_are_one(weekday: int) -> None:
    insights = findings(Wearer(days=91, seed=1).low(23.5, 1.0, (weekday,))).insights
    assert [one.kind for one in insights] == [InsightKind.RECURRENT_LOW]
    (one,) = insights
    assert one.extreme_mg_dl == pytest.approx(58, abs=4)
    assert one.effect == pytest.approx(58 - 70, abs=5)
    assert one.elsewhere is not None
    assert one.elsewhere > 20


@pytest.mark.parametrize(
    ("plant", "sd"),
    [
        (lambda wearer: wearer.rise(7.5, 22, EVERY_DAY), 8),
        (lambda wearer: wearer.dawn(12), 8),
        (lambda wearer: wearer.drift(-20), 8),
        (lambda wearer: wearer.low(3, 0.45, EVERY_DAY), 12),
        (lambda wearer: wearer.weekend(9), 8),
        (lambda wearer: wearer.last_fortnight(10), 8),
    ],
    ids=("rise", "dawn", "drift", "low", "weekend", "change"),
)
def test_what_is_sure_but_small_or_seldom_is_not_told(plant: Plant, sd: float) -> None:
    wearer = plant(Wearer(days=42, seed=9, mean=125, sd=sd, day_sd=2, rhythm=0))
    assert [one.kind for one in findings(wearer).insights] == []


def test_a_weekend_is_told_against_working_days() -> None:
    (one,) = told(Wearer(days=84, seed=3).weekend(60), InsightKind.WEEKEND_DIFFERENCE)
    assert (one.weekdays, one.start, one.outcome) == (WEEKEND, None, Outcome.MEAN)
    assert one.effect == pytest.approx(60, abs=20)
    assert one.n_eligible <= 24
    assert all(day.weekday() >= 5 for day in one.days)


def test_a_change_is_told_of_the_last_fortnight() -> None:
    wearer = Wearer(days=42, seed=3).last_fortnight(80)
    (one,) = told(wearer, InsightKind.CHANGE)
    assert one.effect > 0
    assert min(one.days) >= wearer.today - timedelta(days=14)
    assert one.n_eligible <= 14


@pytest.mark.parametrize("away", [timedelta(0), timedelta(hours=23, minutes=30)])
def test_targets_and_hours_are_the_wearers(away: timedelta) -> None:
    wearer = Wearer(days=42, seed=4, mean=120, sd=12, lost=0)
    low = wearer.low(3, 0.9, EVERY_DAY).series()
    moved = Series(times=low.times + round(away.total_seconds() * 1000), mg_dl=low.mg_dl, zone=UTC)
    today = wearer.today + timedelta(days=1)
    (one,) = found(moved, Targets(), today=today).insights
    assert one.kind is InsightKind.RECURRENT_LOW
    assert one.extreme_at is not None
    at = timedelta(hours=one.extreme_at.hour, minutes=one.extreme_at.minute) - away
    assert abs(at.total_seconds() % 86_400 - 4 * 3600) <= 2400
    strict = Targets(urgent_low_mg_dl=40, low_mg_dl=45)
    assert InsightKind.RECURRENT_LOW not in {
        one.kind for one in found(moved, strict, today=today).insights
    }


def test_equal_readings_give_equal_findings_and_the_past_does_not_change_them() -> None:
    wearer = Wearer(days=42, seed=HARDLY_SEEN).rise(7.5, 45, WORKING_DAYS)
    series = wearer.series()
    first = found(series, Targets(), today=wearer.today)
    # Not so strong that any chance would say the same of it.
    assert 0.003 < first.insights[0].chance < 0.02
    assert first == found(series, Targets(), today=wearer.today)
    long_ago = series.times - 400 * 86_400_000
    longer = Series(
        times=np.concatenate((long_ago, series.times)),
        mg_dl=np.concatenate((series.mg_dl, series.mg_dl)),
        zone=UTC,
    )
    assert first == found(longer, Targets(), today=wearer.today)


def test_too_few_days_are_counted() -> None:
    none = found(Series.of([], UTC), Targets(), today=FIRST)
    assert none.insights == ()
    assert none.tests_run == 0
    assert {one.have for one in none.missing} == {0}
    assert len(none.missing) == 7
    few = findings(Wearer(days=7, seed=1, lost=0))
    assert few.tests_run == 0
    needs = {one.kind: one for one in few.missing}
    assert needs[InsightKind.RISE] == Missing(kind=InsightKind.RISE, have=7, need=8)
    assert needs[InsightKind.CHANGE] == Missing(kind=InsightKind.CHANGE, have=7, need=28)
    weekend = InsightKind.WEEKEND_DIFFERENCE
    assert needs[weekend] == Missing(kind=weekend, have=2, need=8)
    some = findings(Wearer(days=21, seed=1, lost=0))
    assert {one.kind for one in some.missing} == {InsightKind.CHANGE, weekend}
    assert some.tests_run > 100
    assert findings(Wearer(days=42, seed=1)).missing == ()


def test_meals_in_the_night_leave_no_dawn() -> None:
    wearer = Wearer(days=42, seed=6).dawn(90)
    series = wearer.series()
    nights = [datetime(2026, 6, 1, 3, tzinfo=UTC) + timedelta(days=day) for day in range(42)]
    kinds = {one.kind for one in found(series, Targets(), today=wearer.today).insights}
    assert InsightKind.DAWN in kinds
    fed = found(series, Targets(), today=wearer.today, carbs=nights)
    assert InsightKind.DAWN not in {one.kind for one in fed.insights}
    assert Missing(kind=InsightKind.DAWN, have=0, need=8) in fed.missing


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared data is not beside this checkout")
def test_what_a_real_export_holds_is_told_and_nothing_of_its_days_turned() -> None:
    """Its median is 99 mg/dL at nine in the evening and 262 at midnight, fourteen days long."""
    export = read_export(DATA / "clarity_g6_en.csv", zone=LONDON, source="s")
    series = Series.of(export.readings, LONDON)
    today = date(2019, 10, 29)
    (one,) = found(series, Targets(), today=today).insights
    assert (one.kind, one.weekdays) == (InsightKind.RISE, EVERY_DAY)
    assert one.start is not None
    assert time(22) <= one.start <= time(23, 30)
    assert one.effect > 100
    rng = np.random.default_rng(1)
    runs, any_told = 40, 0
    for _ in range(runs):
        turned = _turned(series, rng)
        any_told += bool(found(turned, Targets(), today=today).insights)
    print(f"a real wearer's days turned: {any_told} of {runs} told anything")  # noqa: T201 - the rate is part of the proof
    assert any_told <= 0.025 * runs + 3 * (0.025 * 0.975 * runs) ** 0.5


def _turned(series: Series, rng: np.random.Generator) -> Series:
    """Turn each day by a random number of five minutes."""
    day = 86_400_000
    by = rng.integers(288, size=20) * 300_000
    days = series.walls // day
    offsets = by[days - days[0]]
    times = series.times - series.walls + days * day + (series.walls + offsets) % day
    order = np.argsort(times, kind="stable")
    return Series(times=times[order], mg_dl=series.mg_dl[order], zone=series.zone)
