"""Nightscout account over API v1, against a fake site that py-nightscout keeps honest."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone

import aiohttp
import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings, strategies as st

from fakes.hand_clock import Elapsed
from fakes.nightscout import FakeNightscout, Role, entry, finger_stick
from fakes.serving import (
    Fault,
    Handler,
    broken_off,
    connection_reset,
    empty_body,
    html_200,
    html_503,
    html_attention_required,
    status,
    too_many_requests,
    truncated_json,
)
from glucose.errors import CredentialsRejected, GlucoseError, SourceUnreachable, UnexpectedAnswer
from glucose.reading import Bound, Kind
from glucose.sources.nightscout import NightscoutAccount, NightscoutSettings

NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ENTRIES = "/api/v1/entries.json"
SOURCE = "site-1"


@pytest.fixture
def site() -> FakeNightscout:
    return FakeNightscout(clock=lambda: NOW)


@pytest.fixture
async def url(site: FakeNightscout) -> AsyncIterator[str]:
    async with site.serving() as served:
        yield served


def account(
    url: str,
    session: aiohttp.ClientSession,
    elapsed: Elapsed,
    *,
    secret: str = "",
    refused: bool = False,
    page_size: int = 1000,
) -> NightscoutAccount:
    return NightscoutAccount(
        NightscoutSettings(url=url, secret=secret),
        session,
        lambda: NOW,
        elapsed,
        refused=refused,
        page_size=page_size,
    )


async def test_account_shows_its_one_wearer_under_a_stable_id(
    url: str, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    (wearer,) = await account(url, session, elapsed).wearers()
    assert wearer.id == NightscoutSettings(url=f"{url}/api/v1/").site_id
    assert wearer.name == ""


async def test_sgv_and_mbg_are_told_apart_and_calibrations_left_out(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    site.put(entry(NOW, 39, direction="DoubleDown"))
    site.put(finger_stick(NOW, 51))
    site.put({"type": "cal", "slope": 850, "date": 1774744200000, "device": "share2"})
    site.put(entry(NOW - 5 * MINUTE, 2))
    source = account(url, session, elapsed)
    (wearer,) = await source.wearers()
    answer = await source.readings(wearer.id, SOURCE, NOW - 60 * MINUTE)
    low, stick = answer.readings
    assert (low.kind, low.series, low.mg_dl, low.bound) == (Kind.CGM, "sgv", 39, Bound.LOW)
    assert (stick.kind, stick.series, stick.mg_dl, stick.bound) == (Kind.METER, "mbg", 51, None)
    assert {reading.source for reading in answer.readings} == {SOURCE}
    assert answer.refused == 1


async def test_four_days_of_one_minute_readings_come_whole_over_several_pages(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    for minutes in range(4 * 24 * 60 + 600):
        site.put(entry(NOW - minutes * MINUTE, 100 + minutes % 90))
    source = account(url, session, elapsed)
    (wearer,) = await source.wearers()
    site.log.clear()
    answer = await source.readings(wearer.id, SOURCE, NOW - timedelta(days=4))
    assert len(answer.readings) == 4 * 24 * 60 + 1
    assert answer.readings[0].time == NOW - timedelta(days=4)
    assert answer.readings[-1].time == NOW
    assert len(site.log) == 6


async def test_older_than_the_servers_four_days_is_found(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    site.put(entry(NOW - timedelta(days=30), 100))
    source = account(url, session, elapsed)
    (wearer,) = await source.wearers()
    answer = await source.readings(wearer.id, SOURCE, NOW - timedelta(days=31))
    assert len(answer.readings) == 1


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    moments=st.lists(
        st.tuples(st.integers(0, 20), st.sampled_from(["sgv", "mbg"])), max_size=30, unique=True
    ),
    page_size=st.integers(1, 9),
)
async def test_any_entries_at_any_page_size_come_exactly_once(
    elapsed: Elapsed, moments: list[tuple[int, str]], page_size: int
) -> None:
    site = FakeNightscout(clock=lambda: NOW)
    make = {"sgv": entry, "mbg": finger_stick}
    for minutes, kind in moments:
        site.put(make[kind](NOW - minutes * MINUTE, 100 + minutes))
    async with site.serving() as url, aiohttp.ClientSession() as session:
        source = account(url, session, elapsed, page_size=page_size)
        (wearer,) = await source.wearers()
        site.log.clear()
        answer = await source.readings(wearer.id, SOURCE, NOW - 20 * MINUTE)
    assert Counter((reading.time, reading.series) for reading in answer.readings) == Counter(
        (NOW - minutes * MINUTE, kind) for minutes, kind in moments
    )
    assert list(answer.readings) == sorted(answer.readings, key=lambda r: (r.time, r.kind))
    assert len(site.log) <= 2 + 4 * len(moments)


async def test_server_deaf_to_dates_does_not_run_away(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    site.ignores_date_bounds = True
    for minutes in range(50):
        site.put(entry(NOW - minutes * MINUTE, 100))
    source = account(url, session, elapsed, page_size=10)
    (wearer,) = await source.wearers()
    site.log.clear()
    answer = await source.readings(wearer.id, SOURCE, NOW - 30 * MINUTE)
    assert len(answer.readings) == 31
    assert len(site.log) <= 7


async def test_trailing_window_read_again_brings_what_came_late(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    now = [NOW]
    site.clock = lambda: now[0]
    site.put(entry(NOW, 100))
    site.put(entry(NOW - 5 * MINUTE, 110), visible_at=NOW + 20 * MINUTE)
    source = account(url, session, elapsed)
    (wearer,) = await source.wearers()
    before = await source.readings(wearer.id, SOURCE, NOW - 60 * MINUTE)
    now[0] = NOW + 21 * MINUTE
    after = await source.readings(wearer.id, SOURCE, NOW - 60 * MINUTE)
    assert [reading.mg_dl for reading in before.readings] == [100]
    assert [reading.mg_dl for reading in after.readings] == [110, 100]


async def test_reading_ahead_of_our_clock_is_handed_on(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    site.put(entry(NOW + timedelta(hours=1), 100))
    source = account(url, session, elapsed)
    (wearer,) = await source.wearers()
    answer = await source.readings(wearer.id, SOURCE, NOW)
    assert [reading.time for reading in answer.readings] == [NOW + timedelta(hours=1)]


async def test_since_may_be_in_any_zone(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    site.put(entry(NOW, 100))
    site.put(entry(NOW - MINUTE, 100))
    source = account(url, session, elapsed)
    (wearer,) = await source.wearers()
    since = NOW.astimezone(timezone(timedelta(hours=-8)))
    assert len((await source.readings(wearer.id, SOURCE, since)).readings) == 1
    long_ago = datetime(1, 1, 1, tzinfo=UTC)
    assert len((await source.readings(wearer.id, SOURCE, long_ago)).readings) == 2
    # Nightscout's own earliest date, not a time before the epoch.
    assert site.log[-1].query["find[date][$gte]"] == "946684800000"


async def test_offset_of_the_sites_clock_is_told(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    site.date_offset = timedelta(minutes=-61)
    source = account(url, session, elapsed)
    (wearer,) = await source.wearers()
    answer = await source.readings(wearer.id, SOURCE, NOW)
    assert answer.clock_offset == timedelta(minutes=-61)
    site.sends_date = False
    assert (await source.readings(wearer.id, SOURCE, NOW)).clock_offset is None


async def test_closed_site_opens_to_its_secret_sent_hashed_in_a_header(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    site.default_role = Role.DENIED
    site.put(entry(NOW, 100))
    source = account(url, session, elapsed, secret=site.api_secret)
    (wearer,) = await source.wearers()
    assert len((await source.readings(wearer.id, SOURCE, NOW)).readings) == 1
    digest = hashlib.sha1(site.api_secret.encode(), usedforsecurity=False).hexdigest()
    assert {received.headers["api-secret"] for received in site.log} == {digest}
    assert site.bad_logins == 0


async def test_closed_site_opens_to_an_access_token_that_is_in_no_address(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    site.default_role = Role.DENIED
    token = site.add_subject("Care Giver", Role.READABLE)
    site.put(entry(NOW, 100))
    source = account(url, session, elapsed, secret=token)
    (wearer,) = await source.wearers()
    assert len((await source.readings(wearer.id, SOURCE, NOW)).readings) == 1
    assert token not in "".join(f"{received.path}{received.query}" for received in site.log)


async def test_closed_site_without_a_secret_asks_for_one(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    site.default_role = Role.DENIED
    with pytest.raises(CredentialsRejected):
        await account(url, session, elapsed).wearers()


@pytest.mark.parametrize("default_role", [Role.DENIED, Role.STATUS_READABLE])
async def test_secret_that_opens_the_status_but_not_the_entries_is_refused(
    site: FakeNightscout,
    url: str,
    session: aiohttp.ClientSession,
    elapsed: Elapsed,
    default_role: Role,
) -> None:
    site.default_role = default_role
    token = site.add_subject("status", Role.STATUS_READABLE)
    with pytest.raises(CredentialsRejected, match="entries"):
        await account(url, session, elapsed, secret=token).wearers()


async def test_wrong_secret_is_confirmed_once_then_kept_back_six_hours_and_forgiven(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    site.put(entry(NOW, 100))
    right, site.api_secret = site.api_secret, "changed meanwhile"
    source = account(url, session, elapsed, secret=right)
    wearer = NightscoutSettings(url=url).site_id
    confirmed = []
    # Two hours of polls, every five minutes.
    for _ in range(24):
        with pytest.raises(CredentialsRejected) as refused:
            await source.readings(wearer, SOURCE, NOW)
        confirmed.append(refused.value.confirmed)
        elapsed.seconds += 300
    assert site.bad_logins == 2
    assert len(site.log) == 2
    assert (confirmed[0], confirmed[-1]) == (False, True)
    site.api_secret = right
    elapsed.seconds += 6 * 3600
    assert len((await source.readings(wearer, SOURCE, NOW)).readings) == 1
    assert site.bad_logins == 2


async def test_refusal_known_from_before_a_restart_sends_nothing(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    source = account(url, session, elapsed, secret="wrong", refused=True)
    with pytest.raises(CredentialsRejected) as refused:
        await source.wearers()
    assert refused.value.confirmed
    assert site.log == []


async def test_two_who_ask_at_once_send_a_wrong_secret_once(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    source = account(url, session, elapsed, secret="wrong")
    outcomes = await asyncio.gather(
        *(source.readings(NightscoutSettings(url=url).site_id, SOURCE, NOW) for _ in range(5)),
        return_exceptions=True,
    )
    assert {type(outcome) for outcome in outcomes} == {CredentialsRejected}
    assert site.bad_logins == 1


async def test_site_that_holds_answers_back_after_a_failure_is_waited_for(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    site.delays.each = 0.3
    with pytest.raises(CredentialsRejected):
        await account(url, session, elapsed, secret="wrong").wearers()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    assert await account(url, session, elapsed, secret=site.api_secret).wearers()
    assert loop.time() - begun > 0.2


@pytest.mark.parametrize(
    ("fault", "banned"),
    [
        (html_503, False),
        (html_attention_required, True),
        (html_200, True),
        (connection_reset, False),
        (broken_off, False),
        (status(500), False),
        (status(502), False),
        (too_many_requests(90), True),
    ],
)
async def test_outage_is_unreachable_and_the_next_poll_reads_on(
    site: FakeNightscout,
    url: str,
    session: aiohttp.ClientSession,
    elapsed: Elapsed,
    fault: Fault,
    banned: bool,
) -> None:
    site.put(entry(NOW, 100))
    source = account(url, session, elapsed, secret=site.api_secret)
    (wearer,) = await source.wearers()
    site.fail(fault)
    with pytest.raises(SourceUnreachable) as failed:
        await source.readings(wearer.id, SOURCE, NOW)
    assert failed.value.banned is banned
    site.heal()
    assert len((await source.readings(wearer.id, SOURCE, NOW)).readings) == 1


async def test_retry_after_is_handed_on(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    site.fail(too_many_requests(90), times=1)
    with pytest.raises(SourceUnreachable) as failed:
        await account(url, session, elapsed).wearers()
    assert failed.value.retry_after == timedelta(seconds=90)


@pytest.mark.parametrize("fault", [truncated_json, empty_body, status(404), status(301)])
async def test_answer_outside_the_contract_is_unexpected_and_the_next_poll_reads_on(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, elapsed: Elapsed, fault: Fault
) -> None:
    site.put(entry(NOW, 100))
    source = account(url, session, elapsed)
    (wearer,) = await source.wearers()
    site.fail(fault)
    with pytest.raises(UnexpectedAnswer):
        await source.readings(wearer.id, SOURCE, NOW)
    site.heal()
    assert len((await source.readings(wearer.id, SOURCE, NOW)).readings) == 1


async def passes(request: web.Request, handler: Handler) -> web.StreamResponse:
    return await handler(request)


async def test_secret_is_not_carried_to_where_the_site_redirects(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    elsewhere = FakeNightscout()
    async with elsewhere.serving() as other_url:

        async def redirect(request: web.Request, handler: Handler) -> web.StreamResponse:
            raise web.HTTPFound(f"{other_url}{request.path}")

        site.fail(redirect)
        with pytest.raises(UnexpectedAnswer, match="moved") as failed:
            await account(url, session, elapsed, secret=site.api_secret).wearers()
    assert elsewhere.log == []
    assert other_url not in str(failed.value)


async def test_fault_in_a_later_page_gives_nothing_half_and_the_next_poll_gives_all(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    for minutes in range(20):
        site.put(entry(NOW - minutes * MINUTE, 100))
    source = account(url, session, elapsed, page_size=8)
    (wearer,) = await source.wearers()
    site.fail(passes, times=1)
    site.fail(status(503), path=ENTRIES)
    with pytest.raises(SourceUnreachable):
        await source.readings(wearer.id, SOURCE, NOW - 60 * MINUTE)
    site.heal()
    assert len((await source.readings(wearer.id, SOURCE, NOW - 60 * MINUTE)).readings) == 20


async def test_ban_before_the_site_is_no_refusal_of_the_secret(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    async def wall(_request: object, _handler: object) -> web.StreamResponse:
        return web.Response(status=403, text="<html>blocked</html>")

    site.fail(wall, times=1)
    source = account(url, session, elapsed, secret=site.api_secret)
    with pytest.raises(SourceUnreachable) as failed:
        await source.wearers()
    assert failed.value.banned
    assert await source.wearers()


async def test_other_web_service_is_not_taken_for_a_site(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    async def other(_request: object, _handler: object) -> web.StreamResponse:
        return web.json_response({"hello": "world"})

    site.fail(other)
    with pytest.raises(UnexpectedAnswer, match="Nightscout"):
        await account(url, session, elapsed).wearers()
    with pytest.raises(UnexpectedAnswer, match="list"):
        await account(url, session, elapsed).readings(
            NightscoutSettings(url=url).site_id, SOURCE, NOW
        )


async def test_a_reading_is_due_every_five_minutes_and_the_guard_is_shown(
    url: str, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    source = account(url, session, elapsed, secret="wrong secret")
    assert source.cadence == timedelta(minutes=5)
    assert source.guard.may_ask_in == timedelta(0)
    with pytest.raises(CredentialsRejected):
        await source.wearers()
    assert source.guard.may_ask_in == timedelta(minutes=10)


async def test_somebody_elses_id_is_refused_without_asking(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, elapsed: Elapsed
) -> None:
    with pytest.raises(UnexpectedAnswer, match="wearer"):
        await account(url, session, elapsed).readings("another", SOURCE, NOW)
    assert site.log == []


@pytest.mark.parametrize("fault", [status(401), status(404), html_503, connection_reset])
async def test_secret_and_address_are_in_no_log_no_error_and_no_repr(
    site: FakeNightscout,
    url: str,
    session: aiohttp.ClientSession,
    elapsed: Elapsed,
    caplog: pytest.LogCaptureFixture,
    fault: Fault,
) -> None:
    token = site.add_subject("sesame", Role.READABLE)
    source = account(url, session, elapsed, secret=token)
    with caplog.at_level(logging.DEBUG):
        assert await source.wearers()
        site.fail(fault)
        with pytest.raises(GlucoseError) as failed:
            await source.wearers()
    said = f"{failed.value!r} {failed.value.__cause__!r} {source!r} {caplog.text}"
    assert token not in said
    assert url not in said
