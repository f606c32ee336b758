"""The blueprint of the lasting high: told, told again as the alarm is, held back when covered."""

from datetime import timedelta

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm.shared.glucose.alarms.kinds import AlarmKind
from fakes.dexcom_share import FakeDexcomShare, Row

from .blueprints import automate, restarted, turns
from .conftest import PassTime, RunWearer, Settle
from .telling import (
    EVENT,
    hear_messages,
    hear_notices,
    notices,
    reading,
    receive,
    with_notices,
)
from .vendors import dexcom_source
from .watching import NOON, running, value

pytestmark = pytest.mark.usefixtures("socket_enabled")

NAME = "high_too_long"
FOR_LONG = "binary_sensor.alex_alarm_high_for_long"
HIGH = "binary_sensor.alex_alarm_high"
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def wearer(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    dexcom: FakeDexcomShare,
    run_wearer: RunWearer,
) -> MockConfigEntry:
    """Run a wearer who has been at 200 for 116 minutes."""
    freezer.move_to(NOON)
    measure(dexcom, range(-116, 0, 5), 200)
    entry = await run_wearer(dexcom_source(dexcom))
    assert value(hass, FOR_LONG) == "off"
    return entry


def measure(dexcom: FakeDexcomShare, minutes: range, mg_dl: int) -> None:
    """Have the vendor measure so, at so many minutes from now."""
    for minute in minutes:
        time = dt_util.utcnow() + minute * MINUTE
        dexcom.rows.append(Row(time=time, value=mg_dl, visible_at=time))


@pytest.mark.parametrize("repeated", [True, False])
async def test_it_is_told_after_two_hours_and_again_as_the_alarm_is(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    dexcom: FakeDexcomShare,
    pass_time: PassTime,
    repeated: bool,
) -> None:
    said = await hear_notices(hass)
    measure(dexcom, range(4, 90, 5), 200)
    await automate(hass, NAME, alarm=EVENT, repeated=repeated)
    await pass_time(10 * MINUTE)
    assert value(hass, FOR_LONG) == "on"
    assert said == ["Alex: high for long, 200 mg/dL."]
    await pass_time(65 * MINUTE, step=MINUTE)
    assert said[1:] == ["Alex: still high for long, 200 mg/dL."] * repeated


@pytest.mark.parametrize("over", [True, False])
async def test_it_tells_that_it_is_over_where_that_is_wanted(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    dexcom: FakeDexcomShare,
    pass_time: PassTime,
    over: bool,
) -> None:
    said = await hear_notices(hass)
    measure(dexcom, range(4, 10, 5), 200)
    measure(dexcom, range(14, 15), 170)
    await automate(hass, NAME, alarm=EVENT, over=over)
    await pass_time(20 * MINUTE)
    assert value(hass, FOR_LONG) == "off"
    assert said[1:] == ["Alex: over: high for long, 170 mg/dL, highest 200."] * over


async def test_phones_and_actions_are_told_and_a_broken_phone_stops_nobody(
    hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle
) -> None:
    phone, sent = await hear_messages(hass)
    said = await hear_notices(hass)
    await automate(hass, NAME, alarm=EVENT, people=["notify.somebody", phone])
    await hass.services.async_call("cgm", "test_alarm", {"alarm": "high"}, blocking=True)
    await settle()
    text = "Alex: this is only a test. A real alarm would say: high."
    assert sent == [{"title": "Alex: glucose", "message": text}]
    assert said == [text]


async def test_two_alarms_at_once_are_both_told_however_long_the_actions_take(
    hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle
) -> None:
    said = await hear_notices(hass)
    notice = {"action": "persistent_notification.create", "data": {"message": "{{ kind }}"}}
    waits = {"wait_for_trigger": {"trigger": "event", "event_type": "on"}, "timeout": 60}
    await automate(hass, NAME, alarm=EVENT, actions=[notice, waits])
    for alarm in ("sustained_high", "high"):
        await running(wearer).alarms.async_test(AlarmKind(alarm))
        await turns(hass)
    hass.bus.async_fire("on")
    await settle()
    assert sorted(said) == ["high", "sustained_high"]


async def test_only_chosen_alarms_are_told(
    hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle
) -> None:
    said = await hear_notices(hass)
    await automate(hass, NAME, alarm=EVENT, kinds=["high"])
    for alarm in ("sustained_high", "low", "urgent_high"):
        await hass.services.async_call("cgm", "test_alarm", {"alarm": alarm}, blocking=True)
    await settle()
    assert said == []


async def test_what_a_worse_alarm_covers_is_held_back(
    hass: HomeAssistant, wearer: MockConfigEntry, dexcom: FakeDexcomShare, pass_time: PassTime
) -> None:
    said = await hear_notices(hass)
    measure(dexcom, range(4, 30, 5), 310)
    await automate(hass, NAME, alarm=EVENT)
    await pass_time(25 * MINUTE)
    assert value(hass, HIGH) == value(hass, FOR_LONG) == "on"
    log = await running(wearer).alarms.async_log()
    covered = {row.kind for row in log if "covered" in str(row.about.get("marks"))}
    assert covered >= {"high", "sustained_high"}
    assert said == []


async def test_a_restart_in_the_middle_says_nothing_again_and_goes_on(
    hass: HomeAssistant, wearer: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    await with_notices(hass)
    await automate(hass, NAME, alarm=EVENT)
    freezer.tick(4 * MINUTE)
    await receive(hass, wearer, reading(wearer, 201))
    assert notices(hass) == ["Alex: high for long, 201 mg/dL."]
    freezer.tick(2 * MINUTE)
    async with restarted(hass, wearer, before=with_notices) as again:
        assert value(again, FOR_LONG) == "on"
        assert notices(again) == []
        (entry,) = again.config_entries.async_entries("cgm")
        freezer.tick(60 * MINUTE)
        await receive(again, entry, reading(entry, 220))
        assert notices(again) == ["Alex: still high for long, 220 mg/dL."]


async def test_each_alarm_has_a_notification_of_its_own_which_the_next_word_replaces(
    hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle
) -> None:
    await with_notices(hass)
    await automate(hass, NAME, alarm=EVENT)
    for alarm in ("sustained_high", "high", "high"):
        await hass.services.async_call("cgm", "test_alarm", {"alarm": alarm}, blocking=True)
        await settle()
    assert [one.rpartition(": ")[2] for one in notices(hass)] == ["high for long.", "high."]


@pytest.mark.parametrize(("minutes", "told"), [(115, True), (125, False)])
async def test_at_a_start_what_began_within_two_hours_is_told(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    minutes: int,
    told: bool,
) -> None:
    await with_notices(hass)
    freezer.tick(4 * MINUTE)
    # It fires while there is no automation yet.
    await receive(hass, wearer, reading(wearer, 201))
    assert value(hass, FOR_LONG) == "on"
    for _ in range(minutes // 5):
        freezer.tick(5 * MINUTE)
        await receive(hass, wearer, reading(wearer, 201))
    await automate(hass, NAME, alarm=EVENT)
    async with restarted(hass, wearer, before=with_notices) as again:
        assert value(again, FOR_LONG) == "on"
        assert notices(again) == ["Alex: high for long, 201 mg/dL."] * told
