"""Mean amplitude of glycemic excursions, found by two moving averages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .grid import DayGrid
from .mage_excursions import falls, rises
from .number import BoolArray, FloatArray, IntArray, finite, spread

SHORT, LONG = 5, 32
LONGEST_HOLE_MINUTES = 180
LEAST_SD_MG_DL = 1.0
# Nearer to zero than this the difference of two averages is worked out exactly: whether they
# are equal decides where they cross.
_UNSURE = 1e-7


@dataclass(frozen=True, slots=True)
class Mage:
    """All in mg/dL: the mean of rises and falls (iglu's default), rises and falls alone."""

    average: float
    plus: float | None
    minus: float | None


@dataclass(frozen=True, slots=True)
class _Stretch:
    """What one stretch without long holes gave: its length in steps, and its mean swings."""

    steps: int
    plus: float | None
    minus: float | None


def mage(grid: DayGrid) -> Mage | None:
    """Return the mean swing of more than one SD, over a grid of 5 minutes.

    Service 1970, Diabetes 19:644; Fernandes 2022, J Diabetes Sci Technol 16:576; iglu 4.3.0
    `mage(version = "ma")`. Holes over 180 minutes part the curve. In each part the crossings of
    the short (5 cells) and the long (32) trailing average bound one extremum each; swings of at
    least one SD of the part are taken from the left (mage_excursions.py). Parts count by their
    length. None without a swing. `plus` and `minus` are None where a part has only the other.
    """
    found = [swings for part in _stretches(grid.flat) if (swings := _swings(part)) is not None]
    if not found:
        return None
    both = [
        (part.steps, value)
        for part in found
        for value in (part.plus, part.minus)
        if value is not None
    ]
    return Mage(
        average=_by_length(both),
        plus=_by_length_of_all([(part.steps, part.plus) for part in found]),
        minus=_by_length_of_all([(part.steps, part.minus) for part in found]),
    )


def _by_length(swings: Sequence[tuple[int, float]]) -> float:
    return sum(steps * value for steps, value in swings) / sum(steps for steps, _ in swings)


def _by_length_of_all(swings: Sequence[tuple[int, float | None]]) -> float | None:
    values = [(steps, value) for steps, value in swings if value is not None]
    return _by_length(values) if len(values) == len(swings) else None


def _stretches(flat: FloatArray) -> Iterator[FloatArray]:
    """Yield what lies between holes of more than 180 minutes; each begins and ends known."""
    there = np.flatnonzero(~np.isnan(flat))
    # So many cells apart, the unknown ones between them are more than 180 minutes.
    breaks = np.flatnonzero(np.diff(there) > LONGEST_HOLE_MINUTES // 5 + 1)
    for part in np.split(there, breaks + 1):
        if len(part):
            yield flat[part[0] : part[-1] + 1]


def _swings(cells: FloatArray) -> _Stretch | None:
    """Return one stretch's mean rise and fall; None of one too short or too level."""
    deviation = spread(finite(cells))
    if len(cells) < LONG or deviation is None or deviation < LEAST_SD_MG_DL:
        return None
    extrema = _extrema(cells)
    plus, minus = rises(extrema, deviation), falls(extrema, deviation)
    if not plus and not minus:
        return None
    return _Stretch(
        steps=len(cells) - 1,
        plus=sum(plus) / len(plus) if plus else None,
        minus=sum(minus) / len(minus) if minus else None,
    )


def _extrema(cells: FloatArray) -> list[float]:
    """Return the lowest or highest value about each crossing, oldest first."""
    difference = _difference(cells)
    crossings = _crossings(cells, difference)
    peaks = (difference[crossings] > 0).tolist()
    unknown = np.isnan(cells)
    as_high = np.where(unknown, -np.inf, cells).tolist()
    as_low = np.where(unknown, np.inf, cells).tolist()
    extrema: list[float] = []
    left = 0
    for peak, until in zip(peaks, [*crossings[1:].tolist(), len(cells) - 1], strict=True):
        stretch = as_high[left : until + 1] if peak else as_low[left : until + 1]
        value = max(stretch) if peak else min(stretch)
        left += stretch.index(value)
        extrema.append(value)
    return extrema


def _crossings(cells: FloatArray, difference: FloatArray) -> IntArray:
    """Return the first cell, and each at which the averages have changed sides."""
    there = ~np.isnan(cells) & ~np.isnan(difference)
    there[1:] &= there[:-1].copy()
    there[0] = True
    side = np.sign(difference)
    turned = np.zeros(len(cells), dtype=np.bool_)
    turned[1:] = there[1:] & (side[1:] * side[:-1] < 0)
    places = np.flatnonzero(there & (side != 0))
    if side[0] == 0:
        # Equal at the start there is no side to change from, until neighbours differ.
        first = np.flatnonzero(turned)
        places = places[places >= first[0]] if len(first) else places[:0]
        changed: BoolArray = np.ones(len(places), dtype=np.bool_)
    else:
        changed = np.zeros(len(places), dtype=np.bool_)
    changed[1:] = side[places[1:]] != side[places[:-1]]
    crossed = places[changed | turned[places]]
    return np.unique(np.concatenate(([0], crossed))).astype(np.int64)


def _difference(cells: FloatArray) -> FloatArray:
    """Return the short trailing average less the long one, NaN where one knows nothing."""
    unknown = np.isnan(cells)
    filled = np.where(unknown, 0.0, cells)
    found = _trailing(filled, unknown, SHORT) - _trailing(filled, unknown, LONG)
    unsure = np.flatnonzero(np.abs(found) < _UNSURE)
    if len(unsure):
        found[unsure] = _exact_means(filled, unknown, unsure, SHORT)
        found[unsure] -= _exact_means(filled, unknown, unsure, LONG)
    return found


def _trailing(filled: FloatArray, unknown: BoolArray, width: int) -> FloatArray:
    """Return each cell's mean of the `width` up to it; the first cells take the first such mean."""
    sums = sliding_window_view(filled, width).sum(axis=1)
    counts = width - sliding_window_view(unknown, width).sum(axis=1)
    means = np.full(len(filled), np.nan)
    np.divide(sums, counts, out=means[width - 1 :], where=counts > 0)
    means[: width - 1] = means[width - 1]
    return means


def _exact_means(
    filled: FloatArray, unknown: BoolArray, places: IntArray, width: int
) -> FloatArray:
    """Return the means rounded once: a level stretch has one average, however long.

    As R's mean(): summed in extended precision, then corrected by the mean of what is left.
    """
    windows = np.maximum(places - width + 1, 0)
    values = sliding_window_view(filled, width)[windows].astype(np.longdouble)
    there = ~sliding_window_view(unknown, width)[windows]
    counts = there.sum(axis=1)
    means = values.sum(axis=1) / counts
    means += np.where(there, values - means[:, None], 0).sum(axis=1) / counts
    rounded: FloatArray = means.astype(np.float64)
    return rounded
