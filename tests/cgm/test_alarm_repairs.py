"""Repairs about alarms: urgent low switched off, and alarms that nothing in the home hears."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.automation import DOMAIN as AUTOMATION
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    label_registry as lr,
)
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm.shared.glucose.alarms.kinds import AlarmKind

from .blueprints import automate as of_blueprint
from .conftest import AddWearer, PassTime, Settle
from .watching import NOON, repairs, running

EVENT = "event.alex_alarm"
LOW = "binary_sensor.alex_alarm_low"
NOBODY = {"nobody_listens": {"wearer": "Alex"}}
SOMETHING = {"trigger": "event", "event_type": "anything"}
ACTION = [{"action": "homeassistant.update_entity", "data": {"entity_id": "sun.sun"}}]


@pytest.fixture
async def wearer(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    add_wearer: AddWearer,
    simulated: dict[str, Any],
    settle: Settle,
) -> MockConfigEntry:
    """Run a simulated wearer who was set up two days ago."""
    freezer.move_to("2026-11-18T12:00:00+00:00")
    entry = add_wearer(simulated)
    freezer.move_to(NOON)
    assert await async_setup_component(hass, "homeassistant", {})
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    return entry


async def automate(hass: HomeAssistant, **config: object) -> None:
    whole = {"alias": "call", "actions": ACTION, **config}
    whole = {key: value for key, value in whole.items() if value is not None}
    assert await async_setup_component(hass, AUTOMATION, {AUTOMATION: whole})


async def test_urgent_low_off_stands_until_it_is_on_again(
    hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle
) -> None:
    off = {"urgent_low": {"on": False}}

    async def choose(**alarms: object) -> set[str]:
        hass.config_entries.async_update_entry(wearer, options={**wearer.options, "alarms": alarms})
        await settle()
        return set(repairs(hass)) - {"nobody_listens"}

    assert await choose(night=off) == {"urgent_low_off_by_night"}
    assert await choose(day=off, night=off) == {"urgent_low_off_by_night", "urgent_low_off_by_day"}
    assert await choose(day=off) == {"urgent_low_off_by_day"}
    assert await choose() == set()


async def test_who_has_just_set_up_is_not_scolded(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    add_wearer: AddWearer,
    simulated: dict[str, Any],
    settle: Settle,
    pass_time: PassTime,
) -> None:
    freezer.move_to(NOON)
    entry = add_wearer(simulated)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    assert repairs(hass) == {}
    freezer.tick(timedelta(hours=23, minutes=50))
    await pass_time(timedelta(minutes=2))
    assert "nobody_listens" not in repairs(hass)
    await pass_time(timedelta(minutes=12))
    assert "nobody_listens" in repairs(hass)


async def test_nobody_listens_until_an_automation_does(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime
) -> None:
    assert repairs(hass) == NOBODY
    await automate(hass, triggers={"trigger": "state", "entity_id": EVENT})
    await pass_time(timedelta(minutes=2))
    assert repairs(hass) == {}
    # Switched off it hears nothing.
    await hass.services.async_call(
        AUTOMATION, "turn_off", {"entity_id": "automation.call"}, blocking=True
    )
    await pass_time(timedelta(minutes=2))
    assert repairs(hass) == NOBODY


@dataclass(frozen=True)
class Home:
    """By which ids a home may reach a wearer who sleeps in its bedroom, upstairs."""

    device: str
    area: str
    floor: str
    of_device: str
    of_area: str
    of_event: str
    low: str


@pytest.fixture
def home(hass: HomeAssistant, wearer: MockConfigEntry, device_registry: dr.DeviceRegistry) -> Home:
    device = device_registry.async_get_device_by_identifier(
        ("cgm", wearer.entry_id), config_entry_id=wearer.entry_id
    )
    assert device is not None
    labels = lr.async_get(hass)
    of_device, of_area, of_event = (
        labels.async_create(name).label_id for name in ("health", "night", "loud")
    )
    floor = fr.async_get(hass).async_create("upstairs").floor_id
    area = ar.async_get(hass).async_create("bedroom", floor_id=floor, labels={of_area}).id
    device_registry.async_update_device(device.id, area_id=area, labels={of_device})
    entities = er.async_get(hass)
    entities.async_update_entity(EVENT, labels={of_event})
    low = entities.async_get(LOW)
    assert low is not None
    return Home(device.id, area, floor, of_device, of_area, of_event, low.id)


type Config = dict[str, Any]


def fired(**target: str) -> Config:
    return {"triggers": {"trigger": "cgm.alarm_fired", "target": target}}


def received(**target: str) -> Config:
    options = {"event_type": ["fired"]}
    return {"triggers": {"trigger": "event.received", "target": target, "options": options}}


def acts(*steps: Config | str, **more: object) -> Config:
    return {"triggers": SOMETHING, "actions": list(steps), **more}


HEARS: dict[str, Callable[[Home], Config]] = {
    "a state of the event": lambda _: {"triggers": {"trigger": "state", "entity_id": EVENT}},
    "a state of a binary sensor": lambda _: {
        "triggers": {"trigger": "state", "entity_id": [LOW], "to": "on"}
    },
    "old words": lambda _: {
        "trigger": [{"platform": "state", "entity_id": LOW}],
        "action": ACTION,
        "actions": None,
    },
    "a device trigger": lambda home: {
        "triggers": {
            "trigger": "device",
            "domain": "binary_sensor",
            "device_id": home.device,
            "entity_id": home.low,
            "type": "problem",
        }
    },
    "a template": lambda _: {
        "triggers": {"trigger": "template", "value_template": f"{{{{ states.{LOW}.state }}}}"}
    },
    "a condition": lambda _: {
        "triggers": SOMETHING,
        "conditions": {"condition": "state", "entity_id": LOW, "state": "on"},
    },
    "a template as a condition": lambda _: {
        "triggers": SOMETHING,
        "conditions": f"{{{{ is_state('{LOW}', 'on') }}}}",
    },
    "a condition of ours": lambda home: {
        "triggers": SOMETHING,
        "conditions": {"condition": "cgm.alarm_on", "target": {"area_id": home.area}},
    },
    "a wait": lambda home: acts({"wait_for_trigger": fired(device_id=home.device)["triggers"]}),
    "a choice": lambda _: acts(
        {"if": {"condition": "state", "entity_id": LOW, "state": "on"}, "then": ACTION}
    ),
    "a condition in old words": lambda _: {
        "trigger": [{"platform": "state", "entity_id": "sun.sun"}],
        "condition": [{"condition": "state", "entity_id": LOW, "state": "on"}],
        "action": ACTION,
        "actions": None,
    },
    "a loop while": lambda _: acts(
        {
            "repeat": {
                "while": [{"condition": "state", "entity_id": LOW, "state": "on"}],
                "sequence": ACTION,
            }
        }
    ),
    "a loop until": lambda _: acts(
        {
            "repeat": {
                "until": [{"condition": "state", "entity_id": LOW, "state": "off"}],
                "sequence": ACTION,
            }
        }
    ),
    "a condition among the actions": lambda _: acts(
        {"or": [{"condition": "state", "entity_id": LOW, "state": "on"}]}
    ),
    "a template in an action": lambda _: acts(
        {"event": "say", "event_data": {"low": f"{{{{ states('{LOW}') }}}}"}}
    ),
    "fired, by entity": lambda _: fired(entity_id=EVENT),
    "fired, by device": lambda home: fired(device_id=home.device),
    "fired, by area": lambda home: fired(area_id=home.area),
    "fired, by floor": lambda home: fired(floor_id=home.floor),
    "fired, by the device's label": lambda home: fired(label_id=home.of_device),
    "fired, by the area's label": lambda home: fired(label_id=home.of_area),
    "fired, by the event's label": lambda home: fired(label_id=home.of_event),
    "received, by entity": lambda _: received(entity_id=EVENT),
    "received, by device": lambda home: received(device_id=home.device),
    "received, by area": lambda home: received(area_id=home.area),
    "received, by floor": lambda home: received(floor_id=home.floor),
    "received, by label": lambda home: received(label_id=home.of_device),
    "stale, by area": lambda home: {
        "triggers": {"trigger": "cgm.readings_stale", "target": {"area_id": home.area}}
    },
    "dropped below, by device": lambda home: {
        "triggers": {
            "trigger": "cgm.glucose_dropped_below",
            "target": {"device_id": home.device},
            "options": {"threshold": 70, "unit": "mg/dL"},
        }
    },
}


@pytest.mark.parametrize("heard", HEARS.values(), ids=HEARS)
async def test_whatever_way_it_listens_while_it_is_on(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    home: Home,
    pass_time: PassTime,
    heard: Callable[[Home], Config],
) -> None:
    assert repairs(hass) == NOBODY
    await automate(hass, **heard(home))
    await pass_time(timedelta(minutes=2))
    assert repairs(hass) == {}
    for action, stands in (("turn_off", NOBODY), ("turn_on", {})):
        entity = {"entity_id": "automation.call"}
        await hass.services.async_call(AUTOMATION, action, entity, blocking=True)
        await pass_time(timedelta(minutes=2))
        assert repairs(hass) == stands


HEARS_NOTHING: dict[str, Callable[[Home], Config]] = {
    "a state of a button": lambda _: {
        "triggers": {"trigger": "state", "entity_id": "button.alex_acknowledge_alarm"}
    },
    "something else": lambda _: {"triggers": {"trigger": "state", "entity_id": "sun.sun"}},
    "lights of the room": lambda home: acts(
        {"action": "light.turn_on", "target": {"area_id": home.area}}
    ),
    "a light trigger of the room": lambda home: {
        "triggers": {"trigger": "light.turned_on", "target": {"area_id": home.area}}
    },
    "a switched-off trigger": lambda home: {
        "triggers": [{**fired(area_id=home.area)["triggers"], "enabled": False}, SOMETHING]
    },
    "a switched-off step": lambda _: acts(
        {"wait_for_trigger": fired(entity_id=EVENT)["triggers"], "enabled": False}
    ),
    "a trigger on another's entity": lambda _: fired(entity_id="event.alex_alarm_2"),
    "a trigger that means nobody": lambda _: fired(),
    "a template of another's": lambda _: {
        "triggers": {"trigger": "template", "value_template": "{{ states('event.alex_alarm_2') }}"}
    },
    "the glucose as an aside": lambda home: {
        "triggers": SOMETHING,
        "conditions": {"condition": "cgm.glucose_in_range", "target": {"area_id": home.area}},
    },
    "an alarm trigger on the glucose": lambda _: fired(entity_id="sensor.alex_glucose"),
    "a button that is pressed": lambda home: acts(
        {"action": "button.press", "target": {"device_id": home.device}},
        {"action": "button.press", "target": {"entity_id": "button.alex_acknowledge_alarm"}},
        {"action": "cgm.test_alarm", "data": {"alarm": "low"}},
    ),
}


@pytest.mark.parametrize("deaf", HEARS_NOTHING.values(), ids=HEARS_NOTHING)
async def test_what_hears_nothing_of_them_does_not_count(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    home: Home,
    pass_time: PassTime,
    deaf: Callable[[Home], Config],
) -> None:
    await automate(hass, **deaf(home))
    await pass_time(timedelta(minutes=2))
    assert repairs(hass) == NOBODY


async def test_who_listens_to_one_wearer_does_not_listen_to_another(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    home: Home,
    freezer: FrozenDateTimeFactory,
    add_wearer: AddWearer,
    simulated: dict[str, Any],
    pass_time: PassTime,
) -> None:
    freezer.move_to("2026-11-18T12:00:00+00:00")
    ben = add_wearer(simulated | {"wearer": "simulated-8", "seed": 8}, title="Ben")
    freezer.move_to(NOON)
    assert await hass.config_entries.async_setup(ben.entry_id)
    await automate(hass, **fired(area_id=home.area))
    await pass_time(timedelta(minutes=2))
    assert repairs(hass) == {"nobody_listens": {"wearer": "Ben"}}
    er.async_get(hass).async_update_entity("event.ben_alarm", area_id=home.area)
    await pass_time(timedelta(minutes=2))
    assert repairs(hass) == {}


async def test_a_group_of_alarms_passes_them_on(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime
) -> None:
    group = {"lows": {"entities": [LOW, "binary_sensor.alex_alarm_urgent_low"]}}
    assert await async_setup_component(hass, "group", {"group": group})
    await automate(hass, triggers={"trigger": "state", "entity_id": "group.lows", "to": "on"})
    await pass_time(timedelta(minutes=2))
    assert repairs(hass) == {}


@pytest.mark.parametrize(
    ("name", "inputs", "stands"),
    [
        ("phone_alarm", {"phones": ["notify.mobile_app_anna"]}, {}),
        ("high_too_long", {}, {}),
        ("morning_report", {}, NOBODY),
    ],
)
async def test_a_blueprint_that_calls_counts_and_a_report_does_not(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    pass_time: PassTime,
    name: str,
    inputs: dict[str, Any],
    stands: dict[str, dict[str, str]],
) -> None:
    called = {"entity_id": await of_blueprint(hass, name, alarm=EVENT, **inputs)}
    await pass_time(timedelta(minutes=2))
    assert repairs(hass) == stands
    # What waits for a time of the day would wait for ever.
    await hass.services.async_call(AUTOMATION, "turn_off", called, blocking=True)


@pytest.mark.parametrize(
    ("sequence", "stands"),
    [
        ([{"wait_for_trigger": {"trigger": "state", "entity_id": EVENT}}], {}),
        ([{"wait_template": f"{{{{ is_state('{LOW}', 'on') }}}}"}], {}),
        # It hears nothing before somebody starts it.
        ([{"condition": "state", "entity_id": LOW, "state": "on"}], NOBODY),
        ([{"if": f"{{{{ is_state('{LOW}', 'on') }}}}", "then": ACTION}], NOBODY),
    ],
    ids=["waits for a trigger", "waits for a template", "looks", "chooses"],
)
async def test_a_script_counts_where_it_waits(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    pass_time: PassTime,
    sequence: list[Config],
    stands: dict[str, dict[str, str]],
) -> None:
    assert await async_setup_component(
        hass, "script", {"script": {"watch": {"sequence": sequence}}}
    )
    assert hass.states.get("script.watch") is not None
    await pass_time(timedelta(minutes=2))
    assert repairs(hass) == stands


async def test_with_every_alarm_off_nobody_has_to_listen(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime
) -> None:
    off = {kind.value: {"on": False} for kind in AlarmKind}
    hass.config_entries.async_update_entry(
        wearer, options={**wearer.options, "alarms": {"day": off, "night": off}}
    )
    await pass_time(timedelta(minutes=2))
    assert "nobody_listens" not in repairs(hass)


@pytest.mark.parametrize("part", ["day", "night"])
async def test_alarms_that_are_on_in_one_part_of_the_day_are_to_be_heard(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime, part: str
) -> None:
    off = {kind.value: {"on": False} for kind in AlarmKind}
    hass.config_entries.async_update_entry(
        wearer, options={**wearer.options, "alarms": {part: off}}
    )
    await pass_time(timedelta(minutes=2))
    assert "nobody_listens" in repairs(hass)


async def test_while_home_assistant_starts_nothing_is_said(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    assert running(wearer).alarms.audience.missing()
    hass.set_state(CoreState.starting)
    assert hass.is_running
    hass.set_state(CoreState.not_running)
    assert not running(wearer).alarms.audience.missing()
    hass.set_state(CoreState.running)
