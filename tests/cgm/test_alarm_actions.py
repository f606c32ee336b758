"""Acknowledging, silencing and testing alarms, by button and by action, and who was told."""

from datetime import timedelta
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # its stubs are not among the locked tools
from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service

from custom_components.cgm import services
from custom_components.cgm.shared.glucose.alarms.kinds import AlarmKind
from custom_components.cgm.shared.glucose.alarms.state import Happening, What
from custom_components.cgm.shared.glucose.reading import Reading
from custom_components.cgm.shared.glucose.sources.source import Answer
from fakes.dexcom_share import FakeDexcomShare

from .conftest import AddWearer, PassTime, Settle
from .dialogs import english
from .vendors import dexcom_source, steady
from .watching import NOON, attribute, running, value

EVENT = "event.alex_alarm"
URGENT_LOW = "binary_sensor.alex_alarm_urgent_low"
MINUTE = timedelta(minutes=1)
FOLDER = services.__file__.removesuffix("services.py")


@pytest.fixture
async def wearer(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    dexcom: FakeDexcomShare,
    add_wearer: AddWearer,
    settle: Settle,
) -> MockConfigEntry:
    """Run a wearer who is at 60: low, not urgently."""
    freezer.move_to(NOON)
    steady(dexcom, 60)
    entry = add_wearer(dexcom_source(dexcom))
    assert await async_setup_component(hass, "cgm", {})
    await settle()
    assert value(hass, "binary_sensor.alex_alarm_low") == "on"
    return entry


async def worsen(hass: HomeAssistant, entry: MockConfigEntry, mg_dl: int = 50) -> None:
    alex = running(entry)
    (feed,) = alex.feeds.values()
    row = Reading(time=alex.now(), mg_dl=mg_dl, source=feed.id, series="share")
    await alex.async_receive(feed, Answer(readings=(row,)))


async def press(hass: HomeAssistant, button: str) -> None:
    data = {ATTR_ENTITY_ID: f"button.alex_{button}"}
    await hass.services.async_call("button", "press", data, blocking=True)


async def act(hass: HomeAssistant, action: str, **data: object) -> None:
    await hass.services.async_call("cgm", action, data, blocking=True)


def left(entry: MockConfigEntry, kind: str) -> timedelta | None:
    return running(entry).alarms.alarms[AlarmKind(kind)].silence_left


def last(hass: HomeAssistant) -> tuple[object, object, object]:
    names = ("event_type", "alarm", "text")
    first, second, third = (attribute(hass, EVENT, name) for name in names)
    return first, second, third


async def test_the_button_acknowledges_what_is_on(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime
) -> None:
    await press(hass, "acknowledge_alarm")
    assert left(wearer, "low") == 30 * MINUTE
    text = "Alex: low, seen, quiet for 30 minutes, 60 mg/dL."
    assert last(hass) == ("acknowledged", "low", text)
    until = attribute(hass, "binary_sensor.alex_alarm_low", "silenced_until")
    assert until == running(wearer).now() + 30 * MINUTE
    assert value(hass, "binary_sensor.alex_alarm_low") == "on"
    # Shown the same from minute to minute.
    await pass_time(3 * MINUTE)
    assert attribute(hass, "binary_sensor.alex_alarm_low", "silenced_until") == until


async def test_all_that_an_event_carries_has_a_name(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    await press(hass, "acknowledge_alarm")
    state = hass.states.get(EVENT)
    assert state is not None
    named = english()["entity"]["event"]["alarm"]["state_attributes"]
    assert named.keys() == state.attributes.keys() - {"event_types", "friendly_name"}


async def test_the_button_silences_each_for_its_usual_length(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    await worsen(hass, wearer)
    await press(hass, "silence_alarm")
    assert left(wearer, "urgent_low") == 15 * MINUTE
    assert left(wearer, "low") == 30 * MINUTE
    assert last(hass)[0] == "silenced"


async def test_actions_name_an_alarm_and_minutes(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    await worsen(hass, wearer)
    await act(hass, "silence_alarm", alarm="urgent_low", minutes=20)
    assert (left(wearer, "urgent_low"), left(wearer, "low")) == (20 * MINUTE, None)
    await act(hass, "acknowledge_alarm", alarm="low", config_entry_id=wearer.entry_id)
    assert left(wearer, "low") == 30 * MINUTE


async def test_too_long_a_silence_is_refused_whole_and_names_the_longest(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    await worsen(hass, wearer)
    with pytest.raises(ServiceValidationError) as refused:
        await act(hass, "silence_alarm", minutes=45)
    assert refused.value.translation_key == "silence_too_long"
    assert refused.value.translation_placeholders == {"alarm": "urgent low", "longest": "30"}
    assert "30 minutes at most" in str(refused.value)
    assert (left(wearer, "urgent_low"), left(wearer, "low")) == (None, None)


@pytest.mark.parametrize("button", ["acknowledge_alarm", "silence_alarm"])
async def test_with_nothing_on_the_buttons_say_so(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime, button: str
) -> None:
    await pass_time(MINUTE)
    await worsen(hass, wearer, 100)
    with pytest.raises(ServiceValidationError) as refused:
        await press(hass, button)
    assert refused.value.translation_key == "no_alarm_active"


async def test_an_alarm_that_is_not_on_is_named(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    with pytest.raises(ServiceValidationError) as refused:
        await act(hass, "silence_alarm", alarm="high", minutes=10)
    assert refused.value.translation_key == "alarm_not_active"
    assert refused.value.translation_placeholders == {"alarm": "high"}


async def test_a_test_is_told_and_changes_nothing(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    before = running(wearer).alarms.alarms
    await press(hass, "test_alarm")
    text = "Alex: this is only a test. A real alarm would say: urgent low."
    assert last(hass) == ("test", "urgent_low", text)
    await act(hass, "test_alarm", alarm="high")
    assert last(hass)[:2] == ("test", "high")
    assert running(wearer).alarms.alarms == before


async def test_with_two_wearers_an_action_says_whose(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    dexcom: FakeDexcomShare,
    add_wearer: AddWearer,
    settle: Settle,
) -> None:
    other = add_wearer(dexcom_source(dexcom), title="Robin")
    assert await hass.config_entries.async_setup(other.entry_id)
    await settle()
    with pytest.raises(ServiceValidationError):
        await act(hass, "acknowledge_alarm")
    await act(hass, "acknowledge_alarm", config_entry_id=other.entry_id)
    assert left(wearer, "low") is None
    assert left(other, "low") == 30 * MINUTE


async def test_an_action_on_a_wearer_who_is_not_loaded_is_refused(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    assert await hass.config_entries.async_unload(wearer.entry_id)
    with pytest.raises(ServiceValidationError):
        await act(hass, "acknowledge_alarm", config_entry_id=wearer.entry_id)


async def told_rows(entry: MockConfigEntry) -> list[dict[str, Any]]:
    alarms = running(entry).alarms
    await alarms.async_keep()
    return [dict(row.about) for row in await alarms.async_log() if row.what == "told"]


async def test_who_was_told_is_logged_and_nobody_elses_actions_are(
    hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle
) -> None:
    calls = async_mock_service(hass, "light", "turn_on")
    bells = async_mock_service(hass, "notify", "mobile_app_phone")
    tablets = async_mock_service(hass, "notify", "mobile_app_tablet")
    automation = {
        "trigger": {"platform": "state", "entity_id": EVENT},
        "action": [
            {"action": "light.turn_on", "target": {"entity_id": ["light.bed", "light.hall"]}},
            {"action": "notify.mobile_app_phone", "data": {"message": "secret words"}},
            {
                "action": "cgm.tell",
                "data": {"action": "notify.mobile_app_tablet", "message": "secret words"},
            },
        ],
    }
    assert await async_setup_component(hass, "automation", {"automation": automation})
    await hass.services.async_call("light", "turn_on", {"entity_id": "light.x"}, blocking=True)
    await press(hass, "test_alarm")
    await settle()
    assert (len(calls), len(bells), len(tablets)) == (2, 1, 1)
    told = [
        {"action": "light.turn_on", "entities": ["light.bed", "light.hall"]},
        {"action": "notify.mobile_app_phone"},
        # Of the action that tells, what it calls is told alone.
        {"action": "notify.mobile_app_tablet"},
    ]
    assert await told_rows(wearer) == told
    stranger = Context(parent_id="somebody else's")
    data = {"entity_id": "light.x"}
    await hass.services.async_call("light", "turn_on", data, blocking=True, context=stranger)
    assert await told_rows(wearer) == told


@pytest.mark.parametrize(
    ("target", "noted"),
    [
        ("light.bed", {"entities": ["light.bed"]}),
        (["light.bed", "light.hall"], {"entities": ["light.bed", "light.hall"]}),
        ([], {}),
    ],
    ids=["one", "several", "none"],
)
async def test_entities_are_logged_as_a_list_however_they_were_given(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    target: str | list[str],
    noted: dict[str, list[str]],
) -> None:
    async_mock_service(hass, "light", "turn_on")
    await press(hass, "test_alarm")
    context = Context(parent_id=running(wearer).alarms.told.context.id)
    data = {"entity_id": target}
    await hass.services.async_call("light", "turn_on", data, blocking=True, context=context)
    assert await told_rows(wearer) == [{"action": "light.turn_on", **noted}]


async def test_every_action_and_field_has_its_texts(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    with open(f"{FOLDER}services.yaml", encoding="utf-8") as file:  # noqa: ASYNC230, PTH123 - small, once
        described = yaml.safe_load(file)
    texts = english()["services"]
    assert described.keys() == texts.keys()
    assert described.keys() == hass.services.async_services_for_domain("cgm").keys()
    for action, about in described.items():
        fields = about["fields"]
        assert fields.keys() == texts[action]["fields"].keys()
        if "alarm" in fields:
            assert fields["alarm"]["selector"]["select"]["options"] == list(AlarmKind)


async def test_of_many_happenings_the_oldest_is_forgotten(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    await press(hass, "test_alarm")
    first = Context(parent_id=running(wearer).alarms.told.context.id)
    for _ in range(200):
        running(wearer).alarms.told.async_begin(
            Happening(kind=AlarmKind.LOW, what=What.FIRED, at=running(wearer).now())
        )
    last_one = Context(parent_id=running(wearer).alarms.told.context.id)
    async_mock_service(hass, "light", "turn_on")
    for context in (first, last_one):
        await hass.services.async_call("light", "turn_on", {}, blocking=True, context=context)
    assert await told_rows(wearer) == [{"action": "light.turn_on"}]


async def test_what_a_later_alarm_refuses_silences_no_earlier_one(
    hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle, pass_time: PassTime
) -> None:
    at_once = {"high": {"delay_minutes": 0}}
    hass.config_entries.async_update_entry(
        wearer, options={**wearer.options, "alarms": {"day": at_once, "night": at_once}}
    )
    await settle()
    await pass_time(4 * MINUTE)
    await worsen(hass, wearer, 290)
    assert attribute(hass, "binary_sensor.alex_any_alarm", "alarms") == ["high", "rising_fast"]
    # A high may be silent for four hours, a fast rise for one.
    with pytest.raises(ServiceValidationError) as refused:
        await act(hass, "silence_alarm", minutes=100)
    assert refused.value.translation_placeholders == {"alarm": "rising fast", "longest": "60"}
    assert (left(wearer, "high"), left(wearer, "rising_fast")) == (None, None)
