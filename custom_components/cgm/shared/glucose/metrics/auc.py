"""Area under the curve for an hour: a mean of glucose over time, the way iglu takes it."""

from __future__ import annotations

import numpy as np

from .grid import DayGrid
from .number import average


def auc(grid: DayGrid) -> float | None:
    """Return mg/dL: the mean over n heaps of the mean of (g(i) + g(i + n)) / 2 in each.

    n is how many days the grid spans, and heap number i modulo n holds cell i. Danne 2017,
    Diabetes Care 40:1631; iglu 4.3.0 `auc` means the trapezoids of each day, but deals the cells
    out to the days in turn. Both are means of the same curve and differ little; to agree with
    it, this is its arithmetic. None where a heap holds no two such cells.
    """
    per_day = grid.cells.shape[1]
    places = (grid.rows[:, None] * per_day + np.arange(per_day)).ravel()
    there = ~np.isnan(grid.flat)
    places, glucose = places[there], grid.flat[there]
    if not len(places):
        return None
    partner = np.searchsorted(places, places + grid.days)
    partner[partner == len(places)] = 0
    paired = places[partner] == places + grid.days
    heap = places[paired] % grid.days
    areas = (glucose[paired] + glucose[partner[paired]]) / 2
    counts = np.bincount(heap, minlength=grid.days)
    if not counts.all():
        return None
    return average(np.bincount(heap, weights=areas, minlength=grid.days) / counts)
