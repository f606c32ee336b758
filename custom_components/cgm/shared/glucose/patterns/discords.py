"""Discords: stretches unlike every other, with how high they were and how far they went.

Keogh 2005 (HOT SAX, ICDM) by the un-normalised profile (profile.py): the normalised one finds a
sensor's wiggles.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time

import numpy as np

from .fine_days import FineDays
from .profile import un_normalised


@dataclass(frozen=True, slots=True, kw_only=True)
class Discord:
    """A stretch of `minutes` that began on `day` at `start` on the wearer's clock.

    `level` is its mean and `swing` highest less lowest; `unlike` is the root mean square
    difference from what is likest to it, all mg/dL.
    """

    day: date
    start: time
    minutes: int
    level: float
    swing: float
    unlike: float


def discords(days: FineDays, minutes: int, most: int = 3) -> tuple[Discord, ...]:
    """Return at most `most` stretches, the unlikest first; none overlaps another.

    ValueError for a length that is no multiple of the days' step, or beyond a day.
    """
    m = days.windows_of(minutes)
    distances = un_normalised(days.flat, m).distances
    left = np.where(np.isfinite(distances), distances, -1.0)
    found = []
    for _ in range(most):
        place = int(left.argmax())
        if left[place] < 0:
            break
        window = days.flat[place : place + m]
        found.append(
            Discord(
                day=days.day_at(place),
                start=days.time_at(place),
                minutes=minutes,
                level=float(window.mean()),
                swing=float(window.max() - window.min()),
                unlike=float(left[place] / np.sqrt(m)),
            )
        )
        left[max(place - m + 1, 0) : place + m] = -1.0
    return tuple(found)
