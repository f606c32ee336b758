"""CONGA-n: how much glucose n hours later differs from itself."""

from __future__ import annotations

import numpy as np

from .grid import DayGrid
from .number import spread

MOST_HOURS = 24


def conga(grid: DayGrid, hours: int) -> float | None:
    """Return mg/dL: the SD of g(t) - g(t - n h) over the grid; `hours` is 1..24.

    McDonnell 2005, Diabetes Technol Ther 7:253; iglu 4.3.0 `conga`, which takes round(60 / step)
    cells for an hour. None of fewer than two differences. Raises ValueError.
    """
    if not 1 <= hours <= MOST_HOURS:
        raise ValueError(f"CONGA of 1 to {MOST_HOURS} hours")
    return spread(grid.differences(int(np.rint(60 / grid.step)) * hours))
