"""Chance that can be asked in any order: numbers that follow from seed, topic and index alone.

SplitMix64's output function (Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195) applied to a
counter: whole-number arithmetic, so the same on every machine and in every release of numpy.
"""

from __future__ import annotations

from enum import IntEnum, auto
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Wholes = NDArray[np.int64]

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


def uniform(seed: int, topic: Topic, index: Wholes) -> Floats:
    """Return one number in [0, 1) for each index."""
    stream = _mixed(np.array([(seed * 64 + topic) & _MASK], dtype=np.uint64))
    words = _mixed(stream + index.astype(np.uint64) * np.uint64(_GOLDEN))
    numbers: Floats = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return numbers


def of_unit(seed: int, topic: Topic, unit: int, count: int = PER_UNIT) -> list[float]:
    """Return the first `count` numbers in [0, 1) that belong to one day or one sensor."""
    start = unit * PER_UNIT
    return [float(number) for number in uniform(seed, topic, np.arange(start, start + count))]


def normal(seed: int, topic: Topic, index: Wholes) -> Floats:
    """Return about normal numbers (mean 0, SD 1, within 3.5): four uniform ones added up."""
    parts = [uniform(seed, topic, index * 4 + part) for part in range(4)]
    together: Floats = (parts[0] + parts[1] + parts[2] + parts[3] - 2.0) * 3.0**0.5
    return together


def smooth(part: Floats) -> Floats:
    """Go from 0 to 1 without a corner while `part` does; clipped outside."""
    inside = np.clip(part, 0.0, 1.0)
    between: Floats = inside * inside * (3.0 - 2.0 * inside)
    return between


def wandering(seed: int, topic: Topic, at: Floats, seconds: int) -> Floats:
    """Return a smooth random line (SD below 1), a knot each `seconds`, at epoch seconds `at`."""
    knot = np.floor(at / seconds)
    part = smooth(at / seconds - knot)
    first = int(knot.min())
    knots = normal(seed, topic, np.arange(first, int(knot.max()) + 2))
    left = (knot - first).astype(np.int64)
    line: Floats = knots[left] * (1.0 - part) + knots[left + 1] * part
    return line


def _mixed(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = words + np.uint64(_GOLDEN)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
