"""Kovatchev's scale of glucose, on which a low and a high of equal risk lie equally far from 0."""

from __future__ import annotations

import numpy as np

from .number import FloatArray

RISK_FACTOR = 22.77


def risk_scale(mg_dl: FloatArray) -> FloatArray:
    """Return f(g) = ln(g)^1.084 - 5.381 (Kovatchev 1997, Diabetes Care 20:1655).

    Negative where low, positive where high; the risk is 22.77 f^2. iglu leaves the published
    factor of 1.509 outside of the bracket: 22.77 = 10 * 1.509^2.
    """
    scaled: FloatArray = np.log(mg_dl) ** 1.084 - 5.381
    return scaled
