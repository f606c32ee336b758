"""Coefficient of variation: the spread in per cent of the mean."""

from __future__ import annotations

from .mean import mean
from .number import FloatArray
from .sd import sd


def cv(mg_dl: FloatArray, weights: FloatArray | None = None) -> float | None:
    """Return per cent: 100 SD / mean; at most 36 is called stable (Battelino 2019).

    iglu 4.3.0 `cv_glu`. None of fewer than two readings. `weights` as in standing.py.
    """
    deviation, middle = sd(mg_dl, weights), mean(mg_dl, weights)
    return None if deviation is None or middle is None else 100 * deviation / middle
