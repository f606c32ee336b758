"""Standard deviation of glucose: how far readings lie from their mean."""

from __future__ import annotations

import numpy as np

from .mean import mean
from .number import SPREAD_NEEDS, FloatArray, known, spread


def sd(mg_dl: FloatArray, weights: FloatArray | None = None) -> float | None:
    """Return mg/dL: sqrt(sum((g - mean)^2) / (n - 1)); None of fewer than two readings.

    iglu 4.3.0 `sd_glu`. With `weights` as in standing.py, sqrt(sum(w (g - mean)^2) / (W -
    sum(w^2) / W)) with W = sum(w) and the weighed mean: the same where all weights are equal.
    """
    if weights is None:
        return spread(mg_dl)
    total = weights.sum()
    middle = mean(mg_dl, weights)
    if middle is None or np.count_nonzero(weights) < SPREAD_NEEDS:
        return None
    squares = np.dot(weights, (mg_dl - middle) ** 2)
    return known(np.sqrt(squares / (total - np.dot(weights, weights) / total)))
