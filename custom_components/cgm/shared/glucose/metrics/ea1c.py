"""Estimated A1c: the older relation between mean glucose and A1c, from finger-sticks."""

from __future__ import annotations


def ea1c(mean_mg_dl: float | None) -> float | None:
    """Return per cent: (46.7 + mean) / 28.7 (Nathan 2008, ADAG, Diabetes Care 31:1473)."""
    return None if mean_mg_dl is None else (46.7 + mean_mg_dl) / 28.7
