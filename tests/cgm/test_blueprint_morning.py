"""The blueprint of the morning report: the night in words, at the chosen time, with or without."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm.shared.glucose.errors import StoreUnavailable
from custom_components.cgm.shared.glucose.reading import Bound
from custom_components.cgm.shared.glucose.store import Store
from custom_components.cgm.shared.glucose.trend import Trend
from fakes.dexcom_share import FakeDexcomShare

from .blueprints import automate, restarted
from .conftest import PassTime, RunWearer
from .telling import (
    EVENT,
    hear_messages,
    hear_notices,
    notices,
    reading,
    receive,
    with_notices,
)
from .vendors import dexcom_source, steady

pytestmark = pytest.mark.usefixtures("socket_enabled")

NAME = "morning_report"
MINUTE = timedelta(minutes=1)
# Half past five in the morning in Berlin.
EARLY = "2026-11-20T04:30:00+00:00"


@pytest.fixture(autouse=True)
async def in_the_end_no_timers(hass: HomeAssistant) -> AsyncIterator[None]:
    """Switch the automations off: what waits for a time of the day waits for ever."""
    yield
    await switch_off(hass)


async def switch_off(hass: HomeAssistant) -> None:
    if hass.services.has_service("automation", "turn_off"):
        data = {"entity_id": "all"}
        await hass.services.async_call("automation", "turn_off", data, blocking=True)


@pytest.fixture
async def wearer(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    dexcom: FakeDexcomShare,
    run_wearer: RunWearer,
) -> MockConfigEntry:
    """Run a wearer who is at 100 in the early morning."""
    await hass.config.async_set_time_zone("Europe/Berlin")
    freezer.move_to(EARLY)
    steady(dexcom, 100)
    return await run_wearer(dexcom_source(dexcom))


async def night(
    hass: HomeAssistant, entry: MockConfigEntry, pass_time: PassTime, *mg_dl: int
) -> None:
    """Have the wearer be so, each five minutes from now on."""
    for each in mg_dl:
        await pass_time(5 * MINUTE, step=MINUTE)
        await receive(hass, entry, reading(entry, each))


async def test_a_night_with_alarms_is_told_at_the_chosen_time(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime
) -> None:
    said = await hear_notices(hass)
    await automate(hass, NAME, alarm=EVENT, at="06:30:00")
    await night(hass, wearer, pass_time, 88, 76, 66, 66, 77, 90, 90, 80, 68, 78, 96)
    assert said == []
    await pass_time(5 * MINUTE, step=MINUTE)
    text = (
        "Alex, last night: lowest 66 mg/dL at 05:45, highest 100 mg/dL at 05:19. "
        "4 alarms: low at 05:45, 06:15; low predicted at 05:40, 06:10. "
        "Now 96 mg/dL, rising, 5 minutes old."
    )
    assert said == [text]
    await pass_time(10 * MINUTE, step=MINUTE)
    assert len(said) == 1


async def test_a_quiet_night_is_told_to_phones(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime
) -> None:
    hass.config_entries.async_update_entry(wearer, options={**wearer.options, "unit": "mmol/L"})
    phone, sent = await hear_messages(hass)
    await automate(hass, NAME, alarm=EVENT, people=[phone], actions=[], at="05:37:00")
    await pass_time(6 * MINUTE, step=MINUTE)
    await receive(hass, wearer, reading(wearer, 117, trend=Trend.SLIGHT_UP))
    await pass_time(MINUTE)
    assert sent == [
        {
            "title": "Alex: last night",
            "message": "Alex, last night: lowest 5.6 mmol/L at 05:19, highest 6.5 mmol/L at 05:36. "
            "No alarm. Now 6.5 mmol/L, rising, 1 minute old.",
        }
    ]


async def test_only_the_night_is_told(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime
) -> None:
    said = await hear_notices(hass)
    await night(hass, wearer, pass_time, 60, 100)
    await automate(hass, NAME, alarm=EVENT, at="05:46:00", night_from="05:40:00")
    await pass_time(6 * MINUTE, step=MINUTE)
    assert said[0].startswith("Alex, last night: lowest 100 mg/dL at 05:40, highest 100 mg/dL")
    assert " No alarm. " in said[0]


async def test_low_and_high_are_told_in_the_vendors_words_and_what_was_found_late(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime
) -> None:
    said = await hear_notices(hass)
    await automate(hass, NAME, alarm=EVENT, at="06:10:00")
    await receive(hass, wearer, reading(wearer, 39, minutes=-31, bound=Bound.LOW))
    await pass_time(39 * MINUTE, step=MINUTE)
    await receive(hass, wearer, reading(wearer, 401, bound=Bound.HIGH))
    await pass_time(MINUTE)
    assert "lowest LOW at 04:59, highest HIGH at 06:09." in said[0]
    assert "Known only later: urgent low." in said[0]
    assert said[0].endswith("Now HIGH, 1 minute old.")


async def test_what_a_worse_alarm_covered_is_not_counted(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime
) -> None:
    said = await hear_notices(hass)
    await automate(hass, NAME, alarm=EVENT, at="06:00:00")
    await night(hass, wearer, pass_time, 310, 310, 310, 310, 310)
    await pass_time(5 * MINUTE, step=MINUTE)
    assert "alarm: urgent high at 05:35." in said[0]


async def test_a_night_without_readings_is_told(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime
) -> None:
    await hass.config.async_set_time_zone("UTC")
    said = await hear_notices(hass)
    await automate(hass, NAME, alarm=EVENT, at="12:01:00")
    await pass_time(MINUTE)
    assert said == ["Alex, last night: no readings. No alarm. Now unknown."]


async def test_a_value_that_is_no_longer_true_is_not_told(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime
) -> None:
    said = await hear_notices(hass)
    await automate(hass, NAME, alarm=EVENT, at="06:15:00")
    await pass_time(45 * MINUTE, step=MINUTE)
    assert "1 alarm: no readings at 05:49." in said[0]
    assert said[0].endswith("Now unknown: the last reading is 46 minutes old.")


async def test_a_history_that_cannot_be_read_leaves_the_rest_of_the_report(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise StoreUnavailable("made up")

    said = await hear_notices(hass)
    await automate(hass, NAME, alarm=EVENT, at="05:31:00")
    with monkeypatch.context() as patched:
        patched.setattr(Store, "alarm_log", refuse)
        await pass_time(MINUTE)
    text = "Alex, last night: the history cannot be read. Now 100 mg/dL, steady, 2 minutes old."
    assert said == [text]


async def test_after_a_restart_the_whole_night_is_told(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    pass_time: PassTime,
    freezer: FrozenDateTimeFactory,
) -> None:
    await automate(hass, NAME, alarm=EVENT, at="06:00:00")
    await night(hass, wearer, pass_time, 52)
    freezer.tick(2 * MINUTE)

    async def in_berlin(again: HomeAssistant) -> None:
        await again.config.async_set_time_zone("Europe/Berlin")
        await with_notices(again)

    async with restarted(hass, wearer, before=in_berlin) as again:
        assert dt_util.now().hour == 5
        assert notices(again) == []
        await again.services.async_call(
            "automation", "trigger", {"entity_id": f"automation.{NAME}"}, blocking=True
        )
        await again.async_block_till_done()
        (said,) = notices(again)
        await switch_off(again)
    assert said.startswith("Alex, last night: lowest 52 mg/dL at 05:35, highest 100 mg/dL at 05:19")
    assert "urgent low at 05:35" in said
