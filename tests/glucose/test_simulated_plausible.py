"""Ninety days of a simulated wearer have the statistics of a person with type 1 diabetes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from numpy.typing import NDArray

from glucose.reading import Bound, Reading
from glucose.sources.simulated import SimulatedAccount
from glucose.sources.simulated_settings import SimulatedSettings

T = TypeVar("T")
ZONE = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAYS = 90


async def here(work: Callable[[], T]) -> T:
    return work()


@dataclass(frozen=True)
class Wearer:
    readings: tuple[Reading, ...]
    mg_dl: NDArray[np.int64]
    local_hour: NDArray[np.int64]


@pytest.fixture(scope="module", params=[0, 1, 2, 3, 7, 42, 1921, 2**40])
def wearer(request: pytest.FixtureRequest) -> Wearer:
    account = SimulatedAccount(
        SimulatedSettings(seed=request.param, zone=ZONE),
        clock=lambda: NOW,
        elapsed=lambda: 0.0,
        run=here,
    )
    since = NOW - timedelta(days=DAYS)
    with asyncio.Runner() as runner:
        readings = runner.run(account.readings(account.wearer_id, "src", since)).readings
    return Wearer(
        readings,
        np.array([reading.mg_dl for reading in readings]),
        np.array([reading.time.astimezone(ZONE).hour for reading in readings]),
    )


def test_level_and_spread(wearer: Wearer) -> None:
    assert 120 <= wearer.mg_dl.mean() <= 180
    assert 0.25 <= wearer.mg_dl.std(ddof=1) / wearer.mg_dl.mean() <= 0.40


def test_time_in_and_below_range(wearer: Wearer) -> None:
    assert 0.55 <= ((wearer.mg_dl >= 70) & (wearer.mg_dl <= 180)).mean() <= 0.85
    assert 0.01 <= (wearer.mg_dl < 70).mean() <= 0.06
    assert (wearer.mg_dl > 250).mean() <= 0.10


def test_some_lows_come_at_night(wearer: Wearer) -> None:
    assert ((wearer.mg_dl < 70) & (wearer.local_hour < 6)).sum() > 20


def test_lows_are_treated(wearer: Wearer) -> None:
    """Nobody stays under 54 for hours: sugar is taken, or the liver helps."""
    low = "".join("x" if value < 54 else " " for value in wearer.mg_dl)
    assert max(map(len, low.split())) * 5 <= 210


def test_both_words_appear(wearer: Wearer) -> None:
    assert {reading.bound for reading in wearer.readings} == {None, Bound.LOW, Bound.HIGH}


def test_glucose_is_higher_after_dawn_than_in_the_deep_night_on_most_days(wearer: Wearer) -> None:
    early = wearer.mg_dl[wearer.local_hour == 3].mean()
    assert wearer.mg_dl[wearer.local_hour == 7].mean() > early + 8


def test_meals_show(wearer: Wearer) -> None:
    before = wearer.mg_dl[wearer.local_hour == 12].mean()
    assert wearer.mg_dl[wearer.local_hour == 13].mean() > before + 15


def test_neighbours_never_jump_beyond_physiology(wearer: Wearer) -> None:
    """Six mg/dL a minute is what sensors see at the very most, four but rarely."""
    jumps = np.array(
        [
            abs(later.mg_dl - earlier.mg_dl)
            for earlier, later in pairwise(wearer.readings)
            if later.time - earlier.time == timedelta(minutes=5)
        ]
    )
    assert jumps.max() <= 30
    assert np.percentile(jumps, 99.5) <= 20
    assert 2.5 <= np.std(jumps) <= 5.0


def test_readings_are_lost_but_most_are_there(wearer: Wearer) -> None:
    gaps = [later.time - earlier.time for earlier, later in pairwise(wearer.readings)]
    assert 0.93 <= len(wearer.readings) / (DAYS * 288) <= 0.995
    assert sum(gap > timedelta(minutes=6) for gap in gaps) > 40
    assert sum(gap >= timedelta(hours=2) for gap in gaps) >= DAYS // 10 - 1
    assert max(gaps) < timedelta(hours=8)
