"""Whatever comes instead of an answer is named, ends in time, tells no secret, and passes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web

from fakes.dexcom_account import START, Room, room
from fakes.dexcom_share import AUTHENTICATE, LOGIN_BY_ID, READ, FakeDexcomShare, coded
from fakes.serving import (
    Fault,
    Handler,
    broken_off,
    connection_reset,
    dripping,
    html_200,
    html_503,
    html_attention_required,
    never_answers,
    status,
    too_many_requests,
    truncated_json,
)
from glucose.errors import GlucoseError, SourceUnreachable, UnexpectedAnswer

SECONDS = 0.4
PATHS = [AUTHENTICATE, LOGIN_BY_ID, READ]


@pytest.fixture(name="room")
async def _room() -> AsyncIterator[Room]:
    async with room() as opened:
        yield opened


def text(body: str, *, code: int = 200, content_type: str = "application/json") -> Fault:
    """Return the fault of any body."""

    async def fault(_request: web.Request, _handler: Handler) -> web.StreamResponse:
        return web.Response(status=code, text=body, content_type=content_type)

    return fault


def unreachable(
    fault: Fault, *, banned: bool = False, wait: float | None = None
) -> tuple[Fault, type[GlucoseError], dict[str, object]]:
    retry_after = None if wait is None else timedelta(seconds=wait)
    return fault, SourceUnreachable, {"banned": banned, "retry_after": retry_after}


def unexpected(fault: Fault) -> tuple[Fault, type[GlucoseError], dict[str, object]]:
    return fault, UnexpectedAnswer, {}


FAULTS = [
    unreachable(html_503),
    unreachable(html_200, banned=True),
    unreachable(html_attention_required, banned=True),
    unreachable(
        text("<title>Attention Required! | Cloudflare", code=503, content_type="text/html"),
        banned=True,
    ),
    unreachable(connection_reset),
    unreachable(broken_off),
    unreachable(too_many_requests(), banned=True),
    unreachable(too_many_requests(17), banned=True, wait=17),
    unreachable(too_many_requests("soon"), banned=True),
    unreachable(
        too_many_requests(format_datetime(START + timedelta(minutes=4), usegmt=True)),
        banned=True,
        wait=240,
    ),
    unreachable(status(403), banned=True),
    unreachable(text("", code=430), banned=True),
    unreachable(status(503)),
    unreachable(status(500)),
    unreachable(status(502)),
    unreachable(text("error code: 1015", code=429, content_type="text/plain"), banned=True),
    unreachable(coded("SSO_InternalError", "something else")),
    unexpected(truncated_json),
    unexpected(status(404)),
    unexpected(status(401)),
    unexpected(coded("Some_NewCode", "with 6f3f5b56-9d3c-4f5c-8e51-4f0b1d2c3a4e in it")),
    unexpected(text("plain text")),
    unexpected(text("{}")),
    unexpected(text("7")),
    unexpected(text("[" * 100_000)),
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("fault", "error", "parts"), FAULTS)
async def test_a_fault_is_named_and_passes(
    room: Room, fault: Fault, error: type[GlucoseError], parts: dict[str, object], path: str
) -> None:
    account = room.account()
    room.fake.fail(fault, path=path)

    with pytest.raises(GlucoseError) as caught:
        await room.read(account)
    assert type(caught.value) is error
    assert {name: getattr(caught.value, name) for name in parts} == parts
    # Once: a vendor in trouble is not asked again by ourselves.
    assert len(room.fake.asked(path)) == 1
    room.fake.heal()
    assert len((await room.read(account)).readings) == 3
    assert account.guard.may_ask_in == timedelta(0)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("fault", [never_answers, dripping(0.05)])
async def test_what_never_ends_costs_one_timeout_and_leaves_no_thread(
    room: Room, fault: Fault, path: str
) -> None:
    with ThreadPoolExecutor(max_workers=1) as only_thread:
        loop = asyncio.get_running_loop()
        account = room.account(
            run=lambda call: loop.run_in_executor(only_thread, call),
            answer_within=timedelta(seconds=SECONDS),
        )
        room.fake.fail(fault, path=path)
        begun = time.monotonic()
        with pytest.raises(SourceUnreachable):
            await room.read(account)

        assert SECONDS * 0.9 <= time.monotonic() - begun <= SECONDS * 2
        assert len(room.fake.asked(path)) == 1
        room.fake.heal()
        assert len((await room.read(account)).readings) == 3


async def costs_one_timeout(
    room: Room,
    scheme: str,
    misbehave: Callable[[asyncio.StreamWriter], Coroutine[None, None, None]],
) -> None:
    """Ask what misbehaves below HTTP, because no web server will; it does so until it is left."""
    ended = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if scheme == "http":
            await reader.readuntil(b"\r\n\r\n")
        misbehaving = asyncio.create_task(misbehave(writer))
        await enough.wait()
        misbehaving.cancel()
        writer.close()
        ended.set()

    enough = asyncio.Event()
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        room.base_url = f"{scheme}://{host}:{port}/"
        begun = time.monotonic()
        with pytest.raises(SourceUnreachable):
            await room.account(answer_within=timedelta(seconds=SECONDS)).wearers()
        assert SECONDS * 0.9 <= time.monotonic() - begun <= SECONDS * 2
        enough.set()
        await ended.wait()


@pytest.mark.parametrize("drip", [b"X-Slow: 1\r\n", b"x"])
async def test_headers_that_never_end_cost_one_timeout(room: Room, drip: bytes) -> None:
    """A header line each now and then."""

    async def drop(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(drip)
            await asyncio.sleep(0.05)

    await costs_one_timeout(room, "http", drop)


async def test_a_server_that_never_shakes_hands_costs_one_timeout(room: Room) -> None:
    """TLS: the connection stands, nothing was sent over it, so no deadline watches it yet."""

    async def say_nothing(_writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    await costs_one_timeout(room, "https", say_nothing)


async def test_nobody_listening_is_unreachable(room: Room) -> None:
    other = FakeDexcomShare()
    async with other.serving() as url:
        room.base_url = other.base_url(url)
    account = room.account()

    with pytest.raises(SourceUnreachable):
        await account.wearers()


@pytest.mark.parametrize("url", ["nonsense", "http://[::1", "ftp://127.0.0.1/"])
async def test_an_address_that_is_none_is_unreachable(room: Room, url: str) -> None:
    room.base_url = url
    with pytest.raises(SourceUnreachable):
        await room.account().wearers()


@pytest.mark.parametrize("code", [301, 302, 307, 308])
async def test_the_password_follows_no_redirect(room: Room, code: int) -> None:
    other = FakeDexcomShare()
    async with other.serving() as url:

        async def redirect(request: web.Request, _handler: Handler) -> web.StreamResponse:
            return web.Response(status=code, headers={"Location": url + request.path})

        account = room.account()
        room.fake.fail(redirect, times=1)
        with pytest.raises(GlucoseError):
            await account.wearers()
        assert other.log == []
    assert len((await room.read(account)).readings) == 3


def chained(error: BaseException | None) -> list[BaseException]:
    """Return an error and all that led to it."""
    chain = []
    while error is not None:
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain


async def test_no_secret_is_in_any_log_or_error(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "urllib3.connectionpool", "requests", "pydexcom", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    publisher = room.fake.publisher
    errors: list[BaseException] = []

    for fault in [fault for fault, _, _ in FAULTS] + [never_answers]:
        for path in PATHS:
            account = room.account(answer_within=timedelta(seconds=SECONDS))
            room.fake.fail(fault, path=path)
            with pytest.raises(GlucoseError) as caught:
                await room.read(account)
            errors += chained(caught.value)
            room.fake.heal()
    account = room.account()
    await room.read(account)
    room.fake.spurious_refusals = 1
    room.fake.drop_sessions()
    with pytest.raises(GlucoseError) as caught:
        await room.read(account)
    errors += chained(caught.value)

    sessions = {asked.query["sessionId"] for asked in room.fake.asked(READ)}
    secrets = {publisher.name, publisher.password, publisher.id, *sessions}
    told = [record.getMessage() + str(record.args) for record in caplog.records]
    told += [part for error in errors for part in (str(error), repr(error))]
    told += [caplog.text, repr(account), str(account), repr(vars(account))]
    assert len(sessions) == len(FAULTS) + 2
    # urllib3 did log, and what it logs is a request's address without its session.
    assert any("sessionId=..." in line for line in told)
    assert [(secret, line) for secret in secrets for line in told if secret in line] == []
