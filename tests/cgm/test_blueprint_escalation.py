"""An alarm nobody has seen goes to the next carer, and all who were told hear that it is over."""

from datetime import timedelta
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant, ServiceCall
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service

from custom_components.cgm.shared.glucose.alarms.kinds import AlarmKind
from custom_components.cgm.shared.glucose.alarms.state import Phase
from fakes.dexcom_share import FakeDexcomShare

from .blueprints import automate, let_run, restarted
from .conftest import SetUp
from .test_alarm_home import falls, reading, receive
from .watching import NOON, running, value

NAME = "escalation"
EVENT = "event.alex_alarm"
CARERS = ("anna", "ben", "cleo")
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
SEEN = "mobile_app_notification_action"


class Phones:
    """What each carer's phone got."""

    def __init__(self, hass: HomeAssistant) -> None:
        self.calls: dict[str, list[ServiceCall]] = {
            carer: async_mock_service(hass, "notify", f"mobile_app_{carer}") for carer in CARERS
        }

    def told(self) -> list[str]:
        return [carer for carer, calls in self.calls.items() if calls]

    def messages(self, carer: str) -> list[str]:
        return [call.data["message"] for call in self.calls[carer]]

    def tags(self, carer: str) -> set[str]:
        return {call.data["data"]["tag"] for call in self.calls[carer]}


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(NOON)


@pytest.fixture
async def wearer(set_up: SetUp) -> MockConfigEntry:
    return await set_up()


@pytest.fixture
def phones(hass: HomeAssistant) -> Phones:
    return Phones(hass)


async def escalate(hass: HomeAssistant, **more: object) -> str:
    first, second, third = ([f"notify.mobile_app_{carer}"] for carer in CARERS)
    levels = {"first": first, "second": second, "third": third}
    inputs: dict[str, Any] = {"alarm": EVENT, "minutes": 8, **levels, **more}
    return await automate(hass, NAME, **inputs)


def stays_low(dexcom: FakeDexcomShare, readings: int = 12) -> None:
    falls(dexcom, *([51] * readings))


async def test_one_after_the_other_and_all_who_were_told_hear_the_end(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    dexcom: FakeDexcomShare,
    phones: Phones,
) -> None:
    falls(dexcom, 51, 51, 51, 90, 95, 100)
    await escalate(hass)
    await let_run(hass, freezer, 5 * MINUTE)
    assert phones.told() == ["anna"]
    assert "urgent low" in phones.messages("anna")[0]
    loud = phones.calls["anna"][0].data["data"]
    assert (loud["channel"], loud["ttl"], loud["priority"]) == ("alarm_stream", 0, "high")
    assert loud["push"]["sound"] == {"name": "default", "critical": 1, "volume": 1.0}
    await let_run(hass, freezer, 8 * MINUTE)
    assert phones.told() == ["anna", "ben"]
    assert len(phones.messages("anna")) == 1
    assert phones.messages("ben")[0].endswith("Nobody has seen this alarm yet.")
    # Over before the third's turn.
    await let_run(hass, freezer, 15 * MINUTE)
    assert phones.told() == ["anna", "ben"]
    for carer in ("anna", "ben"):
        assert len(phones.messages(carer)) == 2
        assert phones.messages(carer)[-1].endswith("The alarm is over.")
        # The end takes the place of the call.
        assert phones.tags(carer) == {f"cgm_escalation_{wearer.entry_id}"}


async def test_a_phone_that_is_gone_keeps_nobody_else_from_being_told(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    dexcom: FakeDexcomShare,
    phones: Phones,
    caplog: pytest.LogCaptureFixture,
) -> None:
    stays_low(dexcom)
    await escalate(hass)
    hass.services.async_remove("notify", "mobile_app_anna")
    await let_run(hass, freezer, 6 * MINUTE)
    assert "there is no action notify.mobile_app_anna any more" in caplog.text
    await let_run(hass, freezer, 8 * MINUTE)
    assert phones.told() == ["ben"]
    rows = await running(wearer).alarms.async_log()
    told = {row.about["action"] for row in rows if row.what == "told"}
    assert "notify.mobile_app_ben" in told
    assert "cgm.tell" not in told


async def test_who_presses_seen_stops_it(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    dexcom: FakeDexcomShare,
    phones: Phones,
) -> None:
    stays_low(dexcom)
    await escalate(hass, kinds=["urgent_low"])
    await let_run(hass, freezer, 6 * MINUTE)
    (call,) = phones.calls["anna"]
    (button,) = call.data["data"]["actions"]
    hass.bus.async_fire(SEEN, {"action": button["action"]})
    await let_run(hass, freezer, SECOND)
    assert running(wearer).alarms.alarms[AlarmKind.URGENT_LOW].phase is Phase.SILENCED
    await let_run(hass, freezer, 13 * MINUTE)
    assert phones.told() == ["anna"]
    # Still low when its silence ends: the first again, and then the next.
    await let_run(hass, freezer, 4 * MINUTE)
    assert len(phones.messages("anna")) == 2
    assert phones.told() == ["anna"]
    await let_run(hass, freezer, 8 * MINUTE)
    assert phones.told() == ["anna", "ben"]


async def test_the_worse_alarm_begins_with_the_first_again(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    dexcom: FakeDexcomShare,
    phones: Phones,
) -> None:
    falls(dexcom, 75, 66, 66, 50, 50)
    await escalate(hass)
    await let_run(hass, freezer, 21 * MINUTE)
    assert [one.split(",")[0] for one in phones.messages("anna")] == [
        "Alex: low",
        "Alex: urgent low",
    ]


async def test_after_a_restart_it_goes_on_by_the_clock(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    dexcom: FakeDexcomShare,
    phones: Phones,
) -> None:
    falls(dexcom, *([51] * 5), 90, 95, 100)
    await escalate(hass)
    await let_run(hass, freezer, 6 * MINUTE)
    assert phones.told() == ["anna"]
    later: list[Phones] = []

    async def carers(again: HomeAssistant) -> None:
        later.append(Phones(again))
        # Home Assistant was away while the second's turn came.
        freezer.tick(7 * MINUTE)

    async with restarted(hass, wearer, before=carers) as again:
        (after,) = later
        await let_run(again, freezer, MINUTE)
        assert after.told() == ["anna", "ben"]
        await let_run(again, freezer, 8 * MINUTE)
        assert after.told() == ["anna", "ben", "cleo"]
        await let_run(again, freezer, 20 * MINUTE)
        for carer in CARERS:
            assert after.messages(carer)[-1].endswith("The alarm is over.")


async def test_who_stands_in_two_places_hears_the_end_once(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    dexcom: FakeDexcomShare,
    phones: Phones,
) -> None:
    falls(dexcom, 51, 51, 51, 90, 95, 100)
    await escalate(hass, second=["notify.mobile_app_anna"])
    await let_run(hass, freezer, 28 * MINUTE)
    ends = [one for one in phones.messages("anna") if one.endswith("The alarm is over.")]
    assert (len(phones.messages("anna")), len(ends)) == (3, 1)


async def test_what_is_over_once_the_sources_answer_after_a_start_is_told_to_nobody(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, wearer: MockConfigEntry, phones: Phones
) -> None:
    await escalate(hass)
    await receive(wearer, reading(wearer, 51))
    await let_run(hass, freezer, MINUTE)
    assert phones.told() == ["anna"]
    later: list[Phones] = []

    async def carers(again: HomeAssistant) -> None:
        later.append(Phones(again))
        freezer.tick(8 * MINUTE)

    async with restarted(hass, wearer, before=carers) as again:
        (entry,) = again.config_entries.async_entries("cgm")
        assert value(again, "binary_sensor.alex_alarm_urgent_low") == "on"
        await let_run(again, freezer, 10 * SECOND)
        await receive(entry, reading(entry, 100))  # type: ignore[arg-type]  # made by same_again
        await let_run(again, freezer, MINUTE)
        assert value(again, "binary_sensor.alex_alarm_urgent_low") == "off"
        (after,) = later
        assert after.told() == []


async def test_switched_on_in_mid_alarm_it_begins_when_the_alarm_is_said_again(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    dexcom: FakeDexcomShare,
    phones: Phones,
) -> None:
    stays_low(dexcom)
    automation = {"entity_id": await escalate(hass, kinds=["urgent_low"])}
    await hass.services.async_call("automation", "turn_off", automation, blocking=True)
    await receive(wearer, reading(wearer, 51))
    await hass.services.async_call("automation", "turn_on", automation, blocking=True)
    await let_run(hass, freezer, MINUTE)
    assert phones.told() == []
    await let_run(hass, freezer, 6 * MINUTE)
    assert phones.told() == ["anna"]
    assert "still urgent low" in phones.messages("anna")[0]


async def test_a_test_reaches_everyone_and_a_reload_nobody(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    phones: Phones,
) -> None:
    await escalate(hass)
    # The reload that follows a new automation is as a start to it.
    await let_run(hass, freezer, SECOND)
    await receive(wearer, reading(wearer, 120))
    await running(wearer).alarms.async_test(AlarmKind.URGENT_LOW)
    await let_run(hass, freezer, SECOND)
    assert phones.told() == list(CARERS)
    assert "this is only a test" in phones.messages("anna")[0]
    assert await hass.config_entries.async_reload(wearer.entry_id)
    await let_run(hass, freezer, 10 * MINUTE)
    assert [len(phones.messages(carer)) for carer in CARERS] == [1, 1, 1]


@pytest.mark.parametrize("told", [["anna"], ["anna", "ben"]], ids=["one", "two"])
async def test_what_ended_while_home_assistant_started_is_told_to_who_had_been_told(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    dexcom: FakeDexcomShare,
    phones: Phones,
    told: list[str],
) -> None:
    falls(dexcom, *([51] * len(told)), *([100] * 4))
    await escalate(hass)
    await let_run(hass, freezer, (6 + 8 * (len(told) - 1)) * MINUTE)
    assert phones.told() == told
    later: list[Phones] = []

    async def rises_meanwhile(again: HomeAssistant) -> None:
        later.append(Phones(again))
        (entry,) = again.config_entries.async_entries("cgm")
        assert await again.config_entries.async_setup(entry.entry_id)
        for _ in range(2):
            freezer.tick(10 * SECOND)
            await receive(entry, reading(entry, 100, minutes=0))  # type: ignore[arg-type]  # made by same_again
        assert value(again, "binary_sensor.alex_alarm_urgent_low") == "off"

    async with restarted(hass, wearer, before=rises_meanwhile) as again:
        await let_run(again, freezer, 5 * SECOND, step=SECOND)
        (after,) = later
        assert after.told() == told
        for carer in told:
            (message,) = after.messages(carer)
            assert message.endswith("The alarm is over.")
        await let_run(again, freezer, 10 * MINUTE)
        assert after.told() == told
        assert [len(after.messages(carer)) for carer in told] == [1] * len(told)


async def test_what_was_over_before_it_started_is_told_to_nobody_again(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    dexcom: FakeDexcomShare,
    phones: Phones,
) -> None:
    falls(dexcom, 51, 51, 100, 100, 100, 100)
    await escalate(hass)
    await let_run(hass, freezer, 20 * MINUTE)
    assert phones.messages("anna")[-1].endswith("The alarm is over.")
    later: list[Phones] = []

    async def carers(again: HomeAssistant) -> None:
        later.append(Phones(again))

    async with restarted(hass, wearer, before=carers) as again:
        await let_run(again, freezer, 2 * MINUTE)
        (after,) = later
        assert after.told() == []
