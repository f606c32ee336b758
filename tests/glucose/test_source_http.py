"""One HTTP request to a vendor: every fault of transport and shape, and that it passes."""

import gzip
import socket
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given, strategies as st

from fakes import serving
from fakes.serving import FakeServer, Fault, Handler
from glucose.errors import GlucoseError, SourceUnreachable, UnexpectedAnswer
from glucose.sources.http import LARGEST_BODY, LONGEST_RETRY_AFTER, HttpAnswer, ask

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TIMEOUT = timedelta(seconds=0.3)


class Echo(FakeServer):
    """Answers what it was asked, and sends on to a door that must stay shut."""

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        return [
            web.route("*", "/echo", self._echo),
            web.get("/moved", self._moved),
            web.get("/elsewhere", self._echo),
            web.get("/bomb", self._bomb),
        ]

    async def _echo(self, request: web.Request) -> web.Response:
        return web.json_response({"query": dict(request.query), "text": await request.text()})

    async def _moved(self, _request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    async def _bomb(self, _request: web.Request) -> web.Response:
        packed = gzip.compress(b" " * (LARGEST_BODY + 1))
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})


class Asking:
    """A client of the echo."""

    def __init__(self, fake: Echo, url: str, session: aiohttp.ClientSession) -> None:
        self.fake = fake
        self.url = url
        self.session = session

    async def __call__(self, path: str = "/echo?token=topsecret") -> HttpAnswer:
        return await ask(self.session, "GET", self.url + path, clock=lambda: NOW, timeout=TIMEOUT)


@pytest.fixture
async def asking() -> AsyncIterator[Asking]:
    fake = Echo(clock=lambda: NOW)
    async with fake.serving() as url, aiohttp.ClientSession(raise_for_status=True) as session:
        yield Asking(fake, url, session)


def page(status: int, body: str, **headers: str) -> Fault:
    async def fault(_request: web.Request, _handler: Handler) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, text=body, headers=named)

    return fault


def answer(status: int = 200, body: bytes = b"{}", **headers: str) -> HttpAnswer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpAnswer(status=status, headers=named, body=body, received=NOW)


async def test_sends_what_it_is_given_and_returns_the_document(asking: Asking) -> None:
    got = await ask(
        asking.session,
        "POST",
        asking.url + "/echo",
        clock=lambda: NOW,
        headers={"x-version": "1"},
        params={"count": "5 0"},
        json={"a": 1},
    )
    assert got.status == 200
    assert got.json() == {"query": {"count": "5 0"}, "text": '{"a": 1}'}
    assert asking.fake.log[0].headers["x-version"] == "1"
    assert got.received == NOW


@pytest.mark.parametrize(
    "fault",
    [
        serving.connection_reset,
        serving.broken_off,
        serving.never_answers,
        serving.dripping(0.05),
    ],
)
async def test_no_whole_answer_is_unreachable_and_the_next_one_is_read(
    asking: Asking, fault: Fault
) -> None:
    asking.fake.fail(fault)
    with pytest.raises(SourceUnreachable) as caught:
        await asking()
    assert not caught.value.banned
    assert caught.value.retry_after is None
    asking.fake.heal()
    assert (await asking()).status == 200


async def test_nobody_listening_is_unreachable(asking: Asking) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(SourceUnreachable):
        await ask(asking.session, "GET", f"http://127.0.0.1:{port}/", clock=lambda: NOW)


async def test_a_server_without_tls_behind_https_is_unreachable(asking: Asking) -> None:
    secure = asking.url.replace("http://", "https://")
    with pytest.raises(SourceUnreachable):
        await ask(asking.session, "GET", secure + "/echo", clock=lambda: NOW)


async def test_a_closed_session_is_unreachable(asking: Asking) -> None:
    await asking.session.close()
    with pytest.raises(SourceUnreachable):
        await asking()


@pytest.mark.parametrize("url", ["http://", "no address", "http://[::1"])
async def test_what_is_no_address_is_never_sent(asking: Asking, url: str) -> None:
    with pytest.raises(UnexpectedAnswer):
        await ask(asking.session, "GET", url, clock=lambda: NOW)
    assert asking.fake.log == []


async def test_a_line_break_in_a_header_is_never_sent(asking: Asking) -> None:
    with pytest.raises(UnexpectedAnswer):
        await ask(
            asking.session,
            "GET",
            asking.url + "/echo",
            clock=lambda: NOW,
            headers={"authorization": "Bearer a\r\nhost: b"},
        )
    assert asking.fake.log == []


async def test_a_redirect_is_returned_not_followed(asking: Asking) -> None:
    got = await asking("/moved")
    assert got.status == 307
    assert isinstance(got.fault(), UnexpectedAnswer)
    assert asking.fake.asked("/elsewhere") == []


async def test_a_body_without_end_is_given_up(asking: Asking) -> None:
    with pytest.raises(UnexpectedAnswer, match="larger"):
        await ask(asking.session, "GET", asking.url + "/bomb", clock=lambda: NOW)
    assert (await asking()).status == 200


@pytest.mark.parametrize("fault", [serving.truncated_json, serving.empty_body])
async def test_a_broken_document_is_unexpected_and_the_next_one_is_read(
    asking: Asking, fault: Fault
) -> None:
    asking.fake.fail(fault, times=1)
    got = await asking()
    with pytest.raises(UnexpectedAnswer):
        got.json()
    assert (await asking()).json() == {"query": {"token": "topsecret"}, "text": ""}


@pytest.mark.parametrize(
    ("fault", "banned"),
    [
        (serving.html_503, False),
        (serving.html_200, True),
        (serving.html_attention_required, True),
        (page(503, "<title>Just a moment...</title>"), True),
        (page(520, "<title>Web server is returning an unknown error</title>"), False),
        (page(404, " \r\n<!DOCTYPE html>"), True),
        (page(200, "\ufeff<html>"), True),
    ],
)
async def test_a_web_page_is_a_ban_unless_it_tells_an_outage(
    asking: Asking, fault: Fault, banned: bool
) -> None:
    asking.fake.fail(fault, times=1)
    got = await asking()
    assert got.is_web_page
    with pytest.raises(SourceUnreachable) as caught:
        got.json()
    assert caught.value.banned is banned
    assert not (await asking()).is_web_page


@pytest.mark.parametrize(
    ("status", "error", "banned"),
    [
        (403, SourceUnreachable, True),
        (429, SourceUnreachable, True),
        (430, SourceUnreachable, True),
        (408, SourceUnreachable, False),
        (500, SourceUnreachable, False),
        (502, SourceUnreachable, False),
        (530, SourceUnreachable, False),
        (302, UnexpectedAnswer, None),
        (400, UnexpectedAnswer, None),
        (404, UnexpectedAnswer, None),
    ],
)
def test_each_status_has_its_error(
    status: int, error: type[GlucoseError], banned: bool | None
) -> None:
    fault = answer(status, b"no document").fault()
    assert type(fault) is error
    assert getattr(fault, "banned", None) is banned


def test_text_with_a_status_of_refusal_is_judged_by_the_status() -> None:
    with pytest.raises(SourceUnreachable) as caught:
        answer(429, b"slow down", retry_after="30").json()
    assert caught.value.banned
    assert caught.value.retry_after == timedelta(seconds=30)


async def test_retry_after_in_seconds_arrives_in_the_error(asking: Asking) -> None:
    asking.fake.fail(serving.too_many_requests(120), times=1)
    fault = (await asking()).fault()
    assert isinstance(fault, SourceUnreachable)
    assert fault.retry_after == timedelta(minutes=2)
    assert (await asking()).retry_after is None


async def test_retry_after_as_a_date_is_read_against_the_vendors_clock(asking: Asking) -> None:
    asking.fake.date_offset = timedelta(hours=1)
    until = format_datetime(NOW + timedelta(hours=1, minutes=5), usegmt=True)
    asking.fake.fail(serving.too_many_requests(until))
    assert (await asking()).retry_after == timedelta(minutes=5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", timedelta()),
        (" 90 ", timedelta(seconds=90)),
        ("9" * 400, LONGEST_RETRY_AFTER),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("1.5", None),
        ("\N{ARABIC-INDIC DIGIT THREE}", None),
        ("Sun, 01 Mar 2026 12:00:30 GMT", timedelta(seconds=30)),
        ("Sun, 01 Mar 2026 11:00:00 GMT", timedelta()),
        ("Sun, 01 Mar 2099 11:00:00 GMT", LONGEST_RETRY_AFTER),
        ("Sun, 32 Mar 2026 11:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_or_left_alone(text: str, expected: timedelta | None) -> None:
    assert answer(429, retry_after=text).retry_after == expected


@pytest.mark.parametrize("minutes", [-61, 0, 60])
async def test_the_vendors_clock_is_compared_with_ours(asking: Asking, minutes: int) -> None:
    asking.fake.date_offset = timedelta(minutes=minutes)
    assert (await asking()).clock_offset == timedelta(minutes=minutes)


async def test_without_a_date_nothing_is_said_of_the_clock(asking: Asking) -> None:
    asking.fake.sends_date = False
    assert (await asking()).clock_offset is None


def test_a_stored_copy_says_nothing_of_the_clock() -> None:
    date = "Sun, 01 Mar 2026 11:00:00 GMT"
    assert answer(date=date, age="3600").clock_offset is None
    assert answer(date=date, age="0").clock_offset == timedelta(hours=-1)


async def test_no_error_and_no_repr_tells_the_address(
    asking: Asking, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    asking.fake.fail(serving.connection_reset)
    with pytest.raises(SourceUnreachable) as caught:
        await asking()
    asking.fake.heal()
    assert "topsecret" not in str(caught.value) + repr(caught.value) + caplog.text
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "topsecret" not in repr(await asking())


@given(
    body=st.binary(max_size=40) | st.just(b"[" * 100_000) | st.just(b"9" * 5000),
    status=st.sampled_from([200, 201, 302, 400, 401, 403, 429, 500, 503]),
    retry_after=st.text(max_size=12) | st.datetimes().map(format_datetime),
    date=st.text(max_size=12) | st.datetimes().map(format_datetime),
)
def test_no_answer_raises_anything_but_the_named_errors(
    body: bytes, status: int, retry_after: str, date: str
) -> None:
    got = answer(status, body, retry_after=retry_after, date=date)
    assert isinstance(got.fault(), SourceUnreachable | UnexpectedAnswer)
    assert (got.retry_after or timedelta()) >= timedelta()
    _ = got.clock_offset
    try:
        got.json()
    except (SourceUnreachable, UnexpectedAnswer) as error:
        assert repr(error)  # noqa: PT017 - most bodies raise, some are documents
