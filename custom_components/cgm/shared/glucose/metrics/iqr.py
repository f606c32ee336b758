"""Interquartile range: the width of the middle half of the readings."""

from __future__ import annotations

from .number import FloatArray
from .quantiles import quantiles


def iqr(mg_dl: FloatArray) -> float | None:
    """Return mg/dL: the 75th less the 25th percentile (type 7); None of nothing.

    iglu 4.3.0 `iqr_glu`.
    """
    found = quantiles(mg_dl, (25, 75))
    return None if found is None else found[1] - found[0]
