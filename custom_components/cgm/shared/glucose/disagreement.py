"""Whether two sources tell different stories about one wearer, so that one of them is wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations
from typing import TYPE_CHECKING

from .merge import parted, streams
from .reading import Bound

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from .merge import Stream
    from .reading import Reading

APART_MG_DL = 20
APART_SHARE = 0.2
APART_FOR = timedelta(minutes=15)
# Further apart in time, a fast rise alone makes 20 mg/dL.
PAIRED_WITHIN = timedelta(minutes=2.5)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two sources that are apart, each by its reading of the newest pair; the higher one first."""

    first: Reading
    second: Reading

    @property
    def sources(self) -> tuple[str, str]:
        """The ids of both, in the wearer's order."""
        return self.first.source, self.second.source


def disagreement(
    readings: Iterable[Reading],
    order: Sequence[str],
    cadences: Mapping[str, timedelta],
    now: datetime,
) -> Disagreement | None:
    """Return the first two current sources that have been apart for 15 minutes, else None."""
    counting, _ = parted(readings, now)
    return disagreement_among(streams(counting, order, cadences), now)


def disagreement_among(ranked: Sequence[Stream], now: datetime) -> Disagreement | None:
    """Return the same of streams that hold nothing ahead of `now`.

    Two current live sources are apart when every comparable pair of the last 15 minutes, from
    the newest pair back, differs by more than 20 mg/dL and by more than 20 % of the lower
    value, and the pairs reach back 15 minutes, give or take two and a half. A pair is a
    reading of the first and the nearest of the second, at most two and a half minutes off
    (two sensors that measure every 15 minutes at different times are not compared).
    """
    current = [stream for stream in ranked if stream.live and stream.current(now)]
    for first, second in combinations(current, 2):
        pairs = _pairs(first.readings, second.readings)
        if (
            pairs
            and pairs[0][0].time - pairs[-1][0].time >= APART_FOR - PAIRED_WITHIN
            and all(_apart(*pair) for pair in pairs)
        ):
            return Disagreement(*pairs[0])
    return None


def _pairs(first: Sequence[Reading], second: Sequence[Reading]) -> list[tuple[Reading, Reading]]:
    """Return the comparable pairs of the last 15 minutes, newest first."""
    pairs: list[tuple[Reading, Reading]] = []
    place = len(second) - 1
    for reading in reversed(first):
        if pairs and pairs[0][0].time - reading.time > APART_FOR + PAIRED_WITHIN:
            break
        while place > 0 and _off(reading, second[place - 1]) <= _off(reading, second[place]):
            place -= 1
        if _off(reading, second[place]) <= PAIRED_WITHIN:
            pairs.append((reading, second[place]))
    return pairs


def _off(one: Reading, other: Reading) -> timedelta:
    """Return how far apart in time two readings are."""
    return abs(one.time - other.time)


def _apart(one: Reading, other: Reading) -> bool:
    """Tell whether two readings differ too much wherever beyond its bound a true value lies."""
    lower, upper = sorted((_possible(one), _possible(other)))
    difference = upper[0] - lower[1]
    return difference > APART_MG_DL and difference > APART_SHARE * lower[1]


def _possible(reading: Reading) -> tuple[float, float]:
    """Return the least and the most mg/dL that the reading can mean."""
    if reading.bound is Bound.LOW:
        return 0, reading.mg_dl
    if reading.bound is Bound.HIGH:
        return reading.mg_dl, math.inf
    return reading.mg_dl, reading.mg_dl
