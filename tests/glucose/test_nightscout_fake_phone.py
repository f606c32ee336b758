"""What the fake phone servers say beyond what the account asks them.

No outside client covers these servers: the fake is kept honest by their source code alone.
"""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from fakes.phone_server import App, FakePhone

NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=list(App), ids=lambda app: app.name)
def phone(request: pytest.FixtureRequest) -> FakePhone:
    listing = FakePhone(request.param, clock=lambda: NOW)
    for minutes in range(1100):
        listing.put(NOW - minutes * MINUTE, 100)
    return listing


async def raw(url: str, *lines: str) -> bytes:
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write("\r\n".join([*lines, "", ""]).encode())
    answer = await reader.read()
    writer.close()
    return answer


async def rows(url: str, path: str) -> list[dict[str, object]]:
    async with aiohttp.ClientSession() as session, session.get(f"{url}{path}") as answer:
        assert answer.status == 200
        found = await answer.json()
        assert isinstance(found, list)
        return found


async def test_xdrip_answers_http_1_0_with_bare_line_feeds() -> None:
    async with FakePhone(App.XDRIP, clock=lambda: NOW).serving() as url:
        answer = await raw(url, "GET /sgv.json HTTP/1.1", "Host: phone")
    assert answer.startswith(b"HTTP/1.0 200 OK\nDate: Sun, 29 Mar 2026 00:30:00 GMT\n")
    assert answer.endswith(b"\n\n[]")
    assert b"\r" not in answer


async def test_juggluco_tells_no_date_and_an_empty_object() -> None:
    async with FakePhone(App.JUGGLUCO, clock=lambda: NOW).serving() as url:
        answer = await raw(url, "GET /sgv.json HTTP/1.1", "Host: phone")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Date" not in answer
    assert answer.endswith(b"\r\n\r\n{}\n")


async def test_juggluco_compares_header_names_letter_by_letter_and_xdrip_does_not() -> None:
    digest = hashlib.sha1(b"secret", usedforsecurity=False).hexdigest()
    asked = ("GET /sgv.json HTTP/1.1", f"API-Secret: {digest}")
    async with FakePhone(App.JUGGLUCO, secret="secret").serving() as url:
        assert (await raw(url, *asked)).startswith(b"HTTP/1.1 403 Forbidden")
    async with FakePhone(App.XDRIP, secret="secret").serving() as url:
        assert (await raw(url, *asked)).startswith(b"HTTP/1.0 200")


async def test_24_rows_newest_first_unless_asked_otherwise(phone: FakePhone) -> None:
    async with phone.serving() as url:
        found = await rows(url, "/sgv.json")
        assert len(found) == 24
        assert found == await rows(url, "/api/v1/entries/sgv.json")
        assert len(await rows(url, "/sgv.json?count=3")) == 3
        assert len(await rows(url, "/sgv.json?count=many")) == 24
    assert found[0]["date"] == 1774744200000
    assert [row.get("units_hint") for row in found[:2]] == ["mgdl", None]


@pytest.mark.parametrize(("app", "listed"), [(App.XDRIP, 1000), (App.JUGGLUCO, 1100)])
async def test_only_xdrip_ends_at_1000(app: App, listed: int) -> None:
    phone = FakePhone(app, clock=lambda: NOW)
    for minutes in range(1100):
        phone.put(NOW - minutes * MINUTE, 100)
    async with phone.serving() as url:
        assert len(await rows(url, "/sgv.json?count=2000")) == listed


async def test_brief_mode_trims_and_no_empty_empties(phone: FakePhone) -> None:
    async with phone.serving() as url:
        (row,) = await rows(url, "/sgv.json?count=1&brief_mode=Y")
        phone.clock = lambda: NOW - timedelta(days=9)
        empty = await raw(url, "GET /sgv.json?no_empty=Y HTTP/1.1", "Host: phone")
    assert set(row) == {"date", "sgv", "delta", "direction", "noise", "units_hint"}
    assert b"Content-Length: 0" in empty


async def test_without_an_active_sensor_only_all_data_lists() -> None:
    phone = FakePhone(App.XDRIP, clock=lambda: NOW)
    phone.put(NOW, 100)
    phone.active_sensor = False
    async with phone.serving() as url:
        assert await rows(url, "/sgv.json") == []
        assert len(await rows(url, "/sgv.json?all_data=Y")) == 1


async def test_status_and_unknown_paths(phone: FakePhone) -> None:
    unknown = {App.XDRIP: 404, App.JUGGLUCO: 400}
    async with phone.serving() as url, aiohttp.ClientSession() as session:
        async with session.get(f"{url}/status.json") as answer:
            assert (await answer.json())["settings"]["thresholds"] == {"bgHigh": 170, "bgLow": 70}
        async with session.get(f"{url}/api/v3/entries") as answer:
            assert answer.status == unknown[phone.app]
