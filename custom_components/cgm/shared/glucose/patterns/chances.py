"""How probable it is that chance alone has something as strong reported, over every kind tried."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..insight import InsightKind
from ..metrics.number import FloatArray

# Of wearers whose glucose repeats nothing, at most this share is told anything by patterns.
BUDGET = 0.025
# Rises have about half of the budget: they are asked for at most hours and on most weekdays.
_WEIGHTS = {InsightKind.RISE: 6.0}


class Chances:
    """What chance did in each kind, and in all of them together.

    `strongest` holds each kind's largest strength in each round of chance, the kinds' rounds
    side by side. Kinds are not equally wild, so each strength becomes its rank among what
    chance did in its own kind; the smallest of a round over all kinds is what the round would
    have reported (minimum of p-values: Westfall and Young 1993).
    """

    def __init__(self, strongest: Mapping[InsightKind, FloatArray]) -> None:
        """Take what chance did; kinds in which nothing was tried are left out by the caller."""
        self._sorted = {kind: np.sort(rounds) for kind, rounds in strongest.items()}
        smallest = [
            self._ranks(kind, rounds) / self._weight(kind) for kind, rounds in strongest.items()
        ]
        self._smallest = np.sort(np.min(smallest, axis=0)) if smallest else np.empty(0)

    def of(self, kind: InsightKind, strength: float) -> float:
        """Return the probability that chance reports something at least as surprising."""
        rank = (self._ranks(kind, np.array([strength]))[0] + 1) / self._weight(kind)
        as_rare = int(np.searchsorted(self._smallest, rank, side="right"))
        return (1 + as_rare) / (1 + len(self._smallest))

    @staticmethod
    def _weight(kind: InsightKind) -> float:
        return _WEIGHTS.get(kind, 1.0)

    def _ranks(self, kind: InsightKind, strengths: FloatArray) -> FloatArray:
        """Count the kind's rounds of chance that are at least as strong."""
        rounds = self._sorted[kind]
        return (len(rounds) - np.searchsorted(rounds, strengths, side="left")).astype(np.float64)
