"""The blueprint of missing data: says since when, the last value, and what is likely the cause."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm.feed_status import FeedState
from custom_components.cgm.shared.glucose.reading import Bound
from custom_components.cgm.shared.glucose.sources.source import SensorLife
from fakes.dexcom_share import FakeDexcomShare
from fakes.serving import html_503

from .blueprints import automate, restarted
from .conftest import AddWearer, PassTime, RunWearer, Settle
from .telling import EVENT, hear_notices, notices, reading, receive, with_notices
from .vendors import NEW_PASSWORD, dexcom_source, steady
from .watching import NOON, running, value

pytestmark = pytest.mark.usefixtures("socket_enabled")

NAME = "no_data"
STALE = "binary_sensor.alex_alarm_no_readings"
INTERNET = "binary_sensor.internet"
MINUTE = timedelta(minutes=1)
GONE = "Alex: no readings for 20 minutes, the last one was 120 mg/dL. Look after Alex first. "
UNREACHABLE = "Dexcom cannot be reached. Likely the internet of this home or the vendor."
NOTHING_NEW = "Dexcom answers, but has nothing new. Likely the sensor or the phone:"
CAUSE = [{"action": "persistent_notification.create", "data": {"message": "{{ cause }}"}}]


@pytest.fixture
async def wearer(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    dexcom: FakeDexcomShare,
    run_wearer: RunWearer,
) -> MockConfigEntry:
    """Run a wearer who is at 120, last measured a minute ago."""
    await hass.config.async_set_time_zone("Europe/Berlin")
    freezer.move_to(NOON)
    steady(dexcom, 120)
    return await run_wearer(dexcom_source(dexcom))


async def cause_of(hass: HomeAssistant, settle: Settle, **inputs: str) -> str:
    """Return what the blueprint says now that the cause would be."""
    said = await hear_notices(hass)
    await automate(hass, NAME, alarm=EVENT, actions=CAUSE, **inputs)
    await hass.services.async_call("cgm", "test_alarm", {"alarm": "stale"}, blocking=True)
    await settle()
    (cause,) = said
    return cause


def stands(entry: MockConfigEntry, state: FeedState, sensor: SensorLife | None = None) -> None:
    """Have the only source stand so."""
    wearer = running(entry)
    (feed,) = wearer.feeds.values()
    feed.status = replace(feed.status, state=state, sensor=sensor)
    wearer.async_tell()


async def test_a_vendor_who_cannot_be_reached_is_told_and_that_readings_are_back(
    hass: HomeAssistant, wearer: MockConfigEntry, dexcom: FakeDexcomShare, pass_time: PassTime
) -> None:
    said = await hear_notices(hass)
    await automate(hass, NAME, alarm=EVENT)
    dexcom.fail(html_503)
    await pass_time(19 * MINUTE)
    assert value(hass, STALE) == "on"
    assert said == [GONE + UNREACHABLE]
    await pass_time(31 * MINUTE, step=MINUTE)
    assert said[1:] == [said[0].replace("20 minutes", "50 minutes")]
    steady(dexcom, 131, minutes=[0])
    dexcom.heal()
    await pass_time(15 * MINUTE, step=MINUTE)
    assert value(hass, STALE) == "off"
    assert said[2:] == ["Alex: readings are back, now 131 mg/dL."]


async def test_a_vendor_with_nothing_new_means_sensor_or_phone(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime
) -> None:
    said = await hear_notices(hass)
    await automate(hass, NAME, alarm=EVENT, repeated=False, over=False)
    await pass_time(19 * MINUTE)
    assert len(said) == 1
    assert said[0].startswith(GONE + NOTHING_NEW)
    await pass_time(35 * MINUTE, step=MINUTE)
    await receive(hass, wearer, reading(wearer, 100))
    assert value(hass, STALE) == "off"
    assert len(said) == 1


async def test_a_refused_login_is_told(
    hass: HomeAssistant, wearer: MockConfigEntry, dexcom: FakeDexcomShare, pass_time: PassTime
) -> None:
    said = await hear_notices(hass)
    await automate(hass, NAME, alarm=EVENT)
    dexcom.change_password(NEW_PASSWORD)
    await pass_time(40 * MINUTE, step=MINUTE)
    assert "refuses the login. Log in again under Settings" in said[0]


async def test_a_value_beyond_the_sensors_range_is_told_in_the_vendors_word(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime
) -> None:
    said = await hear_notices(hass)
    await automate(hass, NAME, alarm=EVENT)
    await pass_time(3 * MINUTE)
    await receive(hass, wearer, reading(wearer, 39, bound=Bound.LOW))
    await pass_time(16 * MINUTE)
    assert said[0].startswith("Alex: no readings for 15 minutes, the last one was LOW. Look after")


@pytest.mark.parametrize("state", list(FeedState))
async def test_every_state_of_a_source_has_its_words(
    hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle, state: FeedState
) -> None:
    stands(wearer, state)
    cause = await cause_of(hass, settle)
    assert cause.startswith("Dexcom ")
    assert cause.endswith(".")
    assert "does not say how it is" not in cause
    assert "\n" not in cause


@pytest.mark.parametrize(
    ("internet", "words"),
    [
        ("off", "Dexcom cannot be reached, and this home has no internet."),
        (
            "on",
            "Dexcom cannot be reached, while the internet of this home works. Likely the vendor",
        ),
        ("unavailable", UNREACHABLE),
    ],
)
async def test_internet_and_vendor_are_told_apart_where_the_home_knows(
    hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle, internet: str, words: str
) -> None:
    hass.states.async_set(INTERNET, internet, {"device_class": "connectivity"})
    stands(wearer, FeedState.RETRYING)
    assert (await cause_of(hass, settle, internet=INTERNET)).startswith(words)


async def test_a_sensor_that_has_ended_is_told(
    hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle
) -> None:
    now = dt_util.utcnow()
    stands(wearer, FeedState.OK, SensorLife(started=now - timedelta(days=10), expires=now - MINUTE))
    await settle()
    running(wearer).async_tell()
    assert await cause_of(hass, settle) == "Dexcom: the sensor ended on 20 November at 12:59."


async def test_a_sensor_that_has_not_ended_yet_is_not_the_cause(
    hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle
) -> None:
    now = dt_util.utcnow()
    stands(wearer, FeedState.OK, SensorLife(started=now - timedelta(days=9), expires=now + MINUTE))
    await settle()
    running(wearer).async_tell()
    assert (await cause_of(hass, settle)).startswith("Dexcom answers, but has nothing new.")


async def test_a_warm_up_is_told(
    hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle, freezer: FrozenDateTimeFactory
) -> None:
    now = dt_util.utcnow()
    life = SensorLife(started=now, warm_up_until=now + 60 * MINUTE)
    stands(wearer, FeedState.OK, life)
    freezer.tick(MINUTE)
    running(wearer).async_refresh()
    await settle()
    cause = await cause_of(hass, settle)
    assert cause.startswith("A new sensor warms up until 14:00. Dexcom answers")


async def test_each_source_is_told_of(
    hass: HomeAssistant,
    run_wearer: RunWearer,
    dexcom: FakeDexcomShare,
    simulated: dict[str, Any],
    settle: Settle,
) -> None:
    await run_wearer(dexcom_source(dexcom), simulated)
    cause = await cause_of(hass, settle)
    assert cause.startswith("Dexcom answers")
    assert " Simulated answers" in cause


async def test_a_wearer_without_a_source_is_told(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle
) -> None:
    assert await cause_of(hass, settle) == "There is no source."


async def test_another_wearers_source_is_none_of_this_ones(
    hass: HomeAssistant, alex: MockConfigEntry, add_wearer: AddWearer, dexcom: FakeDexcomShare
) -> None:
    # Of the same name, as two may be.
    other = add_wearer(dexcom_source(dexcom))
    assert await hass.config_entries.async_setup(other.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    said = await hear_notices(hass)
    await automate(hass, NAME, alarm=EVENT, actions=CAUSE)
    data = {"alarm": "stale", "config_entry_id": alex.entry_id}
    await hass.services.async_call("cgm", "test_alarm", data, blocking=True)
    await hass.async_block_till_done()
    assert said == ["There is no source."]


async def test_a_restart_in_the_middle_says_nothing_again_and_then_that_it_is_over(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    dexcom: FakeDexcomShare,
    pass_time: PassTime,
    freezer: FrozenDateTimeFactory,
) -> None:
    await with_notices(hass)
    await automate(hass, NAME, alarm=EVENT)
    dexcom.fail(html_503)
    await pass_time(19 * MINUTE)
    assert notices(hass) == [GONE + UNREACHABLE]
    freezer.tick(3 * MINUTE)
    async with restarted(hass, wearer, before=with_notices) as again:
        assert value(again, STALE) == "on"
        assert notices(again) == []
        (entry,) = again.config_entries.async_entries("cgm")
        await receive(again, entry, reading(entry, 140))
        assert notices(again) == ["Alex: readings are back, now 140 mg/dL."]
