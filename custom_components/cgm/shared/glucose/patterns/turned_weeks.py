"""How strong a weekend's difference is against the same weeks turned by random numbers of days.

Weekdays are labels, so it is labels that are turned, a week at a time: neighbouring days stay
neighbours, as chance would have them, and slow change stays where it is. A week is taken from
Wednesday to Tuesday, so that the weekend lies in its middle: the ends of a week lie further from
its mean when glucose drifts slowly, and a weekend there would seem special.
"""

from __future__ import annotations

import numpy as np

from ..insight import WEEKEND
from ..metrics.number import FloatArray, IntArray
from .contrasts import DayOutcome

WEEK = 7
# Saturday and Sunday of a week that begins on Wednesday.
_WEEKEND_AT = (3, 4)
_WEDNESDAY = 2
# A week with fewer days says too little of its own mean.
_LEAST_OF_WEEK = 4
# What rounding leaves between equal days.
_NO_SPREAD = 1e-6


def by_weeks(values: FloatArray, weekdays: IntArray) -> FloatArray:
    """Return (weeks, 7) from Wednesday to Tuesday, NaN where there is no day."""
    lead = int(weekdays[0] - _WEDNESDAY) % WEEK
    weeks = -(-(lead + len(values)) // WEEK)
    laid = np.full(weeks * WEEK, np.nan)
    laid[lead : lead + len(values)] = values
    table: FloatArray = laid.reshape(weeks, WEEK)
    return table


def weekends_of(values: FloatArray, weekdays: IntArray) -> FloatArray:
    """Return each day's difference from its week's working days' mean, NaN on working days."""
    weeks = by_weeks(values, weekdays)
    lead = int(weekdays[0] - _WEDNESDAY) % WEEK
    working = np.delete(weeks, _WEEKEND_AT, axis=1)
    count = np.maximum((~np.isnan(working)).sum(axis=1), 1)
    means = np.where(np.isnan(working), 0.0, working).sum(axis=1) / count
    means[np.isnan(weeks).sum(axis=1) > WEEK - _LEAST_OF_WEEK] = np.nan
    away: FloatArray = (weeks - means[:, None]).ravel()[lead : lead + len(values)]
    away[~np.isin(weekdays, WEEKEND)] = np.nan
    return away


def strengths(outcome: DayOutcome, weekdays: IntArray, offsets: IntArray) -> FloatArray:
    """Return the strength as it is, then of each turning: `offsets` (turnings, weeks) in 0..6.

    The strength is the size of the mean difference of weekends from their weeks, in units of
    its spread over the turnings; NaN everywhere where it has none.
    """
    weeks = by_weeks(outcome.tested, weekdays)
    known = ~np.isnan(weeks)
    count = known.sum(axis=1)
    means = np.where(known, weeks, 0.0).sum(axis=1) / np.maximum(count, 1)
    known &= (count >= _LEAST_OF_WEEK)[:, None]
    away = np.where(known, weeks - means[:, None], 0.0)
    rows = np.arange(len(weeks))
    as_it_is = np.zeros((1, len(weeks)), dtype=np.int64)
    turned = np.concatenate((as_it_is, offsets))
    sums = np.zeros(len(turned))
    days = np.zeros(len(turned))
    for at in _WEEKEND_AT:
        place = (at + turned) % WEEK
        sums += away[rows, place].sum(axis=1)
        days += known[rows, place].sum(axis=1)
    differences = np.divide(sums, days, out=np.zeros(len(turned)), where=days > 0)
    spread = differences[1:].std()
    if spread <= _NO_SPREAD:
        return np.full(len(turned), np.nan)
    found: FloatArray = np.abs(differences) / spread
    return found
