"""When STUMPY is asked for the z-normalised profile, and what is done where it is absent.

A stand-in plays STUMPY; test_patterns_stumpy.py has the real one.
"""

from __future__ import annotations

import math
import sys
from types import ModuleType

import numpy as np
import pytest

from glucose.metrics.number import FloatArray
from glucose.patterns import accelerated, profile
from glucose.patterns.accelerated import by_stumpy, is_worth_it, z_normalised

VALUES = np.array([100 + 40 * math.sin(at / 7) + at % 5 for at in range(120)])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Put the stand-in where STUMPY would be; return the lengths it is asked for."""
    lengths: list[int] = []

    def stump(values: FloatArray, m: int) -> object:
        lengths.append(m)
        found = profile.z_normalised(values, m)
        answer = np.empty((len(found.partners), 4), dtype=object)
        answer[:, 0], answer[:, 1], answer[:, 2:] = found.distances, found.partners, -1
        return answer

    stand_in = ModuleType("stumpy")
    stand_in.stump = stump  # type: ignore[attr-defined]  # a module takes any
    monkeypatch.setitem(sys.modules, "stumpy", stand_in)
    return lengths


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stumpy", None)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a start cost nothing, so that a short series will do."""
    monkeypatch.setattr(accelerated, "_START", 0.0)


def test_what_is_worth_it_is_stumpys(asked: list[int], quick: None) -> None:
    found = z_normalised(VALUES, 12, cores=4)
    ours = profile.z_normalised(VALUES, 12)
    assert asked == [12]
    assert np.array_equal(found.distances, ours.distances)
    assert np.array_equal(found.partners, ours.partners)


@pytest.mark.parametrize(
    ("days", "cores", "worth"),
    [
        (90, 64, False),
        (365, 8, False),
        (450, 8, True),
        (365, 64, False),
        (390, 64, True),
        (700, 2, False),
        (800, 2, True),
        (3650, 1, False),
    ],
)
def test_years_on_several_cores_are_worth_it(days: int, cores: int, worth: bool) -> None:
    assert is_worth_it(days * 288, cores) is worth


def test_three_months_are_ours(asked: list[int]) -> None:
    found = z_normalised(VALUES, 12, cores=64)
    assert asked == []
    assert np.array_equal(found.distances, profile.z_normalised(VALUES, 12).distances)


def test_on_one_core_it_is_never_asked(asked: list[int], quick: None) -> None:
    z_normalised(VALUES, 12)
    assert asked == []


def test_where_it_is_absent_ours_answers(absent: None, quick: None) -> None:
    found = z_normalised(VALUES, 12, cores=4)
    assert np.array_equal(found.distances, profile.z_normalised(VALUES, 12).distances)
    with pytest.raises(ImportError):
        by_stumpy(VALUES, 12)


def test_it_is_not_asked_about_nothing(asked: list[int]) -> None:
    found = by_stumpy(np.full(60, np.nan), 12)
    assert (found.partners == -1).all()
    assert asked == []


def test_a_window_that_cannot_be_is_refused_before(asked: list[int]) -> None:
    with pytest.raises(ValueError, match="windows are of"):
        by_stumpy(VALUES, 200)
    assert asked == []
