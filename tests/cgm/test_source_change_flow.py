"""Changing a source: a new login keeps what the source was."""

from datetime import timedelta
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from pytest_homeassistant_custom_component.common import MockConfigEntry

from fakes.dexcom_share import FakeDexcomShare
from fakes.librelinkup import FakeLibreLinkUp
from fakes.nightscout import FakeNightscout, Role

from .conftest import AddWearer, PassTime, Settle
from .dialogs import (
    change,
    choose_kind,
    dexcom_form,
    fields,
    libre_form,
    only_source,
    shown,
    submit,
)
from .running import set_up, shows
from .vendors import (
    API_SECRET,
    NEW_PASSWORD,
    WRONG_PASSWORD,
    dexcom_source,
    libre_source,
    nightscout_source,
    patient,
    steady,
)

pytestmark = pytest.mark.usefixtures("nothing_secret_is_logged")


async def test_a_new_login_keeps_wearer_place_and_history(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    dexcom: FakeDexcomShare,
    freezer: FrozenDateTimeFactory,
    settle: Settle,
    pass_time: PassTime,
    lost: list[str],
) -> None:
    freezer.move_to("2026-11-20T12:00:00+00:00")
    steady(dexcom, 111, minutes=range(-61, 30, 5))
    alex = add_wearer(dexcom_source(dexcom, rank=2.5))
    await set_up(hass, settle)
    source = only_source(alex)
    before = dict(source.data)
    kept = await alex.runtime_data.history.async_facts()
    dexcom.change_password(NEW_PASSWORD)

    form = await change(hass, alex, source)
    assert form["type"] is FlowResultType.FORM
    assert form["step_id"] == "dexcom"
    assert shown(form) == {"username": dexcom.publisher.name, "region": "us"}
    form = await submit(hass, form, dexcom_form(dexcom, password=WRONG_PASSWORD))
    assert form["errors"] == {"base": "invalid_auth"}
    done = await submit(hass, form, dexcom_form(dexcom))
    assert done["reason"] == "reconfigure_successful"
    assert only_source(alex) is source
    assert dict(source.data) == {**before, "password": NEW_PASSWORD}
    await pass_time(timedelta(minutes=6))
    assert shows(hass, "alex_glucose") == "111"
    facts = await alex.runtime_data.history.async_facts()
    assert facts["readings"] == kept["readings"] + 1
    assert lost == []


async def test_a_source_can_be_changed_while_its_wearer_is_not_set_up(
    hass: HomeAssistant, add_wearer: AddWearer, dexcom: FakeDexcomShare, settle: Settle
) -> None:
    alex = add_wearer(dexcom_source(dexcom))
    await set_up(hass, settle)
    assert await hass.config_entries.async_unload(alex.entry_id)
    dexcom.change_password(NEW_PASSWORD)
    form = await change(hass, alex, only_source(alex))
    done = await submit(hass, form, dexcom_form(dexcom))
    assert done["reason"] == "reconfigure_successful"
    assert only_source(alex).data["password"] == NEW_PASSWORD
    assert await hass.config_entries.async_setup(alex.entry_id)
    await settle()
    assert shows(hass, "alex_dexcom_state") == "ok"
    assert dexcom.bad_logins == 0


async def test_the_login_of_somebody_else_changes_nothing(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    librelinkup: FakeLibreLinkUp,
    freezer: FrozenDateTimeFactory,
    settle: Settle,
) -> None:
    freezer.move_to("2026-11-20T12:00:00+00:00")
    ada = patient(librelinkup, "Ada", 101)
    alex = add_wearer(libre_source(librelinkup, ada))
    await set_up(hass, settle)
    before = dict(only_source(alex).data)
    librelinkup.email = "second@example.org"
    librelinkup.patients.clear()
    patient(librelinkup, "Ben", 202)
    form = await change(hass, alex, only_source(alex))
    done = await submit(hass, form, libre_form(librelinkup))
    assert done["type"] is FlowResultType.ABORT
    assert done["reason"] == "wrong_account"
    assert dict(only_source(alex).data) == before


async def test_a_field_that_was_filled_can_be_emptied(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    librelinkup: FakeLibreLinkUp,
    freezer: FrozenDateTimeFactory,
    settle: Settle,
) -> None:
    freezer.move_to("2026-11-20T12:00:00+00:00")
    ada = patient(librelinkup, "Ada", 101)
    source = libre_source(librelinkup, ada, client_version="4.20.0")
    alex = add_wearer(source)
    await set_up(hass, settle)
    form = await change(hass, alex, only_source(alex))
    assert shown(form) == {"email": librelinkup.email, "client_version": "4.20.0"}
    done = await submit(hass, form, libre_form(librelinkup))
    assert done["reason"] == "reconfigure_successful"
    assert "client_version" not in only_source(alex).data
    await settle()
    assert shows(hass, "alex_glucose") == "101"


async def test_a_simulated_wearer_keeps_seed_and_zone(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle
) -> None:
    form = await choose_kind(hass, alex, "simulated")
    assert fields(form) == {"cadence_minutes", "low_first_night"}
    await submit(hass, form, {"cadence_minutes": "5"})
    await settle()
    before = dict(only_source(alex).data)
    assert before["time_zone"] == "Europe/Berlin"
    value = shows(hass, "alex_glucose")
    assert value.isdigit()

    form = await change(hass, alex, only_source(alex))
    assert shown(form) == {"cadence_minutes": "5"}
    done = await submit(hass, form, {"cadence_minutes": "1"})
    assert done["reason"] == "reconfigure_successful"
    await settle()
    assert dict(only_source(alex).data) == {**before, "cadence_minutes": "1"}
    assert alex.runtime_data.feeds[only_source(alex).subentry_id].source.cadence == timedelta(
        minutes=1
    )


async def test_a_recorded_source_can_only_be_moved(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    add_wearer: AddWearer,
    simulated: dict[str, Any],
    settle: Settle,
) -> None:
    replay = {
        "kind": "replay",
        "file": "none.csv",
        "started_at": "2026-11-20T12:00:00+00:00",
        "wearer": "replay",
    }
    freezer.move_to("2026-11-20T12:00:00+00:00")
    alex = add_wearer(replay)
    await set_up(hass, settle)
    recorded = only_source(alex)
    done = await change(hass, alex, recorded)
    assert done["type"] is FlowResultType.ABORT
    assert done["reason"] == "nothing_to_change"

    await submit(hass, await choose_kind(hass, alex, "simulated"), {"cadence_minutes": "5"})
    form = await submit(hass, await choose_kind(hass, alex, "simulated"), {"cadence_minutes": "5"})
    await submit(hass, form, {"place": "first"})
    form = await change(hass, alex, recorded)
    assert form["step_id"] == "place"
    done = await submit(hass, form, {"place": "first"})
    assert done["reason"] == "reconfigure_successful"
    assert alex.runtime_data.chosen.order[0] == recorded.subentry_id


async def test_a_site_changes_from_open_to_closed(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    nightscout: FakeNightscout,
    nightscout_url: str,
    freezer: FrozenDateTimeFactory,
    settle: Settle,
) -> None:
    freezer.move_to("2026-11-20T12:00:00+00:00")
    steady(nightscout, 133)
    nightscout.api_secret = API_SECRET
    alex = add_wearer(nightscout_source(nightscout_url))
    await set_up(hass, settle)
    nightscout.default_role = Role.DENIED
    form = await change(hass, alex, only_source(alex))
    assert shown(form) == {"url": nightscout_url, "api": "v1"}
    done = await submit(hass, form, {"url": nightscout_url, "api": "v1", "secret": API_SECRET})
    assert done["reason"] == "reconfigure_successful"
    await settle()
    assert only_source(alex).data["secret"] == API_SECRET
    assert shows(hass, "alex_glucose") == "133"
