"""Average daily risk range: how far each day swings between its lowest and highest risk."""

from __future__ import annotations

import numpy as np

from .number import average
from .risk import RISK_FACTOR, risk_scale
from .series import Series


def adrr(series: Series) -> float | None:
    """Return the mean over the wearer's dates of max 22.77 f(g<0)^2 + max 22.77 f(g>0)^2.

    Kovatchev 2006, Diabetes Care 29:2433; iglu 4.3.0 `adrr`. Under 20 low, 20 to 40 moderate,
    above that high risk. A date counts with however few readings. None of fewer than two.
    """
    if len(series) < 2:  # noqa: PLR2004 - iglu refuses a single reading
        return None
    scaled = risk_scale(series.mg_dl)
    days, place = np.unique(series.local_days, return_inverse=True)
    lowest, highest = np.zeros(len(days)), np.zeros(len(days))
    np.minimum.at(lowest, place, scaled)
    np.maximum.at(highest, place, scaled)
    return average(RISK_FACTOR * (lowest**2 + highest**2))
