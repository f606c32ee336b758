"""Every fault of a vendor: what the source's state says, when it is asked again, its recovery."""

import asyncio
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest
from aiohttp import web
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.cgm.shared.glucose.sources.dexcom import DexcomAccount
from fakes.dexcom_share import FakeDexcomShare, Row
from fakes.librelinkup import FakeLibreLinkUp, FakePatient, bare_430, cloudflare_1015
from fakes.nightscout import FakeNightscout, entry as site_entry
from fakes.phone_server import FakePhone
from fakes.serving import (
    Fault,
    Handler,
    broken_off,
    connection_reset,
    empty_body,
    html_200,
    html_503,
    html_attention_required,
    never_answers,
    status,
    too_many_requests,
    truncated_json,
)

from .conftest import AddWearer, PassTime, Settle
from .vendors import dexcom_source, libre_source, nightscout_source, patient, steady
from .watching import FIVE, GLUCOSE, NOON, attribute, kept, repairs, running, value

DEXCOM = "sensor.alex_dexcom_state"
LIBRE = "sensor.alex_librelinkup_state"
SITE = "sensor.alex_nightscout_state"

pytestmark = pytest.mark.usefixtures("nothing_secret_is_logged")


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(NOON)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait a moment only for Dexcom: in its thread time is real, which no clock of a test moves."""
    within = timedelta(seconds=0.2)
    defaults = DexcomAccount.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "answer_within", within)


@pytest.fixture
async def at_dexcom(
    hass: HomeAssistant, dexcom: FakeDexcomShare, add_wearer: AddWearer, settle: Settle
) -> MockConfigEntry:
    """Run a wearer whose Dexcom works."""
    steady(dexcom, 100)
    wearer = add_wearer(dexcom_source(dexcom))
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    assert [value(hass), value(hass, DEXCOM)] == ["100", "ok"]
    return wearer


@pytest.fixture
async def ada(librelinkup: FakeLibreLinkUp) -> FakePatient:
    """Let somebody share with the account."""
    return patient(librelinkup, "Ada", 100)


@pytest.fixture
async def at_libre(
    hass: HomeAssistant,
    librelinkup: FakeLibreLinkUp,
    ada: FakePatient,
    add_wearer: AddWearer,
    settle: Settle,
) -> MockConfigEntry:
    """Run a wearer whose Libre works."""
    wearer = add_wearer(libre_source(librelinkup, ada))
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    assert [value(hass), value(hass, LIBRE)] == ["100", "ok"]
    return wearer


@pytest.fixture
async def at_site(
    hass: HomeAssistant,
    nightscout: FakeNightscout,
    nightscout_url: str,
    add_wearer: AddWearer,
    settle: Settle,
) -> MockConfigEntry:
    """Run a wearer whose Nightscout works."""
    steady(nightscout, 100)
    wearer = add_wearer(nightscout_source(nightscout_url))
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    assert [value(hass), value(hass, SITE)] == ["100", "ok"]
    return wearer


FAULTS = pytest.mark.parametrize(
    ("fault", "state"),
    [
        (html_503, "retrying"),
        (html_200, "retrying"),
        (html_attention_required, "retrying"),
        (truncated_json, "unexpected_answer"),
        (broken_off, "retrying"),
        (connection_reset, "retrying"),
        (empty_body, "unexpected_answer"),
        (too_many_requests(600), "retrying"),
        (too_many_requests(), "retrying"),
        (status(500), "retrying"),
        (status(404), "unexpected_answer"),
    ],
    ids=lambda part: getattr(part, "__qualname__", str(part)).split(".")[0],
)


@FAULTS
async def test_a_broken_site_is_named_and_its_recovery_seen(
    hass: HomeAssistant,
    at_site: MockConfigEntry,
    nightscout: FakeNightscout,
    pass_time: PassTime,
    fault: Fault,
    state: str,
) -> None:
    nightscout.fail(fault)
    await pass_time(timedelta(minutes=6))
    assert value(hass, SITE) == state
    assert value(hass) == "100"
    await pass_time(timedelta(minutes=6))
    assert value(hass) == "unknown"
    nightscout.heal()
    nightscout.put(site_entry(dt_util.utcnow(), 117))
    await pass_time(timedelta(minutes=45), timedelta(minutes=1))
    assert value(hass, SITE) == "ok"
    assert 117 in [reading.mg_dl for reading in await kept(hass, at_site)]


@FAULTS
async def test_a_broken_dexcom_is_named_and_its_recovery_seen(
    hass: HomeAssistant,
    at_dexcom: MockConfigEntry,
    dexcom: FakeDexcomShare,
    pass_time: PassTime,
    fault: Fault,
    state: str,
) -> None:
    dexcom.fail(fault)
    await pass_time(timedelta(minutes=6))
    assert value(hass, DEXCOM) == state
    dexcom.heal()
    dexcom.rows.append(Row(time=dt_util.utcnow(), value=117))
    await pass_time(timedelta(minutes=45), timedelta(minutes=1))
    assert value(hass, DEXCOM) == "ok"
    assert 117 in [reading.mg_dl for reading in await kept(hass, at_dexcom)]


@pytest.mark.parametrize(
    ("fault", "state", "issue"),
    [
        (cloudflare_1015, "retrying", None),
        (bare_430, "terms_not_accepted", "terms_not_accepted"),
        (status(403), "version_refused", "version_refused"),
        (html_503, "retrying", None),
        (truncated_json, "unexpected_answer", None),
    ],
)
async def test_a_broken_libre_is_named_and_its_recovery_seen(
    hass: HomeAssistant,
    at_libre: MockConfigEntry,
    librelinkup: FakeLibreLinkUp,
    ada: FakePatient,
    pass_time: PassTime,
    fault: Fault,
    state: str,
    issue: str | None,
) -> None:
    librelinkup.fail(fault)
    await pass_time(timedelta(minutes=6))
    assert value(hass, LIBRE) == state
    about = {"wearer": "Alex", "source": "Librelinkup"}
    assert repairs(hass) == ({issue: about} if issue else {})
    librelinkup.heal()
    await pass_time(timedelta(minutes=80), timedelta(minutes=1))
    ada.measure(dt_util.utcnow(), 117)
    await pass_time(timedelta(minutes=6))
    assert [value(hass), value(hass, LIBRE)] == ["117", "ok"]
    assert repairs(hass) == {}


async def test_one_lost_answer_of_a_site_costs_one_timeout(
    hass: HomeAssistant,
    at_site: MockConfigEntry,
    nightscout: FakeNightscout,
    freezer: FrozenDateTimeFactory,
    pass_time: PassTime,
) -> None:
    for minutes in (4, 9):
        time = dt_util.utcnow() + timedelta(minutes=minutes)
        nightscout.put(site_entry(time, 100 + minutes), visible_at=time)
    nightscout.fail(never_answers, times=1)
    asked = len(nightscout.log)
    freezer.tick(timedelta(minutes=4, seconds=30))
    async_fire_time_changed(hass)
    while len(nightscout.log) == asked:  # noqa: ASYNC110 - the vendor knows no events of ours
        await asyncio.sleep(0)
    assert value(hass) == "100"
    # In one step: to wait for the answer is to wait for ever.
    await pass_time(timedelta(seconds=32), timedelta(seconds=32))
    assert value(hass, SITE) == "retrying"
    await pass_time(timedelta(seconds=30), timedelta(seconds=5))
    assert [value(hass), value(hass, SITE)] == ["104", "ok"]
    await pass_time(timedelta(minutes=5))
    assert value(hass) == "109"


async def test_one_lost_answer_of_dexcom_costs_one_timeout(
    hass: HomeAssistant,
    at_dexcom: MockConfigEntry,
    dexcom: FakeDexcomShare,
    impatient: None,
    pass_time: PassTime,
) -> None:
    for minutes in (4, 9):
        time = dt_util.utcnow() + timedelta(minutes=minutes)
        dexcom.rows.append(Row(time=time, value=100 + minutes, visible_at=time))
    assert await hass.config_entries.async_reload(at_dexcom.entry_id)
    dexcom.fail(never_answers, times=1)
    await pass_time(timedelta(minutes=5))
    assert [value(hass), value(hass, DEXCOM)] == ["104", "ok"]
    await pass_time(timedelta(minutes=5))
    assert value(hass) == "109"


async def test_retry_after_is_obeyed(
    hass: HomeAssistant, at_site: MockConfigEntry, nightscout: FakeNightscout, pass_time: PassTime
) -> None:
    nightscout.fail(too_many_requests(1800), times=1)
    before = len(nightscout.log)
    await pass_time(timedelta(minutes=6))
    assert value(hass, SITE) == "retrying"
    refused = len(nightscout.log)
    assert refused == before + 1
    at = nightscout.log[-1].at
    await pass_time(timedelta(minutes=40), timedelta(minutes=1))
    assert len(nightscout.log) > refused
    assert nightscout.log[refused].at - at >= 1800
    assert value(hass, SITE) == "ok"


async def test_a_locked_account_says_until_when(
    hass: HomeAssistant,
    at_libre: MockConfigEntry,
    librelinkup: FakeLibreLinkUp,
    ada: FakePatient,
    freezer: FrozenDateTimeFactory,
    pass_time: PassTime,
) -> None:
    await hass.config.async_set_time_zone("Europe/Berlin")
    librelinkup.locked, librelinkup.lockout = True, 1800
    librelinkup.end_sessions()
    await pass_time(timedelta(minutes=2))
    assert value(hass, LIBRE) == "locked"
    until = attribute(hass, LIBRE, "until")
    assert isinstance(until, datetime)
    assert (
        dt_util.utcnow() + timedelta(minutes=28) < until <= dt_util.utcnow() + timedelta(minutes=30)
    )
    (about,) = repairs(hass).values()
    assert about == {
        "wearer": "Alex",
        "source": "Librelinkup",
        "until": until.astimezone(dt_util.get_time_zone("Europe/Berlin")).strftime("%H:%M"),
    }
    logins = len(librelinkup.asked("login"))
    await pass_time(timedelta(minutes=27))
    assert len(librelinkup.asked("login")) == logins
    librelinkup.locked = False
    await pass_time(timedelta(minutes=9))
    ada.measure(dt_util.utcnow(), 117)
    await pass_time(timedelta(minutes=6))
    assert [value(hass), value(hass, LIBRE)] == ["117", "ok"]
    assert attribute(hass, LIBRE, "until") is None
    assert repairs(hass) == {}


async def test_a_locked_dexcom_without_a_time_says_so(
    hass: HomeAssistant, at_dexcom: MockConfigEntry, dexcom: FakeDexcomShare, pass_time: PassTime
) -> None:
    dexcom.lock_after = 1
    password = dexcom.publisher.password
    dexcom.change_password("another-password-2")
    await pass_time(timedelta(minutes=5))
    # The first refusal is confirmed later; by then the account is locked.
    assert value(hass, DEXCOM) == "retrying"
    await pass_time(timedelta(minutes=13))
    assert value(hass, DEXCOM) == "locked"
    assert set(repairs(hass)) == {"account_locked"}
    dexcom.publisher.password = password
    dexcom.unlock()
    await pass_time(timedelta(minutes=45), timedelta(minutes=1))
    assert value(hass, DEXCOM) == "ok"
    assert repairs(hass) == {}


async def test_a_changed_password_is_sent_twice_in_six_hours_and_a_login_is_asked_for(
    hass: HomeAssistant, at_dexcom: MockConfigEntry, dexcom: FakeDexcomShare, pass_time: PassTime
) -> None:
    dexcom.change_password("another-password-2")
    await pass_time(timedelta(minutes=30), timedelta(minutes=1))
    assert value(hass, DEXCOM) == "waiting_for_login"
    assert dexcom.bad_logins == 2
    (flow,) = hass.config_entries.flow.async_progress_by_handler("cgm")
    assert flow["context"]["source"] == "reauth"
    await pass_time(timedelta(hours=5), timedelta(minutes=10))
    assert dexcom.bad_logins == 2
    dexcom.publisher.password = "right-password-1"
    await pass_time(timedelta(hours=2), timedelta(minutes=10))
    assert value(hass, DEXCOM) == "ok"


async def test_terms_that_wait_raise_a_repair_until_accepted(
    hass: HomeAssistant,
    at_libre: MockConfigEntry,
    librelinkup: FakeLibreLinkUp,
    ada: FakePatient,
    pass_time: PassTime,
) -> None:
    librelinkup.step = "tou"
    librelinkup.end_sessions()
    await pass_time(timedelta(minutes=3))
    assert value(hass, LIBRE) == "terms_not_accepted"
    assert repairs(hass) == {"terms_not_accepted": {"wearer": "Alex", "source": "Librelinkup"}}
    librelinkup.step = None
    await pass_time(timedelta(minutes=70), timedelta(minutes=1))
    assert value(hass, LIBRE) == "ok"
    assert repairs(hass) == {}


async def test_sharing_that_ends_raises_a_repair_until_it_is_back(
    hass: HomeAssistant,
    at_libre: MockConfigEntry,
    librelinkup: FakeLibreLinkUp,
    ada: FakePatient,
    pass_time: PassTime,
) -> None:
    librelinkup.forgets.add(ada.id)
    await pass_time(timedelta(minutes=3))
    assert value(hass, LIBRE) == "sharing_disabled"
    assert repairs(hass) == {"sharing_disabled": {"wearer": "Alex", "source": "Librelinkup"}}
    librelinkup.forgets.clear()
    await pass_time(timedelta(minutes=70), timedelta(minutes=1))
    assert value(hass, LIBRE) == "ok"
    assert repairs(hass) == {}


@pytest.mark.parametrize(
    ("floor_status", "state"), [(403, "version_refused"), (400, "version_refused")]
)
async def test_a_version_too_old_raises_a_repair_until_a_newer_one_is_sent(
    hass: HomeAssistant,
    at_libre: MockConfigEntry,
    librelinkup: FakeLibreLinkUp,
    pass_time: PassTime,
    settle: Settle,
    floor_status: int,
    state: str,
) -> None:
    librelinkup.floor, librelinkup.floor_status = "5.0.0", floor_status
    await pass_time(timedelta(minutes=3))
    assert value(hass, LIBRE) == state
    assert repairs(hass) == {state: {"wearer": "Alex", "source": "Librelinkup"}}
    (source,) = at_libre.subentries.values()
    hass.config_entries.async_update_subentry(
        at_libre, source, data={**source.data, "client_version": "5.0.0"}
    )
    await settle()
    assert value(hass, LIBRE) == "ok"
    assert repairs(hass) == {}


async def test_a_day_without_readings_is_said_and_over_with_the_next(
    hass: HomeAssistant, at_dexcom: MockConfigEntry, dexcom: FakeDexcomShare, pass_time: PassTime
) -> None:
    dexcom.sharing = False
    await pass_time(timedelta(hours=23, minutes=50), timedelta(minutes=10))
    assert value(hass, DEXCOM) == "ok"
    assert repairs(hass) == {}
    await pass_time(timedelta(minutes=20), timedelta(minutes=5))
    assert value(hass, DEXCOM) == "no_readings"
    assert repairs(hass) == {
        "no_readings": {"wearer": "Alex", "source": "Dexcom"},
        # Neither does anybody listen to the alarms, a day after set-up.
        "nobody_listens": {"wearer": "Alex"},
    }
    dexcom.sharing = True
    dexcom.rows.append(Row(time=dt_util.utcnow(), value=117))
    await pass_time(timedelta(minutes=8))
    assert [value(hass), value(hass, DEXCOM)] == ["117", "ok"]
    assert repairs(hass).keys() == {"nobody_listens"}


async def test_a_restart_does_not_begin_the_silent_day_anew(
    hass: HomeAssistant,
    at_dexcom: MockConfigEntry,
    dexcom: FakeDexcomShare,
    pass_time: PassTime,
    settle: Settle,
) -> None:
    dexcom.sharing = False
    await pass_time(timedelta(hours=23, minutes=50), timedelta(minutes=10))
    assert await hass.config_entries.async_reload(at_dexcom.entry_id)
    await pass_time(timedelta(minutes=20), timedelta(minutes=5))
    assert value(hass, DEXCOM) == "no_readings"


async def test_rows_that_cannot_be_readings_are_counted_and_the_others_kept(
    hass: HomeAssistant, at_site: MockConfigEntry, nightscout: FakeNightscout, pass_time: PassTime
) -> None:
    now = dt_util.utcnow()
    for place, odd in enumerate(["NaN", True, 9999, None, 12]):
        nightscout.put(site_entry(now + timedelta(minutes=4, milliseconds=place), odd))
    nightscout.put(site_entry(now + timedelta(minutes=4), "118"))
    await pass_time(timedelta(minutes=5))
    assert [value(hass), value(hass, SITE)] == ["118", "ok"]
    (feed,) = running(at_site).feeds.values()
    assert feed.status.refused_rows >= 4


async def test_a_fault_of_our_own_is_reported_and_the_watch_goes_on(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    add_wearer: AddWearer,
    simulated: dict[str, Any],
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wearer = add_wearer(simulated)
    run = hass.async_add_executor_job
    broken = [True]

    def sometimes(work: Callable[..., object], *args: object) -> asyncio.Future[object]:
        if broken[0] and "imulated" in getattr(work, "__qualname__", repr(work)):
            raise RuntimeError("a fault that names nobody")
        return run(work, *args)

    monkeypatch.setattr(hass, "async_add_executor_job", sometimes)
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await pass_time(timedelta(seconds=10))
    assert value(hass, "sensor.alex_simulated_state") == "unexpected_answer"
    broken[0] = False
    await pass_time(FIVE)
    assert value(hass, "sensor.alex_simulated_state") == "ok"
    assert value(hass, GLUCOSE) != "unknown"


async def test_a_phone_that_answers_garbage_recovers(
    hass: HomeAssistant,
    phone: FakePhone,
    phone_url: str,
    add_wearer: AddWearer,
    pass_time: PassTime,
    settle: Settle,
) -> None:
    steady(phone, 100)
    phone.raw_answer = b"HTTP/1.0 200 OK\n\n<html>"
    wearer = add_wearer(nightscout_source(phone_url, api="phone"))
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    assert [value(hass), value(hass, SITE)] == ["unknown", "retrying"]
    phone.raw_answer = None
    await pass_time(timedelta(minutes=8))
    assert [value(hass), value(hass, SITE)] == ["100", "ok"]


async def test_a_sensor_s_life_appears_once_the_vendor_tells_it(
    hass: HomeAssistant, at_libre: MockConfigEntry, ada: FakePatient, pass_time: PassTime
) -> None:
    assert hass.states.get("sensor.alex_librelinkup_sensor_started") is None
    ada.wears(dt_util.utcnow() - timedelta(days=3))
    await pass_time(timedelta(minutes=3))
    assert value(hass, "sensor.alex_librelinkup_sensor_started") == "2026-11-17T12:00:00+00:00"
    expires = dt_util.parse_datetime(value(hass, "sensor.alex_librelinkup_sensor_expires"))
    assert expires is not None
    assert expires > dt_util.utcnow()


@pytest.mark.parametrize("fault", [None, html_503], ids=["answer", "failure"])
async def test_what_comes_after_a_source_was_removed_is_dropped(
    hass: HomeAssistant,
    nightscout: FakeNightscout,
    nightscout_url: str,
    add_wearer: AddWearer,
    settle: Settle,
    fault: Fault | None,
) -> None:
    steady(nightscout, 100)
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def late(request: web.Request, handler: Handler) -> web.StreamResponse:
        asked.set()
        await go_on.wait()
        return await (handler(request) if fault is None else fault(request, handler))

    nightscout.fail(late)
    wearer = add_wearer(nightscout_source(nightscout_url))
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await asked.wait()
    (source,) = wearer.subentries
    hass.config_entries.async_remove_subentry(wearer, source)
    go_on.set()
    await settle()
    assert value(hass) == "unknown"
    assert await kept(hass, wearer) == []
    assert hass.states.get(SITE) is None


async def test_a_source_removed_before_it_asked_does_not_ask(
    hass: HomeAssistant,
    nightscout: FakeNightscout,
    nightscout_url: str,
    add_wearer: AddWearer,
    settle: Settle,
) -> None:
    wearer = add_wearer()
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    source = ConfigSubentry(
        data=MappingProxyType(nightscout_source(nightscout_url, rank=0.0)),
        subentry_type="source",
        title="Nightscout",
        unique_id="nightscout x",
    )
    # The history is busy: it cannot tell yet what the source's feed had learned.
    go_on = threading.Event()
    busy = asyncio.ensure_future(running(wearer).history.async_do(lambda _store: go_on.wait(20)))
    await asyncio.sleep(0)
    hass.config_entries.async_add_subentry(wearer, source)
    hass.config_entries.async_remove_subentry(wearer, source.subentry_id)
    go_on.set()
    assert await busy
    await settle()
    assert nightscout.log == []
    assert running(wearer).feeds == {}
