"""When a Dexcom account logs in: as rarely as it can, and never again and again with a bad name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import TypeVar

import pytest
from aiohttp import web

from fakes.dexcom_account import START, Room, room
from fakes.dexcom_share import AUTHENTICATE, LOGIN_BY_ID, READ, FakeDexcomShare, coded
from fakes.serving import Handler, empty_body, never_answers, truncated_json
from glucose.errors import (
    AccountLocked,
    CredentialsRejected,
    GlucoseError,
    SourceUnreachable,
    UnexpectedAnswer,
)
from glucose.sources.dexcom import DexcomAccount

T = TypeVar("T")


@pytest.fixture(name="room")
async def _room() -> AsyncIterator[Room]:
    async with room() as opened:
        yield opened


async def refusals(room: Room, account: DexcomAccount, *, polls: int) -> list[GlucoseError]:
    """Read every five minutes, so many times, and return the errors."""
    errors = []
    for _ in range(polls):
        with pytest.raises(GlucoseError) as caught:
            await room.read(account)
        errors.append(caught.value)
        room.clock.go(timedelta(minutes=5))
    return errors


async def test_one_login_lasts(room: Room) -> None:
    account = room.account()
    await account.wearers()
    for _ in range(5):
        await room.read(account)
    await account.wearers()

    assert (room.fake.logins, room.fake.reads) == (1, 5)
    assert len(room.fake.log) == 7


async def test_asking_at_once_logs_in_once(room: Room) -> None:
    account = room.account()
    answers = await asyncio.gather(*(room.read(account) for _ in range(5)), account.wearers())

    assert len(answers) == 6
    assert len(room.fake.asked(AUTHENTICATE)) == 1
    assert len(room.fake.asked(LOGIN_BY_ID)) == 1
    assert room.fake.reads == 5


async def test_asking_at_once_sends_a_bad_password_once(room: Room) -> None:
    account = room.account(password="wrong")
    caught = await asyncio.gather(*(room.read(account) for _ in range(5)), return_exceptions=True)

    assert [type(error) for error in caught] == [CredentialsRejected] * 5
    assert room.fake.bad_logins == 1


@pytest.mark.parametrize("code", ["SessionIdNotFound", "SessionNotValid"])
async def test_a_session_lost_is_replaced_unnoticed(room: Room, code: str) -> None:
    account = room.account()
    before = await room.read(account)
    room.fake.session_fault = code
    room.fake.drop_sessions()

    assert (await room.read(account)).readings == before.readings
    assert (room.fake.logins, room.fake.bad_logins) == (2, 0)
    # The account's id is known by then: the password travels once, not twice.
    assert len(room.fake.asked(AUTHENTICATE)) == 1
    await room.read(account)
    assert room.fake.logins == 2


async def test_a_session_that_is_never_known_is_replaced_once_each_time(room: Room) -> None:
    account = room.account()
    room.fake.session_lifetime = timedelta(0)

    with pytest.raises(UnexpectedAnswer):
        await room.read(account)
    assert room.fake.logins == 2
    room.fake.session_lifetime = None
    assert len((await room.read(account)).readings) == 3


async def test_an_empty_answer_to_a_read_is_a_session_lost(room: Room) -> None:
    account = room.account()
    await account.wearers()
    room.fake.fail(empty_body, times=1, path=READ)

    assert len((await room.read(account)).readings) == 3
    assert room.fake.logins == 2


async def test_empty_answers_without_end_are_told_and_got_over(room: Room) -> None:
    account = room.account()
    room.fake.fail(empty_body, path=READ)
    with pytest.raises(UnexpectedAnswer):
        await room.read(account)

    room.fake.heal()
    assert len((await room.read(account)).readings) == 3


async def test_credentials_refused_to_a_read_only_mean_a_lost_session(room: Room) -> None:
    account = room.account()
    await account.wearers()
    room.fake.fail(coded("AccountPasswordInvalid", "any"), times=1, path=READ)

    assert len((await room.read(account)).readings) == 3
    assert (room.fake.logins, room.fake.bad_logins) == (2, 0)


async def test_one_refusal_is_not_yet_confirmed_and_a_spurious_one_is_got_over(room: Room) -> None:
    account = room.account()
    room.fake.spurious_refusals = 1
    first, second = await refusals(room, account, polls=2)

    assert [isinstance(error, CredentialsRejected) for error in (first, second)] == [True, True]
    assert isinstance(second, CredentialsRejected)
    assert not second.confirmed
    assert room.fake.bad_logins == 1
    assert len((await room.read(account)).readings) == 3


async def test_a_login_that_worked_makes_the_next_refusal_a_first_one(room: Room) -> None:
    account = room.account()
    room.fake.spurious_refusals = 1
    await refusals(room, account, polls=2)
    await room.read(account)
    room.fake.drop_sessions()
    room.fake.spurious_refusals = 1

    (error,) = await refusals(room, account, polls=1)
    assert isinstance(error, CredentialsRejected)
    assert not error.confirmed


async def test_a_changed_password_costs_two_bad_logins_in_two_hours(room: Room) -> None:
    account = room.account()
    await room.read(account)
    room.fake.change_password("another-password")
    errors = await refusals(room, account, polls=24)

    assert {type(error) for error in errors} == {CredentialsRejected}
    confirmed = [error.confirmed for error in errors if isinstance(error, CredentialsRejected)]
    assert confirmed == [False] * 2 + [True] * 22
    assert room.fake.bad_logins == 2


async def test_a_confirmed_refusal_is_tried_again_after_six_hours(room: Room) -> None:
    account = room.account()
    right = room.fake.publisher.password
    room.fake.change_password("another-password")
    await refusals(room, account, polls=3)
    room.fake.change_password(right)

    room.clock.go(timedelta(hours=5))
    await refusals(room, account, polls=1)
    room.clock.go(timedelta(hours=1))
    assert len((await room.read(account)).readings) == 3


async def test_a_refusal_confirmed_before_a_restart_sends_nothing(room: Room) -> None:
    account = room.account(refused=True)

    with pytest.raises(CredentialsRejected) as caught:
        await account.wearers()
    assert caught.value.confirmed
    assert room.fake.log == []
    assert account.guard.may_ask_in == timedelta(hours=6)


def wrong_region(fake: FakeDexcomShare) -> None:
    fake.publisher.region = "ous"


def no_follower(fake: FakeDexcomShare) -> None:
    fake.has_follower = False


def by_id(fake: FakeDexcomShare) -> None:
    fake.fail(coded("AccountPasswordInvalid", "any"), times=2, path=LOGIN_BY_ID)


def not_found(fake: FakeDexcomShare) -> None:
    fake.fail(coded("SSO_AuthenticateAccountNotFound", "any"), times=2)


def password_invalid(fake: FakeDexcomShare) -> None:
    fake.fail(coded("SSO_AuthenticatePasswordInvalid", "any"), times=2)


def internal(fake: FakeDexcomShare) -> None:
    fake.fail(coded("SSO_InternalError", "Cannot Authenticate by AccountName"), times=2)


def invalid_argument(fake: FakeDexcomShare) -> None:
    fake.fail(coded("InvalidArgument", "UUID has to be represented by …"), times=2)


def mend(fake: FakeDexcomShare) -> None:
    fake.publisher.region = "us"
    fake.has_follower = True


@pytest.mark.parametrize(
    "switch",
    [wrong_region, no_follower, by_id, not_found, password_invalid, internal, invalid_argument],
)
async def test_whatever_refuses_credentials_is_confirmed_once_and_then_hardly_sent_again(
    room: Room, switch: Callable[[FakeDexcomShare], None]
) -> None:
    account = room.account()
    switch(room.fake)
    errors = await refusals(room, account, polls=12)

    assert {type(error) for error in errors} == {CredentialsRejected}
    assert [error.confirmed for error in errors if isinstance(error, CredentialsRejected)] == [
        *[False] * 2,
        *[True] * 10,
    ]
    assert len(room.fake.asked(AUTHENTICATE)) == 2
    mend(room.fake)
    room.clock.go(timedelta(hours=6))
    assert len((await room.read(account)).readings) == 3


async def test_a_locked_account_waits(room: Room) -> None:
    account = room.account()
    room.fake.fail(coded("SSO_AuthenticateMaxAttemptsExceeded", "any"), times=1)
    errors = await refusals(room, account, polls=6)

    assert {type(error) for error in errors} == {AccountLocked}
    assert {error.until for error in errors if isinstance(error, AccountLocked)} == {
        START + timedelta(minutes=30)
    }
    assert len(room.fake.log) == 1
    assert len((await room.read(account)).readings) == 3


async def test_a_lock_after_bad_passwords_is_told_as_a_lock(room: Room) -> None:
    room.fake.lock_after = 1
    with pytest.raises(CredentialsRejected):
        await room.account(password="wrong").wearers()
    account = room.account()

    with pytest.raises(AccountLocked):
        await account.wearers()
    room.fake.unlock()
    room.clock.go(timedelta(minutes=30))
    assert len((await room.read(account)).readings) == 3


async def test_a_lock_told_to_a_read_sends_no_login(room: Room) -> None:
    account = room.account()
    await account.wearers()
    room.fake.fail(coded("SSO_AuthenticateMaxAttemptsExceeded", "any"), times=1, path=READ)

    with pytest.raises(AccountLocked):
        await room.read(account)
    # No login is needed for the session that is still there.
    assert len((await room.read(account)).readings) == 3
    assert room.fake.logins == 1


def zero_session(fake: FakeDexcomShare, times: int) -> None:
    fake.zero_sessions = times


def zero_account(fake: FakeDexcomShare, times: int) -> None:
    fake.zero_accounts = times


@pytest.mark.parametrize("zero", [zero_session, zero_account])
async def test_an_all_zero_id_is_got_over_at_once(
    room: Room, zero: Callable[[FakeDexcomShare, int], None]
) -> None:
    account = room.account()
    zero(room.fake, 1)

    assert len((await room.read(account)).readings) == 3
    assert room.fake.logins == 1


@pytest.mark.parametrize("zero", [zero_session, zero_account])
async def test_all_zero_ids_without_end_are_waited_out(
    room: Room, zero: Callable[[FakeDexcomShare, int], None]
) -> None:
    account = room.account()
    zero(room.fake, 2)
    first, second = await refusals(room, account, polls=2)

    assert isinstance(first, SourceUnreachable)
    assert first.retry_after == timedelta(minutes=10)
    assert isinstance(second, SourceUnreachable)
    assert second.retry_after == timedelta(minutes=5)
    assert len(room.fake.asked(AUTHENTICATE)) == 2
    assert len((await room.read(account)).readings) == 3


async def test_an_all_zero_id_mid_run_is_got_over(room: Room) -> None:
    account = room.account()
    await room.read(account)
    room.fake.drop_sessions()
    room.fake.zero_sessions = 1

    assert len((await room.read(account)).readings) == 3


@pytest.mark.parametrize("path", [AUTHENTICATE, LOGIN_BY_ID])
async def test_a_login_answered_with_no_id_is_told_and_got_over(room: Room, path: str) -> None:
    account = room.account()
    room.fake.fail(truncated_json, times=1, path=path)
    with pytest.raises(UnexpectedAnswer):
        await account.wearers()
    room.fake.fail(empty_body, times=1, path=path)
    with pytest.raises(UnexpectedAnswer):
        await account.wearers()

    assert len((await room.read(account)).readings) == 3


@pytest.mark.parametrize(("username", "password"), [("", "x"), ("  ", "x"), ("x", "")])
async def test_without_name_or_password_nothing_is_sent(
    room: Room, username: str, password: str
) -> None:
    with pytest.raises(CredentialsRejected) as caught:
        await room.account(username=username, password=password).wearers()

    assert caught.value.confirmed
    assert room.fake.log == []


async def test_a_caller_that_gives_up_in_the_middle_harms_nobody(room: Room) -> None:
    account = room.account(answer_within=timedelta(seconds=0.5))
    room.fake.fail(never_answers, times=1, path=AUTHENTICATE)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(account.wearers(), 0.1)

    assert len((await room.read(account)).readings) == 3
    assert room.fake.logins == 1


async def test_a_login_nobody_waited_for_is_not_sent_twice(room: Room) -> None:
    async def slow(request: web.Request, handler: Handler) -> web.StreamResponse:
        await asyncio.sleep(0.3)
        return await handler(request)

    account = room.account()
    room.fake.fail(slow, times=1, path=LOGIN_BY_ID)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(account.wearers(), 0.1)

    assert len((await room.read(account)).readings) == 3
    assert len(room.fake.asked(LOGIN_BY_ID)) == 1


async def test_those_who_ask_at_once_take_one_thread_and_not_one_each(room: Room) -> None:
    running = 0
    most = 0

    async def run(call: Callable[[], T]) -> T:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            return await asyncio.to_thread(call)
        finally:
            running -= 1

    account = room.account(run=run)
    await asyncio.gather(*(room.read(account) for _ in range(3)), account.wearers())
    assert most == 1


async def test_a_refusal_nobody_waited_for_is_remembered(room: Room) -> None:
    """The caller was cancelled while its password was being refused."""
    refusing = asyncio.Event()

    async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
        refusing.set()
        return await handler(request)

    account = room.account(password="wrong")
    room.fake.fail(refuse, times=1)
    asking = asyncio.create_task(account.wearers())
    await refusing.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    with pytest.raises(CredentialsRejected):
        await account.wearers()
    assert room.fake.bad_logins == 1
