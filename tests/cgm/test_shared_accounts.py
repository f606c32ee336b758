"""One account, several wearers: one login, no source twice, no refused password sent twice."""

import asyncio
from datetime import timedelta

import pytest
from aiohttp import web
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from custom_components.cgm.accounts import account_settings, async_hold, async_let_go, async_log_in
from custom_components.cgm.shared.glucose.errors import SourceUnreachable
from fakes.dexcom_share import FakeDexcomShare
from fakes.librelinkup import FakeLibreLinkUp, FakePatient
from fakes.serving import Handler, html_503

from .conftest import AddWearer, PassTime, Settle
from .dialogs import answer_card, cards, change, choose_kind, libre_form, only_source, submit
from .running import set_up, shows
from .vendors import NEW_PASSWORD, WRONG_PASSWORD, dexcom_source, libre_source, patient, steady

pytestmark = pytest.mark.usefixtures("nothing_secret_is_logged")

NOON = "2026-11-20T12:00:00+00:00"
MINUTES = range(-5, 240)


@pytest.fixture
def ada(freezer: FrozenDateTimeFactory, librelinkup: FakeLibreLinkUp) -> FakePatient:
    """Have Ada share for four hours from noon on."""
    freezer.move_to(NOON)
    whose = patient(librelinkup, "Ada", 101)
    steady(whose, 101, minutes=MINUTES)
    return whose


@pytest.fixture
def ben(freezer: FrozenDateTimeFactory, librelinkup: FakeLibreLinkUp) -> FakePatient:
    """Have Ben share with the same account."""
    freezer.move_to(NOON)
    whose = patient(librelinkup, "Ben", 202)
    steady(whose, 202, minutes=MINUTES)
    return whose


async def test_one_account_with_two_wearers_is_logged_in_once(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    librelinkup: FakeLibreLinkUp,
    ada: FakePatient,
    ben: FakePatient,
    settle: Settle,
    pass_time: PassTime,
    lost: list[str],
) -> None:
    alex, robin = add_wearer(), add_wearer(title="Robin")
    await set_up(hass, settle)
    for entry, whose in ((alex, ada), (robin, ben)):
        form = await choose_kind(hass, entry, "librelinkup")
        form = await submit(hass, form, libre_form(librelinkup))
        await submit(hass, form, {"wearer": whose.id})
        await settle()
    assert (shows(hass, "alex_glucose"), shows(hass, "robin_glucose")) == ("101", "202")
    await pass_time(timedelta(minutes=10))
    assert librelinkup.logins == 1
    assert lost == []


async def test_two_wearers_in_one_entry_of_one_account_are_one_login(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    librelinkup: FakeLibreLinkUp,
    ada: FakePatient,
    ben: FakePatient,
    settle: Settle,
) -> None:
    add_wearer(libre_source(librelinkup, ada), libre_source(librelinkup, ben))
    add_wearer(libre_source(librelinkup, ben), title="Robin")
    await set_up(hass, settle)
    assert librelinkup.logins == 1


async def test_an_account_nobody_uses_any_more_is_forgotten(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    librelinkup: FakeLibreLinkUp,
    ada: FakePatient,
    ben: FakePatient,
    settle: Settle,
) -> None:
    alex = add_wearer(libre_source(librelinkup, ada))
    robin = add_wearer(libre_source(librelinkup, ben), title="Robin")
    await set_up(hass, settle)
    data = only_source(robin).data
    in_use = async_hold(hass, data, "the test")
    async_let_go(hass, "the test")
    hass.config_entries.async_remove_subentry(alex, only_source(alex).subentry_id)
    assert async_hold(hass, data, "the test") is in_use
    async_let_go(hass, "the test")
    hass.config_entries.async_remove_subentry(robin, only_source(robin).subentry_id)
    assert async_hold(hass, data, "the test") is not in_use
    async_let_go(hass, "the test")


async def test_a_closed_dialog_lets_its_account_go(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    librelinkup: FakeLibreLinkUp,
    ada: FakePatient,
    ben: FakePatient,
    settle: Settle,
) -> None:
    alex = add_wearer()
    await set_up(hass, settle)
    for logins in (1, 2):
        form = await choose_kind(hass, alex, "librelinkup")
        form = await submit(hass, form, libre_form(librelinkup))
        assert librelinkup.logins == logins
        hass.config_entries.subentries.async_abort(form["flow_id"])


@pytest.mark.parametrize("entry", [0, 1])
async def test_nobody_s_readings_are_added_twice(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    librelinkup: FakeLibreLinkUp,
    ada: FakePatient,
    settle: Settle,
    entry: int,
) -> None:
    entries = add_wearer(libre_source(librelinkup, ada)), add_wearer(title="Robin")
    await set_up(hass, settle)
    form = await choose_kind(hass, entries[entry], "librelinkup")
    done = await submit(hass, form, libre_form(librelinkup))
    assert done["type"] is FlowResultType.ABORT
    assert done["reason"] == "already_configured"
    assert done["description_placeholders"] == {"name": "Alex"}
    assert librelinkup.logins == 1


async def test_two_dialogs_at_once_add_one_source(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    librelinkup: FakeLibreLinkUp,
    ada: FakePatient,
    ben: FakePatient,
    settle: Settle,
) -> None:
    alex = add_wearer(libre_source(librelinkup, ada))
    await set_up(hass, settle)
    forms = [await choose_kind(hass, alex, "librelinkup") for _ in range(2)]
    forms = [await submit(hass, form, libre_form(librelinkup)) for form in forms]
    forms = [await submit(hass, form, {"wearer": ben.id}) for form in forms]
    assert [form["step_id"] for form in forms] == ["place", "place"]
    done = [await submit(hass, form, {"place": "first"}) for form in forms]
    assert [result["type"] for result in done] == [
        FlowResultType.CREATE_ENTRY,
        FlowResultType.ABORT,
    ]
    assert done[1]["description_placeholders"] == {"name": "Alex"}
    assert len(alex.subentries) == 2


async def test_a_refused_password_is_sent_once_by_two_wearers_and_one_card_heals_both(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    librelinkup: FakeLibreLinkUp,
    ada: FakePatient,
    ben: FakePatient,
    settle: Settle,
    pass_time: PassTime,
    lost: list[str],
) -> None:
    alex = add_wearer(libre_source(librelinkup, ada))
    robin = add_wearer(libre_source(librelinkup, ben), title="Robin")
    await set_up(hass, settle)
    librelinkup.password = NEW_PASSWORD
    librelinkup.end_sessions()
    await pass_time(timedelta(minutes=8))
    assert librelinkup.bad_logins == 1
    assert cards(hass) == []
    await pass_time(timedelta(minutes=20))
    assert librelinkup.bad_logins == 2
    assert {card["context"]["title_placeholders"]["name"] for card in cards(hass)} == {
        "Alex: Librelinkup",
        "Robin: Librelinkup",
    }

    logins = librelinkup.logins
    card = next(c for c in cards(hass) if c["context"]["entry_id"] == alex.entry_id)
    done = await answer_card(hass, card, libre_form(librelinkup))
    assert done["type"] is FlowResultType.ABORT
    assert done["reason"] == "reauth_successful"
    await settle()
    assert cards(hass) == []
    assert only_source(robin).data["password"] == NEW_PASSWORD
    assert (shows(hass, "alex_glucose"), shows(hass, "robin_glucose")) == ("101", "202")
    assert shows(hass, "robin_librelinkup_state") == "ok"
    assert librelinkup.logins == logins + 1
    assert librelinkup.bad_logins == 2
    assert lost == []


async def test_the_same_login_by_hand_ends_the_wait_at_once(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    dexcom: FakeDexcomShare,
    freezer: FrozenDateTimeFactory,
    settle: Settle,
    pass_time: PassTime,
) -> None:
    """The same password again, after a refusal for no reason: nothing in the settings changes."""
    freezer.move_to(NOON)
    steady(dexcom, 111, minutes=range(-6, 60, 5))
    alex = add_wearer(dexcom_source(dexcom))
    await set_up(hass, settle)
    dexcom.drop_sessions()
    dexcom.spurious_refusals = 1
    await pass_time(timedelta(minutes=5, seconds=30))
    assert dexcom.bad_logins == 1
    assert cards(hass) == []
    form = await change(hass, alex, only_source(alex))
    credentials = {"username": dexcom.publisher.name, "password": dexcom.publisher.password}
    done = await submit(hass, form, {**credentials, "region": "us"})
    assert done["reason"] == "reconfigure_successful"
    await settle()
    assert shows(hass, "alex_dexcom_state") == "ok"
    logins = dexcom.logins
    await pass_time(timedelta(minutes=15))
    assert shows(hass, "alex_dexcom_state") == "ok"
    assert (dexcom.logins, dexcom.bad_logins) == (logins, 1)


async def test_a_changed_login_reaches_the_other_wearers_of_the_account(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    librelinkup: FakeLibreLinkUp,
    ada: FakePatient,
    ben: FakePatient,
    settle: Settle,
) -> None:
    alex = add_wearer(libre_source(librelinkup, ada))
    robin = add_wearer(libre_source(librelinkup, ben, rank=3.0), title="Robin")
    await set_up(hass, settle)
    librelinkup.password = NEW_PASSWORD
    librelinkup.end_sessions()
    form = await change(hass, alex, only_source(alex))
    await submit(hass, form, libre_form(librelinkup))
    await settle()
    assert dict(only_source(robin).data) == libre_source(librelinkup, ben, rank=3.0)
    assert librelinkup.logins == 2
    assert librelinkup.bad_logins == 0


async def test_a_login_that_does_not_see_a_wearer_is_not_given_to_them(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    librelinkup: FakeLibreLinkUp,
    ada: FakePatient,
    ben: FakePatient,
    settle: Settle,
) -> None:
    alex = add_wearer(libre_source(librelinkup, ada))
    robin = add_wearer(libre_source(librelinkup, ben), title="Robin")
    await set_up(hass, settle)
    before = dict(only_source(robin).data)
    librelinkup.email = "second@example.org"
    librelinkup.forgets = {ben.id}
    form = await change(hass, alex, only_source(alex))
    done = await submit(hass, form, libre_form(librelinkup))
    assert done["reason"] == "reconfigure_successful"
    assert only_source(alex).data["email"] == "second@example.org"
    assert dict(only_source(robin).data) == before


async def test_a_password_mistyped_by_hand_does_not_disturb_the_feeds(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    librelinkup: FakeLibreLinkUp,
    ada: FakePatient,
    ben: FakePatient,
    settle: Settle,
    pass_time: PassTime,
) -> None:
    add_wearer(libre_source(librelinkup, ada))
    robin = add_wearer(title="Robin")
    await set_up(hass, settle)
    form = await choose_kind(hass, robin, "librelinkup")
    form = await submit(hass, form, libre_form(librelinkup, password=WRONG_PASSWORD))
    assert form["errors"] == {"base": "invalid_auth"}
    await pass_time(timedelta(minutes=5))
    assert shows(hass, "alex_librelinkup_state") == "ok"
    form = await submit(hass, form, libre_form(librelinkup))
    assert form["step_id"] == "wearer"
    assert (librelinkup.logins, librelinkup.bad_logins) == (1, 1)


async def test_a_refusal_known_of_one_wearer_holds_for_all_after_a_restart(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    librelinkup: FakeLibreLinkUp,
    ada: FakePatient,
    ben: FakePatient,
    settle: Settle,
) -> None:
    librelinkup.password = NEW_PASSWORD
    stale = {"password": WRONG_PASSWORD}
    add_wearer(libre_source(librelinkup, ada, **stale, refused=True))
    add_wearer(libre_source(librelinkup, ben, **stale), title="Robin")
    await set_up(hass, settle)
    assert librelinkup.log == []
    assert len(cards(hass)) == 2


async def test_what_fails_on_the_old_account_says_nothing_of_the_new_one(
    hass: HomeAssistant, librelinkup: FakeLibreLinkUp, ada: FakePatient
) -> None:
    """A feed's question may still be under way while somebody logs in anew by hand."""
    data = libre_source(librelinkup, ada)
    shared = async_hold(hass, data, "a feed")
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def held_up(request: web.Request, handler: Handler) -> web.StreamResponse:
        arrived.set()
        await go_on.wait()
        return await html_503(request, handler)

    librelinkup.fail(held_up, times=1)
    asking = asyncio.ensure_future(shared.wearers())
    await arrived.wait()
    assert await async_log_in(hass, account_settings(data), "a dialog")
    go_on.set()
    with pytest.raises(SourceUnreachable):
        await asking
    assert shared.works
    assert shared.guard.may_ask_in == timedelta()
    async_let_go(hass, "a feed")
    async_let_go(hass, "a dialog")
