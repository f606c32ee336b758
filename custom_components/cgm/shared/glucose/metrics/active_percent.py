"""How much of the time the sensor was active, as iglu counts missing readings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from .local_clock import DAY_MS, MINUTE_MS
from .series import Series


@dataclass(frozen=True, slots=True)
class Activity:
    """`percent` of the readings due between first and last; `days` between them, one decimal."""

    percent: float | None
    days: float | None


def active_percent(series: Series) -> Activity:
    """Return iglu 4.3.0's `active_percent`, from the first reading to the last.

    With step = the median gap in whole minutes: due = round(minutes / step) + 1, missing =
    round(sum(gap - step over gaps longer than step) / step), percent = 100 (due - missing) / due.
    No percentage of a single time, nor of a spacing under half a minute.
    """
    if not len(series):
        return Activity(percent=None, days=None)
    span = int(series.times[-1] - series.times[0])
    days = round(span / DAY_MS, 1)
    step = series.step
    if not step:
        return Activity(percent=None, days=days)
    due = int(np.rint(np.rint(span / MINUTE_MS) / step)) + 1
    long = series.gaps[np.rint(series.gaps) > step]
    missing = int(np.rint((long.sum() - len(long) * step) / step))
    return Activity(percent=100 * (due - missing) / due, days=days)


def active_percent_of_last(series: Series, days: int = 14) -> float | None:
    """Return per cent of the readings due in the `days` up to the last one.

    100 n / (days 1440 / step): iglu 4.3.0's `active_percent` with a fixed range. More than one
    reading in a step counts more than once. None as above.
    """
    if not series.step or series.last is None:
        return None
    kept = series.averaged.between(series.last - timedelta(days=days), series.last)
    return 100 * len(kept) / (days * 1440 / series.step)
