"""Mean of daily differences: how much one day differs from the next at the same hour."""

from __future__ import annotations

import numpy as np

from .grid import DayGrid
from .number import average


def modd(grid: DayGrid) -> float | None:
    """Return mg/dL: the mean of |g(t) - g(t - 24 h)| over the grid, by the wall clock.

    Service 1980, Diabetes Care 3:58; iglu 4.3.0 `modd`. None where no two days overlap.
    """
    return average(np.abs(grid.differences(grid.cells.shape[1])))
