"""Motifs: shapes that come back on other days near the same time of day.

The pair that is least unlike comes from the mean-centred profile (profile.py): normalised windows
would hide how far glucose went. Fox et al. 2017 (Contextual Motifs, KDD) found for CGM that
context, here the time of day, counts more than shape. A motif proposes; it is no finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..metrics.number import BoolArray, FloatArray, IntArray
from .fine_days import FineDays
from .nearest import Lags
from .profile import Choice, mean_centred

LEAST_SWING = 40.0
NEAR_MINUTES = 90
LEAST_DAYS = 3
# A day has the shape when what it differs by is under half of the shape's own spread: the shape
# then explains three quarters of it.
_LIKE = 0.5
# Pairs that are looked at, the nearest first, before no more motifs are expected.
_PAIRS_TRIED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Motif:
    """One shape of `minutes` on several days, oldest first, with the start on each of them.

    `curve` is the days' median glucose, mg/dL at each `step` minutes; `swing` the median of
    highest less lowest; `unlike` the root mean square difference of the nearest pair, each less
    its mean, mg/dL.
    """

    minutes: int
    step: int
    days: tuple[date, ...]
    starts: tuple[time, ...]
    curve: tuple[float, ...]
    swing: float
    unlike: float


def motifs(days: FineDays, minutes: int, most: int = 3) -> tuple[Motif, ...]:
    """Return at most `most` shapes, the likest pair's first; none overlaps another.

    Each window has a swing of 40 mg/dL or more; partners are on different days, begin within 90
    minutes of the same time and never just after each other. A shape is told on 3 days or more.
    ValueError for a length that is no multiple of the days' step, or beyond a day.
    """
    m = days.windows_of(minutes)
    swings = _swings(days.flat, m)
    free = swings >= LEAST_SWING
    near = NEAR_MINUTES // days.step
    profile = mean_centred(
        days.flat,
        m,
        Choice(
            eligible=free,
            lags=Lags(
                first=days.per_day - near, width=2 * near + 1, period=days.per_day, count=len(days)
            ),
            nearest_lag=days.per_day - days.slots[: len(swings)],
        ),
    )
    order = np.argsort(profile.distances, kind="stable")[:_PAIRS_TRIED]
    found: list[Motif] = []
    for place in order[np.isfinite(profile.distances[order])]:
        if len(found) == most:
            break
        if not (free[place] and free[profile.partners[place]]):
            continue
        members = np.array(list(_members(days, int(place), m, free)), dtype=np.int64)
        if len(members) < LEAST_DAYS:
            continue
        unlike = float(profile.distances[place] / np.sqrt(m))
        found.append(_motif(days, members, m, swings, unlike))
        for member in members:
            free[max(member - m + 1, 0) : member + m] = False
    return tuple(found)


def _swings(values: FloatArray, m: int) -> FloatArray:
    """Return highest less lowest of each window, NaN of those with gaps."""
    windows = sliding_window_view(values, m)
    found: FloatArray = windows.max(axis=1) - windows.min(axis=1)
    return found


def _members(days: FineDays, place: int, m: int, free: BoolArray) -> Iterator[int]:
    """Yield, oldest first, where the shape at `place` comes back: the likest start of each day."""
    shape = days.flat[place : place + m]
    shape = shape - shape.mean()
    near = NEAR_MINUTES // days.step
    slot = place % days.per_day
    starts = np.flatnonzero(free)
    late = (days.slots[starts] - slot + near) % days.per_day
    starts = starts[late <= 2 * near]
    unlike = _unlike(days.flat, starts, shape)
    like = unlike <= _LIKE * shape.std()
    starts, unlike = starts[like], unlike[like]
    on = starts // days.per_day
    for day in np.unique(on):
        there = np.flatnonzero(on == day)
        yield int(starts[there[unlike[there].argmin()]])


def _unlike(values: FloatArray, starts: IntArray, shape: FloatArray) -> FloatArray:
    """Return the root mean square difference of windows from a shape, each less its mean."""
    windows = sliding_window_view(values, len(shape))[starts]
    apart = windows - windows.mean(axis=1, keepdims=True) - shape
    found: FloatArray = np.sqrt((apart * apart).mean(axis=1))
    return found


def _motif(days: FineDays, members: IntArray, m: int, swings: FloatArray, unlike: float) -> Motif:
    windows = sliding_window_view(days.flat, m)[members]
    return Motif(
        minutes=m * days.step,
        step=days.step,
        days=tuple(days.day_at(int(member)) for member in members),
        starts=tuple(days.time_at(int(member)) for member in members),
        curve=tuple(np.median(windows, axis=0).tolist()),
        swing=float(np.median(swings[members])),
        unlike=unlike,
    )
