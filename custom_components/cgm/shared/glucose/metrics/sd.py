"""Standard deviation of glucose: how far readings lie from their mean."""

from __future__ import annotations

from .number import FloatArray, spread


def sd(mg_dl: FloatArray) -> float | None:
    """Return mg/dL: sqrt(sum((g - mean)^2) / (n - 1)); None of fewer than two readings.

    iglu 4.3.0 `sd_glu`.
    """
    return spread(mg_dl)
