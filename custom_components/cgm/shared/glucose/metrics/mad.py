"""Median absolute deviation: a spread that a few wild readings do not move."""

from __future__ import annotations

import numpy as np

from .number import FloatArray, known

# Makes it equal the standard deviation where values are normally distributed.
AS_SD = 1.4826


def mad(mg_dl: FloatArray) -> float | None:
    """Return mg/dL: 1.4826 median(|g - median(g)|); None of nothing. iglu 4.3.0 `mad_glu`."""
    if not len(mg_dl):
        return None
    return known(AS_SD * np.median(np.abs(mg_dl - np.median(mg_dl))))
