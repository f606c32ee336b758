"""Per cent of readings below, within and above thresholds; or of time, where weights are given."""

from __future__ import annotations

import numpy as np

from .number import BoolArray, FloatArray, known


def below(mg_dl: FloatArray, threshold: float, weights: FloatArray | None = None) -> float | None:
    """Return per cent strictly below (iglu 4.3.0 `below_percent`); None of nothing."""
    return _percent(mg_dl < threshold, weights)


def within(
    mg_dl: FloatArray, lower: float, upper: float, weights: FloatArray | None = None
) -> float | None:
    """Return per cent from `lower` to `upper`, both included (iglu 4.3.0 `in_range_percent`)."""
    return _percent((mg_dl >= lower) & (mg_dl <= upper), weights)


def above(mg_dl: FloatArray, threshold: float, weights: FloatArray | None = None) -> float | None:
    """Return per cent strictly above (iglu 4.3.0 `above_percent`); None of nothing."""
    return _percent(mg_dl > threshold, weights)


def _percent(there: BoolArray, weights: FloatArray | None) -> float | None:
    if weights is None:
        return 100 * int(np.count_nonzero(there)) / len(there) if len(there) else None
    total = weights.sum()
    return known(100 * weights[there].sum() / total) if total > 0 else None
