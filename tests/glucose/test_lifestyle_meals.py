"""What glucose does after logged meals, told where it does so more than at other hours."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pytest

from fakes.habits import FIRST, Wearer
from glucose.findings import Findings
from glucose.insight import InsightKind
from glucose.lifestyle.found import found
from glucose.lifestyle.meals import MealResponse, meal_responses
from glucose.lifestyle.told_meals import meals_by_time
from glucose.metrics.local_clock import epoch_ms
from glucose.metrics.series import Series
from glucose.targets import Targets
from glucose.treatment import Treatment, TreatmentKind

ROUNDS = 1999


def carbs(day: int, hour: float, grams: float = 50) -> Treatment:
    begin = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC)
    moment = begin + timedelta(days=day, minutes=round(60 * hour))
    return Treatment(
        time=moment, source="a", id=f"{moment}", kind=TreatmentKind.CARBS, amount=grams
    )


def bumpy(bumps: dict[int, float], *, level: float = 110, days: int = 2) -> Series:
    """Flat glucose with a triangle up to so much more, 60 minutes after each of the minutes."""
    at = np.arange(0, days * 1440, 5)
    mg_dl = np.full(len(at), float(level))
    for minute, size in bumps.items():
        mg_dl += np.interp(at, (minute, minute + 60, minute + 150), (0, size, 0))
    begin = epoch_ms(datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC))
    return Series(times=begin + at.astype(np.int64) * 60_000, mg_dl=mg_dl, zone=UTC)


def responses(series: Series, *logged: Treatment) -> tuple[MealResponse, ...]:
    return meal_responses(series, logged, Targets(), today=FIRST + timedelta(days=2))


def test_a_meal_has_a_rise_a_peak_and_its_time() -> None:
    (meal,) = responses(bumpy({480: 80}), carbs(0, 8, 45))
    assert (meal.day, meal.minute, meal.grams) == (FIRST, 480, 45)
    assert meal.rise == pytest.approx(meal.peak - 110)
    # A quarter hour's mean next to a sharp peak is a little less than it.
    assert 70 <= meal.rise <= 80
    assert 45 <= meal.minutes_to_peak <= 60
    assert meal.rank > 0.4


def test_what_is_eaten_together_is_one_meal_and_what_comes_soon_after_is_none() -> None:
    meals = responses(
        bumpy({480: 80}), carbs(0, 8, 30), carbs(0, 8.5, 20), carbs(0, 10, 60), carbs(0, 18, 40)
    )
    assert [(meal.minute, meal.grams) for meal in meals] == [(480, 50), (1080, 40)]


def test_a_snack_against_a_low_is_no_meal() -> None:
    assert responses(bumpy({480: 80}), carbs(0, 8, 8)) == ()
    assert responses(bumpy({480: 80}, level=64), carbs(0, 8, 40)) == ()


def test_a_meal_without_readings_around_it_does_not_count() -> None:
    whole = bumpy({480: 80})
    kept = (whole.times - whole.times[0]) // 60_000
    there = (kept < 490) | (kept > 600)
    holed = Series(times=whole.times[there], mg_dl=whole.mg_dl[there], zone=UTC)
    assert responses(holed, carbs(0, 8)) == ()
    assert len(responses(holed, carbs(1, 8))) == 1
    none = Series(times=np.empty(0, dtype=np.int64), mg_dl=np.empty(0), zone=UTC)
    assert responses(none, carbs(0, 8)) == ()
    assert responses(bumpy({480: 80}), carbs(-3, 8), carbs(40, 8)) == ()


def wearer(days: int, seed: int, rise: float) -> Findings:
    """Dinners about 19:00 on most days, at which glucose rises or does nothing."""
    life = Wearer(days=days, seed=seed)
    rng = np.random.default_rng(seed)
    logged = []
    for day in range(days):
        hour = float(np.clip(rng.normal(19, 0.5), 17, 21))
        if rng.random() < 0.8:
            logged.append(carbs(day, hour, 60))
            begin = round(day * 288 + hour * 12)
            bump = rise * np.interp(np.arange(48), (0, 14, 22, 48), (0, 1, 0.8, 0))
            end = min(begin + len(bump), len(life.glucose))
            life.glucose[begin:end] += bump[: end - begin]
    meals = meal_responses(life.series(), logged, Targets(), today=life.today)
    return found([], {}, meals=meals, rounds=ROUNDS)


def test_dinners_that_raise_glucose_are_found() -> None:
    told = [wearer(42, seed, 60).insights for seed in range(20)]
    hits = [insights[0] for insights in told if insights]
    sys.stderr.write(f"dinners of +60: {len(hits)} of 20\n")
    # Where 95 % are found, fewer than 16 come once in 400 times.
    assert len(hits) >= 16
    for insight in hits:
        assert insight.kind is InsightKind.MEAL_RESPONSE
        assert insight.factors == ("carbs",)
        assert insight.start is not None
        assert insight.end is not None
        assert time(17, 0) <= insight.start < insight.end <= time(21, 0)
        assert insight.extreme_at is not None
        assert time(19, 30) <= insight.extreme_at <= time(21, 30)
        assert insight.low <= insight.effect <= insight.high
        assert insight.extreme_mg_dl is not None
        assert insight.extreme_mg_dl > insight.effect + 70
        assert insight.chart
        assert [minute for minute, _ in insight.chart] == sorted({m for m, _ in insight.chart})


def test_dinners_that_do_nothing_are_hardly_ever_told() -> None:
    told = sum(bool(wearer(42, seed, 0).insights) for seed in range(60))
    sys.stderr.write(f"dinners of nothing: {told} of 60\n")
    # At 2.5 %, 6 of 60 come once in 300 times.
    assert told <= 5


def test_too_few_meals_are_counted() -> None:
    findings = wearer(12, 1, 60)
    (missing,) = findings.missing
    assert missing.kind is InsightKind.MEAL_RESPONSE
    assert 5 <= missing.have < missing.need == 14
    assert missing.factors == ("carbs",)
    assert findings.tests_run == 0


def meal(day: int, minute: float, grams: float) -> MealResponse:
    return MealResponse(
        day=date(2026, 6, 1) + timedelta(days=day),
        minute=minute,
        grams=grams,
        rise=40,
        peak=160,
        minutes_to_peak=60,
        rank=0.3,
        curve=(),
    )


def test_of_two_meals_of_a_time_of_day_the_larger_counts() -> None:
    both = [meal(day, minute, 20 + minute / 10) for day in range(14) for minute in (700, 900)]
    (asked,), missing = meals_by_time(both)
    assert missing == []
    assert {one.minute for one in asked.meals} == {900}
    assert len(asked.meals) == 14
