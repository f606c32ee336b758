"""The z-normalised profile by STUMPY, where it can be imported and is worth its start-up.

STUMPY 1.14 compiles itself in each new process, and then needs half as much work again as our
own, which it spreads over all cores (benchmarks/insights.py measures both). So on one core it is
never worth it, on two from two years of readings on, on eight from 14 months on. Our
un-normalised profile is eight times as fast as STUMPY's, which therefore is never asked; of
mean-centred windows STUMPY has none.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol

import numpy as np

from ..metrics.number import FloatArray
from . import profile
from .profile import Profile, known_windows

# Measured on a machine at rest, 90 days at 5 minutes: seconds of one core, ours and STUMPY's warm,
# and the seconds of STUMPY's start. Both grow with the square of the readings.
_MEASURED_VALUES = 25_920
_OURS, _WARM, _START = 1.0, 1.5, 18.0


class _Stump(Protocol):
    """What is used of STUMPY; distances and partners are its answer's first two columns."""

    def __call__(
        self, values: FloatArray, m: int, /
    ) -> np.ndarray[tuple[int, int], np.dtype[np.object_]]:
        """Return the z-normalised profile."""


def is_worth_it(values: int, cores: int) -> bool:
    """Tell whether STUMPY, started for this alone, is sooner ready than our own."""
    saved = (_OURS - _WARM / cores) * (values / _MEASURED_VALUES) ** 2
    return saved > _START


def z_normalised(values: FloatArray, m: int, *, cores: int = 1) -> Profile:
    """Return profile.z_normalised of `values`, by STUMPY where it is there and worth it.

    `cores` is how many it may use.
    """
    if not is_worth_it(len(values), cores):
        return profile.z_normalised(values, m)
    try:
        return by_stumpy(values, m)
    except ImportError:
        return profile.z_normalised(values, m)


def by_stumpy(values: FloatArray, m: int) -> Profile:
    """Return STUMPY's answer, ours to 1e-6; ImportError where it cannot be imported."""
    stump: _Stump = import_module("stumpy").stump
    known = known_windows(values, m)
    if not known.any():
        return Profile(m, np.full(len(known), np.inf), np.full(len(known), -1, dtype=np.int64))
    # Flat windows, which it treats by themselves, are divided by their spread of 0 before.
    with np.errstate(divide="ignore", invalid="ignore"):
        answer = stump(values, m)
    return Profile(
        m,
        np.array(answer[:, 0], dtype=np.float64),
        np.array(answer[:, 1], dtype=np.int64),
    )
