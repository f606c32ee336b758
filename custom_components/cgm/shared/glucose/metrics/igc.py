"""Index of glycemic control: an index of highs and one of lows, added."""

from __future__ import annotations

import numpy as np

from .number import FloatArray, average

UPPER_MG_DL, HYPER_POWER, HYPER_SCALE = 140.0, 1.1, 30.0
LOWER_MG_DL, HYPO_POWER, HYPO_SCALE = 80.0, 2.0, 30.0


def hyper_index(mg_dl: FloatArray) -> float | None:
    """Return sum((g - 140)^1.1 over g > 140) / (30 n); iglu 4.3.0 `hyper_index`."""
    return average(np.maximum(mg_dl - UPPER_MG_DL, 0) ** HYPER_POWER / HYPER_SCALE)


def hypo_index(mg_dl: FloatArray) -> float | None:
    """Return sum((80 - g)^2 over g < 80) / (30 n); iglu 4.3.0 `hypo_index`."""
    return average(np.maximum(LOWER_MG_DL - mg_dl, 0) ** HYPO_POWER / HYPO_SCALE)


def igc(mg_dl: FloatArray) -> float | None:
    """Return hyper index + hypo index (Rodbard 2009, Diabetes Technol Ther 11 Suppl 1:S55).

    iglu 4.3.0 `igc`. None of nothing.
    """
    high, low = hyper_index(mg_dl), hypo_index(mg_dl)
    return None if high is None or low is None else high + low
