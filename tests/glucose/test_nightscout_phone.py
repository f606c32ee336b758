"""Nightscout account against the phone servers of xDrip+ and Juggluco, over real HTTP.

No outside client covers these servers: the fake is kept honest by their source code alone.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from fakes.hand_clock import Elapsed
from fakes.phone_server import App, FakePhone
from glucose.errors import CredentialsRejected, SourceUnreachable, UnexpectedAnswer
from glucose.reading import Bound, Kind
from glucose.sources.nightscout import Api, NightscoutAccount, NightscoutSettings
from glucose.trend import Trend

NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECRET = "phone secret"
SOURCE = "phone-1"


@pytest.fixture(params=list(App), ids=lambda app: app.name)
def phone(request: pytest.FixtureRequest) -> FakePhone:
    return FakePhone(request.param, secret=SECRET, clock=lambda: NOW)


@pytest.fixture
def xdrip() -> FakePhone:
    return FakePhone(App.XDRIP, secret=SECRET, clock=lambda: NOW)


@pytest.fixture
def juggluco() -> FakePhone:
    return FakePhone(App.JUGGLUCO, secret=SECRET, clock=lambda: NOW)


def account(
    url: str, session: aiohttp.ClientSession, elapsed: Elapsed, *, secret: str = SECRET
) -> NightscoutAccount:
    settings = NightscoutSettings(url=url, secret=secret, api=Api.PHONE)
    return NightscoutAccount(settings, session, lambda: NOW, elapsed)


async def test_reads_back_to_since_and_no_further(
    phone: FakePhone, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    for minutes in range(0, 120, 5):
        phone.put(NOW - minutes * MINUTE, 100 + minutes)
    async with phone.serving() as url:
        source = account(url, session, elapsed)
        (wearer,) = await source.wearers()
        answer = await source.readings(wearer.id, SOURCE, NOW - 30 * MINUTE)
    assert [reading.mg_dl for reading in answer.readings] == [130, 125, 120, 115, 110, 105, 100]
    assert answer.readings[-1].time == NOW
    assert {reading.series for reading in answer.readings} == {"sgv"}
    assert {reading.kind for reading in answer.readings} == {Kind.CGM}
    assert answer.refused == 0
    assert len(phone.log) == 2


async def test_secret_goes_as_sha1_under_a_lower_case_name(
    phone: FakePhone, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    async with phone.serving() as url:
        await account(url, session, elapsed).wearers()
    digest = hashlib.sha1(SECRET.encode(), usedforsecurity=False).hexdigest()
    assert phone.log[0].headers["api-secret"] == digest
    assert SECRET not in str(phone.log[0].query)


async def test_one_minute_readings_cost_more_requests_and_lose_none(
    phone: FakePhone, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    for minutes in range(700):
        phone.put(NOW - minutes * MINUTE, 100)
    async with phone.serving() as url:
        source = account(url, session, elapsed)
        (wearer,) = await source.wearers()
        phone.log.clear()
        answer = await source.readings(wearer.id, SOURCE, NOW - 600 * MINUTE)
    assert len(answer.readings) == 601
    assert len(phone.log) <= 3


async def test_longer_outage_than_the_phone_tells_ends_at_its_thousand(
    xdrip: FakePhone, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    for minutes in range(1500):
        xdrip.put(NOW - minutes * MINUTE, 100)
    async with xdrip.serving() as url:
        source = account(url, session, elapsed)
        (wearer,) = await source.wearers()
        xdrip.log.clear()
        answer = await source.readings(wearer.id, SOURCE, NOW - timedelta(days=4))
    assert len(answer.readings) == 1000
    assert answer.readings[0].time == NOW - 999 * MINUTE
    assert [request.query["count"] for request in xdrip.log] == ["1000"]


async def test_late_reading_is_found_when_the_window_is_read_again(
    phone: FakePhone, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    now = [NOW]
    phone.clock = lambda: now[0]
    phone.put(NOW, 100)
    phone.put(NOW - 5 * MINUTE, 110, visible_at=NOW + 20 * MINUTE)
    async with phone.serving() as url:
        source = account(url, session, elapsed)
        (wearer,) = await source.wearers()
        before = await source.readings(wearer.id, SOURCE, NOW - 60 * MINUTE)
        now[0] = NOW + 21 * MINUTE
        after = await source.readings(wearer.id, SOURCE, NOW - 60 * MINUTE)
    assert [reading.mg_dl for reading in before.readings] == [100]
    assert [reading.mg_dl for reading in after.readings] == [110, 100]


async def test_sensor_before_is_still_listed_without_an_active_one(
    xdrip: FakePhone, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    xdrip.put(NOW, 100)
    xdrip.active_sensor = False
    async with xdrip.serving() as url:
        source = account(url, session, elapsed)
        (wearer,) = await source.wearers()
        answer = await source.readings(wearer.id, SOURCE, NOW - 60 * MINUTE)
    assert len(answer.readings) == 1


@pytest.mark.parametrize("no_body", [False, True])
async def test_nothing_to_give_is_no_fault(
    phone: FakePhone, session: aiohttp.ClientSession, elapsed: Elapsed, no_body: bool
) -> None:
    phone.empty_is_no_body = no_body
    async with phone.serving() as url:
        source = account(url, session, elapsed)
        (wearer,) = await source.wearers()
        empty = await source.readings(wearer.id, SOURCE, NOW - 60 * MINUTE)
        phone.put(NOW, 99)
        filled = await source.readings(wearer.id, SOURCE, NOW - 60 * MINUTE)
    assert empty.readings == ()
    assert empty.refused == 0
    assert len(filled.readings) == 1


async def test_wrong_secret_is_sent_once_until_the_guard_allows_another(
    phone: FakePhone, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    phone.put(NOW, 100)
    async with phone.serving() as url:
        source = account(url, session, elapsed, secret="wrong")
        with pytest.raises(CredentialsRejected) as refused:
            await source.wearers()
        assert not refused.value.confirmed
        with pytest.raises(CredentialsRejected):
            await source.wearers()
        assert phone.bad_logins == 1
        phone.secret = "wrong"
        elapsed.seconds += 601
        (wearer,) = await source.wearers()
        answer = await source.readings(wearer.id, SOURCE, NOW - 60 * MINUTE)
    assert len(answer.readings) == 1
    assert phone.bad_logins == 1


async def test_xdrip_without_a_secret_refuses_every_secret(
    xdrip: FakePhone, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    xdrip.secret = ""
    async with xdrip.serving() as url:
        with pytest.raises(CredentialsRejected, match="wants none"):
            await account(url, session, elapsed).wearers()
        assert await account(url, session, elapsed, secret="").wearers()


async def test_open_phone_is_read_without_a_secret(
    phone: FakePhone, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    phone.secret = ""
    phone.put(NOW, 100)
    async with phone.serving() as url:
        source = account(url, session, elapsed, secret="")
        (wearer,) = await source.wearers()
        answer = await source.readings(wearer.id, SOURCE, NOW - MINUTE)
    assert len(answer.readings) == 1
    assert "api-secret" not in phone.log[0].headers


async def test_xdrips_clamp_and_error_are_no_numbers(
    xdrip: FakePhone, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    for minutes, mg_dl in enumerate([38, 39, 40, 399, 400]):
        xdrip.put(NOW - (9 - minutes) * MINUTE, mg_dl, device="Medtrum A6")
    async with xdrip.serving() as url:
        source = account(url, session, elapsed)
        (wearer,) = await source.wearers()
        answer = await source.readings(wearer.id, SOURCE, NOW - 9 * MINUTE)
    assert [(reading.mg_dl, reading.bound) for reading in answer.readings] == [
        (39, Bound.LOW),
        (40, None),
        (399, None),
        (400, Bound.HIGH),
    ]
    assert answer.refused == 1


async def test_juggluco_reads_420_as_a_number(
    juggluco: FakePhone, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    juggluco.units_hint = "mmol"
    for minutes, mg_dl in enumerate([39, 400, 420, 500]):
        juggluco.put(NOW - (9 - minutes) * MINUTE, mg_dl)
    async with juggluco.serving() as url:
        source = account(url, session, elapsed)
        (wearer,) = await source.wearers()
        answer = await source.readings(wearer.id, SOURCE, NOW - 9 * MINUTE)
    assert [(reading.mg_dl, reading.bound) for reading in answer.readings] == [
        (39, Bound.LOW),
        (400, Bound.HIGH),
        (420, None),
        (500, Bound.HIGH),
    ]


async def test_clock_of_xdrip_is_compared_with_ours_and_juggluco_tells_none(
    xdrip: FakePhone, juggluco: FakePhone, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    xdrip.date_offset = timedelta(hours=1)
    xdrip.put(NOW, 100, direction="NOT COMPUTABLE")
    async with xdrip.serving() as url:
        source = account(url, session, elapsed)
        (wearer,) = await source.wearers()
        answer = await source.readings(wearer.id, SOURCE, NOW)
    assert answer.clock_offset == timedelta(hours=1)
    assert answer.readings[0].trend is Trend.NONE
    async with juggluco.serving() as url:
        source = account(url, session, elapsed)
        (wearer,) = await source.wearers()
        answer = await source.readings(wearer.id, SOURCE, NOW)
    assert answer.clock_offset is None


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        pytest.param(b"", SourceUnreachable, id="closed"),
        pytest.param(b"HTTP/1.0 500 Internal Server Error\n\n", SourceUnreachable, id="500"),
        pytest.param(
            b"HTTP/1.0 200 OK\nContent-Length: 18\n\n<html>hello</html>",
            SourceUnreachable,
            id="page",
        ),
        pytest.param(
            b'HTTP/1.0 200 OK\nContent-Length: 9\n\n[{"sgv":1', UnexpectedAnswer, id="truncated"
        ),
        pytest.param(
            b'HTTP/1.0 200 OK\nContent-Length: 9\n\n{"sgv":1}', UnexpectedAnswer, id="no list"
        ),
        pytest.param(
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", UnexpectedAnswer, id="404"
        ),
        pytest.param(
            b"HTTP/1.0 200 OK\nContent-Length: 99\n\n[]", SourceUnreachable, id="broken off"
        ),
    ],
)
async def test_fault_is_an_error_and_the_next_poll_reads_on(
    phone: FakePhone,
    session: aiohttp.ClientSession,
    elapsed: Elapsed,
    raw: bytes,
    error: type[Exception],
) -> None:
    phone.put(NOW, 100)
    async with phone.serving() as url:
        source = account(url, session, elapsed)
        (wearer,) = await source.wearers()
        phone.raw_answer = raw
        with pytest.raises(error):
            await source.readings(wearer.id, SOURCE, NOW)
        phone.raw_answer = None
        answer = await source.readings(wearer.id, SOURCE, NOW)
    assert len(answer.readings) == 1


async def test_vanished_phone_is_unreachable(
    phone: FakePhone, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    async with phone.serving() as url:
        source = account(url, session, elapsed)
    with pytest.raises(SourceUnreachable):
        await source.wearers()


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


async def test_phones_echo_of_the_secret_reaches_no_log_and_no_error(
    juggluco: FakePhone,
    session: aiohttp.ClientSession,
    elapsed: Elapsed,
    everything_logged: pytest.LogCaptureFixture,
) -> None:
    digest = hashlib.sha1(b"wrong", usedforsecurity=False).hexdigest()
    async with juggluco.serving() as url:
        source = account(url, session, elapsed, secret="wrong")
        with pytest.raises(CredentialsRejected) as refused:
            await source.wearers()
    said = f"{refused.value!r} {source!r} {everything_logged.text}"
    assert digest not in said
    assert url not in said
