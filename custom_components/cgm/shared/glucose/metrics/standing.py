"""How long each reading stands for, so that intervals that mix weigh by time and not by number."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from .local_clock import MINUTE_MS
from .number import FloatArray
from .series import Series

GAP_CADENCES = 1.5


def standing_minutes(series: Series, cadence: timedelta) -> FloatArray:
    """Return the minutes that each reading stands for, as weights.

    A reading stands for the time until the next; where that is more than 1.5 cadences away, and
    after the last, for one cadence: what lies in a gap is not known. `cadence` is the longest of
    the sensors whose readings mix (15 minutes for Libre's history between scans). Of readings at
    one time the last stands.
    """
    usual = cadence / timedelta(milliseconds=1)
    until_next = np.append(np.diff(series.times), np.inf)
    stood = np.where(until_next > GAP_CADENCES * usual, usual, until_next) / MINUTE_MS
    return stood[: len(series)]
