"""How strong the change of this fortnight against the one before is, days following each other.

Days resemble their neighbours, so a fortnight differs from another more than fourteen unlike
days would. The difference of the two means is taken in units of its spread for a series in which
each day keeps a share of the day before (AR(1)); the share is measured within the fortnights and
corrected for their shortness (Kendall 1954, Biometrika 41:403). What chance does to that number
is found with invented fortnights of the same kind, holes where the real ones have them.
"""

from __future__ import annotations

import numpy as np

from ..metrics.number import BoolArray, FloatArray

FORTNIGHT = 14
# Of each fortnight's days: 70 %, as the consensus asks for (Battelino 2019).
LEAST_OF_FORTNIGHT = 10
# Invented days resemble each other at least this much: a few weeks cannot show that they do not.
_LEAST_SHARE = 0.3
_MOST_SHARE = 0.8
# What rounding leaves between equal days.
_NO_SPREAD = 1e-6


def enough(values: FloatArray) -> bool:
    """Tell whether both fortnights of these 28 days have days enough."""
    counts = (~np.isnan(values)).reshape(2, FORTNIGHT).sum(axis=1)
    return bool((counts >= LEAST_OF_FORTNIGHT).all())


def strengths(values: FloatArray, rounds: int, rng: np.random.Generator) -> FloatArray:
    """Return the strength of the change in these 28 days, then of each invented pair.

    NaN everywhere where the days do not differ at all.
    """
    known = ~np.isnan(values)
    if np.ptp(values[known]) <= _NO_SPREAD:
        return np.full(rounds + 1, np.nan)
    real, share = _measured(np.where(known, values, 0.0)[None], known)
    kept = min(max(float(share[0]), _LEAST_SHARE), _MOST_SHARE)
    noise = rng.standard_normal((rounds, 2 * FORTNIGHT))
    noise[:, 1:] *= np.sqrt(1 - kept**2)
    for day in range(1, 2 * FORTNIGHT):
        noise[:, day] += kept * noise[:, day - 1]
    invented, _ = _measured(noise, known)
    return np.concatenate((real, invented))


def _measured(days: FloatArray, known: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return (strengths, shares kept from day to day) of rows of 28 days with the same holes."""
    there = known.astype(np.float64)
    first, second = there.copy(), there.copy()
    first[FORTNIGHT:] = 0
    second[:FORTNIGHT] = 0
    first /= first.sum()
    second /= second.sum()
    weights = second - first
    away = np.where(
        np.arange(2 * FORTNIGHT) < FORTNIGHT,
        days - (days @ first)[:, None],
        days - (days @ second)[:, None],
    )
    away = away * there
    variance = (away**2).sum(axis=1) / (there.sum() - 2)
    both = there[1:] * there[:-1]
    both[FORTNIGHT - 1] = 0
    products = (away[:, 1:] * away[:, :-1] * both).sum(axis=1) / both.sum()
    share = products / variance
    share = np.clip(share + (1 + 3 * share) / FORTNIGHT, 0, _MOST_SHARE)
    # The variance of the weighted sum: each pair of days resembles by its distance.
    lags = np.correlate(weights, weights, "full")[2 * FORTNIGHT - 1 :]
    lags[1:] *= 2
    spread = share[:, None] ** np.arange(2 * FORTNIGHT) @ lags
    return np.abs(days @ weights) / np.sqrt(variance * spread), share
