"""The arrays that measures are taken of, and the answer where a measure has no value."""

from __future__ import annotations

import math
from typing import SupportsFloat

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# The smallest number of values that have a spread.
SPREAD_NEEDS = 2


def known(value: SupportsFloat) -> float | None:
    """Return the number, None for NaN and infinities: what cannot be measured is absent."""
    number = float(value)
    return number if math.isfinite(number) else None


def finite(values: FloatArray) -> FloatArray:
    """Return the values without NaN, flat."""
    flat: FloatArray = values.ravel()
    there: FloatArray = flat[~np.isnan(flat)]
    return there


def spread(values: FloatArray) -> float | None:
    """Return the sample standard deviation (n - 1); None of fewer than two values."""
    return known(values.std(ddof=1)) if len(values) >= SPREAD_NEEDS else None


def average(values: FloatArray) -> float | None:
    """Return the arithmetic mean; None of no values."""
    return known(values.mean()) if len(values) else None
