"""The runs behind startup.py: set-ups of one wearer and of core's dexcom in one home.

Collected by pytest for its Home Assistant fixtures, and started by startup.py alone.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

import pydexcom.const
import pytest
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from pydexcom import Region
from pytest_homeassistant_custom_component.common import MockConfigEntry

import custom_components.cgm  # noqa: F401 - else the plugin's own custom_components hides ours
from custom_components.cgm.shared.glucose.reading import Reading
from custom_components.cgm.shared.glucose.sources import catalogue
from custom_components.cgm.shared.glucose.store import Store
from fakes.dexcom_share import FakeDexcomShare, Row

TIMES = int(os.environ.get("STARTUP_TIMES", "20"))
FIVE = timedelta(minutes=5)
SOURCE_ID = "01KBENCHMARKSOURCE00000000"


@pytest.fixture(autouse=True)
def home(recorder_mock: None, enable_custom_integrations: None, socket_enabled: None) -> None:
    """Give every run a home that finds the integration."""


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Keep each run's history in a folder of its own."""
    return hass_tmp_config_dir


def fill(folder: str, wearer: str, readings: int) -> None:
    """Write a history that ends now."""
    store = Store(Path(folder) / "cgm.db", clock=lambda: datetime.now(UTC))
    store.open()
    now = datetime.now(UTC)
    store.add(
        wearer,
        (
            Reading(time=now - FIVE * n, mg_dl=70 + n % 200, source=SOURCE_ID, series="share")
            for n in range(1, readings + 1)
        ),
    )
    store.close()


def rss_mb() -> float:
    """Return this process's resident memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def write(line: dict[str, object]) -> None:
    """Add one line for startup.py to read."""
    with Path(os.environ["STARTUP_RESULTS"]).open("a") as results:
        results.write(json.dumps(line) + "\n")


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> tuple[list[float], float]:
    """Set up and unload again and again; return seconds of each set-up, and memory at the end."""
    took = []
    for _ in range(TIMES):
        begun = perf_counter()
        assert await hass.config_entries.async_setup(entry.entry_id)
        took.append(perf_counter() - begun)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert await hass.config_entries.async_unload(entry.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)
    return took, rss_mb()


@pytest.mark.parametrize("readings", [0, 105_120])
async def test_one_wearer(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, readings: int
) -> None:
    row = Row(time=dt_util.utcnow() - timedelta(minutes=1), value=112)
    fake = FakeDexcomShare(rows=[row])
    entry = MockConfigEntry(
        domain="cgm",
        title="Alex",
        options={"unit": "mg/dL", "time_zone": "UTC"},
        subentries_data=[
            {
                "data": {
                    "kind": "dexcom",
                    "username": fake.publisher.name,
                    "password": fake.publisher.password,
                    "region": "us",
                    "wearer": fake.publisher.id,
                },
                "subentry_id": SOURCE_ID,
                "subentry_type": "source",
                "title": "Dexcom",
                "unique_id": "dexcom",
            }
        ],
    )
    await hass.async_add_executor_job(fill, hass.config.config_dir, entry.entry_id, readings)
    entry.add_to_hass(hass)
    cores = MockConfigEntry(
        domain="dexcom",
        title="core",
        unique_id="core",
        data={
            "username": fake.publisher.name,
            "password": fake.publisher.password,
            "server": "US",
        },
    )
    cores.add_to_hass(hass)
    async with fake.serving() as url:
        monkeypatch.setattr(catalogue, "DEXCOM_URL", fake.base_url(url))
        monkeypatch.setitem(pydexcom.const.DEXCOM_BASE_URLS, Region.US, fake.base_url(url))
        core, _ = await set_up(hass, cores)
        ours, memory = await set_up(hass, entry)
    write({"readings": readings, "ours": ours, "core": core, "memory": memory})
