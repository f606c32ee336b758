"""Nightscout account over API v3.

No outside client covers v3: the fake is kept honest by the server's source code alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given, settings, strategies as st

from fakes.nightscout import FakeNightscout, Role, entry, finger_stick
from fakes.serving import Fault, Handler, html_503, status, too_many_requests, truncated_json
from glucose.errors import (
    CredentialsRejected,
    GlucoseError,
    SourceUnreachable,
    UnexpectedAnswer,
)
from glucose.reading import Kind
from glucose.sources.nightscout import Api, NightscoutAccount, NightscoutSettings
from glucose.sources.nightscout_v3 import pass_of

NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PASS = "/api/v2/authorization/request/"
ENTRIES = "/api/v3/entries"
SOURCE = "site-1"


class Time:
    """One hand for both clocks, and for the site's."""

    def __init__(self) -> None:
        self.passed = timedelta(0)

    def now(self) -> datetime:
        return NOW + self.passed

    def elapsed(self) -> float:
        return 1000.0 + self.passed.total_seconds()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def site(time: Time) -> FakeNightscout:
    closed = FakeNightscout(clock=time.now)
    closed.default_role = Role.DENIED
    return closed


@pytest.fixture
def token(site: FakeNightscout) -> str:
    return site.add_subject("Care Giver", Role.READABLE)


@pytest.fixture
async def url(site: FakeNightscout) -> AsyncIterator[str]:
    async with site.serving() as served:
        yield served


def account(
    url: str, session: aiohttp.ClientSession, time: Time, token: str, *, page_size: int = 1000
) -> NightscoutAccount:
    return NightscoutAccount(
        NightscoutSettings(url=url, secret=token, api=Api.V3),
        session,
        time.now,
        time.elapsed,
        page_size=page_size,
    )


@pytest.fixture
def source(url: str, session: aiohttp.ClientSession, time: Time, token: str) -> NightscoutAccount:
    return account(url, session, time, token)


@pytest.fixture
def wearer(url: str) -> str:
    return NightscoutSettings(url=url).site_id


async def test_reads_sgv_and_mbg_with_one_pass_for_all_requests(
    site: FakeNightscout, source: NightscoutAccount
) -> None:
    site.put(entry(NOW - 5 * MINUTE, 110))
    site.put(entry(NOW, 100))
    site.put(finger_stick(NOW, 95))
    (wearer,) = await source.wearers()
    answer = await source.readings(wearer.id, SOURCE, NOW - 60 * MINUTE)
    assert [(reading.mg_dl, reading.kind) for reading in answer.readings] == [
        (110, Kind.CGM),
        (100, Kind.CGM),
        (95, Kind.METER),
    ]
    assert answer.clock_offset == timedelta(0)
    assert len(site.asked(PASS)) == 1
    assert site.bad_logins == 0


async def test_no_field_is_given_two_conditions(
    site: FakeNightscout, source: NightscoutAccount, wearer: str
) -> None:
    for minutes in range(5):
        site.put(entry(NOW - minutes * MINUTE, 100))
    await source.readings(wearer, SOURCE, NOW - 60 * MINUTE)
    (asked,) = site.asked(ENTRIES)
    assert sorted(asked.query) == ["date$gte", "limit", "sort"]


async def test_softly_deleted_rows_stay_hidden(
    site: FakeNightscout, source: NightscoutAccount, wearer: str
) -> None:
    site.put(entry(NOW, 100))
    site.delete_softly(site.put(entry(NOW - MINUTE, 300)))
    answer = await source.readings(wearer, SOURCE, NOW - 60 * MINUTE)
    assert [reading.mg_dl for reading in answer.readings] == [100]
    assert answer.refused == 0


async def test_four_days_of_one_minute_readings_come_whole_over_several_pages(
    site: FakeNightscout, source: NightscoutAccount, wearer: str
) -> None:
    for minutes in range(4 * 24 * 60 + 600):
        site.put(entry(NOW - minutes * MINUTE, 100))
    answer = await source.readings(wearer, SOURCE, NOW - timedelta(days=4))
    assert len(answer.readings) == 4 * 24 * 60 + 1
    assert len(site.asked(ENTRIES)) == 6


@settings(max_examples=40, deadline=None)
@given(
    moments=st.lists(
        st.tuples(st.integers(0, 20), st.sampled_from(["sgv", "mbg"])), max_size=30, unique=True
    ),
    page_size=st.integers(1, 9),
)
async def test_any_entries_at_any_page_size_come_exactly_once(
    moments: list[tuple[int, str]], page_size: int
) -> None:
    time = Time()
    site = FakeNightscout(clock=time.now)
    token = site.add_subject("carer", Role.READABLE)
    make = {"sgv": entry, "mbg": finger_stick}
    for minutes, kind in moments:
        site.put(make[kind](NOW - minutes * MINUTE, 100 + minutes))
    async with site.serving() as url, aiohttp.ClientSession() as session:
        source = account(url, session, time, token, page_size=page_size)
        (wearer,) = await source.wearers()
        site.log.clear()
        answer = await source.readings(wearer.id, SOURCE, NOW - 20 * MINUTE)
    assert Counter((reading.time, reading.series) for reading in answer.readings) == Counter(
        (NOW - minutes * MINUTE, kind) for minutes, kind in moments
    )
    assert len(site.log) <= 2 + 4 * len(moments)


async def test_server_deaf_to_dates_does_not_run_away(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, time: Time, token: str
) -> None:
    site.ignores_date_bounds = True
    for minutes in range(50):
        site.put(entry(NOW - minutes * MINUTE, 100))
    source = account(url, session, time, token, page_size=10)
    (wearer,) = await source.wearers()
    site.log.clear()
    answer = await source.readings(wearer.id, SOURCE, NOW - 30 * MINUTE)
    assert len(answer.readings) == 31
    assert len(site.log) <= 7


async def test_more_rows_of_one_moment_than_v3_lists_is_told_not_cut(
    site: FakeNightscout, source: NightscoutAccount, wearer: str
) -> None:
    for _ in range(1001):
        site.put(entry(NOW, 100))
    with pytest.raises(UnexpectedAnswer):
        await source.readings(wearer, SOURCE, NOW - MINUTE)


async def test_pass_is_renewed_before_it_runs_out(
    site: FakeNightscout, source: NightscoutAccount, wearer: str, time: Time
) -> None:
    site.put(entry(NOW, 100))
    site.pass_seconds = 3600
    for _ in range(25):
        assert (await source.readings(wearer, SOURCE, NOW)).readings
        time.passed += 5 * MINUTE
    assert len(site.asked(PASS)) == 3
    assert site.bad_logins == 0


async def test_pass_that_the_site_forgot_is_renewed_once_and_the_question_repeated(
    site: FakeNightscout, source: NightscoutAccount, wearer: str
) -> None:
    site.put(entry(NOW, 100))
    await source.wearers()
    site.restart()
    assert (await source.readings(wearer, SOURCE, NOW)).readings
    assert len(site.asked(PASS)) == 2
    assert site.bad_logins == 1


async def test_site_that_takes_no_pass_is_not_asked_for_ever(
    site: FakeNightscout, source: NightscoutAccount, wearer: str
) -> None:
    await source.wearers()
    site.fail(status(401), path=ENTRIES)
    site.log.clear()
    with pytest.raises(CredentialsRejected):
        await source.readings(wearer, SOURCE, NOW)
    assert len(site.log) == 3
    with pytest.raises(CredentialsRejected):
        await source.readings(wearer, SOURCE, NOW)
    assert len(site.log) == 3


async def test_unknown_token_is_sent_once_until_the_guard_allows_another(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, time: Time
) -> None:
    source = account(url, session, time, "carer-ffffffffffffffff")
    for _ in range(3):
        with pytest.raises(CredentialsRejected):
            await source.wearers()
    assert len(site.log) == 1


async def test_token_withdrawn_and_given_back(
    site: FakeNightscout, source: NightscoutAccount, wearer: str, time: Time
) -> None:
    site.put(entry(NOW, 100))
    assert (await source.readings(wearer, SOURCE, NOW)).readings
    site.fail(status(401))
    with pytest.raises(CredentialsRejected):
        await source.readings(wearer, SOURCE, NOW)
    site.heal()
    time.passed += 11 * MINUTE
    assert (await source.readings(wearer, SOURCE, NOW)).readings


async def test_token_that_may_read_the_status_only_is_refused(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, time: Time
) -> None:
    token = site.add_subject("status", Role.STATUS_READABLE)
    with pytest.raises(CredentialsRejected, match="may not read entries"):
        await account(url, session, time, token).wearers()


async def test_two_who_ask_at_once_cause_one_login(
    site: FakeNightscout, source: NightscoutAccount, wearer: str
) -> None:
    await asyncio.gather(*(source.readings(wearer, SOURCE, NOW) for _ in range(5)))
    assert len(site.asked(PASS)) == 1


async def test_our_clock_far_off_wears_out_no_pass(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, time: Time, token: str
) -> None:
    settings = NightscoutSettings(url=url, secret=token, api=Api.V3)
    wrong = NightscoutAccount(
        settings, session, lambda: time.now() + timedelta(days=400), time.elapsed
    )
    (wearer,) = await wrong.wearers()
    answer = await wrong.readings(wearer.id, SOURCE, NOW)
    assert len(site.asked(PASS)) == 1
    assert answer.clock_offset == timedelta(days=-400)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (html_503, SourceUnreachable),
        (too_many_requests(30), SourceUnreachable),
        (truncated_json, UnexpectedAnswer),
        (status(400), UnexpectedAnswer),
    ],
)
@pytest.mark.parametrize("path", [PASS, ENTRIES])
async def test_fault_is_an_error_and_the_next_poll_reads_on(
    site: FakeNightscout,
    source: NightscoutAccount,
    wearer: str,
    fault: Fault,
    error: type[GlucoseError],
    path: str,
) -> None:
    site.put(entry(NOW, 100))
    site.fail(fault, path=path, times=1)
    with pytest.raises(error):
        await source.readings(wearer, SOURCE, NOW)
    assert len((await source.readings(wearer, SOURCE, NOW)).readings) == 1


@pytest.mark.parametrize("document", [[], {}, {"token": 5}, {"token": "a b"}, {"token": "é"}, None])
async def test_pass_that_is_none_is_unexpected(
    site: FakeNightscout, source: NightscoutAccount, document: object
) -> None:
    async def odd(_request: web.Request, _handler: Handler) -> web.StreamResponse:
        return web.json_response(document)

    site.fail(odd, path=PASS, times=1)
    with pytest.raises(UnexpectedAnswer, match="JWT"):
        await source.wearers()
    assert await source.wearers()


@pytest.mark.parametrize("document", [[], {"status": 200}, {"status": 200, "result": {}}])
async def test_entries_of_another_shape_are_unexpected(
    site: FakeNightscout, source: NightscoutAccount, wearer: str, document: object
) -> None:
    async def odd(_request: web.Request, _handler: Handler) -> web.StreamResponse:
        return web.json_response(document)

    site.fail(odd, path=ENTRIES, times=1)
    with pytest.raises(UnexpectedAnswer):
        await source.readings(wearer, SOURCE, NOW)
    assert (await source.readings(wearer, SOURCE, NOW)).readings == ()


@pytest.mark.parametrize(
    "life", [{}, {"iat": "1", "exp": 2}, {"iat": 5, "exp": 5}, {"iat": 0, "exp": 10**400}]
)
def test_pass_with_a_senseless_life_is_used_until_refused(life: dict[str, object]) -> None:
    assert pass_of({"token": "a.b.c", **life}, 0.0).good_until is None


def test_pass_lives_by_the_sites_clock_less_a_minute() -> None:
    handed_out = pass_of({"token": "a.b.c", "iat": 10**9, "exp": 10**9 + 600}, 50.0)
    assert handed_out.is_good(589.0)
    assert not handed_out.is_good(590.0)
    assert "a.b.c" not in repr(handed_out)


@pytest.mark.parametrize("path", [PASS, ENTRIES])
@pytest.mark.parametrize("fault", [status(401), status(404), html_503])
async def test_token_pass_and_address_are_in_no_log_no_error_and_no_repr(
    site: FakeNightscout,
    url: str,
    token: str,
    source: NightscoutAccount,
    caplog: pytest.LogCaptureFixture,
    path: str,
    fault: Fault,
) -> None:
    with caplog.at_level(logging.DEBUG):
        site.fail(fault, path=path)
        with pytest.raises(GlucoseError) as failed:
            await source.wearers()
    said = f"{failed.value!r} {failed.value.__cause__!r} {source!r} {caplog.text}"
    assert token not in said
    assert "eyJ" not in said
    assert url not in said
