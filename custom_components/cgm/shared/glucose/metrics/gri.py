"""Glycemia risk index: lows and highs in one number, weighed as clinicians did."""

from __future__ import annotations

from .number import FloatArray
from .percent import above, below

MOST = 100.0


def gri(mg_dl: FloatArray, weights: FloatArray | None = None) -> float | None:
    """Return 3.0 %<54 + 2.4 %54-<70 + 1.6 %>250 + 0.8 %>180-250, at most 100.

    Klonoff 2023, J Diabetes Sci Technol 17:1226; iglu 4.3.0 `gri`, which averages readings of
    one time first (`Series.averaged`). Zones A to E are 20 wide. None of nothing.
    """
    very_low, low = below(mg_dl, 54, weights), below(mg_dl, 70, weights)
    very_high, high = above(mg_dl, 250, weights), above(mg_dl, 180, weights)
    if very_low is None or low is None or very_high is None or high is None:
        return None
    index = 3 * very_low + 2.4 * (low - very_low) + 1.6 * very_high + 0.8 * (high - very_high)
    return min(MOST, index)
