"""What a Dexcom account makes of what the vendor has, over real HTTP."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiohttp import web
from pydexcom import Region as PydexcomRegion
from pydexcom.const import DEXCOM_BASE_URLS

from fakes.dexcom_account import START, Room, room
from fakes.dexcom_share import AUTHENTICATE, READ, TRENDS, Publisher, Row
from fakes.hand_clock import HandClock
from fakes.serving import Handler
from glucose.errors import CredentialsRejected
from glucose.reading import Bound, Kind, Reading
from glucose.sources.dexcom import Region
from glucose.sources.source import Answer, VisibleWearer
from glucose.trend import Trend


@pytest.fixture(name="room")
async def _room() -> AsyncIterator[Room]:
    async with room() as opened:
        yield opened


def minutes_ago(minutes: float) -> Reading:
    """A plain reading of so many minutes before START."""
    return Reading(
        time=START - timedelta(minutes=minutes),
        mg_dl=100,
        source="dexcom-1",
        series="share",
        trend=Trend.FLAT,
    )


async def test_readings_come_oldest_first_and_whole(room: Room) -> None:
    answer = await room.read(room.account())

    assert answer.readings == tuple(
        Reading(
            time=START - timedelta(minutes=age),
            mg_dl=mg_dl,
            source="dexcom-1",
            series="share",
            kind=Kind.CGM,
            trend=trend,
        )
        for age, mg_dl, trend in [
            (11, 104, Trend.FLAT),
            (6, 112, Trend.SLIGHT_UP),
            (1, 121, Trend.UP),
        ]
    )
    assert answer.refused == 0


async def test_only_what_is_not_older_than_asked_comes(room: Room) -> None:
    answer = await room.read(room.account(), hours=0.1)
    assert [reading.mg_dl for reading in answer.readings] == [112, 121]


async def test_the_wearer_is_the_account_and_has_no_name(room: Room) -> None:
    assert await room.account().wearers() == (VisibleWearer(id=room.fake.publisher.id, name=""),)


async def test_a_reading_is_due_every_five_minutes(room: Room) -> None:
    assert room.account().cadence == timedelta(minutes=5)


async def test_another_wearers_account_gives_no_readings(room: Room) -> None:
    account = room.account()
    other = "11111111-2222-4333-8444-555555555555"

    with pytest.raises(CredentialsRejected) as caught:
        await room.read(account, wearer=other)
    assert caught.value.confirmed
    assert room.fake.reads == 0
    # The credentials themselves are good, and go on working for whom they belong to.
    assert len((await room.read(account)).readings) == 3


@pytest.mark.parametrize(
    ("hours", "minutes", "count"),
    [
        (0, "10", "4"),
        (-1, "10", "4"),
        (0.5, "40", "16"),
        (3, "190", "76"),
        (12, "730", "288"),
        (24, "1440", "288"),
        (24 * 400, "1440", "288"),
    ],
)
async def test_it_asks_for_what_is_wanted_and_a_little_more(
    room: Room, hours: float, minutes: str, count: str
) -> None:
    # Where a Date header cut to seconds and evened out by half of one is right to the millisecond.
    room.clock.go(timedelta(milliseconds=500))
    await room.read(room.account(), hours=hours)

    (asked,) = room.fake.asked(READ)
    assert (asked.query["minutes"], asked.query["maxCount"]) == (minutes, count)


@pytest.mark.parametrize("wrong", [timedelta(hours=-1), timedelta(hours=1), timedelta(days=-20000)])
async def test_readings_come_although_our_clock_is_wrong(room: Room, wrong: timedelta) -> None:
    ours = HandClock(now=START + wrong)
    answer = await room.read(room.account(clock=ours), hours=0.2)

    assert [reading.mg_dl for reading in answer.readings] == [104, 112, 121]
    assert answer.clock_offset is not None
    assert abs(answer.clock_offset + wrong) <= timedelta(seconds=0.5)


async def test_readings_come_after_our_clock_was_set_back(room: Room) -> None:
    ours = HandClock(START)
    account = room.account(clock=ours)
    await room.read(account)
    ours.set_wrong(timedelta(hours=-1))

    assert len((await room.read(account, hours=0.1)).readings) == 2
    answer = await room.read(account, hours=0.2)
    assert len(answer.readings) == 3
    assert answer.clock_offset is not None
    assert abs(answer.clock_offset - timedelta(hours=1)) <= timedelta(seconds=0.5)


async def test_the_vendors_clock_is_told_by_its_date_header(room: Room) -> None:
    room.fake.date_offset = timedelta(seconds=90)
    answer = await room.read(room.account())

    assert answer.clock_offset is not None
    assert abs(answer.clock_offset - timedelta(seconds=90)) <= timedelta(seconds=0.5)


async def test_without_a_date_header_no_offset_is_told(room: Room) -> None:
    room.fake.sends_date = False
    answer = await room.read(room.account())

    assert answer.clock_offset is None
    assert len(answer.readings) == 3


async def test_the_truncation_of_the_date_header_is_evened_out(room: Room) -> None:
    """Over a whole second of phases a header cut to seconds is half a second late on average."""
    offsets = []
    account = room.account()
    for _ in range(10):
        room.clock.go(timedelta(milliseconds=100))
        answer = await room.read(account)
        assert answer.clock_offset is not None
        offsets.append(answer.clock_offset.total_seconds())

    assert abs(sum(offsets) / len(offsets)) <= 0.06


async def test_half_of_the_way_there_and_back_is_taken_off_the_offset(room: Room) -> None:
    async def slow(request: web.Request, handler: Handler) -> web.StreamResponse:
        room.clock.go(timedelta(seconds=2))
        return await handler(request)

    room.clock.go(timedelta(milliseconds=500))
    room.fake.fail(slow, path=READ)
    answer = await room.read(room.account())

    # All two seconds lay before the header was made; that they were halves is the best guess.
    assert answer.clock_offset == timedelta(seconds=1)


async def test_a_connection_lasts_for_one_asking(room: Room) -> None:
    """Five minutes later a router in between may have forgotten it, without telling anybody."""
    ports = []

    async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
        assert request.transport is not None
        ports.append(request.transport.get_extra_info("peername")[1])
        return await handler(request)

    room.fake.fail(note)
    account = room.account()
    await room.read(account)
    await room.read(account)

    assert len(ports) == 4
    assert len(set(ports[:3])) == 1
    assert ports[3] != ports[0]


async def test_39_is_low_and_401_is_high(room: Room) -> None:
    room.fake.rows = [
        Row(time=START - timedelta(minutes=age), value=value)
        for age, value in [(4, 39), (3, 40), (2, 400), (1, 401)]
    ]
    answer = await room.read(room.account())

    assert [(reading.mg_dl, reading.bound) for reading in answer.readings] == [
        (39, Bound.LOW),
        (40, None),
        (400, None),
        (401, Bound.HIGH),
    ]


async def test_slashed_dates_and_integer_trends_are_read(room: Room) -> None:
    room.fake.rows = [
        Row(time=START - timedelta(minutes=20 - place), trend=name)
        for place, name in enumerate(TRENDS)
    ]
    account = room.account()
    plain = await room.read(account)
    room.fake.slash_dates = True
    room.fake.integer_trends = True

    assert (await room.read(account)).readings == plain.readings
    assert len(plain.readings) == 10


async def test_the_time_of_a_device_whose_clock_is_wrong_is_not_used(room: Room) -> None:
    room.fake.display_clock_error = timedelta(minutes=47)
    answer = await room.read(room.account())

    assert answer.readings[-1].time == START - timedelta(minutes=1)


async def test_bad_rows_are_counted_and_the_others_kept(room: Room) -> None:
    room.fake.rows.append(Row(time=START - timedelta(minutes=2), value=float("nan")))
    room.fake.rows.append(Row(time=START - timedelta(minutes=3), value=True))
    room.fake.rows.append(Row(time=START + timedelta(days=2)))
    room.fake.raw_rows = [{"WT": "Date(0)", "Value": 100}, {"Trend": "Flat"}, "row", None]
    answer = await room.read(room.account())

    assert [reading.mg_dl for reading in answer.readings] == [104, 112, 121]
    assert answer.refused == 7


async def test_a_reading_ahead_of_the_clock_is_passed_on(room: Room) -> None:
    room.fake.rows.append(Row(time=START + timedelta(minutes=9)))
    answer = await room.read(room.account())

    assert answer.readings[-1].time == START + timedelta(minutes=9)


async def test_two_uploads_of_one_reading_stay_two(room: Room) -> None:
    room.fake.second_upload = timedelta(seconds=9)
    room.fake.rows = [Row(time=START - timedelta(minutes=1), value=104)]
    first, second = (await room.read(room.account())).readings

    assert second.time - first.time == timedelta(seconds=9)
    assert first.mg_dl == second.mg_dl == 104


async def test_twelve_hours_of_two_uploads_are_all_asked_for(room: Room) -> None:
    room.fake.second_upload = timedelta(seconds=9)
    room.fake.rows = [Row(time=START - timedelta(minutes=5 * n)) for n in range(140)]

    assert len((await room.read(room.account(), hours=11.5)).readings) == 278


async def test_an_empty_list_is_an_ordinary_answer_and_readings_come_again(room: Room) -> None:
    account = room.account()
    room.fake.sharing = False
    answer = await room.read(account)
    assert answer == Answer(clock_offset=answer.clock_offset)

    room.fake.sharing = True
    assert len((await room.read(account)).readings) == 3
    assert room.fake.logins == 1


async def test_a_late_backfill_is_seen_when_the_window_is_read_again(room: Room) -> None:
    late = START + timedelta(minutes=3)
    room.fake.rows = [
        Row(time=START - timedelta(minutes=30), visible_at=late),
        Row(time=START - timedelta(minutes=1)),
    ]
    account = room.account()
    assert (await room.read(account, hours=1)).readings == (minutes_ago(1),)

    room.clock.go(timedelta(minutes=3))
    assert (await room.read(account, hours=1)).readings == (minutes_ago(30), minutes_ago(1))


async def test_each_region_logs_in_where_it_belongs(room: Room) -> None:
    room.fake.region = "jp"
    room.fake.publisher = Publisher(region="jp")

    assert len((await room.read(room.account(region=Region.JP))).readings) == 3
    with pytest.raises(CredentialsRejected):
        await room.account(region=Region.US).wearers()


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("+49 171 / 234-56 78", "+491712345678"),
        ("+1 (555) 010.0199", "+15550100199"),
        (" +491712345678 ", "+491712345678"),
        ("some.name-here@example.invalid ", "some.name-here@example.invalid"),
        ("plain_name (2)", "plain_name (2)"),
        ("0171 2345678", "0171 2345678"),
    ],
)
async def test_a_phone_number_is_sent_as_plus_and_digits(room: Room, typed: str, sent: str) -> None:
    room.fake.publisher.name = sent
    await room.account(username=typed).wearers()

    (asked,) = room.fake.asked(AUTHENTICATE)
    body = asked.json()
    assert isinstance(body, dict)
    assert body["accountName"] == sent


@pytest.mark.parametrize("region", list(Region))
async def test_without_another_address_its_regions_own_is_asked(
    room: Room, monkeypatch: pytest.MonkeyPatch, region: Region
) -> None:
    monkeypatch.setitem(DEXCOM_BASE_URLS, PydexcomRegion(region.value), room.base_url)
    room.base_url = None
    room.fake.region = region.value
    room.fake.publisher = Publisher(region=region.value)

    assert len((await room.read(room.account(region=region))).readings) == 3


async def test_building_an_account_sends_nothing(room: Room) -> None:
    room.account()
    assert room.fake.log == []


def test_importing_the_source_imports_no_requests() -> None:
    """The module is imported on Home Assistant's loop; what is heavy waits for the executor."""
    code = (
        "import sys; before = set(sys.modules); import glucose.sources.dexcom; "
        "assert not {'requests', 'urllib3', 'pydexcom'} & (set(sys.modules) - before)"
    )
    subprocess.run(  # noqa: S603 - our own interpreter, our own words
        [sys.executable, "-c", code],
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
        timeout=60,
    )
