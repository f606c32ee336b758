"""Whether a factor still goes with an outcome once the outcome's own day before is known.

The idea of PCMCI (Runge 2019, Science Advances 5:eaau4996) at its smallest: the lagged rank
correlation of what the outcome's own yesterday and the other factors found leave unexplained.
It may come before; that it is the cause, no such number can say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from ..metrics.number import BoolArray, FloatArray
from .effective_size import LAG_SHARE, Side, autocorrelations, correlate
from .laid import LEAST_DAYS, Row

# Of a factor that is another one twice, rounding is left.
_NOTHING = 1e-9


@dataclass(frozen=True, slots=True)
class Partial:
    """The partial rank correlation and how probable chance has it, two-sided."""

    r: float
    chance: float


def partial(factor: Row, outcome: Row, others: Sequence[Row]) -> Partial | None:
    """Correlate what is left of both, given yesterday's outcome and `others`; None of few days."""
    yesterday = np.roll(outcome.ranks, 1)
    before = np.roll(outcome.known, 1)
    before[0] = False
    known = factor.known & outcome.known & before
    for other in others:
        known = known & other.known
    if known.sum() < LEAST_DAYS:
        return None
    given = np.column_stack([np.ones(len(known)), yesterday, *(row.ranks for row in others)])
    left_x = _left(factor.ranks, given, known)
    left_y = _left(outcome.ranks, given, known)
    lags = len(known) // LAG_SHARE
    side = Side(
        rows=left_x[None],
        known=known[None].astype(np.float64),
        autocorrelations=autocorrelations(left_x[None], known, lags),
    )
    found = correlate(side, left_y[None], known, autocorrelations(left_y[None], known, lags))
    r, n_eff = float(found.r[0, 0]), float(found.n_eff[0, 0])
    freedom = n_eff - 3 - (given.shape[1] - 1)
    if not np.isfinite(r) or freedom <= 0:
        return None
    z = abs(float(np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12)))) * freedom**0.5
    return Partial(r=r, chance=2 * NormalDist().cdf(-z))


def _left(values: FloatArray, given: FloatArray, known: BoolArray) -> FloatArray:
    """Return what the given columns do not explain of the known days, 0 elsewhere."""
    found, *_ = np.linalg.lstsq(given[known], values[known], rcond=None)
    left = np.zeros(len(values))
    left[known] = values[known] - given[known] @ found
    left[np.abs(left) <= _NOTHING * np.abs(values).max()] = 0.0
    return left
