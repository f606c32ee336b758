"""Slow, obvious twins of the matrix profile and what is taken from it: every pair by definition.

Values are lists of numbers or None; windows are their starts. Nothing here knows numpy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

Values = Sequence[float | None]
Window = list[float]
Shape = Callable[[Window], Window]


def as_it_is(window: Window) -> Window:
    """Leave level and amplitude."""
    return window


def less_its_mean(window: Window) -> Window:
    """Leave the amplitude."""
    mean = math.fsum(window) / len(window)
    return [value - mean for value in window]


def over_its_spread(window: Window) -> Window:
    """Leave the shape alone; nothing of a flat window."""
    centred = less_its_mean(window)
    if len(set(window)) == 1:
        return [0.0] * len(window)
    spread = math.sqrt(math.fsum(value * value for value in centred) / len(window))
    return [value / spread for value in centred]


def apart(one: Window, other: Window, shape: Shape) -> float:
    """Take the Euclidean distance of two windows."""
    pairs = zip(shape(one), shape(other), strict=True)
    return math.sqrt(math.fsum((a - b) ** 2 for a, b in pairs))


def windows_of(values: Values, m: int) -> dict[int, Window]:
    """Take every window without a gap, by its start."""
    found: dict[int, Window] = {}
    for start in range(len(values) - m + 1):
        window = [value for value in values[start : start + m] if value is not None]
        if len(window) == m:
            found[start] = window
    return found


def distances(values: Values, m: int, shape: Shape) -> dict[int, dict[int, float]]:
    """Take each window's distance from every other that begins more than ceil(m / 4) away."""
    windows = windows_of(values, m)
    zone = math.ceil(Fraction(m, 4))
    shapes = {start: shape(window) for start, window in windows.items()}
    return {
        one: {
            other: math.dist(shapes[one], shapes[other])
            for other in windows
            if abs(one - other) > zone
        }
        for one in windows
    }


def profile(values: Values, m: int, shape: Shape) -> list[float]:
    """Take the distance to the nearest, infinite where there is none."""
    found = distances(values, m, shape)
    return [
        min(found.get(start, {}).values(), default=math.inf) for start in range(len(values) - m + 1)
    ]
