"""A Nightscout site's treatments over API v1 and v3, page by page, against the fake site."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from fakes.nightscout import FakeNightscout, Role, entry, iso
from fakes.serving import html_503
from glucose.errors import SourceUnreachable, UnexpectedAnswer
from glucose.reading import Kind, Reading
from glucose.sources.nightscout import Api, NightscoutAccount, NightscoutSettings
from glucose.sources.replay import ReplayAccount, ReplaySettings
from glucose.sources.source import Source, TreatmentAccount, TreatmentAnswer
from glucose.treatment import TreatmentKind

NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SINCE = NOW - timedelta(days=2)
TREATMENTS = "/treatments"


@pytest.fixture
def site() -> FakeNightscout:
    closed = FakeNightscout(clock=lambda: NOW)
    closed.default_role = Role.DENIED
    return closed


@pytest.fixture
async def url(site: FakeNightscout) -> AsyncIterator[str]:
    async with site.serving() as served:
        yield served


@pytest.fixture(params=[Api.V1, Api.V3])
def api(request: pytest.FixtureRequest) -> Api:
    found: Api = request.param
    return found


def source_of(
    site: FakeNightscout,
    url: str,
    session: aiohttp.ClientSession,
    api: Api,
    role: Role = Role.READABLE,
    page_size: int = 1000,
) -> Source:
    account = NightscoutAccount(
        NightscoutSettings(url=url, secret=site.add_subject("Care", role), api=api),
        session,
        lambda: NOW,
        lambda: 1000.0,
        page_size=page_size,
    )
    return Source(account, NightscoutSettings(url=url).site_id, "site-1")


@pytest.fixture
def source(site: FakeNightscout, url: str, session: aiohttp.ClientSession, api: Api) -> Source:
    return source_of(site, url, session, api)


def meal(minutes_ago: float, carbs: float = 30, **more: object) -> dict[str, object]:
    return {
        "eventType": "Meal Bolus",
        "created_at": iso(NOW - minutes_ago * MINUTE),
        "carbs": carbs,
        "insulin": 3,
        "enteredBy": "Mum",
        **more,
    }


async def told(source: Source, since: datetime = SINCE) -> TreatmentAnswer:
    answer = await source.treatments(since)
    assert answer is not None
    return answer


async def test_a_meal_is_carbs_and_insulin_with_ids_that_stay(
    site: FakeNightscout, source: Source
) -> None:
    made = site.put_treatment(meal(10, notes="cake"))

    answer = await told(source)

    assert [(each.kind, each.amount, each.id, each.source) for each in answer.treatments] == [
        (TreatmentKind.CARBS, 30, f"{made} carbs", "site-1"),
        (TreatmentKind.INSULIN_RAPID, 3, f"{made} insulin_rapid", "site-1"),
    ]
    assert {each.time for each in answer.treatments} == {NOW - 10 * MINUTE}
    assert await told(source) == answer


async def test_what_came_before_is_left_out_and_what_begins_then_is_in(
    site: FakeNightscout, source: Source
) -> None:
    for minutes in (61, 60, 59):
        site.put_treatment(meal(minutes, minutes, insulin=0))

    answer = await told(source, NOW - 60 * MINUTE)

    assert [each.amount for each in answer.treatments] == [60, 59]


async def test_treatments_older_than_the_four_days_a_site_shows_by_itself_come_too(
    site: FakeNightscout, source: Source
) -> None:
    site.put_treatment(meal(60 * 24 * 300))

    assert len((await told(source, NOW - timedelta(days=365))).treatments) == 2


@pytest.mark.parametrize("page_size", [1, 3, 7])
async def test_pages_lose_nothing_and_double_nothing(
    site: FakeNightscout,
    url: str,
    session: aiohttp.ClientSession,
    api: Api,
    page_size: int,
) -> None:
    """Five at one moment, more than a page may hold."""
    for step in range(20):
        site.put_treatment(meal(0 if step < 5 else step, 10 + step, insulin=None))
    source = source_of(site, url, session, api, page_size=page_size)

    found = [each.amount for each in (await told(source)).treatments]

    assert sorted(amount or 0 for amount in found) == [10 + step for step in range(20)]
    assert len(site.asked(TREATMENTS)) > 2


async def test_a_walk_through_different_moments_never_asks_for_larger_pages(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, api: Api
) -> None:
    """Each page begins where the one before ended, so a page brings at least four new rows."""
    for step in range(20):
        site.put_treatment(meal(step))
    source = source_of(site, url, session, api, page_size=5)

    assert len((await told(source)).treatments) == 40

    asked = [received.query for received in site.asked(TREATMENTS)]
    assert {query["count" if api is Api.V1 else "limit"] for query in asked} == {"5"}
    assert len(asked) <= 5


async def test_a_finger_stick_is_a_meter_reading(site: FakeNightscout, source: Source) -> None:
    check: dict[str, Any] = {"glucose": 5.8, "glucoseType": "Finger", "units": "mmol"}
    site.put_treatment({"eventType": "BG Check", "created_at": iso(NOW), **check})
    site.put_treatment(meal(5, **check))
    site.put_treatment(meal(1000, **check))

    answer = await told(source, NOW - 60 * MINUTE)

    assert [(each.mg_dl, each.kind, each.series) for each in answer.finger_sticks] == [
        (104, Kind.METER, "mbg")
    ] * 2
    assert len(answer.treatments) == 2


async def test_rows_that_cannot_be_are_counted_and_the_others_kept(
    site: FakeNightscout, source: Source
) -> None:
    site.put_treatment(meal(5))
    site.put_treatment(meal(4, carbs=5000))
    site.put_treatment(meal(3, glucose=25, glucoseType="Finger"))
    site.put_treatment({"eventType": "Temp Basal", "created_at": iso(NOW), "duration": 30})
    site.put_treatment(meal(2, isValid=False))

    answer = await told(source)

    assert answer.refused == 2
    assert len(answer.treatments) == 4


async def test_a_row_without_a_time_ends_no_walk(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, api: Api
) -> None:
    for step in range(5):
        site.put_treatment(meal(step, created_at="some day") if step == 2 else meal(step))

    answer = await told(source_of(site, url, session, api, page_size=2))

    assert (len(answer.treatments), answer.refused) == (8, 1)


async def test_a_secret_that_may_read_readings_only_says_so_and_readings_go_on(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession, api: Api
) -> None:
    site.put(entry(NOW, 104))
    source = source_of(site, url, session, api, Role.ENTRIES_READABLE)

    for _ in range(3):
        with pytest.raises(UnexpectedAnswer, match="may not read treatments"):
            await source.treatments(SINCE)
    assert len((await source.readings(SINCE)).readings) == 1
    assert site.bad_logins == 0


async def test_an_outage_is_told_and_the_next_time_works(
    site: FakeNightscout, source: Source
) -> None:
    site.put_treatment(meal(5))
    site.fail(html_503, times=1, path=TREATMENTS)

    with pytest.raises(SourceUnreachable):
        await source.treatments(SINCE)
    assert len((await told(source)).treatments) == 2


async def test_another_wearer_s_are_not_asked_for(site: FakeNightscout, source: Source) -> None:
    stranger = Source(source.account, "somebody else", "site-1")

    with pytest.raises(UnexpectedAnswer, match="does not carry"):
        await stranger.treatments(SINCE)
    assert site.log == []


async def test_a_phone_has_none_and_is_not_asked(
    site: FakeNightscout, url: str, session: aiohttp.ClientSession
) -> None:
    phone = source_of(site, url, session, Api.PHONE)

    assert await phone.treatments(SINCE) == TreatmentAnswer()
    assert site.log == []


async def test_an_account_that_knows_no_treatments_says_none() -> None:
    recorded = [
        Reading(time=NOW - step * MINUTE, mg_dl=104, source="file", series="egv")
        for step in range(0, 60, 5)
    ]
    settings = ReplaySettings(started_at=NOW)
    replay = ReplayAccount(recorded, settings, clock=lambda: NOW, elapsed=lambda: 1000.0)

    assert not isinstance(replay, TreatmentAccount)
    assert await Source(replay, "w", "s").treatments(SINCE) is None
