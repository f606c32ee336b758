"""The blueprint of the predicted low: half an hour ahead, once, and not when the low is there."""

from datetime import timedelta

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm.shared.glucose.trend import Trend
from fakes.dexcom_share import FakeDexcomShare

from .blueprints import automate
from .conftest import PassTime, RunWearer, Settle
from .telling import (
    EVENT,
    hear_messages,
    hear_notices,
    reading,
    receive,
)
from .vendors import dexcom_source, steady
from .watching import NOON, value

pytestmark = pytest.mark.usefixtures("socket_enabled")

NAME = "predicted_low"
PREDICTED = "binary_sensor.alex_alarm_low_predicted"
MINUTE = timedelta(minutes=1)
SAID = "Alex: low expected within half an hour. Now 86 mg/dL, falling fast, just measured."


@pytest.fixture
async def wearer(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    dexcom: FakeDexcomShare,
    run_wearer: RunWearer,
) -> MockConfigEntry:
    """Run a wearer who is at 100."""
    freezer.move_to(NOON)
    steady(dexcom, 100, minutes=(-15, -10, -5))
    entry = await run_wearer(dexcom_source(dexcom))
    # What was shown before is older than what comes.
    freezer.tick()
    return entry


async def falls(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Have the wearer fall to 86, as fast as is low within half an hour."""
    await receive(hass, entry, reading(entry, 86, trend=Trend.DOWN))


async def test_it_tells_value_trend_and_age_once(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime
) -> None:
    said = await hear_notices(hass)
    await automate(hass, NAME, alarm=EVENT)
    await falls(hass, wearer)
    assert value(hass, PREDICTED) == "on"
    assert said == [SAID]
    await pass_time(4 * MINUTE)
    assert said == [SAID]


async def test_it_tells_phones_in_words_of_the_users_and_the_wearers_unit(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    phone, sent = await hear_messages(hass)
    hass.config_entries.async_update_entry(wearer, options={**wearer.options, "unit": "mmol/L"})
    german = "Bald tief: {{ value }}."
    await automate(hass, NAME, alarm=EVENT, people=[phone], actions=[], sentence=german)
    await falls(hass, wearer)
    assert sent == [{"title": "Alex: glucose", "message": "Bald tief: 4.8 mmol/L."}]


async def test_it_is_silent_when_the_low_is_there(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    said = await hear_notices(hass)
    await automate(hass, NAME, alarm=EVENT)
    await receive(hass, wearer, reading(wearer, 52))
    assert value(hass, "binary_sensor.alex_alarm_urgent_low") == "on"
    assert said == []


async def test_other_alarms_are_not_told(hass: HomeAssistant, wearer: MockConfigEntry) -> None:
    said = await hear_notices(hass)
    await automate(hass, NAME, alarm=EVENT)
    await receive(hass, wearer, reading(wearer, 310))
    assert value(hass, "binary_sensor.alex_alarm_urgent_high") == "on"
    assert said == []


async def test_a_test_is_heard(
    hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle
) -> None:
    said = await hear_notices(hass)
    await automate(hass, NAME, alarm=EVENT)
    for alarm in (NAME, "high"):
        await hass.services.async_call("cgm", "test_alarm", {"alarm": alarm}, blocking=True)
    await settle()
    assert said == ["Alex: this is only a test. A real alarm would say: low predicted."]
