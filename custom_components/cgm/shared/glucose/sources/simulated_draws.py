"""Chance that can be asked in any order: numbers that follow from seed, topic and index alone.

SplitMix64's output function (Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195) applied to a
counter: whole-number arithmetic, so the same on every machine and in every release of Python.
"""

from __future__ import annotations

import math
from enum import IntEnum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1
# How many numbers one day, sensor or other unit may draw under one topic.
PER_UNIT = 128


class Topic(IntEnum):
    """What a number is drawn for: each topic has its own sequence."""

    PERSON = auto()
    DAY = auto()
    MEALS = auto()
    MISHAPS = auto()
    DRIFT = auto()
    SENSITIVITY = auto()
    ATTENTION = auto()
    SENSOR = auto()
    SENSOR_DRIFT = auto()
    NOISE_SLOW = auto()
    NOISE_FAST = auto()
    COMPRESSION = auto()
    GAPS = auto()
    LOST = auto()
    DELAY = auto()


def uniform(seed: int, topic: Topic, index: Iterable[int]) -> Iterator[float]:
    """Yield one number in [0, 1) for each index."""
    stream = _mixed(seed * 64 + topic)
    for one in index:
        yield (_mixed(stream + one * _GOLDEN) >> 11) * 2.0**-53


def of_unit(seed: int, topic: Topic, unit: int, count: int = PER_UNIT) -> Iterator[float]:
    """Yield the first `count` numbers in [0, 1) that belong to one day or one sensor."""
    start = unit * PER_UNIT
    return uniform(seed, topic, range(start, start + count))


def normal(seed: int, topic: Topic, index: Iterable[int]) -> Iterator[float]:
    """Yield about normal numbers (mean 0, SD 1, within 3.5): four uniform ones added up."""
    parts = uniform(seed, topic, (one * 4 + part for one in index for part in range(4)))
    for first, second, third, fourth in zip(parts, parts, parts, parts, strict=True):
        yield (first + second + third + fourth - 2.0) * 3.0**0.5


def smooth(part: float) -> float:
    """Go from 0 to 1 without a corner while `part` does; clipped outside."""
    if part <= 0.0:
        return 0.0
    return part * part * (3.0 - 2.0 * part) if part < 1.0 else 1.0


def wandering(seed: int, topic: Topic, at: Sequence[float], seconds: int) -> Iterator[float]:
    """Yield a smooth random line (SD below 1), a knot each `seconds`, at rising epoch seconds."""
    first = math.floor(at[0] / seconds)
    knots = list(normal(seed, topic, range(first, math.floor(at[-1] / seconds) + 2)))
    for moment in at:
        place = moment / seconds
        knot = math.floor(place)
        part = smooth(place - knot)
        left = knot - first
        yield knots[left] * (1.0 - part) + knots[left + 1] * part


def _mixed(word: int) -> int:
    mixed = (word + _GOLDEN) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return mixed ^ (mixed >> 31)
