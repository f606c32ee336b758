"""Low blood glucose index: how often and how far readings are low."""

from __future__ import annotations

import numpy as np

from .number import FloatArray, average
from .risk import RISK_FACTOR, risk_scale


def lbgi(mg_dl: FloatArray) -> float | None:
    """Return the sum of 22.77 f(g)^2 over readings with f(g) < 0, divided by all n readings.

    Kovatchev 2006, Diabetes Care 29:2433; iglu 4.3.0 `lbgi`. Up to 1.1 minimal, 2.5 low,
    5 moderate risk, above that high. None of nothing.
    """
    return average(RISK_FACTOR * np.minimum(risk_scale(mg_dl), 0) ** 2)
