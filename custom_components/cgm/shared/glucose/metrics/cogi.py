"""Continuous glucose monitoring index: time in range, time below and spread in one per cent."""

from __future__ import annotations

from .number import FloatArray
from .percent import below, within
from .sd import sd

MOST_BELOW_PERCENT = 15.0
LEAST_SD, MOST_SD = 18.0, 108.0


def cogi(mg_dl: FloatArray) -> float | None:
    """Return 50 % by 70..180 (0 to 100 %), 35 % by <70 (15 to 0 %), 15 % by SD (108 to 18 mg/dL).

    Leelarathna 2020, J Diabetes Sci Technol 14:277; iglu 4.3.0 `cogi`. None of fewer than two
    readings.
    """
    in_range, low, deviation = within(mg_dl, 70, 180), below(mg_dl, 70), sd(mg_dl)
    if in_range is None or low is None or deviation is None:
        return None
    few_lows = _part(MOST_BELOW_PERCENT - low, MOST_BELOW_PERCENT)
    steady = _part(MOST_SD - deviation, MOST_SD - LEAST_SD)
    return 0.5 * in_range + 35 * few_lows + 15 * steady


def _part(value: float, whole: float) -> float:
    return max(0.0, min(1.0, value / whole))
