"""The nearest partner of each window among all others: the matrix profile's inner loop.

A row of the pairs' matrix is one window beside all later ones. It is made of the row before by a
few operations on whole arrays (window_products.py) and serves both windows of each pair. Lags are
taken in blocks that stay in a processor's cache, and every few thousand rows a block begins anew:
no rounding adds up, and memory does not grow with the number of pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from ..metrics.number import BoolArray, FloatArray, IntArray
from .window_products import WindowProducts

# Lags of one block, and of one of its bands that lie side by side; measured, not delicate.
_BLOCK = 16_384
_BAND = 256
_ROWS_ANEW = 4096
_Place = TypeVar("_Place", int, IntArray)
_Value = TypeVar("_Value", np.float64, np.bool_)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lags:
    """How far partners may be apart: `count` bands of `width` lags, a `period` from each other."""

    first: int
    width: int
    period: int
    count: int

    @property
    def beyond(self) -> int:
        """The first lag after all of them."""
        return self.first + (self.count - 1) * self.period + self.width

    @classmethod
    def all(cls, first: int, windows: int) -> tuple[Lags, ...]:
        """Return every lag of that many windows from `first` on, in blocks."""
        return tuple(
            cls(
                first=start,
                width=_BAND,
                period=_BAND,
                count=-(-min(_BLOCK, windows - start) // _BAND),
            )
            for start in range(first, windows, _BLOCK)
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contest:
    """How pairs are ranked: the least join(join(product, weight_j), weight_i) is the nearest.

    `join` adds, or multiplies by weights of 0 and more; there is one weight a window, and `open`
    tells which windows take part. `nearest_lag`, where given, is for each window the least lag
    of a later partner, within the first band.
    """

    products: WindowProducts
    join: np.ufunc
    weights: FloatArray
    open: BoolArray
    nearest_lag: IntArray | None = None


def nearest(contest: Contest, blocks: tuple[Lags, ...]) -> IntArray:
    """Return each window's partner, -1 where it has none; one of those that are equally near."""
    windows = len(contest.weights)
    padding = max((lags.beyond for lags in blocks), default=0)
    best = _padded(np.where(contest.open, np.inf, -np.inf), windows + padding, -np.inf)
    partners = np.full(windows, -1, dtype=np.int64)
    for lags in blocks:
        _Walk(contest, lags, best, partners).down()
    return partners


def _padded(values: FloatArray, length: int, filling: float) -> FloatArray:
    return np.concatenate([values, np.full(length - len(values), filling)])


class _Walk:
    """One block of lags, walked down its rows; the best found so far is kept in the two given."""

    def __init__(self, contest: Contest, lags: Lags, best: FloatArray, partners: IntArray) -> None:
        self._contest = contest
        self._lags = lags
        self._best = best
        self._partners = partners
        windows, length = len(partners), len(best)
        self._rows = max(windows - lags.first, 0)
        # Who takes no part is infinitely far or, where weights multiply, like nothing else.
        nothing = np.inf if contest.join is np.add else 0.0
        self._weights = np.where(contest.open, contest.weights, nothing)
        self._closed = np.concatenate([~contest.open, np.ones(length - windows, dtype=np.bool_)])
        self._best_of = self._banded(best)
        self._weight_of = self._banded(_padded(self._weights, length, nothing))
        self._closed_of = self._banded(self._closed)
        first, second = contest.products.columns
        self._first_of = self._banded(_padded(first, length, 0.0))
        self._second_of = self._banded(_padded(second, length, 0.0))
        shape = (lags.count, lags.width)
        self._product, self._ranked = np.empty(shape), np.empty(shape)
        self._hit = np.empty(shape, dtype=np.bool_)

    def _banded(self, padded: NDArray[_Value]) -> NDArray[_Value]:
        """Return a view (row, band, lag within it) of the later windows' values."""
        lags, size = self._lags, padded.itemsize
        return as_strided(
            padded[lags.first :],
            (self._rows, lags.count, lags.width),
            (size, size * lags.period, size),
            writeable=False,
        )

    def down(self) -> None:
        """Rank every pair."""
        lags, last = self._lags, self._rows - 1
        for row in range(self._rows):
            # Bands of which at least one lag still has a window.
            live = min(lags.count, (last - row) // lags.period + 1)
            if row % _ROWS_ANEW == 0:
                self._begin(row)
            else:
                self._grow(row - 1, live)
            if self._contest.open[row]:
                self._judge(row, live)

    def _begin(self, row: int) -> None:
        """Make the products of a row from nothing."""
        lags, windows = self._lags, len(self._partners)
        start = row + lags.first
        span = lags.beyond - lags.first
        found = self._contest.products.of_row(row, start, min(span, windows - start))
        padded = _padded(found, span, 0.0)
        size = padded.itemsize
        self._product[:] = as_strided(
            padded, self._product.shape, (size * lags.period, size), writeable=False
        )

    def _grow(self, before: int, live: int) -> None:
        """Make the products of the next row."""
        first, second = self._contest.products.rows
        product, gained = self._product[:live], self._ranked[:live]
        np.multiply(self._first_of[before, :live], first[before], out=gained)
        np.add(product, gained, out=product)
        np.multiply(self._second_of[before, :live], second[before], out=gained)
        np.add(product, gained, out=product)

    def _judge(self, row: int, live: int) -> None:
        """Keep what is nearer than the best so far, for the row's window and all its partners."""
        join, weight = self._contest.join, self._weights[row]
        ranked = self._ranked[:live]
        join(self._product[:live], self._weight_of[row, :live], out=ranked)
        flat = ranked.reshape(-1)
        if self._contest.nearest_lag is not None:
            flat[: max(int(self._contest.nearest_lag[row]) - self._lags.first, 0)] = np.inf
        at = int(flat.argmin())
        if self._closed[row + self._lag(at)]:
            ranked[self._closed_of[row, :live]] = np.inf
            at = int(flat.argmin())
        if flat[at] == np.inf:
            return
        join(ranked, weight, out=ranked)
        if flat[at] < self._best[row]:
            self._best[row] = flat[at]
            self._partners[row] = row + self._lag(at)
        hit = np.less(ranked, self._best_of[row, :live], out=self._hit[:live]).reshape(-1)
        if hit.any():
            places = np.flatnonzero(hit)
            others: IntArray = row + self._lag(places)
            self._best[others] = flat[places]
            self._partners[others] = row

    def _lag(self, place: _Place) -> _Place:
        lags = self._lags
        return lags.first + place // lags.width * lags.period + place % lags.width
