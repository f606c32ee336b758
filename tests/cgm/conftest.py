"""A real Home Assistant for each test: our integration found, recorder on, one wearer at hand."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.recorder import Recorder
from homeassistant.config_entries import ConfigSubentryData
from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNAVAILABLE
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers.entity import Entity
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

import custom_components.cgm  # noqa: F401 - else the plugin's own custom_components hides ours
from custom_components.cgm.const import DOMAIN
from custom_components.cgm.shared.glucose.sources import catalogue
from fakes.dexcom_share import FakeDexcomShare
from fakes.librelinkup import FakeLibreLinkUp, addresses
from fakes.nightscout import FakeNightscout
from fakes.phone_server import App, FakePhone

from .vendors import NAMES, SECRETS, dexcom_source, steady

type AddWearer = Callable[..., MockConfigEntry]
type SetUp = Callable[..., Awaitable[MockConfigEntry]]
type Settle = Callable[[], Awaitable[None]]


class RunWearer(Protocol):
    """Adds a wearer with sources and sets it up."""

    async def __call__(
        self, *sources: Mapping[str, object], title: str = ..., **options: object
    ) -> MockConfigEntry:
        """Return the entry once its first readings are there."""


class PassTime(Protocol):
    """Moves the clock and lets everything happen that is due on the way."""

    async def __call__(self, time: timedelta, step: timedelta = ...) -> None:
        """Go on by `time`."""


@pytest.fixture(autouse=True)
def integration(recorder_mock: Recorder, enable_custom_integrations: None) -> None:
    """Have Home Assistant find the integration; the recorder must come first."""


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Give each test a configuration folder of its own: the history lies there."""
    return hass_tmp_config_dir


@pytest.fixture
def configuration(hass_config_dir: str) -> None:
    """Begin with an empty configuration.yaml: MQTT reads it when it is set up."""
    Path(hass_config_dir, "configuration.yaml").touch()


@pytest.fixture
def add_wearer(hass: HomeAssistant) -> AddWearer:
    """Return how a wearer with sources is added; `sources` are the data of their subentries."""

    def add(
        *sources: Mapping[str, object], title: str = "Alex", **options: object
    ) -> MockConfigEntry:
        entry = MockConfigEntry(
            domain=DOMAIN,
            title=title,
            options={"unit": "mg/dL", "time_zone": "Europe/Berlin", **options},
            subentries_data=[
                ConfigSubentryData(
                    data=MappingProxyType({"rank": float(place), **source}),
                    subentry_type="source",
                    title=str(source["kind"]).capitalize(),
                    unique_id=f"{source['kind']} {source['wearer']}",
                )
                for place, source in enumerate(sources)
            ],
        )
        entry.add_to_hass(hass)
        return entry

    return add


@pytest.fixture
def simulated() -> dict[str, Any]:
    """Return the settings of a simulated source."""
    return {"kind": "simulated", "seed": 7, "time_zone": "Europe/Berlin", "wearer": "simulated-7"}


# The vendors, each a real HTTP server on loopback that the integration is pointed to. Their
# clock is Home Assistant's, so `freezer` moves both. Ready-made readings, patients and the data
# of subentries that fit are in vendors.py: `steady(dexcom, 120)`, `dexcom_source(dexcom)`.


@pytest.fixture
async def dexcom(
    socket_enabled: None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[FakeDexcomShare]:
    """Serve one Dexcom account without readings; `dexcom.change_password`, `.bad_logins` …"""
    vendor = FakeDexcomShare(clock=dt_util.utcnow)
    async with vendor.serving() as url:
        monkeypatch.setattr(catalogue, "DEXCOM_URL", vendor.base_url(url))
        yield vendor


@pytest.fixture
async def librelinkup(
    socket_enabled: None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[FakeLibreLinkUp]:
    """Serve one LibreLinkUp account that nobody shares with yet; `patient(librelinkup, …)`."""
    vendor = FakeLibreLinkUp(clock=dt_util.utcnow)
    async with vendor.serving() as url:
        monkeypatch.setattr(catalogue, "LIBRELINKUP_ADDRESS", addresses(url))
        yield vendor


@pytest.fixture
def nightscout() -> FakeNightscout:
    """Return an empty site that anybody may read; `nightscout_url` serves it."""
    return FakeNightscout(clock=dt_util.utcnow)


@pytest.fixture
async def nightscout_url(nightscout: FakeNightscout, socket_enabled: None) -> AsyncIterator[str]:
    """Serve the site and give its address."""
    async with nightscout.serving() as url:
        yield url


@pytest.fixture
def phone() -> FakePhone:
    """Return an xDrip+ phone without readings or secret; `phone_url` serves it."""
    return FakePhone(App.XDRIP, clock=dt_util.utcnow)


@pytest.fixture
async def phone_url(phone: FakePhone, socket_enabled: None) -> AsyncIterator[str]:
    """Serve the phone and give its address."""
    async with phone.serving() as url:
        yield url


@pytest.fixture
def settle(hass: HomeAssistant) -> Settle:
    """Return how the background work that is due is waited for."""

    async def settled() -> None:
        await hass.async_block_till_done(wait_background_tasks=True)

    return settled


@pytest.fixture
def run_wearer(hass: HomeAssistant, add_wearer: AddWearer, settle: Settle) -> RunWearer:
    """Return how a wearer is set up; arguments as of `add_wearer`."""

    async def run(
        *sources: Mapping[str, object], title: str = "Alex", **options: object
    ) -> MockConfigEntry:
        entry = add_wearer(*sources, title=title, **options)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await settle()
        return entry

    return run


@pytest.fixture
def set_up(dexcom: FakeDexcomShare, run_wearer: RunWearer) -> SetUp:
    """Return how a wearer who is at 100 is set up, by default one called Alex."""
    steady(dexcom, 100)

    async def up(title: str = "Alex", **options: object) -> MockConfigEntry:
        return await run_wearer(dexcom_source(dexcom), title=title, **options)

    return up


@pytest.fixture
def pass_time(hass: HomeAssistant, freezer: FrozenDateTimeFactory, settle: Settle) -> PassTime:
    """Return how time goes on: in steps of at most `step`, as timers set new timers."""

    async def passed(time: timedelta, step: timedelta = timedelta(seconds=20)) -> None:
        while time > timedelta():
            freezer.tick(min(step, time))
            time -= step
            async_fire_time_changed(hass)
            await settle()

    return passed


@pytest.fixture
def everything_enabled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have also those entities that a user would have to switch on."""
    monkeypatch.setattr(Entity, "entity_registry_enabled_default", True)


@pytest.fixture
def lost(hass: HomeAssistant) -> list[str]:
    """Collect the entities that turn unavailable from now on."""
    found: list[str] = []

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if state is not None and state.state == STATE_UNAVAILABLE:
            found.append(state.entity_id)

    hass.bus.async_listen(EVENT_STATE_CHANGED, note)
    return found


@pytest.fixture
def nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail where any logger, at DEBUG, got what opens an account, or ours got somebody's name.

    Home Assistant itself logs names of entities at DEBUG.
    """
    for noisy in ("sqlalchemy", "homeassistant.components.recorder"):
        # They write down every state, in their own thread, and nothing of accounts.
        caplog.set_level(logging.WARNING, noisy)
    # Last, for it sets the level of what catches, too.
    caplog.set_level(logging.DEBUG)
    yield
    lines = [
        (record.name, logging.Formatter().format(record))
        for phase in ("setup", "call")
        for record in caplog.get_records(phase)
    ]
    told = [line for line in lines if any(secret in line[1] for secret in SECRETS)]
    named = [
        line
        for line in lines
        if line[0].startswith(("custom_components", "glucose", "pydexcom", "urllib3", "aiohttp"))
        if any(name in line[1] for name in NAMES)
    ]
    assert told == []
    assert named == []


@pytest.fixture
async def alex(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, add_wearer: AddWearer
) -> MockConfigEntry:
    """Return a wearer who is set up and has no source."""
    freezer.move_to("2026-11-20T12:00:00+00:00")
    entry = add_wearer()
    assert await hass.config_entries.async_setup(entry.entry_id)
    return entry
