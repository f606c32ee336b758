"""How much an outcome differs between two groups of days, in its own unit, and how surely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..metrics.number import BoolArray
from .block_bootstrap import difference, interval
from .laid import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """The mean of the one group minus that of the other, and its 95 % interval."""

    size: float
    low: float
    high: float


def effect(row: Row, ones: BoolArray, others: BoolArray, rng: np.random.Generator) -> Effect | None:
    """Compare two groups of days, weekday and trend removed; None where the interval has 0.

    What weekday and trend take out of the outcome they take out of the groups, too: the
    difference is of as much of the groups as is left, and grows by the rest (Frisch and Waugh
    1933, Econometrica 1:387).
    """
    between = interval(row.numbers, ones, others, rng)
    known = (ones.astype(np.float64) - others)[row.known]
    left = float((row.plain.of(known) ** 2).sum())
    if between is None or between[0] * between[1] <= 0 or not left > 0:
        return None
    grown = float(((known - known.mean()) ** 2).sum()) / left
    size = difference(row.numbers, ones, others)
    return Effect(size=grown * size, low=grown * between[0], high=grown * between[1])
