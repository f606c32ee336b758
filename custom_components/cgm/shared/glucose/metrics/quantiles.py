"""Quantiles of glucose, interpolated between readings as R's default (type 7) does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .number import FloatArray


def quantiles(mg_dl: FloatArray, percents: Sequence[float]) -> tuple[float, ...] | None:
    """Return mg/dL at each of `percents` (0..100): at place (n - 1) p / 100; None of nothing.

    iglu 4.3.0 `quantile_glu`; Hyndman & Fan 1996, American Statistician 50:361, type 7.
    """
    if not len(mg_dl):
        return None
    return tuple(float(value) for value in np.percentile(mg_dl, percents))
