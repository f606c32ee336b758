"""The guide's YAML goes into somebody's home: Home Assistant takes it, and it does its work."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.automation.config import async_validate_config_item
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.check_config import async_check_ha_config_file
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.yaml import parse_yaml
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    async_mock_service,
)

from custom_components.cgm.const import DOMAIN

from .conftest import AddWearer, Settle

type Automate = Callable[[str], Awaitable[list[ServiceCall]]]
type PassMinutes = Callable[[int], Awaitable[None]]

GUIDE = (Path(__file__).parents[2] / "docs" / "guide.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


def parsed(example: str) -> dict[str, Any]:
    """Return an example as Home Assistant's own reader reads it."""
    content = parse_yaml(example)
    assert isinstance(content, dict)
    return content


AUTOMATIONS = {
    automation["alias"]: automation
    for example in EXAMPLES
    for automation in parsed(example).get("automation", [])
}


@pytest.fixture
async def automate(hass: HomeAssistant) -> AsyncIterator[Automate]:
    """Return how one of the guide's automations is set up, and what it says to the phone read."""

    async def set_up(alias: str) -> list[ServiceCall]:
        said = async_mock_service(hass, "notify", "mobile_app_phone")
        config = {"automation": AUTOMATIONS[alias]}
        assert await async_setup_component(hass, "automation", config)
        await hass.async_block_till_done()
        return said

    yield set_up
    # Its timers end with it.
    await hass.services.async_call("automation", "turn_off", {"entity_id": "all"}, blocking=True)


@pytest.fixture
def pass_minutes(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> PassMinutes:
    """Return how time goes on, minute by minute, as templates with the time in them look."""

    async def passed(minutes: int) -> None:
        for _ in range(minutes):
            freezer.tick(timedelta(minutes=1))
            async_fire_time_changed(hass)
            await hass.async_block_till_done()

    return passed


def local(time: str) -> datetime:
    """Return a time of one day in the home's time zone."""
    naive = dt_util.parse_datetime(f"2026-11-20T{time}:00", raise_on_error=True)
    return naive.replace(tzinfo=dt_util.get_default_time_zone())


def test_the_guide_has_examples() -> None:
    assert len(EXAMPLES) >= 3
    assert AUTOMATIONS.keys() == {"A low at night", "Glucose is low", "No glucose readings"}


@pytest.mark.parametrize("example", [one for one in EXAMPLES if "action" not in parsed(one)])
async def test_home_assistants_own_check_finds_nothing_wrong(
    hass: HomeAssistant, example: str
) -> None:
    file = Path(hass.config.path("configuration.yaml"))
    file.write_text(example, encoding="utf-8")  # noqa: ASYNC240 - a test's own small file
    found = await async_check_ha_config_file(hass)
    assert found.keys() >= parsed(example).keys()
    assert found.errors == []
    assert found.warnings == []


@pytest.mark.parametrize("example", [one for one in EXAMPLES if "action" in parsed(one)])
async def test_every_action_is_one_that_is_taken(hass: HomeAssistant, example: str) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    step = parsed(example)
    domain, _, name = step["action"].partition(".")
    schema = hass.services.async_services()[domain][name].schema
    assert schema is not None
    schema(step["data"])


@pytest.mark.parametrize("alias", AUTOMATIONS)
async def test_every_automation_is_valid(hass: HomeAssistant, alias: str) -> None:
    # Raises, where the check above only writes an automation's faults to the log.
    valid = await async_validate_config_item(hass, "an example", AUTOMATIONS[alias])
    assert valid is not None
    assert valid.validation_error is None


async def test_the_examples_name_entities_as_the_integration_does(
    hass: HomeAssistant,
    entity_registry: er.EntityRegistry,
    add_wearer: AddWearer,
    simulated: dict[str, Any],
    settle: Settle,
) -> None:
    entry = add_wearer(simulated)
    await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    ours = {e.entity_id for e in er.async_entries_for_config_entry(entity_registry, entry.entry_id)}
    named = set(re.findall(r"sensor\.alex_\w+", "".join(EXAMPLES)))
    assert named
    assert named - ours == set()


async def test_an_alarm_at_night_is_told_in_words(
    hass: HomeAssistant, alex: MockConfigEntry, automate: Automate, freezer: FrozenDateTimeFactory
) -> None:
    said = await automate("A low at night")
    for time, alarm in (("22:30", "urgent_low"), ("22:31", "high"), ("07:30", "low")):
        freezer.move_to(local(time))
        await hass.services.async_call("cgm", "test_alarm", {"alarm": alarm}, blocking=True)
        await hass.async_block_till_done()
    assert [(call.data["title"], call.data["message"]) for call in said] == [
        ("Alex", "Alex: this is only a test. A real alarm would say: urgent low.")
    ]


@pytest.mark.parametrize("status", ["low", "urgent_low"])
async def test_a_low_lights_the_lamp_and_tells_the_phone(
    hass: HomeAssistant, automate: Automate, status: str
) -> None:
    lit = async_mock_service(hass, "light", "turn_on")
    said = await automate("Glucose is low")
    hass.states.async_set("sensor.alex_glucose_status", "in_range")
    hass.states.async_set("sensor.alex_glucose", "61", {"unit_of_measurement": "mg/dL"})
    hass.states.async_set("sensor.alex_trend", "flat")
    await hass.async_block_till_done()
    assert said == []
    hass.states.async_set("sensor.alex_glucose_status", status)
    await hass.async_block_till_done()
    assert [call.data["color_name"] for call in lit] == ["red"]
    assert [call.data["message"] for call in said] == ["61 mg/dL, flat"]


@pytest.mark.parametrize(
    ("stopped", "calls"),
    [("23:00", 1), ("06:30", 1), ("12:00", 0)],
    ids=["night", "morning", "noon"],
)
async def test_silence_is_told_at_night(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    automate: Automate,
    pass_minutes: PassMinutes,
    stopped: str,
    calls: int,
) -> None:
    freezer.move_to(local(stopped))
    hass.states.async_set("sensor.alex_last_reading", dt_util.utcnow().isoformat())
    said = await automate("No glucose readings")
    await pass_minutes(20)
    assert said == []
    await pass_minutes(5)
    assert len(said) == calls


async def test_silence_from_before_the_evening_is_told_when_it_begins(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    automate: Automate,
    pass_minutes: PassMinutes,
) -> None:
    freezer.move_to(local("19:30"))
    hass.states.async_set("sensor.alex_last_reading", dt_util.utcnow().isoformat())
    said = await automate("No glucose readings")
    await pass_minutes(29)
    assert said == []
    await pass_minutes(10)
    assert len(said) == 1


async def test_readings_that_come_are_not_called_silence(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    automate: Automate,
    pass_minutes: PassMinutes,
) -> None:
    freezer.move_to(local("19:50"))
    said = await automate("No glucose readings")
    for _ in range(4):
        hass.states.async_set("sensor.alex_last_reading", dt_util.utcnow().isoformat())
        await pass_minutes(15)
    assert said == []


async def test_silence_is_not_told_before_anything_is_known(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    automate: Automate,
    pass_minutes: PassMinutes,
) -> None:
    freezer.move_to(local("19:50"))
    hass.states.async_set("sensor.alex_last_reading", "unknown")
    said = await automate("No glucose readings")
    await pass_minutes(30)
    assert said == []


@pytest.mark.parametrize(
    ("state", "bound", "text"),
    [("39", "low", "LOW"), ("401", "high", "HIGH"), ("112", None, "112")],
)
async def test_the_text_shows_low_and_high_as_words(
    hass: HomeAssistant, state: str, bound: str | None, text: str
) -> None:
    hass.states.async_set(
        "sensor.alex_glucose", state, {"bound": bound, "unit_of_measurement": "mg/dL"}
    )
    (example,) = (parsed(example) for example in EXAMPLES if "template" in parsed(example))
    assert await async_setup_component(hass, "template", {"template": example["template"]})
    await hass.async_block_till_done()
    shown = hass.states.get("sensor.alex_glucose_text")
    assert shown is not None
    assert shown.state == text
    hass.states.async_set("sensor.alex_glucose", "unknown")
    await hass.async_block_till_done()
    gone = hass.states.get("sensor.alex_glucose_text")
    assert gone is not None
    assert gone.state == "unavailable"
