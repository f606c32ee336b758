"""How sure a difference between two groups of days is, days following each other.

Whole weeks are drawn, so that days keep their neighbours (moving-block bootstrap, the row closed
to a ring: Politis and Romano 1992, in Exploring the Limits of Bootstrap, 263).
"""

from __future__ import annotations

import numpy as np

from ..metrics.number import BoolArray, FloatArray

BLOCK = 7
ROUNDS = 999
_TAIL = 2.5


def difference(values: FloatArray, ones: BoolArray, others: BoolArray) -> float:
    """Return the mean of `ones` minus that of `others`, NaN where a group has no known day."""
    found: float = _differences(values[None], ones[None], others[None])[0]
    return float(found)


def interval(
    values: FloatArray, ones: BoolArray, others: BoolArray, rng: np.random.Generator
) -> tuple[float, float] | None:
    """Return the 95 % interval of the difference; None where half the draws have none."""
    days = len(values)
    starts = rng.integers(days, size=(ROUNDS, -(-days // BLOCK)))
    drawn = (starts[:, :, None] + np.arange(BLOCK)).reshape(ROUNDS, -1)[:, :days] % days
    found = _differences(values[drawn], ones[drawn], others[drawn])
    found = found[~np.isnan(found)]
    if len(found) < ROUNDS / 2:
        return None
    low, high = np.percentile(found, (_TAIL, 100 - _TAIL))
    return float(low), float(high)


def _differences(values: FloatArray, ones: BoolArray, others: BoolArray) -> FloatArray:
    return _means(values, ones) - _means(values, others)


def _means(values: FloatArray, chosen: BoolArray) -> FloatArray:
    there = chosen & ~np.isnan(values)
    count = there.sum(axis=1)
    found = np.full(len(values), np.nan)
    np.divide(np.where(there, values, 0.0).sum(axis=1), count, out=found, where=count > 0)
    return found
