"""Median glucose: the middle reading."""

from __future__ import annotations

import numpy as np

from .number import FloatArray, known


def median(mg_dl: FloatArray) -> float | None:
    """Return mg/dL, the mean of the two middle readings of an even number; None of nothing."""
    return known(np.median(mg_dl)) if len(mg_dl) else None
