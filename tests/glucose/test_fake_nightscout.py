"""The fake Nightscout site speaks as the real one: py-nightscout, unmodified, works against it.

v1 is proved by that outside client. Nothing outside covers v3 and the v1 details below it, so
those tests state what the server's source code does.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from fakes.nightscout import FakeNightscout, Role, entry, finger_stick, iso
from fakes.serving import html_503

NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def site() -> FakeNightscout:
    return FakeNightscout(clock=lambda: NOW)


@pytest.fixture
async def url(site: FakeNightscout) -> AsyncIterator[str]:
    async with site.serving() as served:
        yield served


@pytest.fixture
async def session(url: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(base_url=url) as opened:
        yield opened


def sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def sha512(text: str) -> str:
    return hashlib.sha512(text.encode()).hexdigest()


# --- py-nightscout ---


async def test_py_nightscout_reads_status_and_values(site: FakeNightscout, url: str) -> None:
    nightscout = pytest.importorskip("py_nightscout", reason="py-nightscout is not installed here")
    site.default_role = Role.DENIED
    for minutes in range(12):
        site.put(entry(NOW - minutes * MINUTE, 100 + minutes, delta=1.5))
    site.put(finger_stick(NOW, 300))
    api = nightscout.Api(url, api_secret=site.api_secret)
    status = await api.get_server_status()
    values = await api.get_sgvs()
    assert (status.status, status.apiEnabled, status.settings["units"]) == ("ok", True, "mmol")
    assert [value.sgv for value in values] == list(range(100, 110))
    assert values[0].date == NOW
    assert (values[0].direction, values[0].device) == ("Flat", "share2")


@pytest.mark.parametrize("prefix", ["token="])
async def test_py_nightscout_reads_with_an_access_token(
    site: FakeNightscout, url: str, prefix: str
) -> None:
    nightscout = pytest.importorskip("py_nightscout", reason="py-nightscout is not installed here")
    site.default_role = Role.DENIED
    site.put(entry(NOW, 100, delta=0))
    token = site.add_subject("carer", Role.READABLE)
    assert len(await nightscout.Api(url, api_secret=f"{prefix}{token}").get_sgvs()) == 1


async def test_py_nightscout_raises_its_own_error_for_a_wrong_secret(
    site: FakeNightscout, url: str
) -> None:
    nightscout = pytest.importorskip("py_nightscout", reason="py-nightscout is not installed here")
    with pytest.raises(aiohttp.ClientResponseError) as refused:
        await nightscout.Api(url, api_secret="wrong secret").get_server_status()
    assert refused.value.status == 401
    assert site.bad_logins == 1


async def test_py_nightscout_raises_its_own_errors_for_an_outage_and_reads_on(
    site: FakeNightscout, url: str
) -> None:
    nightscout = pytest.importorskip("py_nightscout", reason="py-nightscout is not installed here")
    api = nightscout.Api(url)
    site.fail(html_503, times=1)
    with pytest.raises(aiohttp.ClientResponseError) as failed:
        await api.get_sgvs()
    assert failed.value.status == 503
    assert await api.get_sgvs() == []


# --- v1, by the server's source code ---


async def answers(
    session: aiohttp.ClientSession,
    *,
    headers: dict[str, str] | None = None,
    params: dict[str, str] | None = None,
) -> int:
    async with session.get("/api/v1/entries.json", headers=headers, params=params) as answer:
        return answer.status


@pytest.mark.parametrize("hashed", [sha1, sha512])
async def test_v1_takes_the_secret_hashed_in_header_or_query(
    site: FakeNightscout, session: aiohttp.ClientSession, hashed: Callable[[str], str]
) -> None:
    site.default_role = Role.DENIED
    secret = hashed(site.api_secret)
    assert await answers(session, headers={"api-secret": secret}) == 200
    assert await answers(session, params={"secret": secret}) == 200


async def test_v1_takes_a_token_as_it_is_hashed_in_the_query_or_as_jwt(
    site: FakeNightscout, session: aiohttp.ClientSession
) -> None:
    site.default_role = Role.DENIED
    token = site.add_subject("Care Giver", Role.READABLE)
    assert token.startswith("caregiver-")
    async with session.get(f"/api/v2/authorization/request/{token}") as answer:
        jwt = (await answer.json())["token"]
    assert await answers(session, headers={"api-secret": token}) == 200
    assert await answers(session, headers={"api-secret": sha1(token)}) == 200
    assert await answers(session, headers={"Authorization": f"Bearer {jwt}"}) == 200
    assert await answers(session, params={"token": token}) == 200
    assert site.bad_logins == 0


async def test_v1_refusal_has_the_servers_body(
    site: FakeNightscout, session: aiohttp.ClientSession
) -> None:
    async with session.get("/api/v1/entries.json", headers={"api-secret": "x"}) as answer:
        assert answer.status == 401
        assert await answer.json() == {
            "status": 401,
            "message": "Unauthorized",
            "description": "Invalid/Missing",
        }


async def rows(session: aiohttp.ClientSession, path: str, **params: str) -> list[dict[str, object]]:
    async with session.get(path, params=params) as answer:
        found = await answer.json()
        assert isinstance(found, list)
        return found


async def test_v1_lists_ten_of_four_days_unless_asked_otherwise(
    site: FakeNightscout, session: aiohttp.ClientSession
) -> None:
    for hours in range(240):
        site.put(entry(NOW - timedelta(hours=hours), 100))
    path = "/api/v1/entries.json"
    assert len(await rows(session, path)) == 10
    assert len(await rows(session, path, count="500")) == 97
    assert len(await rows(session, path, **{"count": "500", "find[date][$gte]": "0"})) == 240
    two = {"find[date][$gte]": "1774740600000", "find[date][$lte]": "1774740600000"}
    assert len(await rows(session, path, **two)) == 1


async def test_v1_filters_by_model_and_shows_current(
    site: FakeNightscout, session: aiohttp.ClientSession
) -> None:
    site.put(entry(NOW - MINUTE, 100))
    site.put(finger_stick(NOW, 90))
    assert [row["type"] for row in await rows(session, "/api/v1/entries/sgv.json")] == ["sgv"]
    assert [row["type"] for row in await rows(session, "/api/v1/entries/mbg.json")] == ["mbg"]
    assert len(await rows(session, "/api/v1/entries/current.json")) == 1


async def test_v1_answers_not_modified(
    site: FakeNightscout, session: aiohttp.ClientSession
) -> None:
    site.put(entry(NOW, 100))
    async with session.get("/api/v1/entries.json") as answer:
        modified = answer.headers["Last-Modified"]
    known = {"If-Modified-Since": modified}
    async with session.get("/api/v1/entries.json", headers=known) as answer:
        assert answer.status == 304


async def test_v1_stores_what_is_posted_once_for_each_time_and_type(
    site: FakeNightscout, session: aiohttp.ClientSession
) -> None:
    site.default_role = Role.READABLE
    sent = [entry(NOW, 100), entry(NOW, 120), finger_stick(NOW, 90)]
    async with session.post("/api/v1/entries", json=sent) as answer:
        assert answer.status == 401
    admin = {"api-secret": sha1(site.api_secret)}
    async with session.post("/api/v1/entries", json=sent, headers=admin) as answer:
        assert answer.status == 200
    found = await rows(session, "/api/v1/entries.json")
    assert sorted((row["type"], row.get("sgv")) for row in found) == [("mbg", None), ("sgv", 120)]
    assert {row["sysTime"] for row in found} == {iso(NOW)}


async def test_v1_verifies_who_asks(site: FakeNightscout, session: aiohttp.ClientSession) -> None:
    admin = {"api-secret": sha1(site.api_secret)}
    async with session.get("/api/v1/verifyauth", headers=admin) as answer:
        assert (await answer.json())["message"]["message"] == "OK"
    async with session.get("/api/v1/verifyauth") as answer:
        assert (await answer.json())["message"]["message"] == "UNAUTHORIZED"


# --- v3, by the server's source code ---


@pytest.fixture
async def bearer(site: FakeNightscout, session: aiohttp.ClientSession) -> dict[str, str]:
    token = site.add_subject("carer", Role.ADMIN)
    async with session.get(f"/api/v2/authorization/request/{token}") as answer:
        handed_out = await answer.json()
    assert handed_out["exp"] - handed_out["iat"] == 8 * 3600
    return {"Authorization": f"Bearer {handed_out['token']}"}


async def test_v3_takes_a_jwt_and_nothing_else(
    site: FakeNightscout, session: aiohttp.ClientSession, bearer: dict[str, str]
) -> None:
    path = "/api/v3/entries"
    secret = {"api-secret": sha1(site.api_secret)}
    async with session.get(path, headers=secret) as answer:
        assert (answer.status, (await answer.json())["message"]) == (
            401,
            "Missing or bad access token or JWT",
        )
    async with session.get(path, headers={"Authorization": "Bearer a.b.c"}) as answer:
        assert (answer.status, (await answer.json())["message"]) == (401, "Bad access token or JWT")
    async with session.get(path, headers=bearer) as answer:
        assert await answer.json() == {"status": 200, "result": []}


async def test_v3_keeps_one_condition_a_field_the_last(
    site: FakeNightscout, session: aiohttp.ClientSession, bearer: dict[str, str]
) -> None:
    for minutes in range(5):
        site.put(entry(NOW - minutes * MINUTE, 100 + minutes))
    both = {"date$gte": "1774744200000", "date$lt": "1774744200000"}
    async with session.get("/api/v3/entries", headers=bearer, params=both) as answer:
        result = (await answer.json())["result"]
    assert [row["sgv"] for row in result] == [104, 103, 102, 101]
    assert {"identifier", "_id"} & set(result[0]) == {"identifier"}


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "many"])
async def test_v3_refuses_limits_out_of_tolerance(
    session: aiohttp.ClientSession, bearer: dict[str, str], limit: str
) -> None:
    params = {"limit": limit}
    async with session.get("/api/v3/entries", headers=bearer, params=params) as answer:
        assert answer.status == 400


async def test_v3_pages_by_sort_limit_skip_and_fields(
    site: FakeNightscout, session: aiohttp.ClientSession, bearer: dict[str, str]
) -> None:
    for minutes in range(5):
        site.put(entry(NOW - minutes * MINUTE, 100 + minutes))
    params = {"sort$desc": "date", "limit": "2", "skip": "1", "fields": "sgv"}
    async with session.get("/api/v3/entries", headers=bearer, params=params) as answer:
        assert (await answer.json())["result"] == [{"sgv": 101}, {"sgv": 102}]
    params["sort"] = "date"
    async with session.get("/api/v3/entries", headers=bearer, params=params) as answer:
        assert answer.status == 400


async def test_v3_stores_and_tells_status_and_last_change(
    site: FakeNightscout, session: aiohttp.ClientSession, bearer: dict[str, str]
) -> None:
    path = "/api/v3/entries"
    row = {**entry(NOW, 100), "app": "test"}
    async with session.post(path, headers=bearer, json={**row, "app": " "}) as answer:
        assert answer.status == 400
    async with session.post(path, headers=bearer, json={**row, "date": 5}) as answer:
        assert answer.status == 400
    async with session.post(path, headers=bearer, json=row) as answer:
        assert answer.status == 201
    async with session.get("/api/v3/lastModified", headers=bearer) as answer:
        assert (await answer.json())["result"]["collections"] == {"entries": 1774744200000}
    async with session.get("/api/v3/status", headers=bearer) as answer:
        status = (await answer.json())["result"]
    assert status["apiPermissions"] == {"entries": "r"}
    assert "settings" not in status


async def test_pass_runs_out_by_the_sites_clock(session: aiohttp.ClientSession) -> None:
    now = [NOW]
    site = FakeNightscout(clock=lambda: now[0])
    token = site.add_subject("carer", Role.READABLE)
    async with site.serving() as url:
        async with session.get(f"{url}/api/v2/authorization/request/{token}") as answer:
            jwt = (await answer.json())["token"]
        now[0] = NOW + timedelta(hours=8)
        bearer = {"Authorization": f"Bearer {jwt}"}
        async with session.get(f"{url}/api/v3/entries", headers=bearer) as answer:
            assert answer.status == 401
