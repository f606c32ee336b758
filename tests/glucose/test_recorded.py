"""A recording is read once, off the loop, when first asked; one that cannot be says no name."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest

from glucose.errors import SharingDisabled, SourceUnreachable, UnrecognisedExport
from glucose.reading import Reading
from glucose.sources.recorded import RecordedAccount
from glucose.sources.replay import ReplaySettings

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
SETTINGS = ReplaySettings(started_at=START)
RECORDED = [
    Reading(time=START + timedelta(minutes=3 * n), mg_dl=100 + n, source="f", series="export")
    for n in range(9)
]


class Recording:
    """Counts how often, and in which thread, it was read; may fail first."""

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)
        self.threads: list[threading.Thread] = []

    def __call__(self) -> list[Reading]:
        self.threads.append(threading.current_thread())
        for fault in self.faults[:1]:
            del self.faults[:1]
            raise fault
        return RECORDED

    def account(self) -> RecordedAccount:
        return RecordedAccount(
            self, SETTINGS, run=asyncio.to_thread, clock=lambda: START, elapsed=lambda: 0.0
        )


async def test_it_is_read_once_however_many_ask_and_not_on_the_loop() -> None:
    recording = Recording()
    account = recording.account()
    assert recording.threads == []
    assert account.cadence == timedelta(minutes=5)
    assert account.guard.may_ask_in == timedelta()
    (wearer,), answer = await asyncio.gather(
        account.wearers(), account.readings("replay", "source", START - timedelta(days=1))
    )
    assert [reading.mg_dl for reading in answer.readings] == [100, 101, 102, 103, 104]
    assert wearer.id == "replay"
    assert account.cadence == timedelta(minutes=3)
    (thread,) = recording.threads
    assert thread is not threading.main_thread()


@pytest.mark.parametrize(
    "fault",
    [
        FileNotFoundError("/home/ada/export.csv"),
        PermissionError("/home/ada/export.csv"),
        UnrecognisedExport("line 7: ada"),
        ValueError("ada"),
        UnicodeDecodeError("utf-8", b"ada\xff", 3, 4, "ada"),
    ],
)
async def test_one_that_cannot_be_read_is_tried_again_and_names_nobody(fault: Exception) -> None:
    recording = Recording(fault)
    account = recording.account()
    with pytest.raises(SourceUnreachable) as said:
        await account.wearers()
    assert "ada" not in str(said.value)
    assert type(fault).__name__ in str(said.value)
    assert await account.wearers()
    assert len(recording.threads) == 2


async def test_one_without_a_sensor_s_readings_cannot_be_played() -> None:
    account = RecordedAccount(
        list, SETTINGS, run=asyncio.to_thread, clock=lambda: START, elapsed=lambda: 0.0
    )
    with pytest.raises(SourceUnreachable):
        await account.wearers()


async def test_nobody_else_is_in_it() -> None:
    with pytest.raises(SharingDisabled):
        await Recording().account().readings("somebody", "source", START)


def test_before_it_is_read_it_is_taken_to_have_the_usual_spacing_at_the_speed_played() -> None:
    account = RecordedAccount(
        Recording(),
        ReplaySettings(started_at=START, speed=10),
        run=asyncio.to_thread,
        clock=lambda: START,
        elapsed=lambda: 0.0,
    )
    assert account.cadence == timedelta(seconds=30)
