"""The run behind history_busy.py: imports into a home with a recorder, while readings go on coming.

Collected by pytest for its Home Assistant fixtures, and started by history_busy.py alone.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from time import perf_counter, process_time, thread_time
from typing import cast
from zoneinfo import ZoneInfo

import pytest
from homeassistant.components.recorder import get_instance
from homeassistant.components.recorder.db_schema import Statistics
from homeassistant.components.recorder.util import session_scope
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

import custom_components.cgm  # noqa: F401 - else the plugin's own custom_components hides ours
from clarity_header import CLARITY_HEADER
from custom_components.cgm.shared.glucose.reading import Reading
from custom_components.cgm.shared.glucose.sources.source import Answer

YEAR = int(os.environ.get("HISTORY_BUSY_ROWS", "105120"))
WEARERS = 3
ZONE = ZoneInfo("Europe/Berlin")
# Goes on where a new part begins: equal values soon after one another are taken as one reading.
_TURNS = count(1)
FIVE = timedelta(minutes=5)
TICK = 0.005
_STATM = Path("/proc/self/statm")


@pytest.fixture
def recorder_db_url(tmp_path: Path) -> str:
    """Keep the recorder's data on disk, as a home does."""
    return f"sqlite:///{tmp_path / 'recorder.db'}"


@pytest.fixture(autouse=True)
def home(recorder_mock: None, enable_custom_integrations: None, socket_enabled: None) -> None:
    """Give the run a home that finds the integration, and logs as a real one does."""
    # The plugin has every SQL statement logged, from the recorder's thread.
    logging.getLogger("sqlalchemy").setLevel(logging.WARNING)


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Keep the run's history in a folder of its own."""
    return hass_tmp_config_dir


def source(number: int) -> dict[str, object]:
    """Return a subentry whose own readings are not asked for: nothing answers there."""
    return {
        "data": {
            "kind": "nightscout",
            "url": "http://127.0.0.1:9",
            "api": "v1",
            "wearer": f"site-{number}",
        },
        "subentry_id": f"01KBENCHMARKSOURCE{number:08}",
        "subentry_type": "source",
        "title": "Nightscout",
        "unique_id": f"site-{number}",
    }


def write_files(folder: Path) -> dict[str, Path]:
    """Write a year as Clarity does, and the five years before it as a plain CSV."""
    end = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    begin = end - YEAR * FIVE

    def rows(start: datetime, count: int) -> list[tuple[int, str, int]]:
        times = [start + FIVE * step + timedelta(seconds=step % 3) for step in range(count)]
        return [
            (step, f"{at.astimezone(ZONE):%Y-%m-%dT%H:%M:%S}", 60 + step * 37 % 240)
            for step, at in enumerate(times)
        ]

    clarity, table = folder / "clarity.csv", folder / "five_years.csv"
    clarity.write_text(
        "\r\n".join(
            [
                CLARITY_HEADER,
                *(
                    f"{step},{at},EGV,,,,Android G6,{mg_dl},,,,,{300 * step},8XXXXX"
                    for step, at, mg_dl in rows(begin, YEAR)
                ),
            ]
        )
    )
    table.write_text(
        "\n".join(
            [
                "time,glucose_mg_dl",
                *(
                    f"{at.replace('T', ' ')},{mg_dl}"
                    for _, at, mg_dl in rows(begin - 5 * YEAR * FIVE, 5 * YEAR)
                ),
            ]
        )
    )
    return {"a year of Clarity": clarity, "five years of a plain CSV": table}


class Stalls:
    """How late a tick of the event loop came while this process worked, and what its thread did.

    A tick that came late because other programs had the processor counts for as much as this
    process worked meanwhile, in any of its threads.
    """

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.late: list[tuple[float, float]] = []

    async def watch(self) -> None:
        """Tick until cancelled."""
        while True:
            begun, worked, all_worked = perf_counter(), thread_time(), process_time()
            await asyncio.sleep(TICK)
            late = perf_counter() - begun - TICK
            self.late.append((min(late, process_time() - all_worked), thread_time() - worked))


class Coming:
    """Readings that come at every wearer each second; every third of the last wearer is a low."""

    def __init__(self, hass: HomeAssistant, entries: list[MockConfigEntry]) -> None:
        """Listen for alarms."""
        self.commits: list[float] = []
        self.events: list[float] = []
        self._entries = entries
        self._fired: dict[str, float] = {}
        hass.bus.async_listen("state_changed", self._note)

    @callback
    def _note(self, event: Event[EventStateChangedData]) -> None:
        new = event.data["new_state"]
        if new is not None and new.attributes.get("event_type") == "fired":
            self._fired.setdefault(new.entity_id, perf_counter())

    async def go_on(self) -> None:
        """Let readings come until cancelled."""
        running: set[asyncio.Task[None]] = set()
        try:
            while True:
                turn = next(_TURNS)
                for number in range(WEARERS):
                    task = asyncio.create_task(self._arrive(number, turn))
                    running.add(task)
                    task.add_done_callback(running.discard)
                await asyncio.sleep(1)
        finally:
            await asyncio.gather(*running)

    async def _arrive(self, number: int, turn: int) -> None:
        wearer = self._entries[number].runtime_data
        (feed,) = wearer.feeds.values()
        low = number == WEARERS - 1 and turn % 3 == 0
        mg_dl = 41 + turn // 3 % 12 if low else 115 + turn % 40
        row = Reading(time=dt_util.utcnow(), mg_dl=mg_dl, source=feed.id, series="sgv")
        event = f"event.wearer_{number}_alarm"
        self._fired.pop(event, None)
        begun = perf_counter()
        await wearer.async_receive(feed, Answer(readings=(row,)))
        self.commits.append(perf_counter() - begun)
        if low:
            self.events.append(self._fired[event] - begun)


class Watching:
    """Readings that come, and what they and the event loop wait for meanwhile."""

    def __init__(self, hass: HomeAssistant, entries: list[MockConfigEntry]) -> None:
        """Begin."""
        self._begun, self._seconds = perf_counter(), 0.0
        self._stalls, self._coming = Stalls(), Coming(hass, entries)
        self._tasks = [
            asyncio.create_task(self._stalls.watch()),
            asyncio.create_task(self._coming.go_on()),
        ]

    async def stop(self) -> None:
        """End, with every reading that came kept."""
        self._seconds = self._seconds or perf_counter() - self._begun
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def told(self) -> dict[str, object]:
        """Return all that was seen, in seconds."""
        return {
            "late": self._stalls.late,
            "commits": self._coming.commits,
            "events": self._coming.events,
            "seconds": self._seconds,
        }


class Memory:
    """The most memory that this process held, in MB, looked at from a thread of its own."""

    def __init__(self) -> None:
        """Begin to look."""
        self.before = self.most = self._now()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    @staticmethod
    def _now() -> float:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def _look(self) -> None:
        while not self._done.wait(0.02):
            self.most = max(self.most, self._now())

    def grown(self) -> float:
        """Stop looking, and return how much it grew."""
        self._done.set()
        self._thread.join()
        return self.most - self.before


def hours_kept(hass: HomeAssistant) -> int:
    """Return how many hours the recorder's long-term statistics hold."""
    with session_scope(hass=hass, read_only=True) as session:
        return session.query(Statistics).count()


async def test_imports(hass: HomeAssistant, tmp_path: Path) -> None:
    files = await hass.async_add_executor_job(write_files, tmp_path)
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    options = {"unit": "mg/dL", "time_zone": "Europe/Berlin"}
    entries = [
        MockConfigEntry(
            domain="cgm", title=f"Wearer {n}", options=options, subentries_data=[source(n)]
        )
        for n in range(WEARERS)
    ]
    for entry in entries:
        entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entries[0].entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    found: list[dict[str, object]] = []
    # "known": the first file once more, which adds nothing.
    # The first file once more adds nothing.
    runs = {"no import": None, **files, "the year once more": files["a year of Clarity"]}
    for what, path in runs.items():
        memory = Memory()
        parts = {"import": Watching(hass, entries)}
        await asyncio.sleep(1)
        if path is None:
            await asyncio.sleep(10)
        else:
            recorder = get_instance(hass)
            hours = await recorder.async_add_executor_job(hours_kept, hass)
            answer = await hass.services.async_call(
                "cgm",
                "import_file",
                {"config_entry_id": entries[0].entry_id, "path": str(path)},
                blocking=True,
                return_response=True,
            )
            assert isinstance(answer, dict)
            rows = YEAR * (5 if "five" in what else 1)
            told = cast("dict[str, int]", answer)
            assert (told["added"] + told["already_known"], told["refused"]) == (rows, 0)
            if told["added"]:
                await parts["import"].stop()
                parts["statistics"] = Watching(hass, entries)
                # Until the recorder holds every hour of it: nobody tells when.
                wanted = hours + rows * 5 // 60
                while await recorder.async_add_executor_job(hours_kept, hass) < wanted:  # noqa: ASYNC110
                    await asyncio.sleep(1)
        for part in parts.values():
            await part.stop()
        seen = {when: part.told() for when, part in parts.items()}
        found.append({"what": what, "parts": seen, "memory": memory.grown()})
    await hass.async_add_executor_job(
        Path(os.environ["HISTORY_BUSY_RESULTS"]).write_text, json.dumps(found)
    )
