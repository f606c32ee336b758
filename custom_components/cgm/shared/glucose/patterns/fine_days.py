"""Readings laid out as the wearer's days each 5 or 15 minutes, gaps over 15 minutes left open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import cached_property

import numpy as np

from ..metrics.local_clock import MINUTE_MS, utc_of
from ..metrics.number import FloatArray, IntArray
from ..metrics.series import Series

MOST_DAYS = 90
LONGEST_BRIDGE_MINUTES = 15
_FINE, _COARSE = 5, 15
# A sensor that measures less often is laid out each 15 minutes.
_FINE_SPACING = 10
_DAY_MINUTES = 1440
_HOUR_MINUTES = 60
# Sums of products of sixteenths are exact, and a sixteenth of a mg/dL is nothing.
_PARTS = 16
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, eq=False)
class FineDays:
    """Glucose at each `step` minutes of each day from `first` on, NaN where none is known.

    `cells` has a row a day, from midnight on the wearer's wall clock, values in sixteenths of
    mg/dL. What spring skips is NaN, and of what autumn repeats the first pass is meant, with its
    last cell NaN: no window runs across the hour that is left out.
    """

    first: date
    step: int
    cells: FloatArray

    @classmethod
    def of(cls, series: Series, today: date, days: int = MOST_DAYS) -> FineDays | None:
        """Lay out the last `days` before `today`; None where they have no two readings.

        Between readings at most 15 minutes apart glucose runs straight; of several readings at
        one time their mean counts.
        """
        series = series.averaged
        if series.step is None:
            return None
        end = (today - _EPOCH).days
        there = series.local_days[(series.local_days >= end - days) & (series.local_days < end)]
        if not len(there):
            return None
        step = _FINE if series.step <= _FINE_SPACING else _COARSE
        per_day = _DAY_MINUTES // step
        first = int(there[0])
        numbers = np.arange(first * per_day, end * per_day, dtype=np.int64)
        moments, exists = utc_of(numbers * (step * MINUTE_MS), series.zone)
        cells = _bridged(moments, series.times, series.mg_dl)
        cells[~exists] = np.nan
        cells[:-1][np.diff(moments) > step * MINUTE_MS] = np.nan
        return cls(
            first=_EPOCH + timedelta(days=first),
            step=step,
            cells=cells.reshape(end - first, per_day),
        )

    def __len__(self) -> int:
        """Count the days."""
        return len(self.cells)

    @property
    def per_day(self) -> int:
        """How many cells a day has."""
        return _DAY_MINUTES // self.step

    @cached_property
    def flat(self) -> FloatArray:
        """The cells of all days, one after the other."""
        return self.cells.ravel()

    @cached_property
    def slots(self) -> IntArray:
        """Of each cell, how many of its day were before it."""
        return np.arange(self.cells.size, dtype=np.int64) % self.per_day

    def windows_of(self, minutes: int) -> int:
        """Return how many cells a window of so many minutes has; ValueError unless it fits."""
        if minutes % self.step or not 0 < minutes <= _DAY_MINUTES:
            raise ValueError(f"a window is a multiple of {self.step} minutes, of a day at most")
        return minutes // self.step

    def date_of(self, day: int) -> date:
        """Return the date of a row."""
        return self.first + timedelta(days=day)

    def day_at(self, cell: int) -> date:
        """Return the date of a cell of `flat`."""
        return self.date_of(cell // self.per_day)

    def time_at(self, cell: int) -> time:
        """Return the wall clock's time of a cell of `flat`."""
        hour, minute = divmod(cell % self.per_day * self.step, _HOUR_MINUTES)
        return time(hour, minute)


def _bridged(moments: IntArray, times: IntArray, mg_dl: FloatArray) -> FloatArray:
    """Return glucose at each moment, NaN where the readings around it are too far apart."""
    after = np.searchsorted(times, moments)
    inside = (after > 0) & (after < len(times))
    after = np.clip(after, 1, len(times) - 1)
    near = times[after] - times[after - 1] <= LONGEST_BRIDGE_MINUTES * MINUTE_MS
    read = np.isin(moments, times)
    glucose = np.rint(np.interp(moments, times, mg_dl) * _PARTS) / _PARTS
    found: FloatArray = np.where(read | (inside & near), glucose, np.nan)
    return found
