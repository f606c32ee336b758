"""SD of the rate of change: how different glucose's slopes are."""

from __future__ import annotations

from .grid import DayGrid
from .number import spread

LAG_MINUTES = 15


def sd_roc(grid: DayGrid) -> float | None:
    """Return mg/dL a minute: the SD of (g(t) - g(t - 15 min)) / 15 over the grid.

    Clarke 2009, Diabetes Technol Ther 11 Suppl 1:S45; iglu 4.3.0 `sd_roc`. Where 15 minutes are
    no multiple of the spacing the lag is the next lower one, still divided by 15; a wider
    spacing is its own lag. None of fewer than two slopes.
    """
    minutes = max(LAG_MINUTES, grid.step)
    return spread(grid.differences(minutes // grid.step) / minutes)
