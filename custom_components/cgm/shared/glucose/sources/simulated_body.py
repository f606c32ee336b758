"""Glucose, insulin and meals in one wearer's body, computed for any days by themselves.

Two compartments carry insulin from under the skin into action and carbohydrates (quick and slow)
out of the gut; glucose returns to its level, the kidneys spill what is high, the liver answers
what is low, and tissue follows blood with a delay, where a sensor measures. The wearer corrects
highs and treats lows. The shape of the model is that of Hovorka 2004
(doi:10.1088/0967-3334/25/4/010) in its fewest equations; the numbers are chosen so that months of
it have the statistics of a wearer with type 1 diabetes.

Random access: each UTC day is computed from a fixed state SETTLE before its midnight, by which
time the state is forgotten, and its first hour is faded in over the last one of the day before.
A day therefore never depends on which others are computed with it. It needs no numpy, which a Pi
that simulates would hold 14 MB of.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from .simulated_day import Day, Influence, day_of
from .simulated_draws import Topic, smooth, uniform, wandering

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

STEP = 300
PER_DAY = 86400 // STEP
SETTLE = 15 * 3600 // STEP
FADE = 3600 // STEP

CARB_RATIO = 10.0  # g carbohydrates for one unit
ISF = 42.0  # mg/dL that one unit lowers, at LEVEL
CARB_EFFECT = ISF / CARB_RATIO  # mg/dL that one gram raises
LEVEL = 150.0
# Minutes: time constants of each of two compartments, of the return to LEVEL, of the tissue.
INSULIN, QUICK, SLOW, RETURN, TISSUE = 48.0, 17.0, 44.0, 200.0, 8.0
KIDNEY_FROM, KIDNEY = 190.0, 0.0035
LIVER_FROM, LIVER = 72.0, 0.02
UPTAKE = 3.3  # mg/dL/min at most that insulin moves, however much there is
GUT = 2.3  # mg/dL/min at most that each of quick and slow carbohydrates bring
RESCUE_GRAMS, RESCUE_PAUSE = 15.0, 5
CORRECT_FROM, CORRECT_TO, CORRECT_PAUSE = 225.0, 130.0, 33
_MINUTES = STEP / 60
# Nothing that a local day starts lasts longer than into the day after the next.
_DAYS_AROUND = 2


class Body:
    """One wearer's true tissue glucose; keeps the days it computed (a bounded number)."""

    KEPT = 60
    # What the days of two weeks are made of would be 1 MB at once.
    AT_ONCE = 4

    def __init__(self, seed: int, zone: ZoneInfo) -> None:
        self._seed = seed
        self._zone = zone
        self._days: dict[int, array[float]] = {}

    def glucose(self, first: int, last: int) -> array[float]:
        """Return mg/dL each STEP for the UTC days `first`..`last` (days since 1970), end to end."""
        wanted = range(first, last + 1)
        days = dict(self._days)
        missing = [day for day in wanted if day not in days]
        for some in range(0, len(missing), self.AT_ONCE):
            ends = missing[some : some + self.AT_ONCE]
            days |= _days(self._seed, self._zone, ends[0], ends[-1])
        self._days = dict(sorted(days.items())[-self.KEPT :])
        whole = array("d")
        for day in wanted:
            whole += days[day]
        return whole


def _days(seed: int, zone: ZoneInfo, first: int, last: int) -> dict[int, array[float]]:
    curves = _simulate(seed, zone, range(first - 1, last + 1))
    weights = [smooth(step / FADE) for step in range(FADE)]
    days: dict[int, array[float]] = {}
    for day, (before, curve) in enumerate(pairwise(curves), first):
        own = curve[SETTLE : SETTLE + PER_DAY]
        own[:FADE] = [
            old * (1.0 - weight) + new * weight
            for old, new, weight in zip(before[SETTLE + PER_DAY :], own, weights, strict=False)
        ]
        days[day] = array("d", own)
    return days


def _simulate(seed: int, zone: ZoneInfo, days: range) -> list[list[float]]:
    """Return the tissue glucose of each step of a day's window, for each day."""
    span = SETTLE + PER_DAY + FADE
    start = days[0] * PER_DAY - SETTLE
    total = span + (len(days) - 1) * PER_DAY
    steps = _planned(seed, _lived(seed, zone, days), start, total)
    return [_advanced(steps[i * PER_DAY : i * PER_DAY + span]) for i in range(len(days))]


def _lived(seed: int, zone: ZoneInfo, days: range) -> list[Day]:
    """Return the local days that can reach into the windows of these UTC days."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC).date()
    first, last = days[0] - _DAYS_AROUND, days[-1] + _DAYS_AROUND
    return [day_of(seed, epoch + timedelta(days=n), zone) for n in range(first, last + 1)]


@dataclass(slots=True)
class _Step:
    """What is known of one step before the body answers.

    mg/dL that quick and slow carbohydrates bring, units for what was counted and whether they
    correct, mg/dL/min that come by themselves, how well insulin works, and whether a low is
    treated and a high looked at.
    """

    rate: float
    effect: float
    reacts: bool
    treats: bool
    quick: float = 0.0
    slow: float = 0.0
    counted: float = 0.0
    corrects: bool = False


def _planned(seed: int, lived: list[Day], start: int, total: int) -> list[_Step]:
    """Return `total` steps from step `start` on, with all that these days bring."""
    at = range(start * STEP, (start + total) * STEP, STEP)
    awake = [False] * total
    for day in lived:
        for step in _within(day.wakes, day.sleeps, start, total):
            awake[step] = True
    steps = [
        # Awake, a low is treated within minutes; asleep, it takes an alarm or two. Highs are looked
        # at in one of fourteen steps.
        _Step(
            rate=0.42 * drift,
            effect=1.0 + 0.17 * sensitivity,
            reacts=attention < 0.12 + 0.33 * wakes,
            treats=wakes and attention > 0.93,  # noqa: PLR2004 - see above
        )
        for drift, sensitivity, attention, wakes in zip(
            wandering(seed, Topic.DRIFT, at, 5 * 3600),
            wandering(seed, Topic.SENSITIVITY, at, 40 * 3600),
            uniform(seed, Topic.ATTENTION, range(start, start + total)),
            awake,
            strict=True,
        )
    ]
    for day in lived:
        _live(day, steps, start)
    return steps


def _live(day: Day, steps: list[_Step], start: int) -> None:
    """Put what a day brings into the steps that it touches."""
    total = len(steps)
    for meal in day.meals:
        for number in _within(meal.at, meal.at + STEP, start, total):
            steps[number].quick += meal.grams * meal.quick * CARB_EFFECT
            steps[number].slow += meal.grams * (1.0 - meal.quick) * CARB_EFFECT
    for bolus in day.boluses:
        for number in _within(bolus.at, bolus.at + STEP, start, total):
            steps[number].counted += bolus.grams / CARB_RATIO
            steps[number].corrects |= bolus.corrects
    for influence in day.influences:
        for number in _within(influence.start, influence.end + 2 * STEP, start, total):
            steps[number].rate += _force(influence, (start + number) * STEP)
    for influence in day.sensitive:
        for number in _within(influence.start, influence.end + 2 * STEP, start, total):
            steps[number].effect += _force(influence, (start + number) * STEP)


def _within(first: float, last: float, start: int, total: int) -> range:
    """Return the steps from the one of epoch second `first` to before that of `last`."""
    return range(max(0, int(first // STEP) - start), max(0, min(total, int(last // STEP) - start)))


def _force(influence: Influence, moment: float) -> float:
    ramp = (influence.end - influence.start) * 0.45
    shape = smooth((moment - influence.start) / ramp) * smooth((influence.end - moment) / ramp)
    return influence.rate * shape


def _advanced(steps: list[_Step]) -> list[float]:
    """Run the equations; nothing but + - * / and comparisons, so equal on every machine."""
    insulin, fast, late, tissue_part = (
        1.0 - math.exp(-_MINUTES / minutes) for minutes in (INSULIN, QUICK, SLOW, TISSUE)
    )
    depot = acting = gut1 = gut2 = bowel1 = bowel2 = 0.0
    glucose = tissue = LEVEL
    since_rescue, since_dose = RESCUE_PAUSE, CORRECT_PAUSE
    curve: list[float] = []
    for step in steps:
        aboard = depot + acting
        high = (tissue - CORRECT_TO) / ISF
        doses = step.counted
        extra = 0.0
        if step.corrects:
            extra = max(-0.3 * doses, min(4.0, 0.8 * (high - 0.7 * aboard)))
        if step.treats and tissue > CORRECT_FROM and since_dose > CORRECT_PAUSE:
            extra += max(0.0, min(4.0, high - 0.8 * aboard))
        doses += extra
        rescue = step.reacts and tissue < 69.0 and since_rescue >= RESCUE_PAUSE  # noqa: PLR2004 - felt as low from here
        since_rescue = 0 if rescue else since_rescue + 1
        since_dose = 0 if doses > 0.0 else since_dose + 1

        to_action = insulin * depot
        used = insulin * acting
        depot += doses - to_action
        acting += to_action - used
        gut1 += step.quick + rescue * (RESCUE_GRAMS * CARB_EFFECT)
        from_gut1, from_gut2 = fast * gut1, min(fast * gut2, GUT * _MINUTES)
        gut1 -= from_gut1
        gut2 += from_gut1 - from_gut2
        bowel1 += step.slow
        from_bowel1, from_bowel2 = late * bowel1, min(late * bowel2, GUT * _MINUTES)
        bowel1 -= from_bowel1
        bowel2 += from_bowel1 - from_bowel2

        # Where there is less glucose, the same insulin moves less of it.
        grip = max(0.4, min(1.2, glucose / LEVEL))
        glucose = (
            glucose
            + from_gut2
            + from_bowel2
            - min(ISF * step.effect * used * grip, UPTAKE * _MINUTES)
            + _MINUTES
            * (
                step.rate
                - (glucose - LEVEL) / RETURN
                - KIDNEY * max(glucose - KIDNEY_FROM, 0.0)
                + LIVER * max(LIVER_FROM - glucose, 0.0)
            )
        )
        tissue += tissue_part * (glucose - tissue)
        curve.append(max(25.0, min(520.0, tissue)))
    return curve
