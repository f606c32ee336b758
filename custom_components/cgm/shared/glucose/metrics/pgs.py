"""Personal glycemic state: five views of glucose added to one score."""

from __future__ import annotations

import math

import numpy as np

from .episodes import summaries
from .gvp import gvp
from .mean import mean
from .percent import within
from .series import Series

LASTS_MINUTES, ENDS_MINUTES = 20, 30
WEEK_DAYS = 7
_MOST_LOWS = 7.65


def pgs(series: Series) -> float | None:
    """Return f(GVP) + f(%70-180) + f(mean) + f(weekly lows <54) + f(weekly lows 54-70).

    Hirsch 2017, Diabetes Technol Ther 19 S3:S38; iglu 4.3.0 `pgs`: episodes of 20 minutes that
    end with 30, level 1 without level 2. From 4.1 to 40; lower is better. None where one of the
    five is.
    """
    middle, in_range = mean(series.mg_dl), within(series.mg_dl, 70, 180)
    grid = series.grid
    if grid is None or middle is None or in_range is None:
        return None
    variability = gvp(grid)
    found = summaries(grid, minutes=LASTS_MINUTES, ends_minutes=ENDS_MINUTES)
    if variability is None or found is None:
        return None
    very_low = found.hypo_2.per_day * WEEK_DAYS
    low = found.hypo_1_only.per_day * WEEK_DAYS
    return (
        (1 + 9 * _rising(0.049 * (variability - 65.47)))
        + (1 + 9 * _rising(-0.0833 * (in_range - 55.04)))
        + (1 + 9 * (_rising(-0.1139 * (middle - 72.08)) + _rising(0.09195 * (middle - 157.57))))
        + (0.5 + 4.5 * (1 - math.exp(-0.81093 * very_low)))
        + (0.5714 * low + 0.625 if low <= _MOST_LOWS else 5.0)
    )


def _rising(value: float) -> float:
    """Return the logistic curve, 0 to 1."""
    return float(np.exp(-np.logaddexp(0.0, -value)))
