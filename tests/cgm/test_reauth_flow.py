"""A refused login: asked for once, on one card a wearer, and nothing bad sent meanwhile."""

from datetime import timedelta

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir

from fakes.dexcom_share import FakeDexcomShare
from fakes.librelinkup import FakeLibreLinkUp, FakePatient
from fakes.nightscout import FakeNightscout, Role
from fakes.serving import html_503, truncated_json

from .conftest import AddWearer, PassTime, Settle
from .dialogs import answer_card, cards, change, fields, only_source, shown, submit
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

NOON = "2026-11-20T12:00:00+00:00"
CONFIRMED = timedelta(minutes=18)
HOURS = timedelta(minutes=10)


@pytest.fixture
def wearing(freezer: FrozenDateTimeFactory, dexcom: FakeDexcomShare) -> FakeDexcomShare:
    """Have Dexcom hold readings of eight hours from noon on."""
    freezer.move_to(NOON)
    steady(dexcom, 111, minutes=range(-11, 500, 5))
    return dexcom


@pytest.fixture
def ada(freezer: FrozenDateTimeFactory, librelinkup: FakeLibreLinkUp) -> FakePatient:
    """Have Ada share two hours with the LibreLinkUp account from noon on."""
    freezer.move_to(NOON)
    whose = patient(librelinkup, "Ada", 101)
    steady(whose, 101, minutes=range(120))
    return whose


async def test_two_refusals_ten_minutes_apart_make_one_card_that_heals(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    wearing: FakeDexcomShare,
    settle: Settle,
    pass_time: PassTime,
    lost: list[str],
) -> None:
    alex = add_wearer(dexcom_source(wearing))
    await set_up(hass, settle)
    wearing.change_password(NEW_PASSWORD)
    await pass_time(timedelta(minutes=6))
    assert wearing.bad_logins == 1
    assert cards(hass) == []
    assert "refused" not in only_source(alex).data
    assert shows(hass, "alex_dexcom_state") == "retrying"
    sent = wearing.asked("Authenticate")

    await pass_time(CONFIRMED)
    assert wearing.bad_logins == 2
    attempts = wearing.asked("Authenticate")
    assert len(attempts) == len(sent) + 1
    assert attempts[-1].at - attempts[-2].at >= timedelta(minutes=10).total_seconds()
    assert only_source(alex).data["refused"] is True
    assert shows(hass, "alex_dexcom_state") == "waiting_for_login"
    (card,) = cards(hass)
    assert card["context"]["title_placeholders"] == {"name": "Alex: Dexcom"}
    issues = ir.async_get(hass).issues
    assert ("homeassistant", f"config_entry_reauth_cgm_{alex.entry_id}") in issues

    form = await hass.config_entries.flow.async_configure(card["flow_id"])
    assert form["step_id"] == "reauth_confirm"
    assert fields(form) == {"username", "password"}
    assert shown(form) == {"username": wearing.publisher.name}
    placeholders = form["description_placeholders"]
    assert placeholders is not None
    assert (placeholders["name"], placeholders["source"]) == ("Alex", "Dexcom")
    login = {"username": wearing.publisher.name, "password": WRONG_PASSWORD}
    form = await answer_card(hass, card, login)
    assert form["errors"] == {"base": "invalid_auth"}
    assert shown(form) == {"username": wearing.publisher.name}
    done = await answer_card(hass, card, {**login, "password": NEW_PASSWORD})
    assert done["type"] is FlowResultType.ABORT
    assert done["reason"] == "reauth_successful"
    await settle()
    assert dict(only_source(alex).data) == dexcom_source(wearing, rank=0.0)
    assert cards(hass) == []
    assert ("homeassistant", f"config_entry_reauth_cgm_{alex.entry_id}") not in issues
    assert shows(hass, "alex_dexcom_state") == "ok"
    assert shows(hass, "alex_glucose") == "111"
    assert lost == []


async def test_the_same_password_heals_a_refusal_for_no_reason(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    wearing: FakeDexcomShare,
    settle: Settle,
    pass_time: PassTime,
) -> None:
    alex = add_wearer(dexcom_source(wearing))
    await set_up(hass, settle)
    wearing.drop_sessions()
    wearing.spurious_refusals = 2
    await pass_time(timedelta(minutes=6) + CONFIRMED)
    (card,) = cards(hass)
    login = {"username": wearing.publisher.name, "password": wearing.publisher.password}
    done = await answer_card(hass, card, login)
    assert done["reason"] == "reauth_successful"
    await settle()
    assert dict(only_source(alex).data) == dexcom_source(wearing, rank=0.0)
    assert shows(hass, "alex_glucose") == "111"
    assert (wearing.bad_logins, wearing.logins) == (2, 2)
    await pass_time(timedelta(minutes=12))
    assert cards(hass) == []


async def test_two_refused_sources_are_asked_for_one_after_the_other(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    wearing: FakeDexcomShare,
    librelinkup: FakeLibreLinkUp,
    ada: FakePatient,
    settle: Settle,
    pass_time: PassTime,
) -> None:
    alex = add_wearer(dexcom_source(wearing), libre_source(librelinkup, ada))
    await set_up(hass, settle)
    wearing.change_password(NEW_PASSWORD)
    librelinkup.password = NEW_PASSWORD
    librelinkup.end_sessions()
    await pass_time(timedelta(minutes=6) + CONFIRMED)
    assert [source.data["refused"] for source in alex.subentries.values()] == [True, True]
    (card,) = cards(hass)

    # LibreLinkUp is asked each minute, so it was refused first.
    form = await hass.config_entries.flow.async_configure(card["flow_id"])
    assert fields(form) == {"email", "password"}
    form = await answer_card(hass, card, {"email": librelinkup.email, "password": NEW_PASSWORD})
    assert form["type"] is FlowResultType.FORM
    assert fields(form) == {"username", "password"}
    assert form["errors"] == {}
    (card,) = cards(hass)
    assert card["context"]["title_placeholders"] == {"name": "Alex: Dexcom"}
    done = await answer_card(
        hass, card, {"username": wearing.publisher.name, "password": NEW_PASSWORD}
    )
    assert done["reason"] == "reauth_successful"
    await settle()
    assert cards(hass) == []
    assert shows(hass, "alex_dexcom_state") == "ok"
    assert shows(hass, "alex_librelinkup_state") == "ok"


async def test_the_account_of_somebody_else_is_not_taken(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    librelinkup: FakeLibreLinkUp,
    ada: FakePatient,
    settle: Settle,
) -> None:
    stale = libre_source(librelinkup, ada, password=WRONG_PASSWORD, refused=True)
    alex = add_wearer(stale)
    await set_up(hass, settle)
    (card,) = cards(hass)
    librelinkup.forgets = {ada.id}
    patient(librelinkup, "Ben", 202)
    login = {"email": librelinkup.email, "password": librelinkup.password}
    form = await answer_card(hass, card, login)
    assert form["errors"] == {"base": "wrong_account"}
    assert only_source(alex).data["password"] == WRONG_PASSWORD
    assert only_source(alex).data["refused"] is True
    librelinkup.forgets = set()
    done = await answer_card(hass, card, login)
    assert done["reason"] == "reauth_successful"
    await settle()
    assert shows(hass, "alex_glucose") == "101"


async def test_every_other_fault_is_said_on_the_card_too(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    librelinkup: FakeLibreLinkUp,
    ada: FakePatient,
    settle: Settle,
) -> None:
    await hass.config.async_set_time_zone("Europe/Berlin")
    stale = libre_source(librelinkup, ada, password=WRONG_PASSWORD, refused=True)
    add_wearer(stale)
    await set_up(hass, settle)
    (card,) = cards(hass)
    login = {"email": librelinkup.email, "password": librelinkup.password}

    librelinkup.fail(html_503, times=1)
    form = await answer_card(hass, card, login)
    assert form["errors"] == {"base": "cannot_connect"}
    librelinkup.fail(truncated_json, times=1)
    form = await answer_card(hass, card, login)
    assert form["errors"] == {"base": "unexpected_answer"}
    librelinkup.step = "tou"
    form = await answer_card(hass, card, login)
    assert form["errors"] == {"base": "terms_not_accepted"}
    librelinkup.step = None
    librelinkup.floor = "4.99.0"
    form = await answer_card(hass, card, login)
    assert form["errors"] == {"base": "version_refused"}
    librelinkup.floor = "4.16.0"
    librelinkup.forgets = {ada.id}
    form = await answer_card(hass, card, login)
    assert form["errors"] == {"base": "nobody_shares"}
    librelinkup.forgets = set()
    librelinkup.locked = True
    # The account that was asked before works and stays: another one is typed to see the lock.
    form = await answer_card(hass, card, {**login, "password": WRONG_PASSWORD})
    assert form["errors"] == {"base": "account_locked"}
    placeholders = form["description_placeholders"]
    assert placeholders is not None
    assert placeholders["until"] == "13:05"
    librelinkup.locked = False
    done = await answer_card(hass, card, login)
    assert done["reason"] == "reauth_successful"


async def test_after_a_restart_nothing_refused_is_sent_for_six_hours(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    wearing: FakeDexcomShare,
    settle: Settle,
    pass_time: PassTime,
) -> None:
    alex = add_wearer(dexcom_source(wearing))
    await set_up(hass, settle)
    wearing.change_password(NEW_PASSWORD)
    await pass_time(timedelta(minutes=6) + CONFIRMED)
    assert wearing.bad_logins == 2

    assert await hass.config_entries.async_unload(alex.entry_id)
    assert await hass.config_entries.async_setup(alex.entry_id)
    await settle()
    assert len(cards(hass)) == 1
    assert shows(hass, "alex_dexcom_state") == "waiting_for_login"
    await pass_time(timedelta(hours=5, minutes=59), step=HOURS)
    assert wearing.bad_logins == 2
    await pass_time(timedelta(hours=1), step=HOURS)
    assert wearing.bad_logins == 3
    assert len(cards(hass)) == 1


async def test_the_card_goes_when_the_source_gets_a_new_login_elsewhere(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    wearing: FakeDexcomShare,
    settle: Settle,
) -> None:
    stale = dexcom_source(wearing, password=WRONG_PASSWORD, refused=True)
    alex = add_wearer(stale)
    await set_up(hass, settle)
    assert len(cards(hass)) == 1
    form = await change(hass, alex, only_source(alex))
    login = {"username": wearing.publisher.name, "password": wearing.publisher.password}
    done = await submit(hass, form, {**login, "region": "us"})
    assert done["reason"] == "reconfigure_successful"
    await settle()
    assert cards(hass) == []
    assert "refused" not in only_source(alex).data
    assert shows(hass, "alex_glucose") == "111"


async def test_the_card_goes_when_the_source_is_removed(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    wearing: FakeDexcomShare,
    settle: Settle,
) -> None:
    stale = dexcom_source(wearing, password=WRONG_PASSWORD, refused=True)
    alex = add_wearer(stale)
    await set_up(hass, settle)
    assert len(cards(hass)) == 1
    hass.config_entries.async_remove_subentry(alex, only_source(alex).subentry_id)
    await settle()
    assert cards(hass) == []


async def test_a_source_removed_while_its_form_is_open_gives_way_to_the_next(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    wearing: FakeDexcomShare,
    librelinkup: FakeLibreLinkUp,
    ada: FakePatient,
    settle: Settle,
) -> None:
    stale = {"password": WRONG_PASSWORD, "refused": True}
    alex = add_wearer(dexcom_source(wearing, **stale), libre_source(librelinkup, ada, **stale))
    await set_up(hass, settle)
    (card,) = cards(hass)
    hass.config_entries.async_remove_subentry(alex, next(iter(alex.subentries)))
    form = await answer_card(
        hass, card, {"username": wearing.publisher.name, "password": wearing.publisher.password}
    )
    assert fields(form) == {"email", "password"}
    assert wearing.log == []
    login = {"email": librelinkup.email, "password": librelinkup.password}
    done = await answer_card(hass, card, login)
    assert done["reason"] == "reauth_successful"


async def test_a_site_that_was_opened_is_read_without_its_old_secret(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    nightscout: FakeNightscout,
    nightscout_url: str,
    freezer: FrozenDateTimeFactory,
    settle: Settle,
) -> None:
    freezer.move_to(NOON)
    steady(nightscout, 133)
    stale = nightscout_source(nightscout_url, secret=WRONG_PASSWORD, refused=True)
    alex = add_wearer(stale)
    await set_up(hass, settle)
    (card,) = cards(hass)
    form = await hass.config_entries.flow.async_configure(card["flow_id"])
    assert fields(form) == {"secret"}
    assert shown(form) == {}
    form = await answer_card(hass, card, {"secret": WRONG_PASSWORD})
    assert form["errors"] == {"base": "invalid_auth"}
    done = await answer_card(hass, card, {})
    assert done["reason"] == "reauth_successful"
    await settle()
    assert dict(only_source(alex).data) == nightscout_source(nightscout_url, rank=0.0)
    assert shows(hass, "alex_glucose") == "133"


async def test_a_v3_site_says_on_the_card_that_it_wants_a_token(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    nightscout: FakeNightscout,
    nightscout_url: str,
    freezer: FrozenDateTimeFactory,
    settle: Settle,
) -> None:
    freezer.move_to(NOON)
    steady(nightscout, 133)
    nightscout.default_role = Role.DENIED
    withdrawn = "carer-0123456789abcdef"
    stale = nightscout_source(nightscout_url, api="v3", secret=withdrawn, refused=True)
    alex = add_wearer(stale)
    await set_up(hass, settle)
    (card,) = cards(hass)
    form = await answer_card(hass, card, {"secret": API_SECRET})
    assert form["errors"] == {"secret": "token_needed"}
    token = nightscout.add_subject("carer", Role.READABLE)
    done = await answer_card(hass, card, {"secret": token})
    assert done["reason"] == "reauth_successful"
    await settle()
    assert only_source(alex).data["secret"] == token
    assert shows(hass, "alex_glucose") == "133"
