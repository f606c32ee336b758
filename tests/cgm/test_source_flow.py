"""Adding a source: every fault is said where it stands, and the dialog goes on from it."""

import logging
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm.shared.glucose.sources import nightscout_settings
from fakes.dexcom_share import FakeDexcomShare
from fakes.librelinkup import FakeLibreLinkUp
from fakes.nightscout import FakeNightscout, Role
from fakes.phone_server import FakePhone
from fakes.serving import html_503, truncated_json

from .conftest import PassTime, Settle
from .dialogs import (
    choices,
    choose_kind,
    dexcom_form,
    libre_form,
    shown,
    submit,
)
from .running import shows
from .vendors import (
    API_SECRET,
    WRONG_PASSWORD,
    patient,
    steady,
)

pytestmark = pytest.mark.usefixtures("nothing_secret_is_logged")


async def test_a_wrong_password_is_said_and_asked_again(
    hass: HomeAssistant, alex: MockConfigEntry, dexcom: FakeDexcomShare, settle: Settle
) -> None:
    steady(dexcom, 111)
    form = await choose_kind(hass, alex, "dexcom")
    form = await submit(hass, form, dexcom_form(dexcom, password=WRONG_PASSWORD))
    assert form["errors"] == {"base": "invalid_auth"}
    assert shown(form) == {"username": dexcom.publisher.name, "region": "us"}
    done = await submit(hass, form, dexcom_form(dexcom))
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await settle()
    assert shows(hass, "alex_glucose") == "111"
    assert (dexcom.bad_logins, dexcom.logins) == (1, 1)


async def test_a_locked_account_is_said_with_its_end(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    dexcom: FakeDexcomShare,
    pass_time: PassTime,
) -> None:
    await hass.config.async_set_time_zone("Europe/Berlin")
    dexcom.lock_after = 1
    dexcom.locked_for = timedelta(minutes=30)
    form = await choose_kind(hass, alex, "dexcom")
    form = await submit(hass, form, dexcom_form(dexcom, password=WRONG_PASSWORD))
    form = await submit(hass, form, dexcom_form(dexcom))
    assert form["errors"] == {"base": "account_locked"}
    placeholders = form["description_placeholders"]
    assert placeholders is not None
    assert placeholders["until"] == "13:30"
    await pass_time(timedelta(minutes=31), step=timedelta(minutes=31))
    done = await submit(hass, form, dexcom_form(dexcom))
    assert done["type"] is FlowResultType.CREATE_ENTRY


async def test_a_vendor_that_is_down_is_said(
    hass: HomeAssistant, alex: MockConfigEntry, dexcom: FakeDexcomShare
) -> None:
    dexcom.fail(html_503)
    form = await choose_kind(hass, alex, "dexcom")
    form = await submit(hass, form, dexcom_form(dexcom))
    assert form["errors"] == {"base": "cannot_connect"}
    dexcom.heal()
    done = await submit(hass, form, dexcom_form(dexcom))
    assert done["type"] is FlowResultType.CREATE_ENTRY


async def test_half_an_answer_is_said(
    hass: HomeAssistant, alex: MockConfigEntry, nightscout: FakeNightscout, nightscout_url: str
) -> None:
    nightscout.fail(truncated_json)
    form = await choose_kind(hass, alex, "nightscout")
    form = await submit(hass, form, {"url": nightscout_url, "api": "v1"})
    assert form["errors"] == {"base": "unexpected_answer"}
    assert shown(form) == {"url": nightscout_url, "api": "v1"}
    nightscout.heal()
    done = await submit(hass, form, {"url": nightscout_url, "api": "v1"})
    assert done["type"] is FlowResultType.CREATE_ENTRY


async def test_an_impossible_address_is_said_at_its_field(
    hass: HomeAssistant, alex: MockConfigEntry, nightscout_url: str
) -> None:
    form = await choose_kind(hass, alex, "nightscout")
    form = await submit(hass, form, {"url": "ftp://site.invalid", "api": "v1"})
    assert form["errors"] == {"url": "invalid_address"}
    done = await submit(hass, form, {"url": nightscout_url, "api": "v1"})
    assert done["type"] is FlowResultType.CREATE_ENTRY


async def test_v3_wants_a_token_and_says_so(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    nightscout: FakeNightscout,
    nightscout_url: str,
    settle: Settle,
) -> None:
    steady(nightscout, 141)
    nightscout.api_secret = API_SECRET
    nightscout.default_role = Role.DENIED
    token = nightscout.add_subject("carer", Role.READABLE)
    form = await choose_kind(hass, alex, "nightscout")
    form = await submit(hass, form, {"url": nightscout_url, "api": "v3", "secret": API_SECRET})
    assert form["errors"] == {"secret": "token_needed"}
    assert shown(form) == {"url": nightscout_url, "api": "v3"}
    done = await submit(hass, form, {"url": nightscout_url, "api": "v3", "secret": token})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await settle()
    assert shows(hass, "alex_glucose") == "141"


async def test_a_closed_site_wants_its_secret(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    nightscout: FakeNightscout,
    nightscout_url: str,
    settle: Settle,
) -> None:
    steady(nightscout, 142)
    nightscout.api_secret = API_SECRET
    nightscout.default_role = Role.DENIED
    form = await choose_kind(hass, alex, "nightscout")
    form = await submit(hass, form, {"url": nightscout_url, "api": "v1"})
    assert form["errors"] == {"base": "invalid_auth"}
    done = await submit(hass, form, {"url": nightscout_url, "api": "v1", "secret": API_SECRET})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await settle()
    assert shows(hass, "alex_glucose") == "142"


async def test_a_phone_asked_as_a_site_is_recognised_by_its_port(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    phone: FakePhone,
    phone_url: str,
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Real phones all have one port; the fake has any that is free.
    monkeypatch.setattr(nightscout_settings, "PHONE_PORT", urlsplit(phone_url).port)
    steady(phone, 155)
    form = await choose_kind(hass, alex, "nightscout")
    form = await submit(hass, form, {"url": phone_url, "api": "v1"})
    assert form["errors"] == {"api": "phone_expected"}
    done = await submit(hass, form, {"url": phone_url, "api": "phone"})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await settle()
    assert shows(hass, "alex_glucose") == "155"


async def test_a_site_asked_as_a_phone_is_not_understood(
    hass: HomeAssistant, alex: MockConfigEntry, nightscout_url: str
) -> None:
    form = await choose_kind(hass, alex, "nightscout")
    form = await submit(hass, form, {"url": nightscout_url, "api": "phone"})
    assert form["errors"] == {"base": "unexpected_answer"}
    done = await submit(hass, form, {"url": nightscout_url, "api": "v1"})
    assert done["type"] is FlowResultType.CREATE_ENTRY


async def test_an_account_that_nobody_shares_with_waits_for_the_invitation(
    hass: HomeAssistant, alex: MockConfigEntry, librelinkup: FakeLibreLinkUp, settle: Settle
) -> None:
    form = await choose_kind(hass, alex, "librelinkup")
    form = await submit(hass, form, libre_form(librelinkup))
    assert form["errors"] == {"base": "nobody_shares"}
    assert shown(form) == {"email": librelinkup.email}
    patient(librelinkup, "Ada", 101)
    done = await submit(hass, form, libre_form(librelinkup))
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await settle()
    assert shows(hass, "alex_glucose") == "101"
    assert librelinkup.logins == 1


async def test_accepted_terms_let_the_dialog_go_on_at_once(
    hass: HomeAssistant, alex: MockConfigEntry, librelinkup: FakeLibreLinkUp
) -> None:
    patient(librelinkup, "Ada", 101)
    librelinkup.step = "tou"
    form = await choose_kind(hass, alex, "librelinkup")
    form = await submit(hass, form, libre_form(librelinkup))
    assert form["errors"] == {"base": "terms_not_accepted"}
    librelinkup.step = None
    done = await submit(hass, form, libre_form(librelinkup))
    assert done["type"] is FlowResultType.CREATE_ENTRY


async def test_a_client_version_that_is_too_old_or_none_is_said(
    hass: HomeAssistant, alex: MockConfigEntry, librelinkup: FakeLibreLinkUp, settle: Settle
) -> None:
    patient(librelinkup, "Ada", 101)
    librelinkup.floor = "4.99.0"
    form = await choose_kind(hass, alex, "librelinkup")
    form = await submit(hass, form, libre_form(librelinkup))
    assert form["errors"] == {"base": "version_refused"}
    form = await submit(hass, form, libre_form(librelinkup, client_version="newest"))
    assert form["errors"] == {"client_version": "invalid_version"}
    assert shown(form) == {"email": librelinkup.email, "client_version": "newest"}
    done = await submit(hass, form, libre_form(librelinkup, client_version="4.99.0"))
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await settle()
    assert shows(hass, "alex_glucose") == "101"


async def test_a_failure_is_logged_by_kind_alone(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    dexcom: FakeDexcomShare,
    caplog: pytest.LogCaptureFixture,
) -> None:
    form = await choose_kind(hass, alex, "dexcom")
    await submit(hass, form, dexcom_form(dexcom, password=WRONG_PASSWORD))
    ours = [r.getMessage() for r in caplog.records if r.levelno == logging.DEBUG]
    assert "Login at dexcom failed: CredentialsRejected" in ours


async def test_an_account_of_several_asks_whose_and_takes_theirs(
    hass: HomeAssistant, alex: MockConfigEntry, librelinkup: FakeLibreLinkUp, settle: Settle
) -> None:
    ada, ben = patient(librelinkup, "Ada", 101), patient(librelinkup, "Ben", 202)
    form = await choose_kind(hass, alex, "librelinkup")
    form = await submit(hass, form, libre_form(librelinkup))
    assert form["step_id"] == "wearer"
    assert choices(form, "wearer") == {ada.id: "Ada Example", ben.id: "Ben Example"}
    librelinkup.reverses = True
    done = await submit(hass, form, {"wearer": ben.id})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert done["title"] == "LibreLinkUp (Ben Example)"
    await settle()
    assert shows(hass, "alex_glucose") == "202"
    assert librelinkup.logins == 1


async def test_whose_readings_come_already_is_not_added_again(
    hass: HomeAssistant, alex: MockConfigEntry, dexcom: FakeDexcomShare, settle: Settle
) -> None:
    form = await choose_kind(hass, alex, "dexcom")
    await submit(hass, form, dexcom_form(dexcom))
    await settle()
    form = await choose_kind(hass, alex, "dexcom")
    done = await submit(hass, form, dexcom_form(dexcom))
    assert done["type"] is FlowResultType.ABORT
    assert done["reason"] == "already_configured"
    assert done["description_placeholders"] == {"name": "Alex"}
    assert len(alex.subentries) == 1
    assert dexcom.logins == 1


async def test_two_of_one_name_can_be_told_apart(
    hass: HomeAssistant, alex: MockConfigEntry, librelinkup: FakeLibreLinkUp
) -> None:
    one, other = patient(librelinkup, "Ada", 101), patient(librelinkup, "Ada", 202)
    form = await choose_kind(hass, alex, "librelinkup")
    form = await submit(hass, form, libre_form(librelinkup))
    assert choices(form, "wearer") == {
        one.id: f"Ada Example ({one.id})",
        other.id: f"Ada Example ({other.id})",
    }


@pytest.mark.parametrize(("country", "region"), [("US", "us"), ("JP", "jp"), ("GB", "ous")])
async def test_the_dexcom_region_of_the_country_is_offered(
    hass: HomeAssistant, alex: MockConfigEntry, country: str, region: str
) -> None:
    hass.config.country = country
    form = await choose_kind(hass, alex, "dexcom")
    assert shown(form) == {"region": region}
    form = await choose_kind(hass, alex, "librelinkup")
    assert shown(form) == {}


async def test_without_a_country_no_region_is_offered(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    hass.config.country = None
    assert shown(await choose_kind(hass, alex, "dexcom")) == {}
