"""The script that says the reading: value, way and age, in any unit, or that nobody knows."""

from datetime import timedelta

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Event, HomeAssistant, callback
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm.shared.glucose.reading import Bound
from custom_components.cgm.shared.glucose.trend import Trend

from .blueprints import let_run, script_of, turns
from .conftest import SetUp
from .telling import reading, receive
from .test_blueprint_spoken import ROOM, VOICE, voices
from .watching import GLUCOSE, NOON, attribute, value

NAME = "say_reading"
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
async def wearer(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, set_up: SetUp
) -> MockConfigEntry:
    freezer.move_to(NOON)
    entry = await set_up()
    await voices(hass)
    freezer.tick()
    return entry


@pytest.fixture
def said(hass: HomeAssistant) -> list[str]:
    found: list[str] = []

    @callback
    def note(event: Event) -> None:
        if (event.data["domain"], event.data["service"]) == ("cgm", "speak"):
            found.append(event.data["service_data"]["message"])

    hass.bus.async_listen("call_service", note)
    return found


async def say(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    *,
    loud: float = 0.4,
    **inputs: str | int,
) -> None:
    script = await script_of(hass, NAME, glucose=GLUCOSE, tts=VOICE, speakers=[ROOM], **inputs)
    await hass.services.async_call("script", "turn_on", {"entity_id": script})
    await turns(hass)
    assert attribute(hass, ROOM, "volume_level") == loud
    await let_run(hass, freezer, 60 * SECOND)
    assert attribute(hass, ROOM, "volume_level") == 0.2
    assert value(hass, script) == "off"


async def test_it_says_value_trend_and_age(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, wearer: MockConfigEntry, said: list[str]
) -> None:
    await receive(hass, wearer, reading(wearer, 86, trend=Trend.DOWN))
    freezer.tick(3 * MINUTE)
    await say(hass, freezer)
    assert said == ["Alex: 86 mg/dL, falling fast, 3 minutes ago."]


async def test_it_is_as_loud_as_chosen(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, wearer: MockConfigEntry, said: list[str]
) -> None:
    await receive(hass, wearer, reading(wearer, 86))
    await say(hass, freezer, volume=75, loud=0.75)
    assert len(said) == 1


async def test_who_presses_twice_hears_it_once(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, wearer: MockConfigEntry, said: list[str]
) -> None:
    script = await script_of(hass, NAME, glucose=GLUCOSE, tts=VOICE, speakers=[ROOM])
    for _ in range(2):
        await hass.services.async_call("script", "turn_on", {"entity_id": script})
        await turns(hass)
    await let_run(hass, freezer, 60 * SECOND)
    assert len(said) == 1
    assert value(hass, script) == "off"


async def test_it_says_it_in_the_wearers_unit_and_the_users_words(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, wearer: MockConfigEntry, said: list[str]
) -> None:
    hass.config_entries.async_update_entry(wearer, options={**wearer.options, "unit": "mmol/L"})
    await hass.async_block_till_done()
    await receive(hass, wearer, reading(wearer, 86, trend=Trend.DOWN))
    await say(hass, freezer, sentence="Gerade {{ value }}.")
    assert said == ["Gerade 4.8 mmol/L."]


async def test_a_low_beyond_the_sensor_is_said_as_such(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, wearer: MockConfigEntry, said: list[str]
) -> None:
    await receive(hass, wearer, reading(wearer, 39, bound=Bound.LOW))
    await say(hass, freezer, sentence="{{ value }}")
    assert said == ["LOW"]


async def test_where_nobody_knows_it_says_so(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, wearer: MockConfigEntry, said: list[str]
) -> None:
    await receive(hass, wearer, reading(wearer, 86, trend=Trend.DOWN))
    await let_run(hass, freezer, 25 * MINUTE, step=MINUTE)
    assert value(hass) == "unknown"
    await say(hass, freezer)
    assert said == ["Alex: no current reading, the last one is 25 minutes old."]
