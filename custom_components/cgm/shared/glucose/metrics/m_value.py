"""M-value: how far readings lie from an ideal one, lows weighing more than highs."""

from __future__ import annotations

import numpy as np

from .number import FloatArray, average

IDEAL_MG_DL = 90.0


def m_value(mg_dl: FloatArray, ideal: float = IDEAL_MG_DL) -> float | None:
    """Return the mean of 1000 |log10(g / ideal)|^3 (Schlichtkrull 1965, Acta Med Scand 177:95).

    iglu 4.3.0 `m_value`: ideal 90 mg/dL, and no term for the width of the range. None of nothing.
    """
    return average(1000 * np.abs(np.log10(mg_dl / ideal)) ** 3)
