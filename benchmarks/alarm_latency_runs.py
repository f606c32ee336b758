"""The run behind alarm_latency.py: twenty wearers in one home, and lows that arrive at them.

Collected by pytest for its Home Assistant fixtures, and started by alarm_latency.py alone.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter, thread_time

import pytest
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

import custom_components.cgm  # noqa: F401 - else the plugin's own custom_components hides ours
from custom_components.cgm.shared.glucose.reading import Reading
from custom_components.cgm.shared.glucose.sources.source import Answer
from custom_components.cgm.shared.glucose.store import Store

ROUNDS = int(os.environ.get("ALARM_LATENCY_ROUNDS", "25"))
WEARERS = 20
# Six hours of readings every five minutes: what a wearer keeps in memory.
KEPT = 72
MINUTE = timedelta(minutes=1)


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


def fill(folder: str, entries: list[MockConfigEntry]) -> None:
    """Write six hours in range for each, until ten minutes ago."""
    store = Store(Path(folder) / "cgm.db", clock=dt_util.utcnow)
    store.open()
    now = dt_util.utcnow()
    for entry in entries:
        (key,) = entry.subentries
        rows = (
            Reading(time=now - MINUTE * (10 + 5 * n), mg_dl=110 + n % 9, source=key, series="sgv")
            for n in range(KEPT)
        )
        store.add(entry.entry_id, rows)
    store.close()


async def test_twenty_wearers(hass: HomeAssistant) -> None:
    options = {"unit": "mg/dL", "time_zone": "UTC"}
    entries = [
        MockConfigEntry(
            domain="cgm", title=f"Wearer {n}", options=options, subentries_data=[source(n)]
        )
        for n in range(WEARERS)
    ]
    for entry in entries:
        entry.add_to_hass(hass)
    await hass.async_add_executor_job(fill, hass.config.config_dir, entries)
    assert await hass.config_entries.async_setup(entries[0].entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    fired: dict[str, tuple[float, float]] = {}

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        new = event.data["new_state"]
        if new is not None and new.attributes.get("event_type") == "fired":
            fired.setdefault(new.entity_id, (perf_counter(), thread_time()))

    hass.bus.async_listen("state_changed", note)
    took: list[tuple[float, float]] = []
    for turn in range(ROUNDS):
        # Down, then back up: each round a low of its own. Equal values soon after one another
        # would be taken as one reading uploaded twice.
        for low, mg_dl in ((True, 41 + turn % 12), (False, 115 + turn % 12)):
            fired.clear()
            begun: dict[str, tuple[float, float]] = {}
            now = dt_util.utcnow() - MINUTE * 9 + timedelta(seconds=turn * 20 + (not low) * 10)

            async def arrive(
                number: int,
                time: datetime = now,
                mg_dl: int = mg_dl,
                begun: dict[str, tuple[float, float]] = begun,
            ) -> None:
                wearer = entries[number].runtime_data
                (feed,) = wearer.feeds.values()
                row = Reading(time=time, mg_dl=mg_dl, source=feed.id, series="sgv")
                begun[f"event.wearer_{number}_alarm"] = perf_counter(), thread_time()
                await wearer.async_receive(feed, Answer(readings=(row,)))

            # All at once, as after an outage: what one does in its turn is another's wait.
            await asyncio.gather(*(arrive(number) for number in range(WEARERS)))
            if low:
                assert fired.keys() == begun.keys()
                took += [
                    (fired[key][0] - begun[key][0], fired[key][1] - begun[key][1]) for key in begun
                ]
    await hass.async_add_executor_job(
        Path(os.environ["ALARM_LATENCY_RESULTS"]).write_text, json.dumps(took)
    )
