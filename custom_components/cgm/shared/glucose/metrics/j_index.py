"""J-index: mean and spread in one number."""

from __future__ import annotations

from .mean import mean
from .number import FloatArray
from .sd import sd


def j_index(mg_dl: FloatArray) -> float | None:
    """Return 0.001 (mean + SD)^2 (Wojcicki 1995, Horm Metab Res 27:41).

    iglu 4.3.0 `j_index`. None of fewer than two readings.
    """
    deviation, middle = sd(mg_dl), mean(mg_dl)
    return None if deviation is None or middle is None else 0.001 * (middle + deviation) ** 2
