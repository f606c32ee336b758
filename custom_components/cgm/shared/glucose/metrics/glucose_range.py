"""Range: from the lowest reading to the highest."""

from __future__ import annotations

from .number import FloatArray


def glucose_range(mg_dl: FloatArray) -> float | None:
    """Return mg/dL: max - min (iglu 4.3.0 `range_glu`); None of nothing."""
    return float(mg_dl.max() - mg_dl.min()) if len(mg_dl) else None
