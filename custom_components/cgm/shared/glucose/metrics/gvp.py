"""Glycemic variability percentage: how much longer the curve is than a level line."""

from __future__ import annotations

import numpy as np

from .grid import DayGrid


def gvp(grid: DayGrid) -> float | None:
    """Return per cent: 100 (sum sqrt(dt^2 + dg^2) / sum dt - 1), dt in minutes, dg in mg/dL.

    Peyser 2018, Diabetes Technol Ther 20:6; iglu 4.3.0 `gvp`. None of no difference.
    """
    changes = grid.differences(1)
    if not len(changes):
        return None
    length = np.sqrt(grid.step**2 + changes**2).sum()
    return float(100 * (length / (len(changes) * grid.step) - 1))
