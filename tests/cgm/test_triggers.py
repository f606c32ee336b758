"""Automations with triggers of ours in a real home: gaps, units, reloads, renames, restarts."""

from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import EVENT_CALL_SERVICE, EVENT_HOMEASSISTANT_START
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import (
    area_registry as ar,
    config_validation as cv,
    device_registry as dr,
    entity_registry as er,
    label_registry as lr,
)
from homeassistant.helpers.trigger import (
    async_initialize_triggers,
    async_validate_trigger_config,
)
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm.shared.glucose.alarms.kinds import AlarmKind
from custom_components.cgm.shared.glucose.reading import Bound
from fakes.dexcom_share import FakeDexcomShare

from .automations import (
    ALEX,
    ALEX_ALARM,
    MINUTE,
    automate,
    measure,
    note_runs,
    receive,
    triggered,
)
from .blueprints import restarted
from .conftest import AddWearer, PassTime, Settle, SetUp
from .vendors import steady
from .watching import GLUCOSE, NOON, running, value

BELOW_70 = {"threshold": 70, "unit": "mg/dL"}


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(NOON)


def alarms(runs: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(run["alarm"], run["event_type"]) for run in runs]


# Glucose.


async def test_dropping_below_runs_once_and_tells_all(
    hass: HomeAssistant, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up()
    runs = await automate(hass, triggered("glucose_dropped_below", ALEX, **BELOW_70))
    await measure(hass, entry, 70)
    assert runs == []
    await pass_time(5 * MINUTE)
    await measure(hass, entry, 69)
    await pass_time(5 * MINUTE)
    await measure(hass, entry, 66)
    (run,) = runs
    assert run["entity_id"] == run["glucose"] == GLUCOSE
    assert run["platform"] == "cgm.glucose_dropped_below"
    assert (run["wearer"], run["config_entry_id"]) == ("Alex", entry.entry_id)
    assert (run["value"], run["unit"], run["bound"]) == (69, "mg/dL", None)
    assert run["text"] == "Alex: 69 mg/dL."
    assert (run["threshold"], run["threshold_unit"]) == (70, "mg/dL")
    await pass_time(5 * MINUTE)
    await measure(hass, entry, 72)
    await pass_time(5 * MINUTE)
    await measure(hass, entry, 68)
    assert [run["value"] for run in runs] == [69, 68]


async def test_rising_above_runs_and_high_is_above_everything(
    hass: HomeAssistant, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up()
    runs = await automate(hass, triggered("glucose_rose_above", ALEX, threshold=500, unit="mg/dL"))
    await measure(hass, entry, 400)
    assert runs == []
    await pass_time(5 * MINUTE)
    await measure(hass, entry, 401, bound=Bound.HIGH)
    (run,) = runs
    assert (run["text"], run["bound"]) == ("Alex: HIGH.", "high")


async def test_low_is_below_every_threshold_and_not_above_any(
    hass: HomeAssistant, set_up: SetUp
) -> None:
    entry = await set_up()
    runs = await automate(
        hass,
        triggered("glucose_dropped_below", ALEX, threshold=2.2, unit="mmol/L"),
        triggered("glucose_rose_above", ALEX, threshold=2.2, unit="mmol/L"),
    )
    # 100 is above, and was so already.
    assert [run["platform"] for run in runs] == ["cgm.glucose_rose_above"]
    await measure(hass, entry, 40, bound=Bound.LOW)
    assert [run["platform"] for run in runs[1:]] == ["cgm.glucose_dropped_below"]
    assert (runs[1]["text"], runs[1]["bound"]) == ("Alex: LOW.", "low")


@pytest.mark.parametrize(
    ("key", "threshold", "bound"),
    [("glucose_rose_above", 40, Bound.LOW), ("glucose_dropped_below", 600, Bound.HIGH)],
)
async def test_a_bound_on_the_other_side_is_not_beyond_any_threshold(
    hass: HomeAssistant,
    set_up: SetUp,
    pass_time: PassTime,
    key: str,
    threshold: int,
    bound: Bound,
) -> None:
    entry = await set_up()
    runs = await automate(hass, triggered(key, ALEX, threshold=threshold, unit="mg/dL"))
    assert [run["value"] for run in runs] == [100]
    # Its number alone would be beyond.
    await pass_time(5 * MINUTE)
    await measure(hass, entry, 300, bound=bound)
    assert len(runs) == 1
    await pass_time(5 * MINUTE)
    await measure(hass, entry, 110)
    assert [run["value"] for run in runs] == [100, 110]


async def test_after_a_gap_a_low_is_heard(
    hass: HomeAssistant, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up()
    runs = await automate(hass, triggered("glucose_dropped_below", ALEX, **BELOW_70))
    await pass_time(15 * MINUTE)
    assert value(hass) == "unknown"
    await measure(hass, entry, 48)
    assert [run["value"] for run in runs] == [48]
    # So it is if it was low before: what was in between, nobody knows.
    await pass_time(15 * MINUTE)
    assert value(hass) == "unknown"
    await measure(hass, entry, 47)
    assert [run["value"] for run in runs] == [48, 47]


async def test_who_is_low_already_is_heard_when_the_automation_begins(
    hass: HomeAssistant, set_up: SetUp
) -> None:
    entry = await set_up()
    await measure(hass, entry, 65)
    runs = await automate(hass, triggered("glucose_dropped_below", ALEX, **BELOW_70))
    assert [run["value"] for run in runs] == [65]
    # Once more, for it begins anew.
    for action in ("turn_off", "turn_on"):
        where = {"entity_id": "automation.glucose_dropped_below"}
        await hass.services.async_call("automation", action, where, blocking=True)
    await hass.async_block_till_done()
    assert len(runs) == 2


async def test_a_reload_in_a_low_is_no_other_low(
    hass: HomeAssistant, set_up: SetUp, settle: Settle, pass_time: PassTime
) -> None:
    entry = await set_up()
    runs = await automate(
        hass,
        triggered("glucose_dropped_below", ALEX, **BELOW_70),
        triggered("alarm_fired", ALEX_ALARM),
    )
    await measure(hass, entry, 51)
    before = len(runs)
    assert before > 1
    assert await hass.config_entries.async_unload(entry.entry_id)
    await settle()
    assert value(hass) == "unavailable"
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    assert value(hass) == "51"
    assert runs[before:] == []
    # It is heard all the same what comes after the reload.
    await pass_time(5 * MINUTE)
    await measure(hass, entry, 50)
    assert ("urgent_low", "repeated") in alarms(runs[before:])


async def test_unavailable_is_an_origin(
    hass: HomeAssistant,
    set_up: SetUp,
    settle: Settle,
    dexcom: FakeDexcomShare,
    freezer: FrozenDateTimeFactory,
) -> None:
    entry = await set_up()
    runs = await automate(hass, triggered("glucose_dropped_below", ALEX, **BELOW_70))
    assert await hass.config_entries.async_unload(entry.entry_id)
    freezer.tick(5 * MINUTE)
    steady(dexcom, 60, minutes=[0])
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    assert [run["value"] for run in runs] == [60]


async def test_a_wearer_who_is_set_up_later_is_heard(
    hass: HomeAssistant, set_up: SetUp, add_wearer: AddWearer, dexcom: FakeDexcomShare
) -> None:
    runs = await automate(
        hass,
        triggered("glucose_dropped_below", ALEX, **BELOW_70),
        triggered("alarm_fired", ALEX_ALARM),
    )
    entry = await set_up()
    assert runs == []
    await measure(hass, entry, 51)
    assert [run["platform"] for run in runs].count("cgm.glucose_dropped_below") == 1
    assert alarms([run for run in runs if "alarm" in run])[0] == ("urgent_low", "fired")


@pytest.mark.parametrize("shown", ["mg/dL", "mmol/L"])
@pytest.mark.parametrize(
    ("threshold", "unit", "not_yet", "crossed"),
    [(3.9, "mmol/L", 70, 69), (70, "mg/dL", 70, 69), (4.0, "mmol/L", 72, 71)],
)
async def test_whole_mg_dl_are_compared_whatever_is_shown_or_typed(
    hass: HomeAssistant,
    set_up: SetUp,
    entity_registry: er.EntityRegistry,
    shown: str,
    threshold: float,
    unit: str,
    not_yet: int,
    crossed: int,
) -> None:
    entry = await set_up()
    entity_registry.async_update_entity_options(GLUCOSE, "sensor", {"unit_of_measurement": shown})
    await hass.async_block_till_done()
    runs = await automate(
        hass, triggered("glucose_dropped_below", ALEX, threshold=threshold, unit=unit)
    )
    await measure(hass, entry, not_yet)
    state = hass.states.get(GLUCOSE)
    assert state is not None
    assert state.attributes["unit_of_measurement"] == shown
    assert runs == []
    # At the same moment: it replaces the first.
    await measure(hass, entry, crossed)
    assert [run["value"] for run in runs] == [crossed]


async def test_what_reads_as_the_threshold_is_not_above_it(
    hass: HomeAssistant, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up(unit="mmol/L")
    runs = await automate(hass, triggered("glucose_rose_above", ALEX, threshold=10, unit="mmol/L"))
    await measure(hass, entry, 181)
    assert runs == []
    await pass_time(5 * MINUTE)
    await measure(hass, entry, 182)
    assert [(run["value"], run["text"]) for run in runs] == [(10.1, "Alex: 10.1 mmol/L.")]


async def test_showing_another_unit_crosses_nothing(
    hass: HomeAssistant, set_up: SetUp, entity_registry: er.EntityRegistry
) -> None:
    entry = await set_up()
    runs = await automate(
        hass,
        triggered("glucose_dropped_below", ALEX, **BELOW_70),
        triggered("glucose_rose_above", ALEX, threshold=250, unit="mg/dL"),
    )
    await measure(hass, entry, 60)
    for unit in ("mmol/L", "mg/dL", "mmol/L"):
        options = {"unit_of_measurement": unit}
        entity_registry.async_update_entity_options(GLUCOSE, "sensor", options)
        await hass.async_block_till_done()
        assert hass.states.get(GLUCOSE).attributes["unit_of_measurement"] == unit  # type: ignore[union-attr]  # it is there
    assert len(runs) == 1


# Whom a target means.


@pytest.fixture
async def two(set_up: SetUp) -> tuple[MockConfigEntry, MockConfigEntry]:
    """Set up two wearers."""
    return await set_up("Alex"), await set_up("Robin", unit="mmol/L")


def device_of(hass: HomeAssistant, entry: MockConfigEntry) -> str:
    entity = er.async_get(hass).async_get(f"sensor.{entry.title.lower()}_glucose")
    assert entity is not None
    assert entity.device_id is not None
    return entity.device_id


@pytest.mark.parametrize("by", ["device", "area", "label", "entity"])
async def test_several_wearers_are_heard_each_by_itself(
    hass: HomeAssistant, two: tuple[MockConfigEntry, MockConfigEntry], by: str
) -> None:
    devices = [device_of(hass, entry) for entry in two]
    area = ar.async_get(hass).async_create("Bedroom").id
    label = lr.async_get(hass).async_create("Children").label_id
    for device in devices:
        dr.async_get(hass).async_update_device(device, area_id=area, labels={label})
    targets: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "device": ({"device_id": devices},) * 2,
        "area": ({"area_id": area},) * 2,
        "label": ({"label_id": label},) * 2,
        "entity": (
            {"entity_id": ["sensor.alex_glucose", "sensor.robin_glucose"]},
            {"entity_id": ["event.alex_alarm", "event.robin_alarm"]},
        ),
    }
    glucose, alarm = targets[by]
    runs = await automate(
        hass,
        triggered("glucose_dropped_below", glucose, **BELOW_70),
        triggered("alarm_fired", alarm, alarms=["urgent_low"]),
    )
    for entry in two:
        await measure(hass, entry, 51)
    dropped = [(run["wearer"], run["value"], run["unit"]) for run in runs if "threshold" in run]
    fired = [(run["wearer"], run["value"], run["glucose"]) for run in runs if "alarm" in run]
    assert dropped == [("Alex", 51, "mg/dL"), ("Robin", 2.8, "mmol/L")]
    assert fired == [("Alex", 51, "sensor.alex_glucose"), ("Robin", 2.8, "sensor.robin_glucose")]


async def test_who_comes_into_the_target_is_heard_and_who_leaves_is_not(
    hass: HomeAssistant, two: tuple[MockConfigEntry, MockConfigEntry], pass_time: PassTime
) -> None:
    label = lr.async_get(hass).async_create("Children").label_id
    target = {"label_id": label}
    runs = await automate(
        hass,
        triggered("glucose_dropped_below", target, **BELOW_70),
        triggered("alarm_fired", target),
        triggered("readings_stale", target, minutes=30),
    )
    alex, robin = two
    await measure(hass, alex, 51)
    await measure(hass, robin, 51)
    assert runs == []
    devices = dr.async_get(hass)
    devices.async_update_device(device_of(hass, alex), labels={label})
    await hass.async_block_till_done()
    # Low already; but the alarm had spoken before anybody wanted to hear it.
    assert [(run["platform"], run["wearer"]) for run in runs] == [
        ("cgm.glucose_dropped_below", "Alex")
    ]
    devices.async_update_device(device_of(hass, alex), labels=set())
    await hass.async_block_till_done()
    runs.clear()
    await pass_time(5 * MINUTE)
    await measure(hass, alex, 80)
    await pass_time(5 * MINUTE)
    await measure(hass, alex, 48)
    await pass_time(40 * MINUTE)
    assert runs == []


async def test_who_comes_back_into_the_target_is_looked_at_anew(
    hass: HomeAssistant, two: tuple[MockConfigEntry, MockConfigEntry]
) -> None:
    label = lr.async_get(hass).async_create("Children").label_id
    runs = await automate(hass, triggered("glucose_dropped_below", {"label_id": label}, **BELOW_70))
    alex, _ = two
    await measure(hass, alex, 51)
    device = device_of(hass, alex)
    for labels in ({label}, set(), {label}):
        dr.async_get(hass).async_update_device(device, labels=labels)
        await hass.async_block_till_done()
    assert [(run["wearer"], run["value"]) for run in runs] == [("Alex", 51)] * 2


async def test_a_renamed_entity_is_followed_and_crosses_nothing(
    hass: HomeAssistant,
    set_up: SetUp,
    entity_registry: er.EntityRegistry,
    pass_time: PassTime,
) -> None:
    entry = await set_up()
    target = {"device_id": device_of(hass, entry)}
    runs = await automate(
        hass,
        triggered("glucose_dropped_below", target, **BELOW_70),
        triggered("alarm_fired", target),
    )
    await measure(hass, entry, 51)
    assert len(runs) == 2
    entity_registry.async_update_entity(GLUCOSE, new_entity_id="sensor.sugar")
    entity_registry.async_update_entity("event.alex_alarm", new_entity_id="event.bell")
    await hass.async_block_till_done()
    assert value(hass, "sensor.sugar") == "51"
    assert len(runs) == 2
    await pass_time(5 * MINUTE)
    await measure(hass, entry, 50)
    assert [(run["entity_id"], run["glucose"]) for run in runs[2:]] == [
        ("event.bell", "sensor.sugar")
    ]
    await pass_time(5 * MINUTE)
    await measure(hass, entry, 80)
    await pass_time(5 * MINUTE)
    await measure(hass, entry, 65)
    dropped = [run["entity_id"] for run in runs if "threshold" in run]
    assert dropped == [GLUCOSE, "sensor.sugar"]


async def test_other_entities_of_a_target_are_not_heard(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    others = {"entity_id": ["sensor.alex_delta", "sensor.alex_trend", "sensor.of_nobody"]}
    runs = await automate(hass, triggered("glucose_dropped_below", others, **BELOW_70))
    await measure(hass, entry, 51)
    assert runs == []


async def test_a_wearer_who_is_removed_is_not_missed(
    hass: HomeAssistant, two: tuple[MockConfigEntry, MockConfigEntry], pass_time: PassTime
) -> None:
    alex, robin = two
    area = ar.async_get(hass).async_create("Bedroom").id
    for entry in two:
        dr.async_get(hass).async_update_device(device_of(hass, entry), area_id=area)
    target = {"area_id": area}
    runs = await automate(
        hass,
        triggered("glucose_dropped_below", target, **BELOW_70),
        triggered("alarm_fired", target, alarms=["urgent_low"], repeats=False),
        triggered("readings_stale", target),
    )
    await measure(hass, alex, 51)
    await hass.config_entries.async_remove(alex.entry_id)
    await pass_time(30 * MINUTE)
    await measure(hass, robin, 51)
    assert sorted((run["wearer"], run["platform"]) for run in runs) == [
        ("Alex", "cgm.alarm_fired"),
        ("Alex", "cgm.glucose_dropped_below"),
        ("Robin", "cgm.alarm_fired"),
        ("Robin", "cgm.glucose_dropped_below"),
        ("Robin", "cgm.readings_stale"),
    ]


# Alarms.


async def test_an_alarm_that_fires_tells_all(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    runs = await automate(hass, triggered("alarm_fired", ALEX_ALARM))
    await measure(hass, entry, 51)
    (run,) = runs
    assert run["platform"] == "cgm.alarm_fired"
    assert (run["alarm"], run["event_type"]) == ("urgent_low", "fired")
    assert run["text"] == "Alex: urgent low, 51 mg/dL, compression low suspected."
    assert (run["value"], run["unit"], run["bound"]) == (51, "mg/dL", None)
    assert run["entity_id"] == "event.alex_alarm"
    assert (run["wearer"], run["config_entry_id"]) == ("Alex", entry.entry_id)
    assert run["glucose"] == GLUCOSE
    assert run["measured"] == run["since"] == NOON
    assert run["extreme"] == 51


@pytest.mark.parametrize("repeats", [True, False])
async def test_repeats_are_heard_unless_they_are_not_wanted(
    hass: HomeAssistant, set_up: SetUp, pass_time: PassTime, repeats: bool
) -> None:
    entry = await set_up()
    runs = await automate(hass, triggered("alarm_fired", ALEX_ALARM, repeats=repeats))
    await measure(hass, entry, 51)
    await pass_time(5 * MINUTE)
    await measure(hass, entry, 50)
    repeated = [("urgent_low", "repeated")] if repeats else []
    assert alarms(runs) == [("urgent_low", "fired"), *repeated]


@pytest.mark.parametrize("covered", [True, False])
async def test_a_milder_alarm_is_held_back_while_a_worse_one_speaks(
    hass: HomeAssistant, set_up: SetUp, pass_time: PassTime, covered: bool
) -> None:
    entry = await set_up()
    runs = await automate(
        hass, triggered("alarm_fired", ALEX_ALARM, covered=covered, repeats=False)
    )
    for mg_dl in (53, 52):
        await measure(hass, entry, mg_dl)
        await pass_time(5 * MINUTE)
    milder = [("low", "fired")] if covered else []
    assert alarms(runs)[:1] == [("urgent_low", "fired")]
    assert [one for one in alarms(runs) if one[0] == "low"] == milder


async def test_only_chosen_alarms_are_heard(
    hass: HomeAssistant, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up()
    runs = await automate(
        hass, triggered("alarm_fired", ALEX_ALARM, alarms=["high", "urgent_high"], repeats=False)
    )
    await measure(hass, entry, 51)
    assert runs == []
    await pass_time(5 * MINUTE)
    await measure(hass, entry, 310)
    assert alarms(runs) == [("urgent_high", "fired")]


async def test_two_alarms_of_one_turn_are_both_heard(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    runs = await automate(hass, triggered("alarm_fired", ALEX_ALARM))
    wearer = running(entry)
    await wearer.alarms.async_test(AlarmKind.LOW)
    await wearer.alarms.async_test(AlarmKind.HIGH)
    await hass.async_block_till_done()
    assert alarms(runs) == [("low", "test"), ("high", "test")]


@pytest.mark.parametrize("tests", [True, False])
async def test_tests_are_heard_unless_they_are_not_wanted(
    hass: HomeAssistant, set_up: SetUp, tests: bool
) -> None:
    await set_up()
    runs = await automate(hass, triggered("alarm_fired", ALEX_ALARM, tests=tests))
    await hass.services.async_call("cgm", "test_alarm", blocking=True)
    await hass.async_block_till_done()
    assert alarms(runs) == ([("urgent_low", "test")] if tests else [])


async def test_an_alarm_that_is_over_is_heard_and_nothing_else(
    hass: HomeAssistant, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up()
    runs = await automate(hass, triggered("alarm_cleared", ALEX_ALARM, alarms=["urgent_low"]))
    await measure(hass, entry, 51)
    await hass.services.async_call("cgm", "acknowledge_alarm", blocking=True)
    await pass_time(5 * MINUTE)
    await measure(hass, entry, 90)
    assert alarms(runs) == [("urgent_low", "cleared")]
    assert runs[0]["text"] == "Alex: over: urgent low, 90 mg/dL, lowest 51."


async def test_an_alarm_that_is_on_does_not_fire_anew_for_a_new_automation(
    hass: HomeAssistant, set_up: SetUp, settle: Settle
) -> None:
    entry = await set_up()
    await measure(hass, entry, 51)
    runs = await automate(hass, triggered("alarm_fired", ALEX_ALARM))
    assert runs == []
    # Nor does a friendly name make news of it.
    er.async_get(hass).async_update_entity("event.alex_alarm", name="Bell")
    await settle()
    assert hass.states.get("event.alex_alarm").attributes["friendly_name"] == "Bell"  # type: ignore[union-attr]  # it is there
    assert runs == []


async def test_an_automation_made_while_the_wearer_is_away_hears_no_old_alarm(
    hass: HomeAssistant, set_up: SetUp, settle: Settle, pass_time: PassTime
) -> None:
    entry = await set_up()
    await measure(hass, entry, 51)
    assert await hass.config_entries.async_unload(entry.entry_id)
    runs = await automate(hass, triggered("alarm_fired", ALEX_ALARM))
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    assert runs == []
    await pass_time(5 * MINUTE)
    await measure(hass, entry, 50)
    assert alarms(runs) == [("urgent_low", "repeated")]


async def test_it_is_known_afterwards_who_was_told(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    automation = triggered("alarm_fired", ALEX_ALARM)
    automation["actions"] = [
        {"action": "persistent_notification.create", "data": {"message": "{{ trigger.text }}"}}
    ]
    assert await async_setup_component(hass, "persistent_notification", {})
    await automate(hass, automation)
    calls: list[Event] = []

    @callback
    def note(event: Event) -> None:
        calls.append(event)

    hass.bus.async_listen(EVENT_CALL_SERVICE, note)
    await measure(hass, entry, 51)
    assert [call.data["service"] for call in calls] == ["create"]
    await running(entry).alarms.async_keep()
    told = [row for row in await running(entry).alarms.async_log() if row.what == "told"]
    assert [row.kind for row in told] == ["urgent_low"]


# Readings.


async def test_missing_readings_are_told_once_and_again_after_there_were_some(
    hass: HomeAssistant, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up()
    runs = await automate(hass, triggered("readings_stale", ALEX, minutes=30))
    await measure(hass, entry, 100)
    await pass_time(29 * MINUTE)
    assert runs == []
    await pass_time(2 * MINUTE)
    (run,) = runs
    assert (run["wearer"], run["entity_id"], run["value"]) == ("Alex", GLUCOSE, 100)
    assert run["text"].startswith("Alex: no readings, last known 100 mg/dL, no data for 30 min")
    assert run["measured"] == NOON
    await pass_time(30 * MINUTE)
    assert len(runs) == 1
    await measure(hass, entry, 110)
    await pass_time(32 * MINUTE)
    assert len(runs) == 2


async def test_they_are_waited_for_when_an_automation_begins(
    hass: HomeAssistant, set_up: SetUp, pass_time: PassTime
) -> None:
    await set_up()
    await pass_time(60 * MINUTE)
    runs = await automate(hass, triggered("readings_stale", ALEX))
    await pass_time(MINUTE)
    assert runs == []
    await pass_time(2 * MINUTE)
    assert len(runs) == 1


async def test_a_wearer_who_cannot_be_set_up_has_no_readings(
    hass: HomeAssistant, set_up: SetUp, pass_time: PassTime, settle: Settle
) -> None:
    entry = await set_up()
    runs = await automate(hass, triggered("readings_stale", ALEX))
    assert await hass.config_entries.async_unload(entry.entry_id)
    await pass_time(15 * MINUTE)
    assert runs == []
    await pass_time(10 * MINUTE)
    (run,) = runs
    assert (run["text"], run["value"]) == ("Alex: no readings.", None)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    assert len(runs) == 1


async def test_a_wearer_who_is_away_for_a_moment_has_readings_as_old_as_they_are(
    hass: HomeAssistant, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up()
    runs = await automate(hass, triggered("readings_stale", ALEX, minutes=30))
    await pass_time(25 * MINUTE)
    await measure(hass, entry, 100)
    await pass_time(10 * MINUTE)
    assert await hass.config_entries.async_unload(entry.entry_id)
    await pass_time(18 * MINUTE)
    assert runs == []
    await pass_time(4 * MINUTE)
    assert len(runs) == 1


async def test_whose_entity_is_renamed_is_waited_for_no_longer(
    hass: HomeAssistant, set_up: SetUp, entity_registry: er.EntityRegistry, pass_time: PassTime
) -> None:
    entry = await set_up()
    runs = await automate(
        hass, triggered("readings_stale", {"device_id": device_of(hass, entry)}, minutes=30)
    )
    await measure(hass, entry, 100)
    await pass_time(20 * MINUTE)
    entity_registry.async_update_entity(GLUCOSE, new_entity_id="sensor.sugar")
    await pass_time(11 * MINUTE)
    assert [run["entity_id"] for run in runs] == ["sensor.sugar"]
    entity_registry.async_update_entity("sensor.sugar", new_entity_id="sensor.glucose")
    await pass_time(11 * MINUTE)
    assert len(runs) == 1


async def test_readings_too_old_to_be_known_are_missing(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime
) -> None:
    runs = await automate(hass, triggered("readings_stale", ALEX, minutes=60))
    await pass_time(MINUTE)
    assert runs == []
    await pass_time(2 * MINUTE)
    assert [(run["text"], run["measured"]) for run in runs] == [("Alex: no readings.", None)]


async def test_who_is_switched_off_hears_nothing(
    hass: HomeAssistant, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up()
    runs = await automate(
        hass,
        triggered("glucose_dropped_below", ALEX, **BELOW_70),
        triggered("alarm_fired", ALEX_ALARM),
        triggered("readings_stale", ALEX),
    )
    where = {"entity_id": "all"}
    await hass.services.async_call("automation", "turn_off", where, blocking=True)
    await measure(hass, entry, 51)
    await pass_time(30 * MINUTE)
    assert runs == []


async def test_what_is_detached_looks_no_more(
    hass: HomeAssistant, set_up: SetUp, pass_time: PassTime
) -> None:
    await set_up()
    runs: list[dict[str, Any]] = []
    assert await async_setup_component(hass, "automation", {})
    config = [{"trigger": "cgm.readings_stale", "target": ALEX}]
    detach = await async_initialize_triggers(
        hass,
        await async_validate_trigger_config(hass, cv.TRIGGER_SCHEMA(config)),
        lambda run, _: runs.append(run),
        "test",
        "test",
        lambda *_: None,
    )
    assert detach is not None
    detach()
    await pass_time(30 * MINUTE)
    assert runs == []


# Restarts.


async def test_after_a_restart_an_old_alarm_is_not_fired_and_a_low_is_found(
    hass: HomeAssistant, set_up: SetUp
) -> None:
    entry = await set_up()
    runs = await automate(
        hass,
        triggered("glucose_dropped_below", ALEX, **BELOW_70),
        triggered("alarm_fired", ALEX_ALARM),
    )
    await measure(hass, entry, 51)
    assert len(runs) == 2
    later: list[dict[str, Any]] = []

    async def listen(again: HomeAssistant) -> None:
        nonlocal later
        later = note_runs(again)

    async with restarted(hass, entry, before=listen) as again:
        assert value(again, "binary_sensor.alex_alarm_urgent_low") == "on"
        assert [run["platform"] for run in later] == ["cgm.glucose_dropped_below"]


async def test_what_is_said_while_home_assistant_starts_is_made_up_for(
    hass: HomeAssistant, set_up: SetUp, freezer: FrozenDateTimeFactory
) -> None:
    entry = await set_up()
    await automate(
        hass,
        triggered("alarm_fired", ALEX_ALARM),
        triggered("alarm_cleared", ALEX_ALARM),
    )
    await measure(hass, entry, 310)
    later: list[dict[str, Any]] = []
    runs_before: list[int] = []
    freezer.tick(5 * MINUTE)

    async def prepare(again: HomeAssistant) -> None:
        nonlocal later
        later = note_runs(again)

        async def start(_event: Event) -> None:
            (entry_again,) = again.config_entries.async_entries("cgm")
            await receive(running(entry_again), 51)
            runs_before.append(len(later))

        again.bus.async_listen_once(EVENT_HOMEASSISTANT_START, start)

    async with restarted(hass, entry, before=prepare) as again:
        assert value(again, "binary_sensor.alex_alarm_urgent_low") == "on"
        assert runs_before == [0]
        # Each alarm's last word, once; the low that the urgent one covers is held back.
        assert sorted(alarms(later)) == [
            ("rising_fast", "cleared"),
            ("urgent_high", "cleared"),
            ("urgent_low", "fired"),
        ]
        later.clear()
        (entry_again,) = again.config_entries.async_entries("cgm")
        freezer.tick(5 * MINUTE)
        await receive(running(entry_again), 50)
        await again.async_block_till_done()
        assert alarms(later) == [("urgent_low", "repeated")]
