"""The heartbeat: sent while a wearer's alarms can work, silent else, and secret throughout."""

import logging
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm import heartbeat
from custom_components.cgm.diagnostics import async_get_config_entry_diagnostics
from custom_components.cgm.heartbeat import usable_address
from custom_components.cgm.shared.glucose.errors import StoreUnavailable
from fakes.serving import FakeServer, never_answers, status

from .conftest import AddWearer, PassTime, Settle
from .dialogs import english, said
from .watching import NOON, repairs, running

PATH = "/ping/a-secret-word"
SECRET = "a-secret-word"
MINUTE = timedelta(minutes=1)


class Watcher(FakeServer):
    """A service that misses heartbeats."""

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """Return the address of one check."""
        return [web.get(PATH, self._take)]

    async def _take(self, _request: web.Request) -> web.Response:
        return web.Response(text="OK")


class Elapsed:
    """Monotonic seconds that go with the frozen clock."""

    def __init__(self, freezer: FrozenDateTimeFactory) -> None:
        """Begin now."""
        self._freezer = freezer

    def __call__(self) -> float:
        """Return the seconds."""
        return float(self._freezer.time_to_freeze.timestamp())


@pytest.fixture
async def watcher(socket_enabled: None) -> AsyncIterator[tuple[Watcher, str]]:
    """Serve the service; give it with the address of its check."""
    service = Watcher()
    async with service.serving() as url:
        yield service, url + PATH


@pytest.fixture
async def wearer(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
    add_wearer: AddWearer,
    simulated: dict[str, Any],
    settle: Settle,
) -> MockConfigEntry:
    """Run a wearer with one source and no heartbeat."""
    freezer.move_to(NOON)
    monkeypatch.setattr(heartbeat, "monotonic", Elapsed(freezer))
    entry = add_wearer(simulated)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    return entry


async def choose(hass: HomeAssistant, entry: MockConfigEntry, **typed: object) -> ConfigFlowResult:
    """Submit the form about the heartbeat."""
    menu = said(await hass.config_entries.options.async_init(entry.entry_id), "options")
    choice = {"next_step_id": "heartbeat"}
    form = await hass.config_entries.options.async_configure(menu["flow_id"], choice)
    return said(
        await hass.config_entries.options.async_configure(form["flow_id"], typed), "options"
    )


async def test_off_by_default_and_every_field_is_explained(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    watcher: tuple[Watcher, str],
    pass_time: PassTime,
) -> None:
    await pass_time(10 * MINUTE, MINUTE)
    assert watcher[0].log == []
    step = english()["options"]["step"]["heartbeat"]
    fields = {"url", "every_minutes"}
    assert step["data"].keys() == step["data_description"].keys() == fields


async def test_it_beats_at_once_and_at_the_interval_and_says_nothing_of_the_wearer(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    watcher: tuple[Watcher, str],
    settle: Settle,
    pass_time: PassTime,
) -> None:
    service, address = watcher
    before = dict(wearer.options)
    done = await choose(hass, wearer, url=f" {address} ", every_minutes=2)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert wearer.options == {**before, "heartbeat": {"url": address, "every_minutes": 2}}
    await settle()
    (first,) = service.log
    assert (first.method, first.path, first.query, first.body) == ("GET", PATH, {}, b"")
    assert "alex" not in str(first.headers).lower()
    await pass_time(6 * MINUTE, MINUTE)
    assert len(service.log) == 4
    # Another change of the options is no reason for another beat.
    hass.config_entries.async_update_entry(wearer, options={**wearer.options, "unit": "mmol/L"})
    await settle()
    assert len(service.log) == 4
    await choose(hass, wearer, url=address, every_minutes=30)
    await settle()
    assert len(service.log) == 5
    await pass_time(20 * MINUTE, MINUTE)
    assert len(service.log) == 5


async def test_an_empty_address_ends_it_and_so_does_unloading(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    watcher: tuple[Watcher, str],
    settle: Settle,
    pass_time: PassTime,
    caplog: pytest.LogCaptureFixture,
) -> None:
    service, address = watcher
    await choose(hass, wearer, url=address, every_minutes=5)
    await settle()
    await choose(hass, wearer, every_minutes=5)
    assert "heartbeat" not in wearer.options
    await pass_time(11 * MINUTE, MINUTE)
    assert len(service.log) == 1
    await choose(hass, wearer, url=address, every_minutes=5)
    await settle()
    assert len(service.log) == 2
    assert await hass.config_entries.async_unload(wearer.entry_id)
    await pass_time(11 * MINUTE, MINUTE)
    assert len(service.log) == 2
    assert "held back" not in caplog.text
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    assert len(service.log) == 3


async def test_unloading_ends_a_beat_that_hangs(
    hass: HomeAssistant, wearer: MockConfigEntry, watcher: tuple[Watcher, str]
) -> None:
    service, address = watcher
    service.fail(never_answers)
    await choose(hass, wearer, url=address, every_minutes=5)
    assert await hass.config_entries.async_unload(wearer.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_it_is_held_back_while_alarms_cannot_work(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    watcher: tuple[Watcher, str],
    settle: Settle,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    service, address = watcher
    await choose(hass, wearer, url=address, every_minutes=5)
    await settle()
    count = len(service.log)
    history = running(wearer).history

    async def refused(_work: object) -> None:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as full:
        full.setattr(history, "async_do", refused)
        await pass_time(21 * MINUTE, MINUTE)
        assert running(wearer).writing.error is not None
        held = len(service.log)
        assert held <= count + 1
        assert caplog.text.count("The heartbeat is held back") == 1
    await pass_time(11 * MINUTE, MINUTE)
    assert len(service.log) > held


async def test_a_wearer_without_sources_has_no_alarms_that_could_work(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    watcher: tuple[Watcher, str],
    settle: Settle,
) -> None:
    service, address = watcher
    await choose(hass, alex, url=address, every_minutes=5)
    await settle()
    assert service.log == []


async def test_a_home_whose_sources_are_all_down_still_lives(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    add_wearer: AddWearer,
    watcher: tuple[Watcher, str],
    settle: Settle,
    pass_time: PassTime,
) -> None:
    service, address = watcher
    freezer.move_to(NOON)
    gone = {"kind": "nightscout", "wearer": "gone", "url": "http://127.0.0.1:9", "api": "v1"}
    entry = add_wearer(gone, heartbeat={"url": address, "every_minutes": 5})
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    await pass_time(10 * MINUTE, MINUTE)
    assert len(service.log) == 3


async def test_a_failure_is_said_once_and_a_repair_after_an_hour_until_it_is_taken(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    watcher: tuple[Watcher, str],
    settle: Settle,
    pass_time: PassTime,
    caplog: pytest.LogCaptureFixture,
) -> None:
    service, address = watcher
    caplog.set_level(logging.DEBUG, "custom_components.cgm")
    service.fail(status(404))
    await choose(hass, wearer, url=address, every_minutes=5)
    await settle()
    await pass_time(58 * MINUTE, MINUTE)
    assert "heartbeat_fails" not in repairs(hass)
    await pass_time(6 * MINUTE, MINUTE)
    assert repairs(hass)["heartbeat_fails"] == {"wearer": "Alex"}
    assert caplog.text.count("The heartbeat is not taken: answered 404") == 1
    service.heal()
    await pass_time(7 * MINUTE, MINUTE)
    assert "heartbeat_fails" not in repairs(hass)
    assert "The heartbeat is taken again" in caplog.text


async def test_the_address_is_in_no_log_and_no_diagnostics(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    settle: Settle,
    socket_enabled: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "custom_components.cgm")
    await choose(hass, wearer, url=f"http://127.0.0.1:9/{SECRET}", every_minutes=5)
    await settle()
    assert "The heartbeat is not taken: ClientConnectorError" in caplog.text
    ours = [one.getMessage() for one in caplog.records if "cgm" in one.name]
    assert SECRET not in str(ours)
    diagnostics = await async_get_config_entry_diagnostics(hass, wearer)
    assert diagnostics["options"]["heartbeat"] == {"url": "**REDACTED**", "every_minutes": 5}
    assert SECRET not in str(diagnostics)


async def test_what_is_no_address_is_refused_and_shown_again(
    hass: HomeAssistant, wearer: MockConfigEntry, watcher: tuple[Watcher, str]
) -> None:
    form = await choose(hass, wearer, url="ping", every_minutes=7)
    assert form["errors"] == {"url": "invalid_heartbeat_url"}
    typed = {"url": watcher[1], "every_minutes": 7}
    done = await hass.config_entries.options.async_configure(form["flow_id"], typed)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert wearer.options["heartbeat"] == typed


@pytest.mark.parametrize(
    ("text", "usable"),
    [
        ("https://hc-ping.com/0123", True),
        ("http://uptime.local:3001/api/push/abc?status=up&msg=OK&ping=", True),
        ("hc-ping.com/0123", False),
        ("ftp://host/", False),
        ("https:///0123", False),
        ("https://user:word@host/", False),
        ("https://host:0/", False),
        ("https://host:many/", False),
        ("https://[host/", False),
        ("https://host/\n", False),
    ],
)
def test_an_address_is_http_with_a_host_and_nobodys_name(text: str, *, usable: bool) -> None:
    assert usable_address(text) is usable
