"""Days as ranks from which the weekday and a steady trend are taken, so that neither links two.

Ranks, not numbers, are freed of them: the wildest day weighs no more than the second wildest, and
many equal days (no exercise) stay equal but for their weekday. What is left is correlated: a
partial rank correlation.
"""

from __future__ import annotations

import numpy as np

from ..metrics.number import BoolArray, FloatArray, IntArray

_WEEK = 7
# Of a column that is a sum of the others, or of ranks that a weekday explains wholly.
_NOTHING = 1e-9
# The share at either end that is drawn in to the value at that share.
_TAIL = 5


def ranks(values: FloatArray) -> FloatArray:
    """Return the ranks of a row, 1 and up, equal values sharing their middle."""
    ordered, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    found: FloatArray = ((2 * last - counts + 1) / 2)[place] if len(ordered) else values
    return found


def winsorised(values: FloatArray) -> FloatArray:
    """Return the values, the outer 5 % at each end drawn in; NaN stays."""
    known = ~np.isnan(values)
    if not known.any():
        return values
    low, high = np.percentile(values[known], (_TAIL, 100 - _TAIL))
    return np.clip(values, low, high)


class Plain:
    """Takes the weekday's mean and a straight line out of days with the same holes."""

    def __init__(self, known: BoolArray, weekdays: IntArray) -> None:
        """Take which of the days are known, and the weekday of every day."""
        self.known = known
        days = np.flatnonzero(known)
        columns = [weekdays[days] == weekday for weekday in range(_WEEK)]
        table = np.column_stack([*columns, days - days.mean() if len(days) else days])
        parts, sizes, _ = np.linalg.svd(table.astype(np.float64), full_matrices=False)
        self._basis: FloatArray = parts[:, sizes > _NOTHING * max(sizes.max(initial=0), 1)]

    @property
    def parts(self) -> int:
        """How many numbers are taken out: weekdays there are, and the slope."""
        return int(self._basis.shape[1])

    def of(self, rows: FloatArray) -> FloatArray:
        """Return rows of known days' values freed of both, laid on all days, 0 where unknown."""
        freed = rows - (rows @ self._basis) @ self._basis.T
        size = np.abs(rows).max(axis=-1, keepdims=True, initial=0)
        freed[np.abs(freed) <= _NOTHING * np.broadcast_to(size, freed.shape)] = 0.0
        laid = np.zeros((*rows.shape[:-1], len(self.known)))
        laid[..., self.known] = freed
        return laid
