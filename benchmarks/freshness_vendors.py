"""The vendors of freshness_runs.py, and who follows each: our integration, or core's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from types import MappingProxyType
from typing import Self

import pydexcom.const
import pytest
from homeassistant.config_entries import ConfigSubentryData
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from pydexcom import Region
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm.shared.glucose.sources import catalogue
from custom_components.cgm.shared.glucose.sources.nightscout_settings import NightscoutSettings
from fakes.dexcom_share import READ, FakeDexcomShare, Row
from fakes.nightscout import FakeNightscout, entry
from fakes.serving import FakeServer
from simulated_home import Watch, by_time

PASSWORD = "right-password-1"  # noqa: S105 - the fake's
# Core names its entities after the account, which is the fake's.
CORE_DEXCOM = "sensor.wearer_example_invalid_glucose_value"


async def ours(hass: HomeAssistant, *sources: Mapping[str, object]) -> MockConfigEntry:
    """Set up one wearer of ours."""
    wearer = MockConfigEntry(
        domain="cgm",
        title=str(sources[0]["kind"]),
        options={"unit": "mg/dL", "time_zone": "UTC"},
        subentries_data=[
            ConfigSubentryData(
                data=MappingProxyType(source),
                subentry_type="source",
                title="Source",
                unique_id=str(source["wearer"]),
            )
            for source in sources
        ],
    )
    wearer.add_to_hass(hass)
    await _set_up(hass, wearer)
    return wearer


async def core(hass: HomeAssistant, domain: str, data: dict[str, str]) -> None:
    """Set up one of core's."""
    entry_ = MockConfigEntry(domain=domain, title="core", data=data, unique_id=domain)
    entry_.add_to_hass(hass)
    await _set_up(hass, entry_)


async def _set_up(hass: HomeAssistant, entry_: MockConfigEntry) -> None:
    if not await hass.config_entries.async_setup(entry_.entry_id):
        # A run that did not begin must not be counted.
        raise AssertionError(entry_.title)


class Vendors:
    """Every fake of one run, holding the same readings, and what follows each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Begin with none."""
        self._patch = monkeypatch
        self._open = AsyncExitStack()
        self.fakes: dict[str, tuple[FakeServer, str]] = {}
        self.watches: dict[str, Watch] = {}
        self._before: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        """Serve nothing yet."""
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """Stop serving."""
        await self._open.aclose()

    async def serve(self, who: str, fake: FakeServer, path: str) -> str:
        """Serve a fake; requests for `path` are the ones counted."""
        self.fakes[who] = fake, path
        return await self._open.enter_async_context(fake.serving())

    def asked(self, who: str) -> int:
        """Return how many requests came since `count_from_now`."""
        fake, path = self.fakes[who]
        return len(fake.asked(path)) - self._before.get(who, 0)

    def count_from_now(self) -> None:
        """Begin to count requests."""
        self._before = {who: len(fake.asked(path)) for who, (fake, path) in self.fakes.items()}

    async def our_dexcom(self, hass: HomeAssistant, rows: list[Row]) -> FakeDexcomShare:
        """Have our integration follow a Dexcom account."""
        fake = FakeDexcomShare(rows=rows, clock=dt_util.utcnow)
        url = await self.serve("our dexcom", fake, READ)
        self._patch.setattr(catalogue, "DEXCOM_URL", fake.base_url(url))
        source = {
            "kind": "dexcom",
            "username": fake.publisher.name,
            "password": PASSWORD,
            "region": "us",
            "wearer": fake.publisher.id,
        }
        self.watches["our dexcom"] = Watch(hass, "sensor.dexcom_last_reading", by_time)
        await ours(hass, source)
        return fake

    async def core_dexcom(self, hass: HomeAssistant, rows: list[Row]) -> FakeDexcomShare:
        """Have core's integration follow a Dexcom account."""
        fake = FakeDexcomShare(rows=rows, clock=dt_util.utcnow)
        url = await self.serve("core dexcom", fake, READ)
        self._patch.setitem(pydexcom.const.DEXCOM_BASE_URLS, Region.US, fake.base_url(url))
        data = {"username": fake.publisher.name, "password": PASSWORD, "server": "US"}
        self.watches["core dexcom"] = Watch(hass, CORE_DEXCOM, by_value(rows))
        await core(hass, "dexcom", data)
        return fake

    async def our_nightscout(self, hass: HomeAssistant, rows: list[Row]) -> FakeNightscout:
        """Have our integration follow a Nightscout site."""
        fake = site(rows)
        url = await self.serve("our nightscout", fake, "/entries")
        source = {"kind": "nightscout", "url": url, "api": "v1"}
        source["wearer"] = NightscoutSettings(url=url).site_id
        self.watches["our nightscout"] = Watch(hass, "sensor.nightscout_last_reading", by_time)
        await ours(hass, source)
        return fake

    async def core_nightscout(self, hass: HomeAssistant, rows: list[Row]) -> FakeNightscout:
        """Have core's integration follow a Nightscout site."""
        fake = site(rows)
        url = await self.serve("core nightscout", fake, "/entries")
        self.watches["core nightscout"] = Watch(hass, "sensor.blood_sugar", by_value(rows))
        await core(hass, "nightscout", {"url": url})
        return fake


def site(rows: list[Row]) -> FakeNightscout:
    """Return a site that anybody may read, with these readings."""
    fake = FakeNightscout(clock=dt_util.utcnow)
    for row in rows:
        # Core's client cannot read an entry without a delta.
        fake.put(entry(row.time, row.value, delta=0), visible_at=row.visible_at)
    return fake


def by_value(rows: list[Row]) -> Callable[[str], datetime | None]:
    """Return how a state's number tells its reading: the newest visible one of that value."""
    times: dict[str, list[Row]] = {}
    for row in rows:
        times.setdefault(str(row.value), []).append(row)

    def reading_of(state: str) -> datetime | None:
        now = dt_util.utcnow()
        return max(
            (
                row.time
                for row in times.get(state.removesuffix(".0"), [])
                if row.visible_at is not None and row.visible_at <= now
            ),
            default=None,
        )

    return reading_of
