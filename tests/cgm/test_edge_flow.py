"""An agent is found by itself, or chosen: whose readings, which source, which pairing key."""

from dataclasses import replace
from typing import Any, cast

import pytest
from homeassistant.config_entries import (
    DISCOVERY_SOURCES,
    SOURCE_IGNORE,
    SOURCE_INTEGRATION_DISCOVERY,
    SOURCE_MQTT,
    SOURCE_USER,
    ConfigEntry,
    ConfigFlowResult,
    ConfigSubentry,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.service_info.mqtt import MqttServiceInfo
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import MqttMockHAClient

from custom_components.cgm.const import DOMAIN
from custom_components.cgm.edge_nodes import _NODES

from .agents import ATTIC, BASEMENT, TOPICS, announcement, edge_source, say
from .conftest import AddWearer, Settle
from .dialogs import change, choices, choose_kind, fields, only_source, said, shown, submit

ABOUT = {"name": "Alex", "unit": "mg/dL", "time_zone": "Europe/Berlin"}
KEY = "a pairing key that nobody guesses"


async def found(
    hass: HomeAssistant, payload: str | bytes | None = None, topic: str = TOPICS.announce
) -> ConfigFlowResult:
    """Have Home Assistant's MQTT find an announcement."""
    info = MqttServiceInfo(
        topic=topic,
        payload=announcement().decode() if payload is None else payload,
        qos=1,
        retain=True,
        subscribed_topic="cgm/+/announce",
        timestamp=0.0,
    )
    flow = hass.config_entries.flow
    return said(await flow.async_init(DOMAIN, context={"source": SOURCE_MQTT}, data=info))


async def go_on(
    hass: HomeAssistant, step: ConfigFlowResult, typed: dict[str, Any]
) -> ConfigFlowResult:
    """Submit a step of the dialog."""
    return said(await hass.config_entries.flow.async_configure(step["flow_id"], typed))


def cards(hass: HomeAssistant) -> list[ConfigFlowResult]:
    """Return what stands under "Discovered"."""
    flows = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    return [flow for flow in flows if flow["context"]["source"] in DISCOVERY_SOURCES]


def titles(hass: HomeAssistant) -> list[str]:
    """Return the titles of the cards."""
    return sorted(card["context"]["title_placeholders"]["name"] for card in cards(hass))


def card(hass: HomeAssistant, title: str) -> ConfigFlowResult:
    """Return a card by its title."""
    (one,) = (c for c in cards(hass) if c["context"]["title_placeholders"]["name"] == title)
    return one


async def open_card(hass: HomeAssistant, title: str) -> ConfigFlowResult:
    """Open a card as the frontend does, which asks for the step it stands at anew."""
    return said(await hass.config_entries.flow.async_configure(card(hass, title)["flow_id"]))


async def ignore(hass: HomeAssistant, title: str) -> None:
    """Press "Ignore" at a card."""
    unique_id = card(hass, title)["context"]["unique_id"]
    data = {"unique_id": unique_id, "title": title}
    flow = hass.config_entries.flow
    await flow.async_init(DOMAIN, context={"source": SOURCE_IGNORE}, data=data)


async def home_restarted(hass: HomeAssistant, payload: bytes, settle: Settle) -> None:
    """Forget what is in memory only, and hear the retained announcement again."""
    for one in cards(hass):
        hass.config_entries.flow.async_abort(one["flow_id"])
    hass.data.pop(_NODES)
    await found(hass, payload)
    await settle()


def settings_of(source: ConfigSubentry) -> dict[str, Any]:
    """Return what was kept, without the rank."""
    return {key: value for key, value in source.data.items() if key != "rank"}


async def test_the_first_agent_becomes_a_new_wearer_with_a_source(
    hass: HomeAssistant, settle: Settle
) -> None:
    form = await found(hass)
    assert form["step_id"] == "new_wearer"
    assert shown(form) == {"name": "Kim", "unit": "mg/dL", "time_zone": "US/Pacific"}
    result = await go_on(hass, form, ABOUT)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert "next_flow" not in result
    entry: ConfigEntry = result["result"]
    assert (entry.title, entry.unique_id) == ("Alex", None)
    assert entry.options == {"unit": "mg/dL", "time_zone": "Europe/Berlin"}
    source = only_source(entry)
    assert source.title == "Edge agent"
    assert source.unique_id == "edge pi basement"
    assert settings_of(source) == edge_source()
    assert "pairing_key" not in source.data
    await settle()


async def test_where_wearers_are_known_it_is_asked_whose_readings_they_are(
    hass: HomeAssistant, alex: MockConfigEntry, add_wearer: AddWearer
) -> None:
    add_wearer(title="Robin")
    menu = await found(hass)
    assert (menu["step_id"], menu["menu_options"]) == ("whose", ["new_wearer", "known_wearer"])
    form = await go_on(hass, menu, {"next_step_id": "known_wearer"})
    assert sorted(choices(form, "wearer").values()) == ["Alex", "Robin"]
    result = await go_on(hass, form, {"wearer": alex.entry_id})
    assert result["reason"] == "source_added"
    assert settings_of(only_source(alex)) == edge_source()
    assert only_source(alex).data["rank"] == 0.0
    assert cards(hass) == []


async def test_a_known_wearers_new_source_comes_last_and_has_a_title_of_its_own(
    hass: HomeAssistant, simulated: dict[str, Any], add_wearer: AddWearer, settle: Settle
) -> None:
    entry = add_wearer(simulated, edge_source(node="shed"))
    menu = await found(hass)
    form = await go_on(hass, menu, {"next_step_id": "known_wearer"})
    await go_on(hass, form, {"wearer": entry.entry_id})
    new = next(s for s in entry.subentries.values() if s.unique_id == "edge pi basement")
    assert new.data["rank"] == 2.0
    assert new.title == "Edge agent"
    form = await found(hass, announcement(BASEMENT, ATTIC))
    form = await go_on(hass, form, {"next_step_id": "known_wearer"})
    await go_on(hass, form, {"wearer": entry.entry_id})
    assert [s.title for s in entry.subentries.values()][-1] == "Edge agent 2"
    await settle()


async def test_a_new_wearer_may_be_added_beside_known_ones(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle
) -> None:
    menu = await found(hass)
    form = await go_on(hass, menu, {"next_step_id": "new_wearer"})
    result = await go_on(hass, form, {**ABOUT, "name": " Robin "})
    assert result["result"].title == "Robin"
    await settle()


BOTH = announcement(BASEMENT, ATTIC)


async def test_each_source_of_an_agent_has_a_card_and_adopting_one_leaves_the_other(
    hass: HomeAssistant, settle: Settle
) -> None:
    form = await found(hass, BOTH)
    await settle()
    assert titles(hass) == ["Kim (pi)", "Noa (pi)"]
    assert shown(form)["name"] == "Kim"
    form = await open_card(hass, "Noa (pi)")
    assert shown(form)["name"] == "Noa"
    assert form["description_placeholders"] == {"node": "pi", "carried": "Noa"}
    result = await go_on(hass, form, ABOUT)
    assert settings_of(only_source(result["result"])) == edge_source(ATTIC)
    await settle()
    assert titles(hass) == ["Kim (pi)"]
    # When this card was put up, nobody was known yet.
    menu = await open_card(hass, "Kim (pi)")
    assert menu["step_id"] == "whose"
    form = await go_on(hass, menu, {"next_step_id": "new_wearer"})
    result = await go_on(hass, form, {**ABOUT, "name": "Kim"})
    assert settings_of(only_source(result["result"])) == edge_source(BASEMENT)
    await settle()
    assert cards(hass) == []


async def test_ignoring_one_source_leaves_the_other_and_stays_after_a_restart(
    hass: HomeAssistant, settle: Settle
) -> None:
    await found(hass, BOTH)
    await settle()
    await ignore(hass, "Kim (pi)")
    await settle()
    assert titles(hass) == ["Noa (pi)"]
    await home_restarted(hass, BOTH, settle)
    assert titles(hass) == ["Noa (pi)"]
    await ignore(hass, "Noa (pi)")
    await home_restarted(hass, BOTH, settle)
    assert cards(hass) == []
    # "Stop ignoring" removes the entry that stood for it.
    (kim,) = (e for e in hass.config_entries.async_entries(DOMAIN) if e.title == "Kim (pi)")
    await hass.config_entries.async_remove(kim.entry_id)
    await settle()
    assert titles(hass) == ["Kim (pi)"]


async def test_a_source_newly_added_to_the_agents_settings_is_offered_and_a_removed_one_is_not(
    hass: HomeAssistant, settle: Settle
) -> None:
    await found(hass)
    assert titles(hass) == ["Kim (pi)"]
    await found(hass, BOTH)
    await settle()
    assert titles(hass) == ["Kim (pi)", "Noa (pi)"]
    await found(hass, announcement(ATTIC))
    await settle()
    assert titles(hass) == ["Noa (pi)"]


async def test_a_source_added_to_an_agent_that_is_adopted_is_offered(
    hass: HomeAssistant, add_wearer: AddWearer, settle: Settle
) -> None:
    add_wearer(edge_source())
    await found(hass, announcement(BASEMENT))
    assert cards(hass) == []
    await found(hass, BOTH)
    await settle()
    assert titles(hass) == ["Noa (pi)"]


async def test_a_renamed_wearer_is_offered_under_the_new_name(
    hass: HomeAssistant, settle: Settle
) -> None:
    await found(hass, BOTH)
    await settle()
    renamed = replace(ATTIC, wearer="Robin")
    await found(hass, announcement(BASEMENT, renamed))
    await settle()
    assert titles(hass) == ["Kim (pi)", "Robin (pi)"]
    assert shown(await open_card(hass, "Robin (pi)"))["name"] == "Robin"


async def test_a_card_that_is_being_answered_is_not_taken_away(
    hass: HomeAssistant, settle: Settle
) -> None:
    await found(hass, BOTH)
    form = await open_card(hass, "Kim (pi)")
    await found(hass, announcement(ATTIC))
    await settle()
    assert titles(hass) == ["Kim (pi)", "Noa (pi)"]
    result = await go_on(hass, form, ABOUT)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await settle()


async def test_two_sources_of_one_wearer_are_told_apart(
    hass: HomeAssistant, settle: Settle
) -> None:
    await found(hass, announcement(BASEMENT, replace(ATTIC, wearer="Kim")))
    await settle()
    assert titles(hass) == ["Kim (pi, attic)", "Kim (pi, basement)"]


async def test_a_source_that_was_added_elsewhere_loses_its_card_and_removed_gets_it_back(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle
) -> None:
    await found(hass, BOTH)
    form = await choose_kind(hass, alex, "edge")
    await submit(hass, form, {"carried": "pi attic"})
    await settle()
    assert titles(hass) == ["Kim (pi)"]
    hass.config_entries.async_remove_subentry(alex, only_source(alex).subentry_id)
    await settle()
    assert titles(hass) == ["Kim (pi)", "Noa (pi)"]


async def test_a_card_whose_source_was_taken_before_it_was_put_up_is_none(
    hass: HomeAssistant, add_wearer: AddWearer
) -> None:
    await found(hass, BOTH)
    gone = {"node": "pi", "carried": "cellar"}
    flow = hass.config_entries.flow
    result = await flow.async_init(
        DOMAIN, context={"source": SOURCE_INTEGRATION_DISCOVERY}, data=gone
    )
    assert said(result)["reason"] == "already_configured"


async def test_an_agent_whose_sources_all_come_in_is_not_offered(
    hass: HomeAssistant, add_wearer: AddWearer
) -> None:
    add_wearer(edge_source())
    result = await found(hass)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")


async def test_one_card_stands_for_a_source(hass: HomeAssistant) -> None:
    await found(hass)
    result = await found(hass)
    assert result["reason"] == "already_in_progress"
    assert len(cards(hass)) == 1


async def test_an_ignored_source_is_not_offered_again_but_another_one_is(
    hass: HomeAssistant,
) -> None:
    await found(hass)
    await hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_IGNORE},
        data={"unique_id": "edge pi basement", "title": "pi"},
    )
    assert (await found(hass))["reason"] == "already_configured"
    form = await found(hass, announcement(BASEMENT, ATTIC))
    assert shown(form)["name"] == "Noa"


async def test_a_withdrawn_announcement_takes_its_card_away(hass: HomeAssistant) -> None:
    await found(hass)
    assert (await found(hass, "", topic="cgm/other/announce"))["reason"] == "withdrawn"
    assert len(cards(hass)) == 1
    assert (await found(hass, ""))["reason"] == "withdrawn"
    assert cards(hass) == []
    menu = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert menu["step_id"] == "user"


RUBBISH: list[str | bytes] = [
    "{",
    "[]",
    '{"contract": 2}',
    announcement().decode().replace('"pi"', '"other"'),
    "x" * 100_000,
    announcement()[:-1] + b"\xff",
]


@pytest.mark.parametrize("payload", RUBBISH)
async def test_a_strangers_rubbish_is_refused(hass: HomeAssistant, payload: str | bytes) -> None:
    assert (await found(hass, payload))["reason"] == "not_an_agent"
    assert cards(hass) == []


async def test_rubbish_is_said_once(hass: HomeAssistant, caplog: pytest.LogCaptureFixture) -> None:
    for payload in RUBBISH:
        await found(hass, payload)
    lines = [r for r in caplog.records if r.name.startswith("custom_components.cgm")]
    assert len(lines) == 1


async def test_a_signed_announcement_asks_for_the_key_once_and_tries_it(
    hass: HomeAssistant, settle: Settle
) -> None:
    form = await found(hass, announcement(BASEMENT, ATTIC, key=KEY.encode()).decode())
    await settle()
    assert form["step_id"] == "pairing_key"
    form = await go_on(hass, form, {"pairing_key": "a guess"})
    assert form["errors"] == {"pairing_key": "wrong_key"}
    form = await go_on(hass, form, {"pairing_key": f" {KEY}\n"})
    result = await go_on(hass, form, ABOUT)
    assert settings_of(only_source(result["result"])) == edge_source(key=KEY)
    await settle()
    # The other card asked for it as well; by now it is known.
    menu = await open_card(hass, "Noa (pi)")
    assert menu["step_id"] == "whose"
    form = await go_on(hass, menu, {"next_step_id": "new_wearer"})
    result = await go_on(hass, form, {**ABOUT, "name": "Robin"})
    assert settings_of(only_source(result["result"])) == edge_source(ATTIC, key=KEY)
    await settle()


@pytest.mark.parametrize("key", [None, b"another key"])
async def test_where_a_key_is_known_what_it_did_not_sign_is_refused(
    hass: HomeAssistant, add_wearer: AddWearer, key: bytes | None
) -> None:
    add_wearer(edge_source(key=KEY))
    result = await found(hass, announcement(BASEMENT, ATTIC, key=key))
    assert result["reason"] == "not_an_agent"


async def test_a_source_that_another_dialog_took_is_not_added_twice(
    hass: HomeAssistant, alex: MockConfigEntry, add_wearer: AddWearer
) -> None:
    menu = await found(hass)
    form = await go_on(hass, menu, {"next_step_id": "known_wearer"})
    add_wearer(edge_source(), title="Robin")
    result = await go_on(hass, form, {"wearer": alex.entry_id})
    assert result["reason"] == "already_configured"
    assert not alex.subentries


async def test_a_new_wearer_is_not_made_of_a_source_that_was_taken(
    hass: HomeAssistant, add_wearer: AddWearer
) -> None:
    form = await found(hass)
    taken = add_wearer(edge_source(), title="Robin")
    result = await go_on(hass, form, ABOUT)
    assert result["reason"] == "already_configured"
    assert hass.config_entries.async_entries(DOMAIN) == [taken]


async def test_a_wearer_removed_meanwhile_gets_nothing(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    form = await go_on(hass, await found(hass), {"next_step_id": "known_wearer"})
    await hass.config_entries.async_remove(alex.entry_id)
    result = await go_on(hass, form, {"wearer": alex.entry_id})
    assert result["reason"] == "already_configured"


# From the wearer's own "Add source" and "Change source".


async def menu_of(hass: HomeAssistant, entry: ConfigEntry) -> list[str]:
    """Return the kinds that "Add source" offers."""
    menu = await hass.config_entries.subentries.async_init(
        (entry.entry_id, "source"), context={"source": SOURCE_USER}
    )
    return list(cast("list[str]", menu["menu_options"]))


async def test_agents_are_offered_as_sources_only_where_one_has_something_new(
    hass: HomeAssistant, alex: MockConfigEntry, add_wearer: AddWearer
) -> None:
    assert "edge" not in await menu_of(hass, alex)
    await found(hass)
    assert "edge" in await menu_of(hass, alex)
    add_wearer(edge_source(), title="Robin")
    assert "edge" not in await menu_of(hass, alex)


async def test_a_withdrawn_agent_is_not_offered_as_a_source(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    await found(hass)
    await found(hass, "")
    assert "edge" not in await menu_of(hass, alex)


async def test_an_agents_source_is_added_to_a_wearer_at_its_place(
    hass: HomeAssistant, add_wearer: AddWearer, simulated: dict[str, Any], settle: Settle
) -> None:
    entry = add_wearer(simulated)
    await found(hass, announcement(BASEMENT, ATTIC))
    form = await choose_kind(hass, entry, "edge")
    assert choices(form, "carried") == {"pi basement": "Kim", "pi attic": "Noa"}
    form = await submit(hass, form, {"carried": "pi attic"})
    assert form["step_id"] == "place"
    await submit(hass, form, {"place": "first"})
    new = next(s for s in entry.subentries.values() if s.unique_id == "edge pi attic")
    assert settings_of(new) == edge_source(ATTIC)
    assert (new.title, new.data["rank"]) == ("Edge agent", -1.0)
    await settle()


async def test_a_signing_agents_source_asks_for_its_key(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle
) -> None:
    await found(hass, announcement(key=KEY.encode()))
    form = await choose_kind(hass, alex, "edge")
    form = await submit(hass, form, {"carried": "pi basement"})
    assert (form["step_id"], fields(form)) == ("edge", {"pairing_key"})
    for wrong in ({}, {"pairing_key": "a guess"}):
        form = await submit(hass, form, wrong)
        assert form["errors"] == {"pairing_key": "wrong_key"}
    await submit(hass, form, {"pairing_key": KEY})
    assert settings_of(only_source(alex)) == edge_source(key=KEY)
    await settle()


async def test_a_second_source_of_a_signing_agent_has_the_known_key(
    hass: HomeAssistant, alex: MockConfigEntry, add_wearer: AddWearer, settle: Settle
) -> None:
    add_wearer(edge_source(key=KEY), title="Robin")
    await found(hass, announcement(BASEMENT, ATTIC, key=KEY.encode()))
    form = await choose_kind(hass, alex, "edge")
    await submit(hass, form, {"carried": "pi attic"})
    assert settings_of(only_source(alex)) == edge_source(ATTIC, key=KEY)
    await settle()


async def test_an_agent_that_is_gone_while_the_dialog_is_open_ends_it(
    hass: HomeAssistant, alex: MockConfigEntry, add_wearer: AddWearer
) -> None:
    await found(hass, announcement(BASEMENT, ATTIC))
    one = await choose_kind(hass, alex, "edge")
    add_wearer(edge_source(), title="Robin")
    assert (await submit(hass, one, {"carried": "pi basement"}))["reason"] == "no_agents"
    other = await choose_kind(hass, alex, "edge")
    await found(hass, "")
    assert (await submit(hass, other, {"carried": "pi attic"}))["reason"] == "no_agents"


async def test_a_new_key_goes_to_every_wearer_of_the_agent(
    hass: HomeAssistant, add_wearer: AddWearer
) -> None:
    alex = add_wearer(edge_source())
    robin = add_wearer(edge_source(ATTIC), title="Robin")
    other = add_wearer(edge_source(node="shed"), title="Ada")
    form = await change(hass, alex, only_source(alex))
    assert form["step_id"] == "edge"
    result = await submit(hass, form, {"pairing_key": KEY})
    assert result["reason"] == "reconfigure_successful"
    assert settings_of(only_source(alex)) == edge_source(key=KEY)
    assert settings_of(only_source(robin)) == edge_source(ATTIC, key=KEY)
    assert settings_of(only_source(other)) == edge_source(node="shed")
    form = await change(hass, robin, only_source(robin))
    await submit(hass, form, {})
    assert settings_of(only_source(alex)) == edge_source()


async def test_a_key_that_is_not_the_agents_is_refused_and_nothing_changed(
    hass: HomeAssistant, add_wearer: AddWearer
) -> None:
    entry = add_wearer(edge_source())
    await found(hass, announcement(BASEMENT, ATTIC, key=KEY.encode()))
    form = await change(hass, entry, only_source(entry))
    form = await submit(hass, form, {"pairing_key": "a guess"})
    assert form["errors"] == {"pairing_key": "wrong_key"}
    assert settings_of(only_source(entry)) == edge_source()


async def test_an_agents_source_can_be_moved_in_the_order(
    hass: HomeAssistant, add_wearer: AddWearer, simulated: dict[str, Any]
) -> None:
    entry = add_wearer(simulated, edge_source())
    source = next(s for s in entry.subentries.values() if s.data["kind"] == "edge")
    menu = await change(hass, entry, source)
    assert menu["menu_options"] == ["edge", "place"]


@pytest.mark.parametrize("expected_lingering_timers", [True])  # of MQTT's own
async def test_mqtt_itself_finds_what_an_agent_announces(
    hass: HomeAssistant, mqtt_mock: MqttMockHAClient, settle: Settle
) -> None:
    say(hass, TOPICS.announce, announcement(), retain=True)
    await settle()
    assert titles(hass) == ["Kim (pi)"]
    say(hass, TOPICS.announce, b"")
    await settle()
    assert cards(hass) == []


@pytest.mark.parametrize("expected_lingering_timers", [True])  # of MQTT's own
async def test_a_removed_wearers_agent_is_offered_again(
    hass: HomeAssistant, mqtt_mock: MqttMockHAClient, settle: Settle
) -> None:
    say(hass, TOPICS.announce, announcement(), retain=True)
    await settle()
    result = await go_on(hass, cards(hass)[0], ABOUT)
    await settle()
    assert cards(hass) == []
    await hass.config_entries.async_remove(result["result"].entry_id)
    await settle()
    assert len(cards(hass)) == 1
