"""Setting a wearer up and letting it go: nothing is left behind, what was learned stays."""

import asyncio
import json
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from homeassistant.util.async_ import get_scheduled_timer_handles
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm.history import async_history
from custom_components.cgm.shared.glucose.store import Store
from fakes.dexcom_share import FakeDexcomShare, Row
from fakes.nightscout import FakeNightscout
from fakes.serving import html_503, never_answers

from .conftest import AddWearer, PassTime, Settle
from .vendors import dexcom_source, nightscout_source, steady
from .watching import FIVE, NOON, file_of, running, value

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(NOON)


def left_behind(hass: HomeAssistant) -> list[str]:
    """Return our timers and tasks that are about, and threads that do not end by themselves."""
    timers = [
        repr(handle)
        for handle in get_scheduled_timer_handles(hass.loop)
        if not handle.cancelled() and "cgm" in repr(handle)
    ]
    tasks = [repr(task) for task in asyncio.all_tasks() if "cgm" in repr(task.get_coro())]
    threads = [one for one in threading.enumerate() if one.name.startswith("cgm")]
    for thread in threads:
        thread.join(1)
    return timers + tasks + [thread.name for thread in threads if thread.is_alive()]


def noted(hass: HomeAssistant, wearer: MockConfigEntry) -> dict[str, Any]:
    """Return what the one feed learned, out of the closed file."""
    (source,) = wearer.subentries
    store = Store(file_of(hass), clock=dt_util.utcnow)
    store.open()
    text = store.recall(wearer.entry_id, f"cadence {source}")
    store.close()
    return {} if text is None else dict(json.loads(text))


@pytest.fixture
async def wearer(dexcom: FakeDexcomShare, add_wearer: AddWearer) -> MockConfigEntry:
    """Add a wearer whose Dexcom goes on for hours; not set up yet."""
    for place in range(-20, 100):
        time = dt_util.utcnow() + place * FIVE - timedelta(minutes=1)
        visible = time + timedelta(seconds=25)
        dexcom.rows.append(Row(time=time, value=120, visible_at=visible))
    return add_wearer(dexcom_source(dexcom))


async def test_a_simulated_wearer_has_glucose_a_history_and_a_sensor(
    hass: HomeAssistant, add_wearer: AddWearer, simulated: dict[str, Any], settle: Settle
) -> None:
    wearer = add_wearer(simulated)
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    assert 39 <= int(value(hass)) <= 401
    assert value(hass, "sensor.alex_simulated_sensor_started") < NOON
    assert value(hass, "sensor.alex_simulated_sensor_expires") > NOON
    found = await async_history(hass).async_do(lambda store: store.count(wearer.entry_id))
    assert found > 3800


async def test_unloading_leaves_nothing_behind(
    hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle, pass_time: PassTime
) -> None:
    assert left_behind(hass) == []
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await pass_time(timedelta(minutes=30))
    assert left_behind(hass) != []
    assert await hass.config_entries.async_unload(wearer.entry_id)
    assert wearer.state is ConfigEntryState.NOT_LOADED
    assert left_behind(hass) == []
    assert not file_of(hass).with_name("cgm.db-wal").exists()
    assert async_history(hass).id is None


async def test_unloading_in_mid_request_takes_no_time_and_leaves_nothing(
    hass: HomeAssistant,
    nightscout: FakeNightscout,
    nightscout_url: str,
    add_wearer: AddWearer,
) -> None:
    nightscout.fail(never_answers)
    wearer = add_wearer(nightscout_source(nightscout_url))
    assert await hass.config_entries.async_setup(wearer.entry_id)
    while not nightscout.log:  # noqa: ASYNC110 - the vendor knows no events of ours
        await asyncio.sleep(0)
    assert await hass.config_entries.async_unload(wearer.entry_id)
    assert left_behind(hass) == []


async def test_a_stopping_home_closes_the_history_and_keeps_what_was_learned(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime, settle: Settle
) -> None:
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await pass_time(timedelta(minutes=40))
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await settle()
    assert left_behind(hass) == []
    assert not file_of(hass).with_name("cgm.db-wal").exists()
    assert len(noted(hass, wearer)["delays"]) >= 7
    # It may be unloaded all the same.
    assert await hass.config_entries.async_unload(wearer.entry_id)


async def test_what_was_learned_survives_a_restart(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime, settle: Settle
) -> None:
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await pass_time(timedelta(minutes=70))
    (feed,) = running(wearer).feeds.values()
    learned = feed.cadence.learned
    assert len(learned.delays) >= 12
    # It is written once an hour, not only in the end.
    (source,) = wearer.subentries
    text = await async_history(hass).async_do(
        lambda store: store.recall(wearer.entry_id, f"cadence {source}")
    )
    assert text is not None
    assert await hass.config_entries.async_unload(wearer.entry_id)
    assert noted(hass, wearer) == learned.to_dict()
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    (feed,) = running(wearer).feeds.values()
    assert feed.cadence.learned.delays[: len(learned.delays)] == learned.delays


async def test_a_start_cut_short_forgets_nothing_that_was_learned(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime
) -> None:
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await pass_time(timedelta(minutes=30))
    assert await hass.config_entries.async_unload(wearer.entry_id)
    learned = noted(hass, wearer)
    assert await hass.config_entries.async_setup(wearer.entry_id)
    held, go_on = running(wearer), threading.Event()
    # The history is busy, so that a feed begun now does not know yet what was learned.
    busy = asyncio.ensure_future(held.history.async_do(lambda _store: go_on.wait(20)))
    await asyncio.sleep(0)
    (source,) = wearer.subentries.values()
    hass.config_entries.async_update_subentry(
        wearer, source, data={**source.data, "password": "another-password-2"}
    )
    unloading = asyncio.ensure_future(hass.config_entries.async_unload(wearer.entry_id))
    while held.feeds:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0)
    go_on.set()
    assert await busy
    assert await unloading
    assert noted(hass, wearer) == learned


async def test_what_was_learned_and_cannot_be_read_is_learned_anew(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime, settle: Settle
) -> None:
    (source,) = wearer.subentries
    store = Store(file_of(hass), clock=dt_util.utcnow)
    store.open()
    store.note(wearer.entry_id, f"cadence {source}", "{half of it")
    store.close()
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await pass_time(timedelta(minutes=15))
    assert value(hass, "sensor.alex_dexcom_state") == "ok"
    assert value(hass) == "120"


async def test_two_wearers_share_the_history_and_one_may_go(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    nightscout: FakeNightscout,
    nightscout_url: str,
    add_wearer: AddWearer,
    settle: Settle,
    pass_time: PassTime,
) -> None:
    steady(nightscout, 99)
    other = add_wearer(nightscout_source(nightscout_url), title="Robin")
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    assert await hass.config_entries.async_unload(wearer.entry_id)
    steady(nightscout, 98, minutes=(4,))
    await pass_time(timedelta(minutes=5))
    assert value(hass, "sensor.robin_glucose") == "98"
    assert await hass.config_entries.async_unload(other.entry_id)
    assert left_behind(hass) == []


async def test_refused_credentials_are_not_sent_again_after_a_restart(
    hass: HomeAssistant, wearer: MockConfigEntry, dexcom: FakeDexcomShare, pass_time: PassTime
) -> None:
    dexcom.change_password("another-password-2")
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await pass_time(timedelta(minutes=15))
    assert dexcom.bad_logins == 2
    assert await hass.config_entries.async_reload(wearer.entry_id)
    await pass_time(timedelta(hours=2), timedelta(minutes=5))
    assert dexcom.bad_logins == 2
    assert value(hass, "sensor.alex_dexcom_state") == "waiting_for_login"


async def test_setting_up_does_not_wait_for_a_vendor(
    hass: HomeAssistant, wearer: MockConfigEntry, dexcom: FakeDexcomShare
) -> None:
    dexcom.fail(html_503)
    assert await hass.config_entries.async_setup(wearer.entry_id)
    assert wearer.state is ConfigEntryState.LOADED
    assert value(hass, "sensor.alex_dexcom_state") in {"starting", "retrying"}


def test_importing_the_integration_imports_nothing_heavy() -> None:
    modules = sorted(path.stem for path in (ROOT / "custom_components/cgm").glob("*.py"))
    program = f"""
import sys
import homeassistant.bootstrap
# What Home Assistant itself brings along is not ours.
before = set(sys.modules)
for name in {modules!r}:
    __import__("custom_components.cgm" + ("" if name == "__init__" else "." + name))
print(*sorted({{"numpy", "sqlite_utils", "pydexcom", "requests"}} & (set(sys.modules) - before)))
"""
    done = subprocess.run(  # noqa: S603 - our own interpreter and words
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
