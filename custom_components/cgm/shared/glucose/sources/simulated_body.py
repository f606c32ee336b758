"""Glucose, insulin and meals in one wearer's body, computed for any days by themselves.

Two compartments carry insulin from under the skin into action and carbohydrates (quick and slow)
out of the gut; glucose returns to its level, the kidneys spill what is high, the liver answers
what is low, and tissue follows blood with a delay, where a sensor measures. The wearer corrects
highs and treats lows. The shape of the model is that of Hovorka 2004
(doi:10.1088/0967-3334/25/4/010) in its fewest equations; the numbers are chosen so that months of
it have the statistics of a wearer with type 1 diabetes.

Random access: each UTC day is computed from a fixed state SETTLE before its midnight, by which
time the state is forgotten, and its first hour is faded in over the last one of the day before.
A day therefore never depends on which others are computed with it. All days asked for advance
side by side, one step at a time.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from .simulated_day import Day, Influence, day_of
from .simulated_draws import Topic, smooth, uniform, wandering

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from .simulated_draws import Floats

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

    def __init__(self, seed: int, zone: ZoneInfo) -> None:
        self._seed = seed
        self._zone = zone
        self._days: dict[int, Floats] = {}

    def glucose(self, first: int, last: int) -> Floats:
        """Return mg/dL each STEP for the UTC days `first`..`last` (days since 1970), end to end."""
        wanted = range(first, last + 1)
        missing = [day for day in wanted if day not in self._days]
        computed = _days(self._seed, self._zone, missing[0], missing[-1]) if missing else {}
        days = {**self._days, **computed}
        whole: Floats = np.concatenate([days[day] for day in wanted])
        self._days = dict(sorted(days.items())[-self.KEPT :])
        return whole


def _days(seed: int, zone: ZoneInfo, first: int, last: int) -> dict[int, Floats]:
    windows = range(first - 1, last + 1)
    curves = _simulate(seed, zone, windows)
    weight = smooth(np.arange(FADE) / FADE)
    days: dict[int, Floats] = {}
    for column, day in enumerate(windows):
        own = curves[SETTLE : SETTLE + PER_DAY, column].copy()
        if day >= first:
            before = curves[SETTLE + PER_DAY :, column - 1]
            own[:FADE] = before * (1.0 - weight) + own[:FADE] * weight
            days[day] = own
    return days


def _simulate(seed: int, zone: ZoneInfo, days: range) -> Floats:
    """Return tissue glucose, a row each step of a window, a column each day."""
    span = SETTLE + PER_DAY + FADE
    start = days[0] * PER_DAY - SETTLE
    total = span + (len(days) - 1) * PER_DAY
    at: Floats = (start + np.arange(total)) * np.float64(STEP)
    lived = _lived(seed, zone, days)
    plan = _Plan(seed, lived, start, at)

    def windows(line: Floats) -> Floats:
        return np.stack([line[i * PER_DAY : i * PER_DAY + span] for i in range(len(days))], axis=1)

    return _advance(
        quick=windows(plan.quick),
        slow=windows(plan.slow),
        counted=windows(plan.counted),
        corrects=windows(plan.corrects),
        rate=windows(plan.rate),
        effect=windows(plan.effect),
        reacts=windows(plan.reacts),
        treats=windows(plan.treats),
    )


def _lived(seed: int, zone: ZoneInfo, days: range) -> list[Day]:
    """Return the local days that can reach into the windows of these UTC days."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC).date()
    first, last = days[0] - _DAYS_AROUND, days[-1] + _DAYS_AROUND
    return [day_of(seed, epoch + timedelta(days=n), zone) for n in range(first, last + 1)]


class _Plan:
    """What is known before the body answers: lines with a value each step."""

    def __init__(self, seed: int, lived: list[Day], start: int, at: Floats) -> None:
        steps = len(at)
        self.quick, self.slow = np.zeros(steps), np.zeros(steps)
        self.counted, self.corrects = np.zeros(steps), np.zeros(steps)
        self.rate = 0.42 * wandering(seed, Topic.DRIFT, at, 5 * 3600)
        self.effect = 1.0 + 0.17 * wandering(seed, Topic.SENSITIVITY, at, 40 * 3600)
        awake = np.zeros(steps)
        for day in lived:
            for meal in day.meals:
                step = int(meal.at // STEP) - start
                if 0 <= step < steps:
                    self.quick[step] += meal.grams * meal.quick * CARB_EFFECT
                    self.slow[step] += meal.grams * (1.0 - meal.quick) * CARB_EFFECT
            for bolus in day.boluses:
                step = int(bolus.at // STEP) - start
                if 0 <= step < steps:
                    self.counted[step] += bolus.grams / CARB_RATIO
                    self.corrects[step] = max(self.corrects[step], float(bolus.corrects))
            for influence in day.influences:
                _add(self.rate, influence, start, at)
            for influence in day.sensitive:
                _add(self.effect, influence, start, at)
            awake[
                max(0, int(day.wakes // STEP) - start) : max(0, int(day.sleeps // STEP) - start)
            ] = 1
        attention = uniform(seed, Topic.ATTENTION, np.arange(start, start + steps))
        # Awake, a low is treated within minutes; asleep, it takes an alarm or two.
        self.reacts = (attention < 0.12 + 0.33 * awake).astype(np.float64)
        self.treats = awake * (attention > 0.93)  # noqa: PLR2004 - one check in fourteen steps


def _add(line: Floats, influence: Influence, start: int, at: Floats) -> None:
    low = max(0, int(influence.start // STEP) - start)
    high = max(low, min(len(line), int(influence.end // STEP) - start + 2))
    here = at[low:high]
    ramp = (influence.end - influence.start) * 0.45
    shape = smooth((here - influence.start) / ramp) * smooth((influence.end - here) / ramp)
    line[low:high] += influence.rate * shape


def _advance(  # noqa: PLR0913 - the lines of the plan
    *,
    quick: Floats,
    slow: Floats,
    counted: Floats,
    corrects: Floats,
    rate: Floats,
    effect: Floats,
    reacts: Floats,
    treats: Floats,
) -> Floats:
    """Run the equations over all columns at once; nothing but + - * / and comparisons."""
    insulin, fast, late, tissue_part = (
        1.0 - math.exp(-_MINUTES / minutes) for minutes in (INSULIN, QUICK, SLOW, TISSUE)
    )
    steps, columns = quick.shape
    zeros = np.zeros(columns)
    depot, acting, gut1, gut2, bowel1, bowel2 = (zeros.copy() for _ in range(6))
    glucose, tissue = zeros + LEVEL, zeros + LEVEL
    since_rescue, since_dose = zeros + RESCUE_PAUSE, zeros + CORRECT_PAUSE
    curve = np.empty((steps, columns))
    for step in range(steps):
        aboard = depot + acting
        high = (tissue - CORRECT_TO) / ISF
        doses = counted[step]
        extra = corrects[step] * np.clip(0.8 * (high - 0.7 * aboard), -0.3 * doses, 4.0)
        correcting = treats[step] * (tissue > CORRECT_FROM) * (since_dose > CORRECT_PAUSE)
        extra += correcting * np.clip(high - 0.8 * aboard, 0.0, 4.0)
        doses = doses + extra
        rescue = reacts[step] * (tissue < 69.0) * (since_rescue >= RESCUE_PAUSE)  # noqa: PLR2004
        since_rescue = (since_rescue + 1.0) * (1.0 - rescue)
        since_dose = (since_dose + 1.0) * (doses <= 0.0)

        to_action = insulin * depot
        used = insulin * acting
        depot += doses - to_action
        acting += to_action - used
        gut1 += quick[step] + rescue * (RESCUE_GRAMS * CARB_EFFECT)
        from_gut1, from_gut2 = fast * gut1, np.minimum(fast * gut2, GUT * _MINUTES)
        gut1 -= from_gut1
        gut2 += from_gut1 - from_gut2
        bowel1 += slow[step]
        from_bowel1, from_bowel2 = late * bowel1, np.minimum(late * bowel2, GUT * _MINUTES)
        bowel1 -= from_bowel1
        bowel2 += from_bowel1 - from_bowel2

        # Where there is less glucose, the same insulin moves less of it.
        grip = np.clip(glucose / LEVEL, 0.4, 1.2)
        glucose = (
            glucose
            + from_gut2
            + from_bowel2
            - np.minimum(ISF * effect[step] * used * grip, UPTAKE * _MINUTES)
            + _MINUTES
            * (
                rate[step]
                - (glucose - LEVEL) / RETURN
                - KIDNEY * np.maximum(glucose - KIDNEY_FROM, 0.0)
                + LIVER * np.maximum(LIVER_FROM - glucose, 0.0)
            )
        )
        tissue += tissue_part * (glucose - tissue)
        curve[step] = tissue
    limited: Floats = np.clip(curve, 25.0, 520.0)
    return limited
