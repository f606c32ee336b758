"""Which of a curve's rises and falls count as excursions: those of one SD and more."""

from __future__ import annotations

from collections.abc import Sequence


def rises(extrema: Sequence[float], deviation: float) -> list[float]:
    """Return how high each counted rise is, in the order of `extrema`.

    From the lowest extremum since the last rise ended up to one at least `deviation` higher,
    then on to the highest before a fall of more than `deviation`, or before the end.
    """
    found: list[float] = []
    last = len(extrema) - 1
    at = lowest = 0
    while at <= last:
        if extrema[at] < extrema[lowest]:
            lowest = at
        if extrema[at] - extrema[lowest] < deviation:
            at += 1
            continue
        highest = at
        for place in range(at, last + 1):
            if extrema[place] > extrema[highest]:
                highest = place
            if extrema[place] - extrema[highest] < -deviation or place == last:
                found.append(extrema[highest] - extrema[lowest])
                at = lowest = place
                break
    return found


def falls(extrema: Sequence[float], deviation: float) -> list[float]:
    """Return how deep each counted fall is, as `rises`.

    The next one may begin anywhere from the last one's lowest point on.
    """
    found: list[float] = []
    last = len(extrema) - 1
    at = highest = 0
    while at <= last:
        if extrema[at] > extrema[highest]:
            highest = at
        if extrema[highest] - extrema[at] < deviation:
            at += 1
            continue
        lowest = at
        for place in range(at, last + 1):
            if extrema[place] < extrema[lowest]:
                lowest = place
            if extrema[place] - extrema[lowest] > deviation or place == last:
                found.append(extrema[highest] - extrema[lowest])
                at = place
                highest = max(range(lowest, at + 1), key=extrema.__getitem__)
                break
    return found
