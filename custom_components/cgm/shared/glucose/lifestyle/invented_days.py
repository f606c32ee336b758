"""Outcomes as chance would have them: days that resemble each other as the wearer's do.

Each invented outcome keeps a share of the day before (AR(1)), is correlated with the others as
the wearer's are, has the wearer's weekdays and trend (where a weekday is high, ranks have less
room), the wearer's own values in another order, and the same days unknown. It was made without
looking at any factor, so whatever goes with one is chance. Taking out weekday and trend makes
days look less alike than they are, so shares are judged by their invented days, freed in the
same way (indirect inference: Gourieroux, Monfort, Renault 1993, J Appl Econom 8:S85). Some weeks
do not show a share exactly: every round draws its own, by how probable each share makes what was
seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import NormalDist

import numpy as np

from ..insight import Outcome
from ..metrics.number import FloatArray
from .effective_size import autocorrelations
from .laid import Row
from .plain_days import ranks

_NORMAL = NormalDist()
_SHARES = np.linspace(0, 0.95, 20)
_TRIES = 100
# Of days that cannot be told apart.
_LEAST_SPREAD = 1e-3
# Rounds worked on at a time: some megabytes.
_AT_ONCE = 200


class InventedDays:
    """The invented outcomes of one wearer."""

    def __init__(self, outcomes: Mapping[Outcome, Row], rng: np.random.Generator) -> None:
        """Measure how the days follow themselves; every row has at least one known day."""
        self._rows = outcomes
        self._rng = rng
        self._length = len(next(iter(outcomes.values())).values)
        self._sorted = {
            outcome: np.sort(ranks(row.values[row.known])) for outcome, row in outcomes.items()
        }
        self._usual = {outcome: _usual(row) for outcome, row in outcomes.items()}
        noise = rng.standard_normal((_TRIES, self._length))
        self._likely = np.array([self._likelihood(outcome, noise) for outcome in outcomes])
        self._mix = _mixing(np.array([row.ranks for row in outcomes.values()]))

    def invent(self, rounds: int) -> Iterator[dict[Outcome, FloatArray]]:
        """Yield (rounds, days) of ranks freed of weekday and trend, some rounds at a time."""
        sums = self._likely.cumsum(axis=1)
        for begin in range(0, rounds, _AT_ONCE):
            count = min(_AT_ONCE, rounds - begin)
            noise = self._rng.standard_normal((self._length, count, len(sums))) @ self._mix
            # One draw for all: they are of the same weeks, and err together.
            drawn = self._rng.random(count)
            places = [np.searchsorted(row[:-1], drawn * row[-1], side="right") for row in sums]
            days = _following(noise, _SHARES[np.array(places).T])
            yield {
                outcome: self._as_real(outcome, days[:, :, place].T)
                for place, outcome in enumerate(self._rows)
            }

    def _likelihood(self, outcome: Outcome, noise: FloatArray) -> FloatArray:
        """Return how probable each share makes it that days are as alike as the real ones."""
        row = self._rows[outcome]
        real = float(autocorrelations(row.ranks, row.known, 1)[0])
        away = []
        for share in _SHARES:
            days = _following(noise.T[:, :, None], np.array([share]))[:, :, 0].T
            alike = autocorrelations(self._as_real(outcome, days), row.known, 1)[:, 0]
            spread = max(float(alike.std()), _LEAST_SPREAD)
            away.append(((real - alike.mean()) / spread) ** 2 / 2 + np.log(spread))
        likelihood: FloatArray = np.exp(np.min(away) - np.array(away))
        return likelihood

    def _as_real(self, outcome: Outcome, days: FloatArray) -> FloatArray:
        """Put the real ranks in the order of the invented days, and free them as the real."""
        row = self._rows[outcome]
        usual, size = self._usual[outcome]
        order = (usual + size * days[:, row.known]).argsort(axis=1).argsort(axis=1)
        return row.plain.of(self._sorted[outcome][order])


def _usual(row: Row) -> tuple[FloatArray, float]:
    """Return what weekday and trend make of each known day, and the SD of the rest.

    In normal scores (van der Waerden 1952), the scale on which days are invented.
    """
    shares = (ranks(row.values[row.known]) - 0.5) / row.known.sum()
    scores = np.array([_NORMAL.inv_cdf(share) for share in shares])
    rest = row.plain.of(scores)[row.known]
    freedom = max(len(scores) - row.plain.parts, 1)
    return scores - rest, float(np.sqrt((rest**2).sum() / freedom))


def _following(noise: FloatArray, shares: FloatArray) -> FloatArray:
    """Return days (first axis) of SD 1 that keep their share of the day before."""
    found = noise.copy()
    found[1:] *= np.sqrt(1 - shares**2)
    for day in range(1, len(found)):
        found[day] += shares * found[day - 1]
    return found


def _mixing(rows: FloatArray) -> FloatArray:
    """Return what makes independent noise as correlated as the rows are."""
    sizes = np.sqrt((rows**2).sum(axis=1))
    scaled = rows / np.where(sizes > 0, sizes, 1)[:, None]
    together = scaled @ scaled.T
    np.fill_diagonal(together, 1)
    # Holes can make it slightly impossible.
    values, vectors = np.linalg.eigh(together)
    mix = np.sqrt(np.maximum(values, 0))[:, None] * vectors.T
    found: FloatArray = mix / np.sqrt((mix**2).sum(axis=0))
    return found
