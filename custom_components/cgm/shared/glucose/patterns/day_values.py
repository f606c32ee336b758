"""What a day has in a stretch of it: its lowest, its highest, its rise, its dawn, its drift.

Each is taken at every half hour of every day, not only where it is asked for: the rest is what
the day has by chance (turned_days.py). NaN where the stretch is not known for 80 %.
"""

from __future__ import annotations

import numpy as np

from ..metrics.number import FloatArray
from .day_table import KNOWN_SHARE, DayTable

HOUR = 4
RISE_BINS = 3 * HOUR
BEFORE_BINS = HOUR // 2
# The night whose lowest is meant, and the hour of waking after it (05:30-06:30).
NIGHT_BINS = 11 * HOUR // 2
WAKING_BINS = HOUR
DRIFT_BINS = 6 * HOUR


def lowest(table: DayTable, bins: int) -> FloatArray:
    """Return the lowest quarter hour of each stretch (days, starts), mg/dL."""
    return _lowest(table.stretches(bins))


def highest(table: DayTable, bins: int) -> FloatArray:
    """Return the highest quarter hour of each stretch (days, starts), mg/dL."""
    return -_lowest(-table.stretches(bins))


def rises(table: DayTable) -> FloatArray:
    """Return the peak of the next 3 hours minus the mean of the 30 minutes before, mg/dL."""
    taken = table.stretches(BEFORE_BINS + RISE_BINS, before=BEFORE_BINS)
    return highest_of(taken[..., BEFORE_BINS:]) - mean_of(taken[..., :BEFORE_BINS])


def dawns(table: DayTable, low_mg_dl: float) -> FloatArray:
    """Return the waking hour's mean minus the lowest of the 5.5 hours before, mg/dL.

    The dawn phenomenon as Monnier 2013 (Diabetes Care 36:4057) takes it: the value before
    breakfast minus the night's nadir. A night with a low does not count, what follows may be
    the body's answer to it; nor one in which something was eaten.
    """
    taken = table.stretches(NIGHT_BINS + WAKING_BINS)
    nadir = _lowest(taken[..., :NIGHT_BINS])
    nadir[(nadir < low_mg_dl) | table.eaten_in(NIGHT_BINS + WAKING_BINS)] = np.nan
    return mean_of(taken[..., NIGHT_BINS:]) - nadir


def drifts(table: DayTable) -> FloatArray:
    """Return the slope of a least-squares line through 6 hours, as mg/dL over the 6 hours."""
    taken = table.stretches(DRIFT_BINS)
    there = ~np.isnan(taken)
    count = there.sum(axis=2)
    many = np.maximum(count, 1)
    at = np.arange(DRIFT_BINS) * there
    values = np.where(there, taken, 0.0)
    across = (at * values).sum(axis=2) - at.sum(axis=2) * values.sum(axis=2) / many
    width = (at * at).sum(axis=2) - at.sum(axis=2) ** 2 / many
    found = np.full(count.shape, np.nan)
    enough = count >= KNOWN_SHARE * DRIFT_BINS
    np.divide(across * DRIFT_BINS, width, out=found, where=enough)
    return found


def highest_of(stretches: FloatArray) -> FloatArray:
    """Return the highest of each last row, NaN where it is not known for 80 %."""
    return -_lowest(-stretches)


def mean_of(stretches: FloatArray) -> FloatArray:
    """Return the mean of each last row, NaN where half of it is not known."""
    there = ~np.isnan(stretches)
    count = there.sum(axis=-1)
    found = np.full(count.shape, np.nan)
    enough = count * 2 >= stretches.shape[-1]
    np.divide(np.where(there, stretches, 0.0).sum(axis=-1), count, out=found, where=enough)
    return found


def _lowest(stretches: FloatArray) -> FloatArray:
    there = ~np.isnan(stretches)
    found: FloatArray = np.where(there, stretches, np.inf).min(axis=-1)
    found[there.sum(axis=-1) < KNOWN_SHARE * stretches.shape[-1]] = np.nan
    return found
