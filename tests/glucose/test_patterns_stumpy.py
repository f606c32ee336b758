"""The matrix profile against STUMPY itself, on real, gappy and invented readings, to 1e-6.

STUMPY is installed beside the shared library alone (requirements/stumpy.txt): there it must be,
and these tests fail without it. Home Assistant's environment never has it.
"""

from __future__ import annotations

import csv
import math
import random
import tomllib
from collections.abc import Callable
from datetime import date, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from packaging.requirements import Requirement

from glucose.formats import read_export
from glucose.metrics.number import FloatArray
from glucose.metrics.series import Series
from glucose.patterns.accelerated import by_stumpy
from glucose.patterns.fine_days import FineDays
from glucose.patterns.profile import Profile, un_normalised, z_normalised

REPOSITORY = Path(__file__).parents[2]
DATA = REPOSITORY.parent / "shared" / "data"
LENGTHS = (24, 48, 288)
pytestmark = [
    pytest.mark.skipif(
        find_spec("homeassistant") is not None,
        reason="the environment without Home Assistant has STUMPY and runs these",
    ),
    # It compiles itself first, which a busy machine takes minutes for.
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module")
def stumpy() -> ModuleType:
    return import_module("stumpy")  # not importorskip: without it nothing is proved


def invented(days: int, *, seed: int, gaps: bool) -> FloatArray:
    """Make days of whole readings, 2 in 100 of them missing where there are gaps."""
    chance = random.Random(seed)
    slope, level, values = 0.0, 150.0, []
    for at in range(days * 288):
        slope = 0.9 * slope + chance.gauss(0, 1.5) - 0.006 * (level - 150)
        level = min(max(level + slope, 40), 400)
        values.append(float(round(level + 30 * math.sin(at / 288 * 6 * math.pi))))
        if gaps and chance.random() < 0.003:
            values[-6:] = [math.nan] * len(values[-6:])
    return np.array(values)


def of_clarity() -> FloatArray:
    zone = ZoneInfo("Europe/Helsinki")
    export = read_export(DATA / "exports" / "clarity_g6_en.csv", zone=zone, source="s")
    days = FineDays.of(Series.of(export.readings, zone), date(2019, 10, 29))
    assert days is not None
    return days.flat


def of_hall() -> FloatArray:
    with (DATA / "cgm" / "hall_2133-004.csv").open(encoding="utf-8", newline="") as file:
        rows = sorted((row["time"], float(row["gl"])) for row in csv.DictReader(file))
    zone = ZoneInfo("UTC")
    times = [datetime.fromisoformat(time).replace(tzinfo=zone) for time, _ in rows]
    series = Series(
        times=np.array([round(time.timestamp() * 1000) for time in times], dtype=np.int64),
        mg_dl=np.array([mg_dl for _, mg_dl in rows]),
        zone=zone,
    )
    days = FineDays.of(series, date.fromordinal(times[-1].toordinal() + 1))
    assert days is not None
    return days.flat


def lines() -> FloatArray:
    """Put straight lines in, as one who fills gaps would: two that are the same, in thirds."""
    values = invented(8, seed=9, gaps=False)
    values[500:600] = values[1500:1600] = np.linspace(100, 133, 100)
    return values


real = pytest.mark.skipif(not DATA.is_dir(), reason="the shared data is not beside this checkout")
READINGS = [
    pytest.param(of_clarity, id="clarity", marks=real),
    pytest.param(of_hall, id="hall", marks=real),
    pytest.param(lambda: invented(12, seed=5, gaps=False), id="without gaps"),
    pytest.param(lambda: invented(12, seed=6, gaps=True), id="gappy"),
    pytest.param(lines, id="straight lines"),
]
readings = pytest.mark.parametrize("readings", READINGS)
lengths = pytest.mark.parametrize("m", LENGTHS)


def same(ours: Profile, theirs: Profile, values: FloatArray) -> None:
    """Assert equal gaps, distances to 1e-6, and the same partners or others equally near."""
    paired = np.isfinite(theirs.distances)
    assert paired.any()
    assert np.array_equal(paired, np.isfinite(ours.distances))
    most = np.abs(ours.distances[paired] - theirs.distances[paired]).max()
    alike = np.mean(ours.partners[paired] == theirs.partners[paired])
    told = f"m {ours.m}: {paired.sum()} windows, {most:.1e} at most, {alike:.2%} same partner"
    print(told)  # noqa: T201 - how equal
    assert most <= 1e-6
    assert alike >= 0.9


@readings
@lengths
def test_the_z_normalised_profile_is_stump(
    stumpy: ModuleType, readings: Callable[[], FloatArray], m: int
) -> None:
    values = readings()
    same(z_normalised(values, m), by_stumpy(values, m), values)


@readings
@lengths
def test_the_un_normalised_profile_is_aamp(
    stumpy: ModuleType, readings: Callable[[], FloatArray], m: int
) -> None:
    values = readings()
    answer = stumpy.aamp(values, m, p=2.0)
    theirs = Profile(m, answer[:, 0].astype(np.float64), answer[:, 1].astype(np.int64))
    same(un_normalised(values, m), theirs, values)


def test_flat_windows_are_treated_alike(stumpy: ModuleType) -> None:
    """To 1e-5: beside a flat stretch STUMPY's own answer is off by some 4e-6."""
    values = invented(8, seed=6, gaps=True)
    values[300:360] = values[1500:1560] = 100.0
    values[900:970] = 120.0
    ours, theirs = z_normalised(values, 24), by_stumpy(values, 24)
    paired = np.isfinite(theirs.distances)
    assert np.array_equal(paired, np.isfinite(ours.distances))
    assert np.abs(ours.distances[paired] - theirs.distances[paired]).max() <= 1e-5
    assert np.count_nonzero(ours.distances == 0) >= 100


def test_of_gaps_alone_both_say_nothing(stumpy: ModuleType) -> None:
    theirs = by_stumpy(np.full(400, np.nan), 24)
    assert (theirs.partners == -1).all()
    assert np.isinf(theirs.distances).all()


def test_the_extra_allows_the_version_that_was_compared(stumpy: ModuleType) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (asked,) = map(Requirement, project["optional-dependencies"]["stumpy"])
    assert asked.name == "stumpy"
    assert stumpy.__version__ in asked.specifier
    assert not [text for text in project["dependencies"] if "stumpy" in text or "numba" in text]
