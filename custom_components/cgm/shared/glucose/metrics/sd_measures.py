"""Six spreads of glucose: within days, between days, between hours (Rodbard's subtypes)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .daily import means_of, sds_of
from .grid import DayGrid
from .number import FloatArray, average, finite, spread

# A spread of one or two values says nothing of an hour; iglu refuses windows under three.
_SMALLEST_WINDOW = 3


@dataclass(frozen=True, slots=True)
class SdMeasures:
    """All in mg/dL, named as in iglu.

    `w`: the mean of the days' SDs. `hhmm`: the SD of the means by time of day. `wsh`: the mean
    of the SDs of each hour. `dm`: the SD of the days' means. `b`: the mean of the SDs by time
    of day. `bdm`: the same with each day's mean taken off.
    """

    w: float | None
    hhmm: float | None
    wsh: float | None
    dm: float | None
    b: float | None
    bdm: float | None


def sd_measures(grid: DayGrid) -> SdMeasures:
    """Return the six (Rodbard 2009, Diabetes Technol Ther 11:551; iglu 4.3.0 `sd_measures`).

    iglu averages readings of one time before it lays the grid: take `Series.averaged.grid`.
    """
    days, times = grid.cells, np.ascontiguousarray(grid.cells.T)
    daily = means_of(days)
    return SdMeasures(
        w=average(finite(sds_of(days))),
        hhmm=spread(finite(means_of(times))),
        wsh=_within_hours(grid),
        dm=spread(finite(daily)),
        b=average(finite(sds_of(times))),
        bdm=average(finite(sds_of(times - daily))),
    )


def _within_hours(grid: DayGrid) -> float | None:
    """Return the mean SD over each window of round(60 / step) cells, holes left out."""
    window = int(np.rint(60 / grid.step))
    if window < _SMALLEST_WINDOW:
        return None
    return average(_running_sds(grid.flat, window))


def _running_sds(flat: FloatArray, window: int) -> FloatArray:
    """Return the SD of the known cells of each window that has two."""
    there = ~np.isnan(flat)
    filled = np.where(there, flat, 0.0)
    windows, known_cells = sliding_window_view(filled, window), sliding_window_view(there, window)
    counts = known_cells.sum(axis=1)
    enough = counts > 1
    windows, known_cells, counts = windows[enough], known_cells[enough], counts[enough]
    away = windows - (windows.sum(axis=1) / counts)[:, None]
    away[~known_cells] = 0.0
    roots: FloatArray = np.sqrt(np.square(away).sum(axis=1) / (counts - 1))
    return roots
