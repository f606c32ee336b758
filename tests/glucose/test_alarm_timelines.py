"""Simulated nights and real days, told as they are kept in golden/: when which alarm said what.

A line is day, hour and minute since the first reading, the alarm, what happened, marks; of
nights that were made up also the worst value of the episode. CGM_ALARM_GOLDEN=write writes
what is told now, and the test fails: look at the difference before it is kept.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import pytest

from glucose.alarms.episodes import episodes
from glucose.alarms.replay import replayed
from glucose.alarms.rules import AlarmRules
from glucose.alarms.state import Alarms, Happening, What
from glucose.formats import read_export
from glucose.reading import Kind, Reading
from glucose.sources.simulated import SimulatedAccount
from glucose.sources.simulated_settings import Planted, PlantedEvent, SimulatedSettings

T = TypeVar("T")
GOLDEN = Path(__file__).parent / "golden"
EXPORTS = Path(__file__).parents[2].parent / "shared" / "data" / "exports"
BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = date(2026, 3, 11)
EVENING = datetime(2026, 3, 11, 17, tzinfo=UTC)


def held(mg_dl: int, at: time, minutes: int) -> PlantedEvent:
    """Glucose kept at a value."""
    return PlantedEvent(what=Planted.HOLD, at=at, on=NIGHT, mg_dl=mg_dl, minutes=minutes)


NIGHTS: dict[str, tuple[int, int, tuple[PlantedEvent, ...]]] = {
    "low_at_night": (1, 5, (held(50, time(22), 60),)),
    "low_at_night_each_minute": (1, 1, (held(50, time(22), 60),)),
    "low_then_no_data": (
        2,
        5,
        (
            held(60, time(22), 90),
            PlantedEvent(what=Planted.GAP, at=time(22, 30), on=NIGHT, minutes=100),
        ),
    ),
    "high_for_long": (3, 5, (held(265, time(20), 180),)),
    "very_high": (4, 5, (held(420, time(21), 90),)),
    "nothing_planted": (5, 5, ()),
}


async def here(work: Callable[[], T]) -> T:
    return work()


def simulated(seed: int, cadence: int, planted: tuple[PlantedEvent, ...]) -> tuple[Reading, ...]:
    """Return fourteen hours of a wearer, from the evening on."""
    account = SimulatedAccount(
        SimulatedSettings(
            seed=seed,
            zone=BERLIN,
            cadence_minutes=cadence,
            sensor_epoch=EVENING - timedelta(days=3),
            planted=planted,
        ),
        clock=lambda: EVENING + timedelta(hours=14),
        elapsed=lambda: 0.0,
        run=here,
    )
    with asyncio.Runner() as runner:
        return runner.run(account.readings(account.wearer_id, "a", EVENING)).readings


def timeline(readings: Sequence[Reading], cadence: int, *, values: bool) -> str:
    """Return what is told, line by line, then the episodes."""
    first = readings[0].time
    alarms, said = Alarms(), list[Happening]()
    for alarms, happenings in replayed(  # noqa: B007 - the last one is wanted
        readings,
        order=["a"],
        cadences={"a": timedelta(minutes=cadence)},
        rules=AlarmRules(zone=UTC),
        until=readings[-1].time,
    ):
        said += happenings

    def after(moment: datetime | None) -> str:
        if moment is None:
            return "--"
        minutes = (moment - first) // timedelta(minutes=1)
        return f"{minutes // 1440}d{minutes // 60 % 24:02}:{minutes % 60:02}"

    def worst(mg_dl: int | None) -> list[str]:
        return [str(mg_dl)] if values else []

    lines = [
        " ".join([after(h.at), h.kind, h.what, *worst(h.extreme_mg_dl), *sorted(h.marks)])
        for h in said
    ]
    lines += ["", "episodes"]
    lines += [
        " ".join([after(e.start), after(e.fired), after(e.end), e.kind, *worst(e.extreme_mg_dl)])
        for e in episodes(said, alarms)
    ]
    assert sum(h.what is What.FIRED for h in said) == len(episodes(said, alarms))
    return "\n".join(lines) + "\n"


def agree(name: str, told: str) -> None:
    """Compare with what is kept."""
    kept = GOLDEN / f"{name}.txt"
    if os.environ.get("CGM_ALARM_GOLDEN") == "write":
        kept.write_text(told, "utf-8")
        pytest.fail("written anew, not compared")
    assert told.splitlines() == kept.read_text("utf-8").splitlines()


@pytest.mark.parametrize("name", NIGHTS)
def test_a_simulated_night_is_told_as_before(name: str) -> None:
    seed, cadence, planted = NIGHTS[name]
    agree(name, timeline(simulated(seed, cadence, planted), cadence, values=True))


@pytest.mark.skipif(not EXPORTS.is_dir(), reason="the shared data is not beside this checkout")
@pytest.mark.parametrize(
    ("file", "zone", "cadence"),
    [
        ("clarity_g6_en", "Europe/Helsinki", 5),
        ("libreview_uk_mmol", "Europe/London", 15),
    ],
)
def test_real_days_are_told_as_before(file: str, zone: str, cadence: int) -> None:
    export = read_export(EXPORTS / f"{file}.csv", zone=ZoneInfo(zone), source="a")
    rows = sorted(
        (row for row in export.readings if row.kind is Kind.CGM), key=lambda row: row.time
    )
    days = [row for row in rows if row.time < rows[0].time + timedelta(days=15)]
    agree(file, timeline(days, cadence, values=False))


def test_every_kept_timeline_is_compared() -> None:
    kept = {path.stem for path in GOLDEN.glob("*.txt")}
    assert kept == {*NIGHTS, "clarity_g6_en", "libreview_uk_mmol"}
