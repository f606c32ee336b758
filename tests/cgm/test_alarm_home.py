"""Alarms in a real home: told at once, over restarts, failing disks, warm-ups and late readings."""

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm.alarm_quiet import quiet_until
from custom_components.cgm.const import DOMAIN
from custom_components.cgm.shared.glucose.alarms.kinds import AlarmKind
from custom_components.cgm.shared.glucose.alarms.state import Phase
from custom_components.cgm.shared.glucose.errors import StoreUnavailable
from custom_components.cgm.shared.glucose.reading import Reading
from custom_components.cgm.shared.glucose.sources.source import Answer, SensorLife
from custom_components.cgm.shared.glucose.store import LoggedAlarm, Store
from fakes.dexcom_share import FakeDexcomShare, Row
from fakes.nightscout import FakeNightscout
from fakes.serving import html_503

from .conftest import AddWearer, PassTime, Settle
from .vendors import dexcom_source, nightscout_source, steady
from .watching import NOON, attribute, file_of, keep, running, value

pytestmark = pytest.mark.usefixtures("nothing_secret_is_logged")

EVENT = "event.alex_alarm"
URGENT_LOW = "binary_sensor.alex_alarm_urgent_low"
LOW = "binary_sensor.alex_alarm_low"
STALE = "binary_sensor.alex_alarm_no_readings"
ANY = "binary_sensor.alex_any_alarm"
MINUTE = timedelta(minutes=1)
OVER = ("urgent_low", "cleared")


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(NOON)


@pytest.fixture
def said(hass: HomeAssistant) -> list[dict[str, Any]]:
    """Collect what any event entity says from now on."""
    found: list[dict[str, Any]] = []
    # A state taken up after a restart is the last event, with its time, once more.
    moments: set[tuple[str, str]] = set()

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        new = event.data["new_state"]
        if new is None or new.domain != "event" or new.state in {"unavailable", "unknown"}:
            return
        moment = (new.entity_id, new.state)
        if moment not in moments:
            moments.add(moment)
            found.append({"entity": new.entity_id, **new.attributes})

    hass.bus.async_listen("state_changed", note)
    return found


def told(said: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["alarm"], one["event_type"]) for one in said]


@pytest.fixture
async def wearer(
    hass: HomeAssistant, dexcom: FakeDexcomShare, add_wearer: AddWearer, settle: Settle
) -> MockConfigEntry:
    """Run a wearer who is at 100."""
    steady(dexcom, 100)
    entry = add_wearer(dexcom_source(dexcom))
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    return entry


def falls(dexcom: FakeDexcomShare, *mg_dl: int) -> None:
    """Have the vendor measure so, each five minutes from the one after the newest."""
    newest = max(row.time for row in dexcom.rows)
    for place, each in enumerate(mg_dl, 1):
        time = newest + 5 * MINUTE * place
        dexcom.rows.append(Row(time=time, value=each, visible_at=time))


def only_feed(entry: MockConfigEntry) -> Any:  # noqa: ANN401 - a feed of either kind
    (feed,) = running(entry).feeds.values()
    return feed


def reading(entry: MockConfigEntry, mg_dl: int, *, minutes: float = 0) -> Reading:
    time = dt_util.utcnow() + minutes * MINUTE
    return Reading(time=time, mg_dl=mg_dl, source=only_feed(entry).id, series="share")


async def receive(entry: MockConfigEntry, *rows: Reading) -> None:
    await running(entry).async_receive(only_feed(entry), Answer(readings=rows))


async def log_of(entry: MockConfigEntry) -> list[tuple[str, str]]:
    return [(row.kind, row.what) for row in await running(entry).alarms.async_log()]


async def test_a_low_is_told_in_the_turn_in_which_it_arrives(
    hass: HomeAssistant, wearer: MockConfigEntry, said: list[dict[str, Any]]
) -> None:
    next_turn: list[bool] = []
    spoke_in_it: list[bool] = []
    running(wearer).alarms.async_add_listener(lambda _: spoke_in_it.append(bool(next_turn)))
    hass.loop.call_soon(next_turn.append, True)
    work = hass.async_create_task(receive(wearer, reading(wearer, 51)), eager_start=True)
    # Nothing was waited for so far: the disk comes after.
    assert spoke_in_it
    assert next_turn == []
    assert told(said)[0] == ("urgent_low", "fired")
    assert said[0]["text"] == "Alex: urgent low, 51 mg/dL, compression low suspected."
    assert said[0]["value"] == 51
    assert value(hass, URGENT_LOW) == value(hass, ANY) == "on"
    assert attribute(hass, URGENT_LOW, "value") == 51
    assert attribute(hass, URGENT_LOW, "threshold") == 54
    assert attribute(hass, ANY, "alarms") == ["urgent_low"]
    await work
    assert not any(spoke_in_it)


async def test_who_is_told_finds_the_value_and_the_alarm_that_it_is_about(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    seen: list[tuple[str, str]] = []

    def look(_: object) -> None:
        seen.append((value(hass, "sensor.alex_glucose"), value(hass, URGENT_LOW)))

    running(wearer).alarms.async_add_listener(look)
    await receive(wearer, reading(wearer, 51))
    assert set(seen) == {("51", "on")}
    await receive(wearer, reading(wearer, 90, minutes=1))
    assert seen[-1] == ("90", "off")


async def test_what_lies_further_back_than_now_follows_the_alarm_by_itself(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    heard: list[str] = []
    stop = running(wearer).listeners.async_add_follower(lambda: heard.append("follower"))
    running(wearer).alarms.async_add_listener(lambda _: heard.append("alarm"))
    work = hass.async_create_task(receive(wearer, reading(wearer, 51)), eager_start=True)
    assert set(heard) == {"alarm"}
    heard.clear()
    # Once, however often it was told in one turn.
    await asyncio.sleep(0)
    assert heard == ["follower"]
    await work
    await hass.async_block_till_done()
    heard.clear()
    running(wearer).async_tell()
    stop()
    await hass.async_block_till_done()
    assert heard == []


async def test_it_repeats_and_is_over_when_glucose_is_back(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    dexcom: FakeDexcomShare,
    pass_time: PassTime,
    said: list[dict[str, Any]],
) -> None:
    falls(dexcom, 90, 72, 53, 52, 80, 90)
    await pass_time(20 * MINUTE)
    assert value(hass, URGENT_LOW) == "on"
    assert ("urgent_low", "fired") in told(said)
    assert ("urgent_low", "repeated") in told(said)
    await pass_time(11 * MINUTE)
    assert value(hass, URGENT_LOW) == value(hass, ANY) == "off"
    (over,) = (one for one in said if (one["alarm"], one["event_type"]) == OVER)
    assert over["text"] == "Alex: over: urgent low, 80 mg/dL, lowest 52."
    assert ("urgent_low", "cleared") in await log_of(wearer)


async def test_a_restart_neither_forgets_nor_repeats(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    settle: Settle,
    said: list[dict[str, Any]],
) -> None:
    await receive(wearer, reading(wearer, 51))
    begun = running(wearer).alarms.alarms[AlarmKind.URGENT_LOW]
    said.clear()
    assert await hass.config_entries.async_unload(wearer.entry_id)
    freezer.tick(2 * MINUTE)
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    assert value(hass, URGENT_LOW) == "on"
    state = running(wearer).alarms.alarms[AlarmKind.URGENT_LOW]
    assert (state.since, state.fired) == (begun.since, begun.fired)
    assert told(said) == []


async def test_a_silence_outlasts_a_restart_at_once(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    settle: Settle,
) -> None:
    await receive(wearer, reading(wearer, 51))
    await running(wearer).alarms.async_silence(AlarmKind.URGENT_LOW, 20 * MINUTE)
    store = Store(file_of(hass), clock=dt_util.utcnow)
    store.open()
    text = store.alarm_states(wearer.entry_id)
    store.close()
    assert text is not None
    assert '"silence_left":1200.0' in text
    until = attribute(hass, URGENT_LOW, "silenced_until")
    assert await hass.config_entries.async_unload(wearer.entry_id)
    freezer.tick(3 * MINUTE)
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    assert attribute(hass, URGENT_LOW, "silenced_until") == until


async def test_after_a_start_with_dead_sources_missing_data_are_told(
    hass: HomeAssistant,
    dexcom: FakeDexcomShare,
    add_wearer: AddWearer,
    pass_time: PassTime,
    settle: Settle,
    said: list[dict[str, Any]],
) -> None:
    entry = add_wearer(dexcom_source(dexcom))
    (source,) = entry.subentries
    old = dt_util.utcnow() - 40 * MINUTE
    keep(hass, entry, [Reading(time=old, mg_dl=120, source=source, series="share")])
    dexcom.fail(html_503)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    await pass_time(4 * MINUTE)
    assert value(hass, STALE) == "on"
    assert told(said) == [("stale", "fired")]
    assert "no data for" in said[0]["text"]


async def test_while_the_disk_refuses_alarms_go_on_and_are_logged_once_it_takes_them(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    said: list[dict[str, Any]],
) -> None:
    def refuse(*_: object) -> None:
        raise StoreUnavailable("made up")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "keep_alarms", refuse)
        await receive(wearer, reading(wearer, 51))
    assert told(said)[0] == ("urgent_low", "fired")
    assert await log_of(wearer) == []
    await running(wearer).alarms.async_keep()
    assert (await log_of(wearer)).count(("urgent_low", "fired")) == 1


async def test_two_writes_at_once_log_each_happening_once(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    watch = running(wearer).alarms
    first = hass.async_create_task(watch.async_test(AlarmKind.LOW))
    second = hass.async_create_task(watch.async_test(AlarmKind.HIGH))
    await first
    await second
    assert await log_of(wearer) == [("low", "tested"), ("high", "tested")]


async def test_what_happens_while_another_write_waits_for_the_disk_is_logged_once(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    watch = running(wearer).alarms
    disk = threading.Event()
    busy = hass.async_create_task(
        running(wearer).history.async_do(lambda _: disk.wait(10)), eager_start=True
    )
    first = hass.async_create_task(watch.async_test(AlarmKind.LOW), eager_start=True)
    second = hass.async_create_task(watch.async_test(AlarmKind.HIGH), eager_start=True)
    # Noted, and written by whoever writes next.
    now = dt_util.utcnow()
    watch.async_note_told(LoggedAlarm(at=now, kind=AlarmKind.HIGH, what="told", about={}))
    disk.set()
    assert await busy
    await first
    await second
    await watch.async_keep()
    assert await log_of(wearer) == [("low", "tested"), ("high", "tested"), ("high", "told")]


async def test_damaged_states_are_worked_out_anew_and_said(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    settle: Settle,
    said: list[dict[str, Any]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    await receive(wearer, reading(wearer, 51))
    assert await hass.config_entries.async_unload(wearer.entry_id)
    store = Store(file_of(hass), clock=dt_util.utcnow)
    store.open()
    store.keep_alarms(wearer.entry_id, "{half of")
    store.close()
    said.clear()
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    assert value(hass, URGENT_LOW) == "on"
    assert told(said) == []
    assert "What was kept of the alarms is damaged; it is worked out anew" in caplog.text


async def test_a_warm_up_quiets_missing_data_and_says_so(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    dexcom: FakeDexcomShare,
    pass_time: PassTime,
    said: list[dict[str, Any]],
) -> None:
    begun = dt_util.utcnow()
    until = begun + 60 * MINUTE
    feed = only_feed(wearer)
    life = SensorLife(started=begun, warm_up_until=until)
    await running(wearer).async_receive(feed, Answer())
    feed.status = type(feed.status)(state=feed.status.state, sensor=life)
    await pass_time(40 * MINUTE)
    assert value(hass, STALE) == "off"
    assert attribute(hass, STALE, "quiet_until") == until
    await pass_time(25 * MINUTE)
    assert value(hass, STALE) == "on"
    assert attribute(hass, STALE, "quiet_until") is None
    assert told(said)[0] == ("stale", "fired")


async def test_what_the_old_sensor_measures_does_not_end_the_warm_up_of_the_same_source(
    wearer: MockConfigEntry,
) -> None:
    begun = dt_util.utcnow() - 10 * MINUTE
    until = begun + 60 * MINUTE
    await receive(wearer, reading(wearer, 100))
    feed = only_feed(wearer)
    life = SensorLife(started=begun, warm_up_until=until)
    feed.status = type(feed.status)(state=feed.status.state, sensor=life)
    assert quiet_until(running(wearer), begun + 30 * MINUTE) == until


async def test_late_lows_are_logged_and_wake_nobody(
    hass: HomeAssistant, wearer: MockConfigEntry, said: list[dict[str, Any]]
) -> None:
    await receive(wearer, reading(wearer, 48, minutes=-31))
    assert said == []
    assert await log_of(wearer) == [("urgent_low", "found_late")]
    # What left the memory long ago, and is offered with each answer, is no news.
    await receive(wearer, reading(wearer, 48, minutes=-600))
    await receive(wearer, reading(wearer, 48, minutes=-600))
    assert await log_of(wearer) == [("urgent_low", "found_late")]


async def test_changed_options_hold_at_once(
    hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle, said: list[dict[str, Any]]
) -> None:
    watch = running(wearer).alarms
    assert value(hass, LOW) == "off"
    rules = {"low": {"threshold": 110}}
    hass.config_entries.async_update_entry(
        wearer, options={**wearer.options, "alarms": {"day": rules, "night": rules}}
    )
    await settle()
    assert running(wearer).alarms is watch
    assert value(hass, LOW) == "on"
    assert told(said) == [("low", "fired")]


async def test_settings_that_cannot_be_meant_leave_the_defaults_and_are_said_once(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    settle: Settle,
    pass_time: PassTime,
    caplog: pytest.LogCaptureFixture,
    issue_registry: ir.IssueRegistry,
) -> None:
    repair = f"alarm_settings_unusable_{wearer.entry_id}"
    unusable: list[dict[str, Any]] = [
        {"day": {"low": {"threshold": 20}}},
        {"day": {"low": 5}},
        {"night": {"?": {}}},
    ]
    for broken in unusable:
        caplog.clear()
        hass.config_entries.async_update_entry(wearer, options={**wearer.options, "alarms": broken})
        await settle()
        await pass_time(3 * MINUTE)
        assert running(wearer).alarms.rules.day[AlarmKind.LOW].threshold == 70
        assert caplog.text.count("The alarm settings cannot be used") == 1
        assert issue_registry.async_get_issue(DOMAIN, repair) is not None
    hass.config_entries.async_update_entry(wearer, options={**wearer.options, "alarms": {}})
    await settle()
    assert issue_registry.async_get_issue(DOMAIN, repair) is None


async def test_two_wearers_do_not_hear_each_other(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    dexcom: FakeDexcomShare,
    add_wearer: AddWearer,
    settle: Settle,
    said: list[dict[str, Any]],
) -> None:
    other = add_wearer(dexcom_source(dexcom), title="Robin")
    assert await hass.config_entries.async_setup(other.entry_id)
    await settle()
    await receive(other, reading(other, 51))
    assert {one["entity"] for one in said} == {"event.robin_alarm"}
    assert value(hass, "binary_sensor.robin_alarm_urgent_low") == "on"
    assert value(hass, URGENT_LOW) == "off"
    assert await log_of(wearer) == []


async def test_an_unloaded_wearer_leaves_neither_timer_nor_listener(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime, said: list[dict[str, Any]]
) -> None:
    calls = hass.bus.async_listeners().get("call_service", 0)
    await receive(wearer, reading(wearer, 51))
    watch = running(wearer).alarms
    said.clear()
    assert await hass.config_entries.async_unload(wearer.entry_id)
    assert watch.alarms[AlarmKind.URGENT_LOW].phase is Phase.ACTIVE
    assert hass.bus.async_listeners().get("call_service", 0) == calls - 1
    await pass_time(20 * MINUTE)
    assert said == []


@pytest.mark.parametrize(
    ("language", "unit", "text"),
    [
        ("en", "mmol/L", "Alex: urgent low, 2.8 mmol/L, compression low suspected."),
        ("de", "mmol/L", "Alex: dringend niedrig, 2,8 mmol/L, Druck auf den Sensor vermutet."),
    ],
)
async def test_it_speaks_the_homes_language_and_the_wearers_unit(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    said: list[dict[str, Any]],
    language: str,
    unit: str,
    text: str,
) -> None:
    hass.config.language = language
    hass.config_entries.async_update_entry(wearer, options={**wearer.options, "unit": unit})
    await receive(wearer, reading(wearer, 51))
    assert said[0]["text"] == text
    assert said[0]["value"] == attribute(hass, URGENT_LOW, "value") == 2.8
    assert attribute(hass, URGENT_LOW, "threshold") == 3.0


async def test_a_low_of_a_source_that_does_not_lead_names_it(
    hass: HomeAssistant,
    dexcom: FakeDexcomShare,
    nightscout: FakeNightscout,
    nightscout_url: str,
    add_wearer: AddWearer,
    settle: Settle,
    said: list[dict[str, Any]],
) -> None:
    steady(dexcom, 100)
    steady(nightscout, 100)
    entry = add_wearer(dexcom_source(dexcom), nightscout_source(nightscout_url))
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    (site,) = (feed for feed in running(entry).feeds.values() if feed.title == "Nightscout")
    low = Reading(time=dt_util.utcnow(), mg_dl=51, source=site.id, series="sgv")
    await running(entry).async_receive(site, Answer(readings=(low,)))
    assert value(hass, "sensor.alex_leading_source") == "Dexcom"
    assert told(said)[0] == ("urgent_low", "fired")
    assert said[0]["text"] == "Alex: urgent low, 51 mg/dL at Nightscout."
