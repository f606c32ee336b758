"""A file is played as if it were live: in order, on time, and the same after a restart."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st

from glucose.errors import SharingDisabled
from glucose.formats import read_export
from glucose.reading import Bound, Kind, Reading
from glucose.sources.replay import ReplayAccount, ReplaySettings
from glucose.sources.source import Account
from glucose.trend import Trend

FILE_START = datetime(2025, 9, 1, 6, tzinfo=UTC)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EXPORTS = Path(__file__).parents[2].parent / "shared" / "data" / "exports"


class Clock:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def recorded(days: float, minutes: int = 5, series: str = "egv") -> list[Reading]:
    """A slow saw: up one mg/dL each reading, from 80 to 179."""
    count = int(days * 1440 / minutes) + 1
    return [
        Reading(
            time=FILE_START + timedelta(minutes=minutes * n),
            mg_dl=80 + n % 100,
            source="file",
            series=series,
        )
        for n in range(count)
    ]


def replay(
    readings: list[Reading], clock: Clock, *, speed: float = 1.0, start: datetime | None = None
) -> ReplayAccount:
    chosen = ReplaySettings(started_at=NOW, speed=speed, start=start)
    return ReplayAccount(readings, chosen, clock=clock, elapsed=lambda: 0.0)


async def played(account: ReplayAccount, since: datetime | None = None) -> tuple[Reading, ...]:
    since = since or datetime(2000, 1, 1, tzinfo=UTC)
    return (await account.readings("replay", "src", since)).readings


async def test_an_account_by_the_protocol_sees_one_wearer(clock: Clock) -> None:
    account: Account = replay(recorded(2), clock)
    (seen,) = await account.wearers()
    account.guard.check()
    assert (await account.readings(seen.id, "src", NOW)).readings[0].source == "src"
    with pytest.raises(SharingDisabled):
        await account.readings("other", "src", NOW)


async def test_history_is_half_of_a_short_file_and_ends_now(clock: Clock) -> None:
    readings = await played(replay(recorded(4), clock))
    assert readings[-1].time == NOW
    assert readings[0].time == NOW - timedelta(days=2)


async def test_history_is_fourteen_days_of_a_long_file(clock: Clock) -> None:
    readings = await played(replay(recorded(40), clock))
    assert readings[0].time == NOW - timedelta(days=14)
    assert len(readings) == 14 * 288 + 1


async def test_the_start_may_be_told(clock: Clock) -> None:
    start = FILE_START + timedelta(hours=3)
    readings = await played(replay(recorded(4), clock, start=start))
    assert len(readings) == 37
    assert readings[-1].time == NOW


async def test_in_a_gap_the_default_start_is_the_reading_behind_it(clock: Clock) -> None:
    middle = FILE_START + timedelta(days=2)
    holed = [r for r in recorded(4) if abs(r.time - middle) > timedelta(hours=5)]
    assert (await played(replay(holed, clock)))[-1].time == NOW


async def test_at_life_speed_readings_come_when_they_came(clock: Clock) -> None:
    account = replay(recorded(4), clock)
    assert account.cadence == timedelta(minutes=5)
    clock.now = NOW + timedelta(minutes=4, seconds=59)
    assert len(await played(account, NOW)) == 1
    clock.now = NOW + timedelta(minutes=5)
    assert [r.time for r in await played(account, NOW)] == [NOW, NOW + timedelta(minutes=5)]
    assert {r.trend for r in await played(account)} == {None}


async def test_faster_only_what_is_to_come_is_pressed_together(clock: Clock) -> None:
    account = replay(recorded(4), clock, speed=10)
    assert account.cadence == timedelta(seconds=30)
    clock.now = NOW + timedelta(minutes=5)
    readings = await played(account)
    gaps = [later.time - earlier.time for earlier, later in pairwise(readings)]
    assert set(gaps[:576]) == {timedelta(minutes=5)}
    assert gaps[576:] == [timedelta(seconds=30)] * 10


async def test_faster_what_is_played_is_a_series_of_its_own(clock: Clock) -> None:
    """Else a cadence learned from what lies before it asks for it far too seldom."""
    account = replay(recorded(4), clock, speed=10)
    clock.now = NOW + timedelta(minutes=5)
    readings = await played(account)
    assert {reading.series for reading in readings if reading.time < NOW} == {"egv"}
    assert {reading.series for reading in readings if reading.time >= NOW} == {"egv played"}
    assert {reading.series for reading in await played(replay(recorded(4), clock))} == {"egv"}


async def test_faster_the_arrow_is_that_of_the_files_own_time(clock: Clock) -> None:
    """One mg/dL in five minutes is flat, however fast it is played."""
    account = replay(recorded(4), clock, speed=60)
    clock.now = NOW + timedelta(minutes=5)
    readings = await played(account)
    assert {r.trend for r in readings[1:30]} == {Trend.FLAT}


async def test_faster_the_arrow_is_computed_over_fifteen_minutes(clock: Clock) -> None:
    readings = [
        Reading(
            time=FILE_START + timedelta(minutes=5 * n), mg_dl=v, source="f", series="egv", bound=b
        )
        for n, (v, b) in enumerate(
            [(100, None), (120, None), (140, None), (160, None), (401, Bound.HIGH), (180, None)]
        )
    ]
    meter = Reading(time=FILE_START, mg_dl=90, source="f", series="m", kind=Kind.METER)
    account = replay([*readings, meter], clock, speed=2, start=readings[-1].time)
    assert [r.trend for r in await played(account) if r.kind is Kind.CGM] == [
        Trend.NONE,
        Trend.DOUBLE_UP,
        Trend.DOUBLE_UP,
        Trend.DOUBLE_UP,
        Trend.NONE,
        Trend.UP,
    ]
    assert [r.trend for r in await played(account) if r.kind is Kind.METER] == [None]


async def test_after_a_gap_there_is_no_arrow(clock: Clock) -> None:
    readings = [r for r in recorded(1) if not 20 <= (r.time - FILE_START).seconds // 300 < 30]
    account = replay(readings, clock, speed=2, start=readings[-1].time)
    assert [r.trend for r in await played(account)][19:22] == [Trend.FLAT, Trend.NONE, Trend.FLAT]


async def test_an_arrow_of_the_file_is_kept(clock: Clock) -> None:
    own = Reading(time=FILE_START, mg_dl=100, source="f", series="egv", trend=Trend.DOWN)
    assert (await played(replay([own], clock, speed=5)))[0].trend is Trend.DOWN


async def test_the_cadence_is_that_of_the_commonest_series(clock: Clock) -> None:
    files = [*recorded(2, 60, "scan"), *recorded(2, 15, "historic")]
    assert replay(files, clock, speed=3).cadence == timedelta(minutes=5)


def test_a_file_without_sensor_readings_is_refused(clock: Clock) -> None:
    meter = Reading(time=FILE_START, mg_dl=90, source="f", series="m", kind=Kind.METER)
    with pytest.raises(ValueError, match="no sensor reading"):
        replay([meter], clock)


def test_one_reading_alone_is_played_with_a_floor_under_its_cadence(clock: Clock) -> None:
    account = replay(recorded(0), clock, speed=1000)
    assert account.cadence == timedelta(seconds=5)
    assert account.ends == NOW


@pytest.mark.parametrize(
    "wrong",
    [
        {"speed": 0.0},
        {"speed": -1.0},
        {"speed": 1001.0},
        {"speed": float("nan")},
        {"start": datetime(2025, 9, 1)},  # noqa: DTZ001 - wrong on purpose
        {"started_at": NOW.astimezone(ZoneInfo("Europe/Berlin"))},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    right: dict[str, object] = {"started_at": NOW}
    with pytest.raises(ValueError, match=r"speed|UTC"):
        ReplaySettings(**{**right, **wrong})  # type: ignore[arg-type]  # wrong on purpose


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([0.5, 1.0, 3.0, 7.5, 60.0, 1000.0]),
    st.lists(st.integers(0, 86400), min_size=1, max_size=6),
)
async def test_nothing_changes_by_asking_again_or_after_a_restart(
    speed: float, moments: list[int]
) -> None:
    clock = Clock()
    whole = recorded(1)
    running = replay(whole, clock, speed=speed)
    clock.now = running.ends
    everything = await played(replay(whole, clock, speed=speed))
    assert len({reading.identity for reading in everything}) == len(whole)
    assert [r.mg_dl for r in everything] == [r.mg_dl for r in whole]
    for seconds in sorted(moments):
        clock.now = NOW + timedelta(seconds=seconds)
        since = clock.now - timedelta(hours=1)
        expected = tuple(r for r in everything if since <= r.time <= clock.now)
        assert await played(running, since) == expected
        assert await played(replay(whole, clock, speed=speed), since) == expected


@pytest.mark.skipif(not EXPORTS.is_dir(), reason="the shared data is not beside this checkout")
@pytest.mark.parametrize(
    ("name", "zone", "cadence"),
    [
        ("clarity_g6_en.csv", "Europe/Helsinki", timedelta(minutes=5)),
        ("libreview_uk_mmol.csv", "Europe/London", timedelta(minutes=15)),
    ],
)
async def test_real_exports_are_current_at_once(
    name: str, zone: str, cadence: timedelta, clock: Clock
) -> None:
    export = read_export(EXPORTS / name, zone=ZoneInfo(zone), source="file")
    account = replay(list(export.readings), clock)
    assert abs(account.cadence - cadence) < timedelta(seconds=2)
    assert (await played(account))[-1].time == NOW
    clock.now = account.ends
    assert len(await played(account)) == len(export.readings)
