"""Mean glucose: what GMI, estimated A1c and most other measures rest on."""

from __future__ import annotations

import numpy as np

from .number import FloatArray, average, known


def mean(mg_dl: FloatArray, weights: FloatArray | None = None) -> float | None:
    """Return mg/dL: sum(g) / n, or sum(w g) / sum(w); None of nothing.

    iglu 4.3.0 `mean_glu`: each reading counts once. `weights` as in standing.py.
    """
    if weights is None:
        return average(mg_dl)
    total = weights.sum()
    return known(np.dot(weights, mg_dl) / total) if total > 0 else None
