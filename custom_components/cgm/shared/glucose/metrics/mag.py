"""Mean absolute glucose change: how far glucose moves in an hour, up and down together."""

from __future__ import annotations

import numpy as np

from .grid import DayGrid


def mag(grid: DayGrid) -> float | None:
    """Return mg/dL an hour: sum |g(t) - g(t - step)| / hours of such differences.

    Hermanides 2010, Crit Care Med 38:838; iglu 4.3.0 `mag`, at the grid's own spacing (earlier
    versions took hourly differences). None of no difference.
    """
    changes = grid.differences(1)
    if not len(changes):
        return None
    return float(np.abs(changes).sum() / (len(changes) * (grid.step / 60)))
