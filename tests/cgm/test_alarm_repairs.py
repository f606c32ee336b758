"""Repairs about alarms: urgent low switched off, and alarms that nothing in the home hears."""

from datetime import timedelta
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.automation import DOMAIN as AUTOMATION
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm.shared.glucose.alarms.kinds import AlarmKind

from .conftest import AddWearer, PassTime, Settle
from .watching import NOON, repairs, running

EVENT = "event.alex_alarm"
LOW = "binary_sensor.alex_alarm_low"
NOBODY = {"nobody_listens": {"wearer": "Alex"}}
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


@pytest.mark.parametrize(
    "heard",
    [
        {"triggers": {"trigger": "state", "entity_id": LOW, "to": "on"}},
        {
            "triggers": {
                "trigger": "template",
                "value_template": f"{{{{ is_state('{LOW}', 'on') }}}}",
            }
        },
        {
            "triggers": {"trigger": "event", "event_type": "anything"},
            "conditions": {"condition": "state", "entity_id": LOW, "state": "on"},
        },
    ],
    ids=["binary sensor", "template", "condition"],
)
async def test_whatever_way_it_listens(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime, heard: dict[str, object]
) -> None:
    await automate(hass, **heard)
    await pass_time(timedelta(minutes=2))
    assert repairs(hass) == {}


async def test_the_wearers_device_counts(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    pass_time: PassTime,
) -> None:
    device = device_registry.async_get_device_by_identifier(
        ("cgm", wearer.entry_id), config_entry_id=wearer.entry_id
    )
    assert device is not None
    await automate(
        hass,
        triggers={"trigger": "event", "event_type": "anything"},
        actions=[{"action": "button.press", "target": {"device_id": device.id}}],
    )
    await pass_time(timedelta(minutes=2))
    assert repairs(hass) == {}


async def test_a_script_counts_and_another_automation_does_not(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime
) -> None:
    await automate(hass, triggers={"trigger": "state", "entity_id": "sun.sun"})
    await pass_time(timedelta(minutes=2))
    assert repairs(hass) == NOBODY
    wait = {"wait_for_trigger": {"trigger": "state", "entity_id": EVENT}}
    look = {"condition": "state", "entity_id": LOW, "state": "on"}
    script = {"script": {"watch": {"sequence": [wait, look]}}}
    assert await async_setup_component(hass, "script", script)
    await pass_time(timedelta(minutes=2))
    assert repairs(hass) == {}


async def test_with_every_alarm_off_nobody_has_to_listen(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime
) -> None:
    off = {kind.value: {"on": False} for kind in AlarmKind}
    hass.config_entries.async_update_entry(
        wearer, options={**wearer.options, "alarms": {"day": off, "night": off}}
    )
    await pass_time(timedelta(minutes=2))
    assert "nobody_listens" not in repairs(hass)


async def test_while_home_assistant_starts_nothing_is_said(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    assert running(wearer).alarms.audience.missing()
    hass.set_state(CoreState.starting)
    assert hass.is_running
    hass.set_state(CoreState.not_running)
    assert not running(wearer).alarms.audience.missing()
    hass.set_state(CoreState.running)
