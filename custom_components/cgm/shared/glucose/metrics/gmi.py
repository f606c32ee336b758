"""Glucose management indicator: the A1c that this mean glucose goes with on average."""

from __future__ import annotations


def gmi(mean_mg_dl: float | None) -> float | None:
    """Return per cent: 3.31 + 0.02392 mean (Bergenstal 2018, Diabetes Care 41:2275)."""
    return None if mean_mg_dl is None else 3.31 + 0.02392 * mean_mg_dl
