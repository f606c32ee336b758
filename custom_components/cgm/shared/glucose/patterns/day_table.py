"""Readings laid out as the wearer's days by quarters of an hour, nothing bridged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..metrics.local_clock import MINUTE_MS
from ..metrics.number import BoolArray, FloatArray, IntArray
from ..metrics.series import Series

BIN_MINUTES = 15
BINS = 1440 // BIN_MINUTES
# Windows begin at every half hour.
START_BINS = 2
STARTS = BINS // START_BINS
MOST_DAYS = 90
# A window counts where this share of it is known; a day where it could be turned.
KNOWN_SHARE = 0.8
_EPOCH = date(1970, 1, 1)
_THURSDAY = 3
Cell = TypeVar("Cell", np.float64, np.bool_)


@dataclass(frozen=True, eq=False)
class DayTable:
    """Mean glucose of each quarter hour, NaN where no reading lies in it.

    `cells` has a row for each day from `first` to yesterday, a row of nothing before them and
    today's after them: windows reach into both. A reading 15 minutes from the next leaves no
    hole, a longer gap does. Of what autumn's clock repeats, both passes are averaged. `eaten`
    is where something is known to have been eaten.
    """

    first: date
    cells: FloatArray
    eaten: BoolArray

    @classmethod
    def of(cls, series: Series, today: date, carbs: IntArray) -> DayTable | None:
        """Lay out the last 90 days before `today`; None where they have no reading.

        `carbs` are the wall times of something eaten, in milliseconds.
        """
        end = (today - _EPOCH).days
        bins = series.walls // (BIN_MINUTES * MINUTE_MS)
        kept = (bins >= (end - MOST_DAYS) * BINS) & (bins < (end + 1) * BINS)
        bins, mg_dl = bins[kept], series.mg_dl[kept]
        if not len(bins) or (first := int(bins.min()) // BINS) >= end:
            return None
        rows = end - first + 2
        place = bins - (first - 1) * BINS
        counts = np.bincount(place, minlength=rows * BINS)
        sums = np.bincount(place, weights=mg_dl, minlength=rows * BINS)
        cells = np.full(rows * BINS, np.nan)
        np.divide(sums, counts, out=cells, where=counts > 0)
        eaten = np.zeros(rows * BINS, dtype=np.bool_)
        meals = carbs // (BIN_MINUTES * MINUTE_MS) - (first - 1) * BINS
        eaten[meals[(meals >= 0) & (meals < rows * BINS)]] = True
        return cls(
            first=_EPOCH + timedelta(days=first),
            cells=cells.reshape(rows, BINS),
            eaten=eaten.reshape(rows, BINS),
        )

    @property
    def days(self) -> FloatArray:
        """The days' own quarter hours, a row a day."""
        return self.cells[1:-1]

    @cached_property
    def weekdays(self) -> IntArray:
        """The weekday of each day, 0 is Monday."""
        start = (self.first - _EPOCH).days + _THURSDAY
        return (np.arange(len(self.days), dtype=np.int64) + start) % 7

    @cached_property
    def worn(self) -> BoolArray:
        """Which days are known for 80 % and more."""
        counted: BoolArray = np.count_nonzero(~np.isnan(self.days), axis=1) >= KNOWN_SHARE * BINS
        return counted

    def date_of(self, day: int) -> date:
        """Return the date of a row of `days`."""
        return self.first + timedelta(days=day)

    def stretches(self, bins: int, *, before: int = 0) -> FloatArray:
        """Return (days, starts, bins): what follows each half hour, from `before` bins earlier.

        A view: nothing may be written into it.
        """
        views = sliding_window_view(self.cells.ravel(), bins)
        return self._starting(views, before).reshape(len(self.days), STARTS, bins)

    def eaten_in(self, bins: int) -> BoolArray:
        """Return (days, starts): whether something was eaten in the stretch."""
        views = sliding_window_view(self.eaten.ravel(), bins)
        found: BoolArray = np.any(self._starting(views, 0), axis=1, keepdims=True)
        return found.reshape(len(self.days), STARTS)

    def _starting(self, views: NDArray[Cell], before: int) -> NDArray[Cell]:
        # The last day's latest windows reach into today's row.
        begin = BINS - before
        return views[begin : begin + len(self.days) * BINS : START_BINS]
