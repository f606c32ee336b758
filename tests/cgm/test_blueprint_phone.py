"""Alarms on the phone: what is sent, what the buttons do, and what goes when it is over."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import Platform
from homeassistant.core import Event, HomeAssistant, ServiceCall
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity import entity_sources
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cgm.shared.glucose.alarms.kinds import AlarmKind
from custom_components.cgm.shared.glucose.alarms.state import Phase
from fakes.dexcom_share import FakeDexcomShare

from .blueprints import automate, demo, let_run, restarted, turns
from .conftest import SetUp
from .test_alarm_home import falls, log_of, reading, receive
from .watching import NOON, running

NAME = "phone_alarm"
EVENT = "event.alex_alarm"
PHONE = "notify.mobile_app_anna"
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(NOON)


@pytest.fixture
async def wearer(set_up: SetUp) -> MockConfigEntry:
    return await set_up()


@pytest.fixture
def sent(hass: HomeAssistant) -> list[ServiceCall]:
    return async_mock_service(hass, "notify", "mobile_app_anna")


async def phone(hass: HomeAssistant, **more: object) -> str:
    inputs: dict[str, Any] = {"alarm": EVENT, "phones": [PHONE], **more}
    return await automate(hass, NAME, **inputs)


async def at(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, entry: MockConfigEntry, mg_dl: int
) -> None:
    await receive(entry, reading(entry, mg_dl, minutes=0))
    await let_run(hass, freezer, timedelta(seconds=1), step=timedelta(seconds=0.5))


async def test_an_urgent_low_breaks_through_with_value_arrow_and_age(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    sent: list[ServiceCall],
) -> None:
    await phone(hass)
    await at(hass, freezer, wearer, 51)
    (call,) = sent
    assert call.data["title"] == "Alex"
    assert call.data["message"].splitlines()[0].startswith("Alex: urgent low, 51 mg/dL")
    assert call.data["message"].splitlines()[1] in {f"51 mg/dL {one} 0 min ago" for one in "⇊↓↘"}
    data = call.data["data"]
    assert data["push"]["sound"] == {"name": "default", "critical": 1, "volume": 1.0}
    assert (data["channel"], data["ttl"], data["priority"]) == ("alarm_stream", 0, "high")
    assert data["tag"] == f"cgm_{wearer.entry_id}"
    assert [one["title"] for one in data["actions"]] == ["Seen", "Silence 30", "Open"]


async def test_it_speaks_the_wearers_unit(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    sent: list[ServiceCall],
) -> None:
    hass.config_entries.async_update_entry(wearer, options={**wearer.options, "unit": "mmol/L"})
    await phone(hass)
    await at(hass, freezer, wearer, 51)
    assert "2.8 mmol/L" in sent[0].data["message"].splitlines()[1]


async def test_a_value_that_is_never_sent_is_nowhere_in_the_message(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    sent: list[ServiceCall],
) -> None:
    await phone(hass, hide="never")
    await at(hass, freezer, wearer, 51)
    (call,) = sent
    assert call.data["message"] == call.data["title"] == "Glucose alarm"
    assert call.data["data"]["visibility"] == "private"
    assert "51" not in str(call.data).replace(wearer.entry_id, "")


@pytest.mark.parametrize(
    ("choice", "attached"),
    [
        ({}, True),
        ({"hide": "shown"}, True),
        ({"picture": False}, False),
        ({"hide": "never"}, False),
        ({"hide": "never", "picture": True}, False),
    ],
    ids=["usually", "shown", "switched-off", "hidden", "hidden-though-on"],
)
async def test_the_picture_of_the_day_is_attached_unless_the_value_is_never_sent(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    sent: list[ServiceCall],
    hass_client: ClientSessionGenerator,
    choice: dict[str, object],
    attached: bool,
) -> None:
    registry = er.async_get(hass)
    registry.async_update_entity("image.alex_today", new_entity_id="image.my_own_name")
    await let_run(hass, freezer, timedelta(seconds=1))
    await phone(hass, **choice)
    await at(hass, freezer, wearer, 51)
    (call,) = sent
    data = call.data["data"]
    assert data["tag"] == f"cgm_{wearer.entry_id}"
    if not attached:
        assert "image" not in str(data)
        return
    # What the app fetches with its own login, and nobody without one.
    assert data["image"] == "/api/image_proxy/image.my_own_name"
    answer = await (await hass_client()).get(data["image"])
    assert (answer.status, answer.content_type) == (HTTPStatus.OK, "image/png")


async def test_a_picture_that_cannot_be_drawn_keeps_no_alarm_back(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    sent: list[ServiceCall],
) -> None:
    registry = er.async_get(hass)
    registry.async_update_entity("image.alex_today", disabled_by=er.RegistryEntryDisabler.USER)
    await let_run(hass, freezer, timedelta(seconds=1))
    await phone(hass)
    await at(hass, freezer, wearer, 51)
    (call,) = sent
    assert "51 mg/dL" in call.data["message"]
    assert "image" not in call.data["data"]


@pytest.mark.parametrize(
    ("choice", "visibility"),
    [({}, "private"), ({"hide": "shown"}, "public")],
    ids=["phone", "shown"],
)
async def test_else_it_is_sent_and_the_phone_hides_it_while_it_is_locked_or_not(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    sent: list[ServiceCall],
    choice: dict[str, str],
    visibility: str,
) -> None:
    await phone(hass, **choice)
    await at(hass, freezer, wearer, 51)
    (call,) = sent
    assert "51 mg/dL" in call.data["message"]
    assert call.data["data"]["visibility"] == visibility


@pytest.mark.parametrize(
    ("button", "minutes"), [("CGM_SEEN_urgent_low", 15), ("CGM_SILENCE_urgent_low", 30)]
)
async def test_the_buttons_silence_that_alarm_and_the_message_goes_when_nothing_calls(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    sent: list[ServiceCall],
    button: str,
    minutes: int,
) -> None:
    await phone(hass, kinds=["urgent_low"])
    await at(hass, freezer, wearer, 66)
    await let_run(hass, freezer, 5 * MINUTE)
    await at(hass, freezer, wearer, 51)
    hass.bus.async_fire("mobile_app_notification_action", {"action": f"{button}_somebody_else"})
    hass.bus.async_fire("mobile_app_notification_action", {"action": "OTHER"})
    await let_run(hass, freezer, timedelta(seconds=1), step=timedelta(seconds=0.5))
    alarms = running(wearer).alarms
    assert alarms.alarms[AlarmKind.URGENT_LOW].phase is Phase.ACTIVE
    hass.bus.async_fire("mobile_app_notification_action", {"action": f"{button}_{wearer.entry_id}"})
    await let_run(hass, freezer, timedelta(seconds=1), step=timedelta(seconds=0.5))
    state = alarms.alarms[AlarmKind.URGENT_LOW]
    assert state.silence_left is not None
    assert round(state.silence_left / MINUTE) == minutes
    assert alarms.alarms[AlarmKind.PREDICTED_LOW].phase is not Phase.SILENCED
    assert alarms.alarms[AlarmKind.LOW].phase is Phase.ACTIVE
    assert sent[-1].data["message"] == "clear_notification"
    assert sent[-1].data["data"]["tag"] == sent[0].data["data"]["tag"]


@pytest.mark.parametrize("button", ["CGM_SEEN_low", "CGM_SILENCE_low"])
async def test_the_buttons_of_a_milder_alarm_leave_the_worse_one(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    sent: list[ServiceCall],
    button: str,
) -> None:
    await phone(hass, kinds=["urgent_low", "low"])
    for mg_dl in (66, 51):
        await at(hass, freezer, wearer, mg_dl)
        await let_run(hass, freezer, 4 * MINUTE)
    hass.bus.async_fire("mobile_app_notification_action", {"action": f"{button}_{wearer.entry_id}"})
    await let_run(hass, freezer, timedelta(seconds=1), step=timedelta(seconds=0.5))
    alarms = running(wearer).alarms.alarms
    assert alarms[AlarmKind.LOW].phase is Phase.SILENCED
    assert alarms[AlarmKind.URGENT_LOW].phase is Phase.ACTIVE
    # It still calls: its message stays.
    assert "clear_notification" not in [call.data["message"] for call in sent]


async def test_it_replaces_itself_and_goes_on_recovery(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    dexcom: FakeDexcomShare,
    sent: list[ServiceCall],
) -> None:
    await phone(hass)
    falls(dexcom, 70, 53, 52, 90, 95)
    await let_run(hass, freezer, 32 * MINUTE)
    messages = [call.data["message"] for call in sent]
    assert any("still urgent low" in one for one in messages)
    # The milder low spoke as well, and is held back.
    assert ("low", "fired") in await log_of(wearer)
    assert not any(one.startswith("Alex: low,") for one in messages)
    assert messages[-1] == "clear_notification"
    assert len({call.data["data"]["tag"] for call in sent}) == 1


async def test_a_test_reaches_the_phone_and_says_so(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    sent: list[ServiceCall],
) -> None:
    await phone(hass)
    await running(wearer).alarms.async_test(AlarmKind.URGENT_LOW)
    await let_run(hass, freezer, timedelta(seconds=1), step=timedelta(seconds=0.5))
    (call,) = sent
    assert call.data["message"] == "Alex: this is only a test. A real alarm would say: urgent low."
    assert [one["title"] for one in call.data["data"]["actions"]] == ["Open"]


async def test_ntfy_gets_its_priority_and_others_the_text(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, wearer: MockConfigEntry
) -> None:
    await demo(hass, Platform.NOTIFY)
    topic = er.async_get(hass).async_get_or_create("notify", "ntfy", "1", object_id_base="topic")
    # As if ntfy had added it.
    entity_sources(hass)[topic.entity_id] = {"domain": "ntfy"}
    published = async_mock_service(hass, "ntfy", "publish")
    cleared = async_mock_service(hass, "ntfy", "clear")
    heard: list[Event] = []
    hass.bus.async_listen("notify", heard.append)
    await phone(hass, phones=["notify.gone"], entities=[topic.entity_id, "notify.notifier"])
    await at(hass, freezer, wearer, 51)
    (call,) = published
    assert call.data["entity_id"] == [topic.entity_id]
    assert call.data["priority"] == 5
    assert "urgent low" in call.data["message"]
    assert "urgent low" in heard[0].data["message"]
    async_mock_service(hass, "notify", "gone")
    await running(wearer).alarms.async_silence()
    await let_run(hass, freezer, timedelta(seconds=1), step=timedelta(seconds=0.5))
    assert cleared[-1].data["sequence_id"] == call.data["sequence_id"]


async def test_neither_a_reload_nor_a_restart_tells_again(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    sent: list[ServiceCall],
) -> None:
    await phone(hass)
    await at(hass, freezer, wearer, 51)
    assert len(sent) == 1
    assert await hass.config_entries.async_reload(wearer.entry_id)
    await let_run(hass, freezer, 2 * timedelta(seconds=1))
    assert len(sent) == 1
    heard: list[list[ServiceCall]] = []

    async def phones(again: HomeAssistant) -> None:
        heard.append(async_mock_service(again, "notify", "mobile_app_anna"))

    async with restarted(hass, wearer, before=phones) as again:
        (calls,) = heard
        await let_run(again, freezer, timedelta(seconds=2), step=timedelta(seconds=0.5))
        assert calls == []
        # The alarm goes on: it repeats.
        await let_run(again, freezer, 6 * MINUTE)
        assert any("urgent low" in call.data["message"] for call in calls)


async def test_what_fired_while_home_assistant_started_is_told(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    sent: list[ServiceCall],
) -> None:
    await phone(hass)
    heard: list[list[ServiceCall]] = []

    async def falls_meanwhile(again: HomeAssistant) -> None:
        heard.append(async_mock_service(again, "notify", "mobile_app_anna"))
        (entry,) = again.config_entries.async_entries("cgm")
        assert await again.config_entries.async_setup(entry.entry_id)
        await turns(again)
        await receive(entry, reading(entry, 51))  # type: ignore[arg-type]  # made by same_again

    async with restarted(hass, wearer, before=falls_meanwhile) as again:
        await let_run(again, freezer, timedelta(seconds=2), step=timedelta(seconds=0.5))
        (calls,) = heard
        assert "urgent low" in calls[0].data["message"]
        assert "51 mg/dL" in calls[0].data["message"]
    assert sent == []


@pytest.mark.parametrize(
    ("falls", "last"),
    [((66, 66, 66, 66, 53), "fired"), ((66, 65, 51), "cleared")],
    ids=["the worst spoke last", "another one was over in the same moment"],
)
async def test_of_several_that_are_on_at_a_start_the_worst_is_told(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    wearer: MockConfigEntry,
    sent: list[ServiceCall],
    falls: tuple[int, ...],
    last: str,
) -> None:
    await phone(hass)
    heard: list[list[ServiceCall]] = []

    async def falls_meanwhile(again: HomeAssistant) -> None:
        heard.append(async_mock_service(again, "notify", "mobile_app_anna"))
        (entry,) = again.config_entries.async_entries("cgm")
        assert await again.config_entries.async_setup(entry.entry_id)
        await turns(again)
        for mg_dl in falls:
            freezer.tick(5 * MINUTE)
            await receive(entry, reading(entry, mg_dl))  # type: ignore[arg-type]  # made by same_again
        on = {kind for kind, one in running(entry).alarms.alarms.states.items() if one.on}
        assert on >= {AlarmKind.LOW, AlarmKind.URGENT_LOW}
        (spoken,) = (one for one in again.states.async_all("event") if one.state != "unknown")
        assert spoken.attributes["event_type"] == last

    async with restarted(hass, wearer, before=falls_meanwhile) as again:
        await let_run(again, freezer, timedelta(seconds=2), step=timedelta(seconds=0.5))
        (calls,) = heard
        (call,) = calls
        assert "urgent low" in call.data["message"]
        assert call.data["data"]["actions"][0]["action"] == f"CGM_SEEN_urgent_low_{wearer.entry_id}"
