"""A LibreLinkUp account against the fake vendor over real HTTP: each fault, and what follows it."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web

from fakes import serving
from fakes.librelinkup import FakeLibreLinkUp, FakePatient, addresses, bare_430, cloudflare_1015
from fakes.serving import Fault, Handler
from glucose.errors import (
    AccountLocked,
    ClientVersionRefused,
    CredentialsRejected,
    GlucoseError,
    SharingDisabled,
    SourceUnreachable,
    TermsNotAccepted,
    UnexpectedAnswer,
)
from glucose.reading import Reading
from glucose.sources.librelinkup import LOGIN_PAUSE, LibreLinkUpAccount
from glucose.sources.librelinkup_settings import LibreLinkUpSettings, vendor_address
from glucose.sources.login import CONFIRM_AFTER, LOCKED_FOR, REPEAT_AFTER
from glucose.sources.source import Account
from glucose.trend import Trend

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class World:
    """The vendor, a follower of Ada and Bo, and the time, which passes only on demand."""

    def __init__(self) -> None:
        self.now = START
        self.passed = 0.0
        self.fake = FakeLibreLinkUp(clock=lambda: self.now)
        self.fake.email, self.fake.password = "secretmail@example.org", "secretpassword"
        self.ada = self.fake.follow(FakePatient(given="Ada", family="Secretname"))
        self.bo = self.fake.follow(FakePatient(given="Bo", family="Secretname"))
        self.ada.measure(START, 104, arrow=4)
        self.bo.measure(START, 211, arrow=1)
        self.url = ""
        self.session: aiohttp.ClientSession

    def passes(self, time: timedelta) -> None:
        self.now += time
        self.passed += time.total_seconds()

    def account(
        self,
        *,
        password: str = "secretpassword",
        region: str | None = None,
        client_version: str = "4.16.0",
        refused: bool = False,
    ) -> LibreLinkUpAccount:
        return LibreLinkUpAccount(
            LibreLinkUpSettings(
                email="secretmail@example.org",
                password=password,
                region=region,
                client_version=client_version,
            ),
            self.session,
            clock=lambda: self.now,
            elapsed=lambda: self.passed,
            refused=refused,
            address_of=addresses(self.url),
        )

    async def newest(self, account: LibreLinkUpAccount, patient: FakePatient) -> Reading:
        answer = await account.readings(patient.id, "libre", self.now - timedelta(days=1))
        return answer.readings[-1]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    async with world.fake.serving() as url, aiohttp.ClientSession() as session:
        world.url, world.session = url, session
        yield world


def says(body: object, status: int = 200, **headers: str) -> Fault:
    async def fault(_request: web.Request, _handler: Handler) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.json_response(body, status=status, headers=named)

    return fault


def web_page(status: int) -> Fault:
    async def fault(_request: web.Request, _handler: Handler) -> web.Response:
        return web.Response(status=status, text="<!DOCTYPE html><title>Blocked</title>")

    return fault


def test_the_real_addresses_are_the_vendors_own() -> None:
    assert vendor_address(None) == "https://api.libreview.io"
    assert vendor_address("eu2") == "https://api-eu2.libreview.io"
    assert vendor_address("ru") == "https://api.libreview.ru"
    assert vendor_address("cn") == "https://api-cn.myfreestyle.cn"


@pytest.mark.parametrize(
    "region", ["", "eu.evil.example/", "evil.example#", "EU2", "eu\n", "-eu", "@evil", "e" * 59]
)
def test_what_is_no_region_never_becomes_an_address(region: str) -> None:
    with pytest.raises(ValueError, match="region"):
        vendor_address(region)
    with pytest.raises(ValueError, match="region"):
        LibreLinkUpSettings(email="a", password="b", region=region)


@pytest.mark.parametrize("version", ["", "4.16.0\r\nx: y", "new", "4..1", "1.2.3.4.5"])
def test_what_is_no_version_never_becomes_a_header(version: str) -> None:
    with pytest.raises(ValueError, match="version"):
        LibreLinkUpSettings(email="a", password="b", client_version=version)


async def test_a_login_lists_whom_the_account_follows(world: World) -> None:
    wearers = await world.account().wearers()
    assert [(wearer.id, wearer.name) for wearer in wearers] == [
        (world.ada.id, "Ada Secretname"),
        (world.bo.id, "Bo Secretname"),
    ]


async def test_a_reading_comes_with_trend_series_and_clock(world: World) -> None:
    world.ada.draw(START - timedelta(minutes=10), 101)
    world.fake.date_offset = timedelta(minutes=3)
    answer = await world.account().readings(world.ada.id, "libre", START - timedelta(hours=1))
    assert answer.readings == (
        Reading(time=START - timedelta(minutes=10), mg_dl=101, source="libre", series="graph"),
        Reading(time=START, mg_dl=104, source="libre", series="current", trend=Trend.SLIGHT_UP),
    )
    assert answer.refused == 0
    assert answer.clock_offset == timedelta(minutes=3)
    assert answer.sensor is None


async def test_one_login_then_one_request_an_ask(world: World) -> None:
    account = world.account()
    for _ in range(5):
        await account.readings(world.ada.id, "libre", START)
        world.passes(timedelta(minutes=1))
    assert world.fake.logins == 1
    assert [asked.method for asked in world.fake.log] == ["POST", *["GET"] * 5]


async def test_the_headers_are_what_the_vendor_wants(world: World) -> None:
    await world.account(client_version="4.17.1").wearers()
    login, asked = world.fake.log
    assert login.headers["version"] == asked.headers["version"] == "4.17.1"
    assert login.headers["product"] == "llu.android"
    assert login.headers["Content-Type"] == "application/json"
    assert login.json() == {"email": world.fake.email, "password": world.fake.password}
    assert asked.headers["Authorization"] == f"Bearer {world.fake.newest_ticket}"
    assert asked.headers["account-id"] == hashlib.sha256(world.fake.user_id.encode()).hexdigest()


async def test_wearers_who_ask_at_once_log_in_once(world: World) -> None:
    account = world.account()
    ada, bo, seen = await asyncio.gather(
        world.newest(account, world.ada), world.newest(account, world.bo), account.wearers()
    )
    assert (ada.mg_dl, bo.mg_dl, len(seen)) == (104, 211, 2)
    assert world.fake.logins == 1


async def test_wearers_who_ask_at_once_share_one_refusal(world: World) -> None:
    account = world.account(password="wrong")
    outcomes = await asyncio.gather(*[account.wearers() for _ in range(4)], return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {CredentialsRejected}
    assert world.fake.bad_logins == 1


async def test_wearers_who_ask_at_once_share_one_outage(world: World) -> None:
    account = world.account()
    world.fake.fail(cloudflare_1015)
    outcomes = await asyncio.gather(*[account.wearers() for _ in range(4)], return_exceptions=True)
    bans = [outcome for outcome in outcomes if isinstance(outcome, SourceUnreachable)]
    assert [(ban.banned, ban.retry_after) for ban in bans] == [(True, timedelta(minutes=15))] * 4
    assert len(world.fake.log) == 1
    world.fake.heal()
    assert len(await account.wearers()) == 2


async def test_a_session_that_ends_under_two_wearers_costs_one_login(world: World) -> None:
    account = world.account()
    await account.wearers()
    world.fake.end_sessions()
    ada, bo = await asyncio.gather(
        world.newest(account, world.ada), world.newest(account, world.bo)
    )
    assert (ada.mg_dl, bo.mg_dl) == (104, 211)
    assert world.fake.logins == 2


async def test_wearers_stay_themselves_when_their_order_changes(world: World) -> None:
    account = world.account()
    before = await account.wearers()
    world.fake.reverses = True
    assert await account.wearers() == before
    assert (await world.newest(account, world.ada)).mg_dl == 104
    assert (await world.newest(account, world.bo)).mg_dl == 211


async def test_wearers_stay_themselves_when_somebody_joins(world: World) -> None:
    account = world.account()
    await account.wearers()
    newcomer = FakePatient(given="Aaron", family="Secretname")
    newcomer.measure(START, 66)
    world.fake.patients.insert(0, newcomer)
    assert [wearer.id for wearer in await account.wearers()] == [
        newcomer.id,
        world.ada.id,
        world.bo.id,
    ]
    assert (await world.newest(account, world.ada)).mg_dl == 104


async def test_a_region_is_learned_hop_by_hop_and_kept(world: World) -> None:
    world.fake.redirects = {"global": "eu", "eu": "EU2"}
    account = world.account()
    await account.wearers()
    assert account.region == "eu2"
    assert [asked.path.split("/")[1] for asked in world.fake.log] == ["global", "eu", "eu2", "eu2"]
    world.fake.end_sessions()
    world.fake.log.clear()
    await account.wearers()
    assert {asked.path.split("/")[1] for asked in world.fake.log} == {"eu2"}


@pytest.mark.parametrize(
    ("redirects", "logins_sent"),
    [
        ({"global": "eu", "eu": "eu"}, 2),
        ({"global": "eu", "eu": "us", "us": "eu"}, 3),
        ({"global": "a", "a": "b", "b": "c", "c": "d", "d": "e"}, 4),
    ],
)
async def test_redirects_without_end_are_left(
    world: World, redirects: dict[str, str], logins_sent: int
) -> None:
    world.fake.redirects = redirects
    account = world.account()
    with pytest.raises(UnexpectedAnswer, match="without end"):
        await account.wearers()
    assert len(world.fake.log) == logins_sent
    world.fake.redirects = {}
    world.passes(LOGIN_PAUSE)
    assert len(await account.wearers()) == 2


@pytest.mark.parametrize("region", ["evil.example/x?", "eu2.libreview.io.evil.example", "//evil"])
async def test_credentials_never_follow_to_a_foreign_host(world: World, region: str) -> None:
    world.fake.redirects = {"global": region}
    with pytest.raises(UnexpectedAnswer, match="no region"):
        await world.account().wearers()
    assert len(world.fake.log) == 1


async def test_a_refused_password_is_confirmed_once_then_kept_back(world: World) -> None:
    account = world.account(password="wrong")
    with pytest.raises(CredentialsRejected) as first:
        await account.wearers()
    with pytest.raises(CredentialsRejected):
        await account.wearers()
    assert world.fake.bad_logins == 1
    world.passes(CONFIRM_AFTER)
    with pytest.raises(CredentialsRejected) as second:
        await account.wearers()
    assert (first.value.confirmed, second.value.confirmed) == (False, True)
    for _ in range(110):
        world.passes(timedelta(minutes=1))
        with pytest.raises(CredentialsRejected):
            await account.wearers()
    assert world.fake.bad_logins == 2


async def test_a_spurious_refusal_passes(world: World) -> None:
    world.fake.refuses_all = True
    account = world.account()
    with pytest.raises(CredentialsRejected) as caught:
        await account.wearers()
    assert not caught.value.confirmed
    world.fake.refuses_all = False
    world.passes(CONFIRM_AFTER)
    assert (await world.newest(account, world.ada)).mg_dl == 104
    assert account.guard.may_ask_in == timedelta()
    world.fake.end_sessions()
    world.fake.refuses_all = True
    with pytest.raises(CredentialsRejected) as much_later:
        await account.wearers()
    assert not much_later.value.confirmed


async def test_a_password_changed_in_mid_session_is_found_out_once(world: World) -> None:
    account = world.account()
    await account.wearers()
    world.fake.password = "another"
    world.fake.end_sessions()
    for _ in range(5):
        with pytest.raises(CredentialsRejected):
            await account.wearers()
    assert world.fake.bad_logins == 1


async def test_a_refusal_confirmed_before_a_restart_still_holds(world: World) -> None:
    account = world.account(refused=True)
    with pytest.raises(CredentialsRejected) as caught:
        await account.wearers()
    assert caught.value.confirmed
    assert world.fake.log == []
    world.passes(REPEAT_AFTER)
    assert len(await account.wearers()) == 2


async def test_a_locked_account_is_left_alone_for_as_long_as_it_says(world: World) -> None:
    world.fake.locked = True
    account = world.account()
    with pytest.raises(AccountLocked) as caught:
        await account.wearers()
    assert caught.value.until == START + timedelta(seconds=300)
    world.fake.log.clear()
    world.passes(timedelta(seconds=299))
    with pytest.raises(AccountLocked):
        await account.wearers()
    assert world.fake.log == []
    world.fake.locked = False
    world.passes(timedelta(seconds=1))
    assert len(await account.wearers()) == 2


@pytest.mark.parametrize(
    ("lockout", "lasting"),
    [(0, LOCKED_FOR), (-1, LOCKED_FOR), (10**30, timedelta(days=1))],
)
async def test_a_lock_without_a_believable_length_still_ends(
    world: World, lockout: int, lasting: timedelta
) -> None:
    world.fake.locked = True
    world.fake.lockout = lockout
    account = world.account()
    with pytest.raises(AccountLocked) as caught:
        await account.wearers()
    assert caught.value.until == START + lasting
    world.fake.locked = False
    world.passes(lasting)
    assert len(await account.wearers()) == 2


async def test_our_own_bad_logins_never_lock_the_account(world: World) -> None:
    world.fake.locks_after = 3
    account = world.account(password="wrong")
    for _ in range(120):
        world.passes(timedelta(minutes=1))
        with pytest.raises(CredentialsRejected):
            await account.wearers()
    assert not world.fake.locked


@pytest.mark.parametrize(
    ("step", "word"),
    [("tou", "terms of use"), ("pp", "privacy"), ("verifyEmail", "e-mail"), ("new", "step")],
)
async def test_a_step_that_waits_in_the_app_is_named_and_its_end_noticed(
    world: World, step: str, word: str
) -> None:
    world.fake.step = step
    account = world.account()
    for _ in range(4):
        with pytest.raises(TermsNotAccepted, match=word):
            await account.wearers()
        world.passes(timedelta(minutes=1))
    assert world.fake.logins == 1
    world.fake.step = None
    world.passes(LOGIN_PAUSE)
    assert (await world.newest(account, world.ada)).mg_dl == 104


async def test_terms_that_are_shown_prove_the_password_right(world: World) -> None:
    account = world.account()
    world.fake.refuses_all = True
    with pytest.raises(CredentialsRejected):
        await account.wearers()
    world.fake.refuses_all, world.fake.step = False, "tou"
    world.passes(CONFIRM_AFTER)
    with pytest.raises(TermsNotAccepted):
        await account.wearers()
    world.fake.refuses_all = True
    world.passes(CONFIRM_AFTER)
    with pytest.raises(CredentialsRejected) as caught:
        await account.wearers()
    assert not caught.value.confirmed


@pytest.mark.parametrize("status", [400, 403, 430])
async def test_a_raised_floor_of_versions_is_named_and_the_setting_helps(
    world: World, status: int
) -> None:
    world.fake.floor_status = status
    account = world.account(client_version="4.12.0")
    with pytest.raises(ClientVersionRefused):
        await account.wearers()
    assert len(await world.account(client_version="4.16.0").wearers()) == 2


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, ClientVersionRefused), (403, ClientVersionRefused), (430, TermsNotAccepted)],
)
async def test_a_floor_above_what_we_know_is_judged_by_its_sign(
    world: World, status: int, error: type[GlucoseError]
) -> None:
    world.fake.floor_status = status
    world.fake.floor = "4.20.0"
    account = world.account()
    with pytest.raises(error):
        await account.wearers()
    world.fake.floor = "4.16.0"
    world.passes(LOGIN_PAUSE)
    assert len(await account.wearers()) == 2


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (bare_430, TermsNotAccepted),
        (serving.status(403), ClientVersionRefused),
        (serving.status(404), UnexpectedAnswer),
        (serving.status(500), SourceUnreachable),
        (serving.html_503, SourceUnreachable),
        (serving.html_200, SourceUnreachable),
        (serving.truncated_json, UnexpectedAnswer),
        (serving.empty_body, UnexpectedAnswer),
        (serving.broken_off, SourceUnreachable),
        (serving.connection_reset, SourceUnreachable),
    ],
)
@pytest.mark.parametrize("path", ["login", "graph"])
async def test_a_broken_answer_is_named_and_the_next_one_is_read(
    world: World, fault: Fault, error: type[GlucoseError], path: str
) -> None:
    account = world.account()
    world.fake.fail(fault, path=path)
    with pytest.raises(error):
        await world.newest(account, world.ada)
    world.fake.heal()
    world.passes(LOGIN_PAUSE)
    assert (await world.newest(account, world.ada)).mg_dl == 104
    assert world.fake.bad_logins == 0


@pytest.mark.parametrize(
    ("fault", "wait"),
    [
        (serving.html_attention_required, None),
        (web_page(401), None),
        (web_page(403), None),
        (web_page(430), None),
        (cloudflare_1015, timedelta(minutes=15)),
        (serving.too_many_requests(90), timedelta(seconds=90)),
        (serving.too_many_requests("Sun, 01 Mar 2026 12:10:00 GMT"), timedelta(minutes=10)),
        (serving.too_many_requests(), None),
    ],
)
@pytest.mark.parametrize("path", ["login", "graph"])
async def test_a_ban_says_so_with_the_time_it_lasts(
    world: World, fault: Fault, wait: timedelta | None, path: str
) -> None:
    account = world.account()
    world.fake.fail(fault, path=path)
    with pytest.raises(SourceUnreachable) as caught:
        await world.newest(account, world.ada)
    assert caught.value.banned
    assert caught.value.retry_after == wait
    world.fake.heal()
    assert (await world.newest(account, world.ada)).mg_dl == 104


LOCK = {"status": 429, "data": {"code": 60, "data": {"lockout": 60}, "message": "locked"}}
TICKET = {"token": "t", "expires": 0, "duration": 0}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (says([]), UnexpectedAnswer),
        (says({}), UnexpectedAnswer),
        (says({"status": "0", "data": {}}), UnexpectedAnswer),
        (says({"status": False, "data": {}}), UnexpectedAnswer),
        (says({"status": 7, "data": {}}), UnexpectedAnswer),
        (says({"status": [], "data": {}}), UnexpectedAnswer),
        (says({"status": 0}), UnexpectedAnswer),
        (says({"status": 0, "data": {"user": {"id": ""}}}), UnexpectedAnswer),
        (says({"status": 0, "data": {"user": {"id": "u"}}}), UnexpectedAnswer),
        (
            says({"status": 0, "data": {"user": {"id": "u"}, "authTicket": {"token": ""}}}),
            UnexpectedAnswer,
        ),
        (
            says({"status": 0, "data": {"user": {"id": "u"}, "authTicket": {"token": "a\r\nb"}}}),
            UnexpectedAnswer,
        ),
        (says({"status": 0, "data": {"redirect": True}}), UnexpectedAnswer),
        (
            says({"status": 0, "data": {"step": {"type": "tou"}, "authTicket": TICKET}}),
            TermsNotAccepted,
        ),
        (says({"status": 4}), TermsNotAccepted),
        (says({"status": 4, "data": {"step": {"type": "pp"}}}, 403), TermsNotAccepted),
        (says({"status": 2, "error": {"message": "notAuthenticated"}}, 500), CredentialsRejected),
        (says({"message": "unauthorised"}, 401), CredentialsRejected),
        (says({"status": 4, "data": {"step": {"type": "tou"}}}, 401), TermsNotAccepted),
        (says(LOCK), AccountLocked),
        (says({"status": 429, "data": None}), SourceUnreachable),
        (says({"status": 429}, 429, retry_after="9"), SourceUnreachable),
        (says({"message": "no"}, 403, retry_after="9"), SourceUnreachable),
        (says({"message": "no"}, 403), ClientVersionRefused),
        (says({"message": "other"}, 400), UnexpectedAnswer),
    ],
)
async def test_what_a_login_answers_is_told_by_its_body_and_passes(
    world: World, fault: Fault, error: type[GlucoseError]
) -> None:
    account = world.account()
    world.fake.fail(fault, path="login")
    with pytest.raises(GlucoseError) as caught:
        await account.wearers()
    assert type(caught.value) is error
    assert world.fake.asked("connections") == []
    world.fake.heal()
    world.passes(timedelta(hours=1))
    assert len(await account.wearers()) == 2


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (says({"status": 0, "data": None}), UnexpectedAnswer),
        (says({"status": 0, "data": []}, 500), SourceUnreachable),
        (says({"status": 0, "data": []}, 202), UnexpectedAnswer),
        (says({"status": 4}), UnexpectedAnswer),
        (says({"status": 4, "error": {"message": "couldNotLoadPatient"}}, 500), SharingDisabled),
        (says({"status": 4, "data": {"step": {"type": "tou"}}}), TermsNotAccepted),
        (says({"status": 0, "data": {"step": {"type": "tou"}}}), TermsNotAccepted),
        (says(LOCK), AccountLocked),
        (says({"status": 429}, 429, retry_after="9"), SourceUnreachable),
        (says({"message": "RequiredHeaderMissing"}, 400), ClientVersionRefused),
        (says({"message": "x"}, 502), SourceUnreachable),
    ],
)
async def test_what_a_graph_answers_is_told_by_its_body_and_passes(
    world: World, fault: Fault, error: type[GlucoseError]
) -> None:
    account = world.account()
    await account.wearers()
    world.fake.fail(fault, path="graph")
    with pytest.raises(GlucoseError) as caught:
        await world.newest(account, world.ada)
    assert type(caught.value) is error
    world.fake.heal()
    assert (await world.newest(account, world.ada)).mg_dl == 104
    assert world.fake.logins == 1


async def test_a_session_ended_by_its_body_is_renewed_like_an_expired_jwt(world: World) -> None:
    account = world.account()
    await account.wearers()
    over = says({"status": 2, "error": {"message": "notAuthenticated"}})
    world.fake.fail(over, path="graph", times=1)
    assert (await world.newest(account, world.ada)).mg_dl == 104
    assert world.fake.logins == 2


async def test_a_ticket_that_cannot_be_is_not_adopted(world: World) -> None:
    account = world.account()
    await account.wearers()
    tickets: list[object] = [None, {"token": "a\nb"}, {"token": 5}, "token", {"duration": 10**400}]
    for ticket in tickets:
        body = {"status": 0, "data": [], "ticket": ticket}
        world.fake.fail(says(body), path="connections", times=1)
        assert await account.wearers() == ()
    assert len(await account.wearers()) == 2
    assert world.fake.logins == 1


async def test_an_account_is_built_without_asking_and_due_each_minute(world: World) -> None:
    account: Account = world.account()
    assert account.cadence == timedelta(minutes=1)
    assert world.fake.log == []


def test_settings_show_neither_mail_nor_password() -> None:
    settings = LibreLinkUpSettings(email="secretmail", password="secretpassword", region="eu")
    assert repr(settings) == "LibreLinkUpSettings(region='eu', client_version='4.16.0')"


async def test_a_session_refused_at_once_is_not_logged_in_with_every_poll(world: World) -> None:
    account = world.account()
    world.fake.fail(serving.status(401), path="connections")
    for _ in range(4):
        with pytest.raises(SourceUnreachable):
            await account.wearers()
        world.passes(timedelta(minutes=1))
    assert world.fake.logins == 2
    world.fake.heal()
    world.passes(LOGIN_PAUSE)
    assert len(await account.wearers()) == 2
    assert world.fake.logins == 3


async def test_a_session_refused_at_once_costs_two_wearers_no_more_than_one(world: World) -> None:
    account = world.account()
    world.fake.fail(serving.status(401), path="graph")
    asking = [world.newest(account, patient) for patient in (world.ada, world.bo)]
    outcomes = await asyncio.gather(*asking, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {SourceUnreachable}
    assert world.fake.logins == 2
    world.fake.heal()
    world.passes(LOGIN_PAUSE)
    assert (await world.newest(account, world.bo)).mg_dl == 211


async def test_an_expired_jwt_is_renewed_once_and_the_question_put_again(world: World) -> None:
    account = world.account()
    await account.wearers()
    world.fake.end_sessions()
    assert (await world.newest(account, world.ada)).mg_dl == 104
    assert world.fake.logins == 2


@pytest.mark.parametrize(
    ("tells_length", "sends_date", "ahead"),
    [(True, True, 0), (True, False, 10), (True, False, -10), (False, True, 10), (False, True, -10)],
)
async def test_a_ticket_is_kept_to_its_end_and_not_beyond_whatever_our_clock_says(
    world: World, tells_length: bool, sends_date: bool, ahead: int
) -> None:
    world.fake.clock = lambda: world.now + timedelta(hours=ahead)
    world.fake.tells_length = tells_length
    world.fake.sends_date = sends_date
    world.fake.ticket_life = timedelta(hours=1)
    account = world.account()
    await account.wearers()
    world.passes(timedelta(minutes=59))
    await account.wearers()
    assert world.fake.logins == 1
    world.passes(timedelta(minutes=2))
    await account.wearers()
    assert world.fake.logins == 2
    assert len(world.fake.asked("connections")) == 3


async def test_a_ticket_of_untold_length_lasts_until_it_is_refused(world: World) -> None:
    world.fake.omits = {"duration", "expires"}
    world.fake.ticket_life = timedelta(hours=1)
    account = world.account()
    await account.wearers()
    world.passes(timedelta(hours=2))
    assert len(await account.wearers()) == 2
    assert world.fake.logins == 2


async def test_a_wrong_clock_of_ours_ends_no_ticket(world: World) -> None:
    world.fake.tells_length = False
    world.fake.sends_date = False
    world.fake.ticket_life = timedelta(hours=1)
    world.fake.clock = lambda: world.now - timedelta(days=365)
    account = world.account()
    for _ in range(5):
        await account.wearers()
        world.passes(timedelta(minutes=1))
    assert world.fake.logins == 1


async def test_a_renewed_ticket_is_adopted_so_nobody_logs_in_again(world: World) -> None:
    world.fake.ticket_life = timedelta(hours=1)
    world.fake.renews = True
    account = world.account()
    for _ in range(10):
        await account.readings(world.ada.id, "libre", START)
        world.passes(timedelta(minutes=30))
    assert world.fake.logins == 1


async def test_nobody_who_shares_is_an_empty_list_and_a_newcomer_is_seen(world: World) -> None:
    patients, world.fake.patients = world.fake.patients, []
    account = world.account()
    assert await account.wearers() == ()
    world.fake.patients = patients
    assert len(await account.wearers()) == 2


async def test_a_patient_who_left_is_named_and_comes_back(world: World) -> None:
    account = world.account()
    await account.wearers()
    world.fake.forgets = {world.ada.id}
    with pytest.raises(SharingDisabled):
        await world.newest(account, world.ada)
    assert [wearer.id for wearer in await account.wearers()] == [world.bo.id]
    assert (await world.newest(account, world.bo)).mg_dl == 211
    world.fake.forgets = set()
    assert (await world.newest(account, world.ada)).mg_dl == 104
    assert world.fake.logins == 1


@pytest.mark.parametrize("patient", ["", "../connections", "a/b", "ä", "a?b=c"])
async def test_an_id_that_cannot_be_is_never_asked_for(world: World, patient: str) -> None:
    with pytest.raises(SharingDisabled):
        await world.account().readings(patient, "libre", START)
    assert world.fake.log == []


async def test_a_graph_of_somebody_else_is_refused(world: World) -> None:
    world.fake.mixes_up = {world.ada.id: world.bo}
    account = world.account()
    with pytest.raises(UnexpectedAnswer, match="another patient"):
        await world.newest(account, world.ada)
    world.fake.mixes_up = {}
    assert (await world.newest(account, world.ada)).mg_dl == 104


async def test_a_stopped_sensor_gives_nothing_new(world: World) -> None:
    account = world.account()
    world.passes(timedelta(hours=3))
    answer = await account.readings(world.ada.id, "libre", world.now - timedelta(hours=1))
    assert answer.readings == ()
    assert (await world.newest(account, world.ada)).time == START


async def test_a_bad_row_is_counted_and_the_others_kept(world: World) -> None:
    bad: list[object] = [float("nan"), True, None, "high", "12,5", 9, 601, [104]]
    for minute, value in enumerate(bad):
        world.ada.draw(START - timedelta(minutes=minute + 1), value)
    world.ada.draw(START - timedelta(minutes=20), 99.6)
    world.ada.draw(START - timedelta(minutes=25), "98")
    answer = await world.account().readings(world.ada.id, "libre", START - timedelta(hours=1))
    assert answer.refused == len(bad)
    assert [found.mg_dl for found in answer.readings] == [98, 100, 104]


@pytest.mark.parametrize(
    "omitted",
    ["c", "sd", "u", "activeSensors", "graphData", "glucoseItem", "sensor", "ticket", "lastName"],
)
async def test_optional_fields_may_be_missing(world: World, omitted: str) -> None:
    world.fake.omits = {omitted}
    account = world.account()
    assert (await world.newest(account, world.ada)).mg_dl == 104
    assert len(await account.wearers()) == 2


async def test_no_value_yet_is_no_reading(world: World) -> None:
    world.ada.current.clear()
    answer = await world.account().readings(world.ada.id, "libre", START)
    assert (answer.readings, answer.refused) == ((), 0)


async def test_the_sensors_life_comes_along(world: World) -> None:
    world.ada.wears(START - timedelta(days=2), product=3)
    sensor = (await world.account().readings(world.ada.id, "libre", START)).sensor
    assert sensor is not None
    assert sensor.started == START - timedelta(days=2)
    assert sensor.expires == START + timedelta(days=12)
    assert sensor.warm_up_until == START - timedelta(days=2) + timedelta(hours=1)


async def test_a_simulated_day_is_read_whole_although_graph_points_come_late(
    world: World,
) -> None:
    day = START + timedelta(days=1)
    world.ada.current.clear()
    world.ada.play(
        lambda time: 120 + 60 * ((time - START).total_seconds() % 7200) / 7200,
        start=START,
        minutes=24 * 60,
        delay=lambda time: timedelta(seconds=5 + time.minute % 20),
        graph_delay=timedelta(minutes=28),
    )
    account = world.account()
    kept: dict[tuple[object, ...], Reading] = {}
    while world.now < day + timedelta(hours=1):
        world.passes(timedelta(minutes=1))
        answer = await account.readings(world.ada.id, "libre", world.now - timedelta(hours=1))
        kept |= {found.identity: found for found in answer.readings}
    lost = {point.time for point in world.ada.graph} - {
        found.time for found in kept.values() if found.series == "graph"
    }
    missed = {value.time for value in world.ada.current} - {
        found.time for found in kept.values() if found.series == "current"
    }
    assert (lost, missed) == (set(), set())
    assert world.fake.logins == 1
    assert world.fake.reads == 25 * 60


async def test_an_outage_of_three_hours_is_filled_from_the_graph(world: World) -> None:
    world.ada.current.clear()
    world.ada.play(lambda _time: 110.0, start=START, minutes=240)
    account = world.account()
    await account.wearers()
    world.fake.fail(serving.html_503)
    world.passes(timedelta(hours=3))
    with pytest.raises(SourceUnreachable):
        await world.newest(account, world.ada)
    world.fake.heal()
    world.passes(timedelta(minutes=10))
    answer = await account.readings(world.ada.id, "libre", START)
    graph = [found.time for found in answer.readings if found.series == "graph"]
    assert graph == [point.time for point in world.ada.points(world.now)]
    assert len(graph) >= 36


async def test_a_cancelled_login_holds_nobody_up(world: World) -> None:
    account = world.account()
    world.fake.fail(serving.never_answers, times=1)
    asking = asyncio.create_task(account.wearers())
    waiting = asyncio.create_task(account.wearers())
    while not world.fake.log:  # noqa: ASYNC110 - until the vendor has the request
        await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert len(await waiting) == 2


def _wrong_password(world: World) -> LibreLinkUpAccount:
    return world.account(password="secretpassword2")


def _right(world: World) -> LibreLinkUpAccount:
    return world.account()


@pytest.mark.parametrize("account_of", [_wrong_password, _right])
@pytest.mark.parametrize(
    "fault", [serving.connection_reset, serving.truncated_json, serving.html_503, cloudflare_1015]
)
async def test_no_secret_and_no_name_is_in_logs_errors_or_reprs(
    world: World,
    caplog: pytest.LogCaptureFixture,
    account_of: Callable[[World], LibreLinkUpAccount],
    fault: Fault,
) -> None:
    caplog.set_level(logging.DEBUG)
    account = account_of(world)
    said = [repr(account), repr(vars(account))]
    world.fake.forgets = {world.bo.id}
    for _ in range(3):
        outcomes = await asyncio.gather(
            account.wearers(),
            account.readings(world.ada.id, "libre", START),
            account.readings(world.bo.id, "libre", START),
            return_exceptions=True,
        )
        said += [
            repr(outcome) + repr(outcome.__cause__) + str(outcome)
            for outcome in outcomes
            if isinstance(outcome, BaseException)
        ]
        said.append(repr(vars(account)))
        world.fake.fail(fault, path="graph")
        world.passes(timedelta(hours=7))
    secrets = [
        "secret",
        "Secretname",
        world.ada.id,
        world.bo.id,
        world.fake.user_id,
        hashlib.sha256(world.fake.user_id.encode()).hexdigest(),
    ]
    told = "\n".join([*said, caplog.text])
    assert [secret for secret in secrets if secret in told] == []
