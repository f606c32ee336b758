"""The matrix profile of evenly spaced glucose, in three measures: each window's nearest other.

Yeh et al. 2016 (Matrix Profile I, ICDM); the exclusion zone is STUMPY's: windows that begin at
most ceil(m / 4) places apart are no partners. Partners are searched for quickly (nearest.py);
what is told is each pair's distance by definition. `values` are at even times, NaN where nothing
is known: a window that touches NaN has no partner and is nobody's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..metrics.number import BoolArray, FloatArray, IntArray
from .nearest import Contest, Lags, nearest
from .window_products import WindowProducts, window_sums

SHORTEST = 3
_ZONE_SHARE = 4
# Pairs whose windows are compared at a time: some megabytes at the longest of them.
_AT_ONCE = 1024


@dataclass(frozen=True, eq=False, slots=True)
class Profile:
    """Each window of `m` values: how far its nearest other is, and where that begins.

    `distances` are infinite and `partners` -1 where there is none. Raises ValueError for
    anything else.
    """

    m: int
    distances: FloatArray
    partners: IntArray

    def __post_init__(self) -> None:
        """Refuse what is no profile."""
        if self.distances.shape != self.partners.shape or self.distances.ndim != 1:
            raise ValueError("as many partners as distances, in one row")
        alone = self.partners < 0
        if np.any(np.isinf(self.distances) != alone) or np.any(self.partners[alone] != -1):
            raise ValueError("who has no partner is infinitely far from it")
        if not np.all(self.distances >= 0) or np.any(self.partners >= len(self.partners)):
            raise ValueError("a distance is 0 or more, to one of the windows")
        self.distances.flags.writeable = False
        self.partners.flags.writeable = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """Which windows may be partners: only `eligible` ones, so far apart as `lags` allow.

    `nearest_lag` is for each window the least lag of a later partner, within the first band.
    """

    eligible: BoolArray
    lags: Lags
    nearest_lag: IntArray


def exclusion(m: int) -> int:
    """Return how many places apart windows are too near to be partners, as STUMPY's default."""
    return -(-m // _ZONE_SHARE)


def known_windows(values: FloatArray, m: int) -> BoolArray:
    """Tell which windows have no gap; ValueError where there is no window of that length."""
    if m < SHORTEST or len(values) < m:
        raise ValueError(f"windows are of {SHORTEST} values at least, and no longer than all")
    known: BoolArray = window_sums(np.isnan(values).astype(np.float64), m) == 0
    return known


def un_normalised(values: FloatArray, m: int) -> Profile:
    """Return the Euclidean profile (STUMPY's aamp with p = 2), mg/dL times the root of m."""
    filled, known = _filled(values, m)
    products = WindowProducts.dot(filled, m, -2.0)
    weights = window_sums(filled * filled, m)
    contest = Contest(products=products, join=np.add, weights=weights, open=known)
    partners = nearest(contest, Lags.all(exclusion(m) + 1, len(known)))
    return Profile(m, _distances(filled, m, partners, _as_they_are), partners)


def mean_centred(values: FloatArray, m: int, choice: Choice | None = None) -> Profile:
    """Return the profile of windows each less its own mean: level is hidden, amplitude is not.

    D² = m(s_i² + s_j²) - 2(q - m u_i u_j), with s the windows' spreads (of n), u their means and
    q their product sum.
    """
    filled, known = _filled(values, m)
    contest = Contest(
        products=WindowProducts.covariance(filled, m, -2.0),
        join=np.add,
        weights=_variations(filled, m),
        open=known if choice is None else known & choice.eligible,
        nearest_lag=None if choice is None else choice.nearest_lag,
    )
    lags = Lags.all(exclusion(m) + 1, len(known)) if choice is None else (choice.lags,)
    partners = nearest(contest, lags)
    return Profile(m, _distances(filled, m, partners, _less_their_mean), partners)


def z_normalised(values: FloatArray, m: int) -> Profile:
    """Return the profile of windows each less its mean and over its spread (STUMPY's stump).

    D = √(2m(1 - r)), r the correlation. A flat window has no spread: it is at 0 from
    another flat one and at √m from all else, as in STUMPY.
    """
    filled, known = _filled(values, m)
    flat = window_sums((np.diff(filled) != 0).astype(np.float64), m - 1) == 0
    variations = _variations(filled, m)
    lively = known & ~flat & (variations > 0)
    spreads = np.sqrt(np.where(lively, variations, 1.0))
    contest = Contest(
        products=WindowProducts.covariance(filled, m, -1.0),
        join=np.multiply,
        weights=1 / spreads,
        open=lively,
    )
    partners = nearest(contest, Lags.all(exclusion(m) + 1, len(known)))
    distances = _distances(filled, m, partners, _over_their_spread)
    zone, far = exclusion(m), float(np.sqrt(m))
    flat = known & ~lively
    for who, whom, distance in ((flat, flat, 0.0), (known, flat, far), (flat, known, far)):
        found = _first_beyond(zone, whom)
        nearer = who & (found >= 0) & (distances > distance)
        distances[nearer], partners[nearer] = distance, found[nearer]
    return Profile(m, distances, partners)


def _filled(values: FloatArray, m: int) -> tuple[FloatArray, BoolArray]:
    """Return the values about zero, by whole mg/dL, gaps as zeros; and which windows have none."""
    known = known_windows(values, m)
    there = ~np.isnan(values)
    middle = np.rint(values[there].mean()) if there.any() else 0.0
    return np.where(there, values - middle, 0.0), known


def _variations(filled: FloatArray, m: int) -> FloatArray:
    """Return 2m times each window's sum of squares about its mean."""
    sums = window_sums(filled, m)
    found: FloatArray = 2 * (m * window_sums(filled * filled, m) - sums * sums)
    return found


def _as_they_are(windows: FloatArray) -> FloatArray:
    return windows


def _less_their_mean(windows: FloatArray) -> FloatArray:
    centred: FloatArray = windows - windows.mean(axis=1, keepdims=True)
    return centred


def _over_their_spread(windows: FloatArray) -> FloatArray:
    scaled: FloatArray = _less_their_mean(windows) / windows.std(axis=1, keepdims=True)
    return scaled


def _distances(
    filled: FloatArray, m: int, partners: IntArray, shape: Callable[[FloatArray], FloatArray]
) -> FloatArray:
    """Return each window's distance from its partner, by definition."""
    windows = sliding_window_view(filled, m)
    found = np.full(len(partners), np.inf)
    paired = np.flatnonzero(partners >= 0)
    for start in range(0, len(paired), _AT_ONCE):
        some = paired[start : start + _AT_ONCE]
        apart = shape(windows[some]) - shape(windows[partners[some]])
        found[some] = np.sqrt((apart * apart).sum(axis=1))
    return found


def _first_beyond(zone: int, whom: BoolArray) -> IntArray:
    """Return for each window the first or the last of `whom` that is beyond its zone, else -1."""
    places = np.arange(len(whom))
    there = np.flatnonzero(whom)
    if not len(there):
        return np.full(len(whom), -1, dtype=np.int64)
    first, last = there[0], there[-1]
    late = np.where(last - places > zone, last, -1)
    found: IntArray = np.where(places - first > zone, first, late)
    return found
