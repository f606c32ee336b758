"""What glucose did after each logged meal, and after everything else the same day might have been.

A peak minus what was before is positive by itself, so a meal's rise is compared with the rises of
the same day's other waking hours: its rank among them (as patterns/turned_days.py does).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..metrics.local_clock import DAY_MS, MINUTE_MS, epoch_ms, wall_of
from ..metrics.number import FloatArray, IntArray
from ..metrics.series import Series
from ..patterns.day_table import BIN_MINUTES, BINS, DayTable
from ..patterns.day_values import BEFORE_BINS, RISE_BINS, highest_of, mean_of
from ..targets import Targets
from ..treatment import Treatment, TreatmentKind

# Less than this treats a low; what is eaten within so many minutes is one meal.
LEAST_GRAMS = 10.0
_ONE_MEAL_MINUTES = 45
# A meal so soon after another says nothing of itself.
_APART_MINUTES = 120
# Bins in which a waking day's other rises begin, 06:00 to 22:00, and how many are too few.
_WAKING = slice(24, 88)
_LEAST_OTHERS = 24
_EPOCH = date(1970, 1, 1)
_WINDOW = BEFORE_BINS + RISE_BINS


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MealResponse:
    """One meal: when on the wall clock, and mg/dL by quarter hours from 30 minutes before it.

    `rank` is the rise's among those of the day's other hours, -0.5..0.5.
    """

    day: date
    minute: float
    grams: float
    rise: float
    peak: float
    minutes_to_peak: float
    rank: float
    curve: tuple[float, ...]


def meal_responses(
    series: Series, treatments: Iterable[Treatment], targets: Targets, *, today: date
) -> tuple[MealResponse, ...]:
    """Return the meals of the last 90 days before `today` whose glucose is known, oldest first.

    Meals of 10 g and more, more than two hours after the one before, glucose not low before.
    """
    table = DayTable.of(series, today, np.empty(0, dtype=np.int64))
    if table is None:
        return ()
    windows = sliding_window_view(table.cells.ravel(), _WINDOW)
    before = mean_of(windows[:, :BEFORE_BINS])
    rises = highest_of(windows[:, BEFORE_BINS:]) - before
    start = (table.first - _EPOCH).days - 1
    found = []
    for wall, grams in _meals(treatments, series):
        day, within = divmod(wall, DAY_MS)
        bin_ = (day - start) * BINS + within // (BIN_MINUTES * MINUTE_MS)
        at = int(bin_) - BEFORE_BINS
        if not BINS <= bin_ < BINS * (len(table.days) + 1) or at >= len(rises):
            continue
        if np.isnan(rises[at]) or before[at] < targets.low_mg_dl:
            continue
        begin = (day - start) * BINS - BEFORE_BINS
        others = rises[begin + _WAKING.start : begin + _WAKING.stop]
        others = others[~np.isnan(others)]
        if len(others) < _LEAST_OTHERS:
            continue
        curve = windows[at]
        place = int(np.nanargmax(curve[BEFORE_BINS:]))
        found.append(
            MealResponse(
                day=_EPOCH + timedelta(days=int(day)),
                minute=within / MINUTE_MS,
                grams=grams,
                rise=float(rises[at]),
                peak=float(curve[BEFORE_BINS + place]),
                # The middle of the highest quarter hour, from the middle of the meal's own.
                minutes_to_peak=float(place * BIN_MINUTES),
                rank=_rank(float(rises[at]), others),
                curve=tuple(map(float, curve)),
            )
        )
    return tuple(found)


def _rank(rise: float, others: FloatArray) -> float:
    """Return the rank of a rise among the day's, -0.5..0.5, ties halved."""
    below = np.count_nonzero(others < rise) + np.count_nonzero(others == rise) / 2
    return float(below / len(others) - 0.5)


def _meals(treatments: Iterable[Treatment], series: Series) -> Iterator[tuple[int, float]]:
    """Yield (wall milliseconds, grams) of meals, what was eaten together taken as one."""
    logged = sorted(
        (epoch_ms(one.time), one.amount)
        for one in treatments
        if one.kind is TreatmentKind.CARBS and one.amount is not None
    )
    joined: list[list[float]] = []
    for time, grams in logged:
        if joined and time - joined[-1][0] <= _ONE_MEAL_MINUTES * MINUTE_MS:
            joined[-1][1] += grams
        else:
            joined.append([time, grams])
    kept = [meal for meal in joined if meal[1] >= LEAST_GRAMS]
    times: IntArray = np.array([time for time, _ in kept], dtype=np.int64)
    apart = np.diff(times, prepend=-(10**15)) > _APART_MINUTES * MINUTE_MS
    walls = wall_of(times, series.zone)
    for wall, (_, grams), alone in zip(walls, kept, apart, strict=True):
        if alone:
            yield int(wall), grams
