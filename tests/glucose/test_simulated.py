"""The simulated wearer is a pure function of settings and time, behind the account protocol."""

import asyncio
import hashlib
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from glucose.errors import SharingDisabled
from glucose.reading import Bound, Reading
from glucose.sources.simulated import SimulatedAccount
from glucose.sources.simulated_body import FADE, PER_DAY, SETTLE, Body, _simulate
from glucose.sources.simulated_draws import PER_UNIT, Topic, normal, of_unit, uniform
from glucose.sources.simulated_sensor import Sensors
from glucose.sources.simulated_settings import (
    WEEKDAYS,
    Planted,
    PlantedEvent,
    SimulatedSettings,
)
from glucose.sources.source import Account, Answer
from glucose.trend import Trend

T = TypeVar("T")
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
# Computed by the first of them, with numpy.
SINCE_THE_FIRST_RELEASE = {
    1: "84cfafa378ed8fd86cb39f71144cf9708fa476a375f6d2138b10248716563076",
    5: "87e216261f2905dd5869314b9fca8878b4b6ed0a4175d28914809a517a7269f8",
}


async def here(work: Callable[[], T]) -> T:
    return work()


def account(
    now: datetime = NOW,
    *,
    seed: int = 1,
    zone: ZoneInfo = BERLIN,
    cadence_minutes: int = 5,
    sensor_epoch: datetime | None = None,
    planted: tuple[PlantedEvent, ...] = (),
) -> SimulatedAccount:
    return SimulatedAccount(
        SimulatedSettings(
            seed=seed,
            zone=zone,
            cadence_minutes=cadence_minutes,
            sensor_epoch=sensor_epoch,
            planted=planted,
        ),
        clock=lambda: now,
        elapsed=lambda: 0.0,
        run=here,
    )


async def ask(wearer: SimulatedAccount, since: datetime) -> Answer:
    return await wearer.readings(wearer.wearer_id, "src", since)


async def stretch(wearer: SimulatedAccount, first: datetime, last: datetime) -> list[Reading]:
    answer = await ask(wearer, first)
    return [reading for reading in answer.readings if reading.time <= last]


@pytest.fixture(scope="module")
def long() -> list[Reading]:
    """Sixty days over the change of clocks in spring, asked for at once, long after."""
    first = datetime(2026, 3, 1, tzinfo=UTC)
    wearer = account(datetime(2026, 5, 10, tzinfo=UTC))
    with asyncio.Runner() as runner:
        return runner.run(stretch(wearer, first, first + timedelta(days=60)))


async def test_an_account_by_the_protocol_sees_one_wearer() -> None:
    wearer: Account = account(seed=7)
    (seen,) = await wearer.wearers()
    assert seen.id == "simulated-7"
    assert wearer.cadence == timedelta(minutes=5)
    wearer.guard.check()


async def test_another_wearer_is_not_shared() -> None:
    with pytest.raises(SharingDisabled):
        await account(seed=7).readings("simulated-8", "src", NOW)


async def test_readings_carry_the_source_and_are_sorted() -> None:
    readings = (await ask(account(), NOW - timedelta(days=2))).readings
    assert {(reading.source, reading.series) for reading in readings} == {("src", "sensor")}
    assert list(readings) == sorted(readings, key=lambda reading: reading.time)


@settings(max_examples=25, deadline=None)
@given(
    start=st.integers(0, 59 * 86400),
    minutes=st.integers(0, 4 * 1440),
    before=st.lists(st.integers(0, 59), max_size=2),
)
async def test_any_stretch_equals_the_slice_of_a_long_one(
    long: list[Reading], start: int, minutes: int, before: list[int]
) -> None:
    """Also where the same account was asked for other days before."""
    origin = datetime(2026, 3, 1, tzinfo=UTC)
    first = origin + timedelta(seconds=start)
    last = min(first + timedelta(minutes=minutes), origin + timedelta(days=60))
    wearer = account(datetime(2026, 5, 10, tzinfo=UTC))
    for day in before:
        await stretch(wearer, origin + timedelta(days=day), origin + timedelta(days=day + 1))
    got = await stretch(wearer, first, last)
    assert got == [reading for reading in long if first <= reading.time <= last]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 6 * 3600), st.sampled_from([1, 5]))
async def test_asking_again_and_again_gives_what_asking_once_later_gives(
    seconds: int, cadence: int
) -> None:
    """A reading may come late, but never changes and is never taken back."""
    first = NOW + timedelta(seconds=seconds)
    since = first - timedelta(hours=3)
    moments = [first + timedelta(minutes=minute) for minute in range(0, 60, 7)]
    clock = iter(moments)
    asked = SimulatedAccount(
        SimulatedSettings(seed=1, zone=BERLIN, cadence_minutes=cadence),
        clock=lambda: next(clock),
        elapsed=lambda: 0.0,
        run=here,
    )
    seen: set[Reading] = set()
    for _ in moments:
        found = set((await ask(asked, since)).readings)
        assert seen <= found
        seen = found
    once = await ask(account(moments[-1], cadence_minutes=cadence), since)
    assert seen == set(once.readings)


async def test_the_next_reading_comes_seconds_after_its_time() -> None:
    known = (await ask(account(NOW), NOW - timedelta(minutes=30))).readings[-1]
    due = known.time + timedelta(minutes=5)
    at_once = (await ask(account(due), known.time)).readings
    later = (await ask(account(due + timedelta(seconds=75)), known.time)).readings
    assert [reading.time for reading in at_once] == [known.time]
    assert [reading.time for reading in later] == [known.time, due]


async def test_same_seed_gives_the_same_curve_in_another_process() -> None:
    expected = (await ask(account(seed=5), NOW - timedelta(days=1))).readings
    root = Path(__file__).parents[2] / "custom_components" / "cgm" / "shared"
    code = f"""
import asyncio, sys
sys.path.insert(0, {str(root)!r})
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo
from glucose.sources.simulated import SimulatedAccount
from glucose.sources.simulated_settings import SimulatedSettings
now = datetime(2026, 3, 1, 12, tzinfo=UTC)
async def here(work):
    return work()
async def main():
    wearer = SimulatedAccount(SimulatedSettings(seed=5, zone=ZoneInfo("Europe/Berlin")),
                              clock=lambda: now, elapsed=lambda: 0.0, run=here)
    answer = await wearer.readings(wearer.wearer_id, "src", now - timedelta(days=1))
    assert "numpy" not in sys.modules
    print(*(f"{{r.time.isoformat()}} {{r.mg_dl}} {{r.trend}}" for r in answer.readings), sep="\\n")
asyncio.run(main())
"""
    done = subprocess.run(  # noqa: S603, ASYNC221 - our own interpreter and code, nothing runs beside
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[:-1] == [
        f"{reading.time.isoformat()} {reading.mg_dl} {reading.trend}" for reading in expected
    ]


@pytest.mark.parametrize("cadence", [1, 5])
async def test_a_wearer_is_the_same_in_every_release(cadence: int) -> None:
    """What somebody simulated yesterday goes on after an update, to the last mg/dL."""
    planted = (
        PlantedEvent(what=Planted.RISE, at=time(8), on=WEEKDAYS, mg_dl=60),
        PlantedEvent(what=Planted.HOLD, at=time(3), on=date(2026, 2, 20), mg_dl=45, minutes=30),
        PlantedEvent(what=Planted.GAP, at=time(18, 30), on=date(2026, 2, 21), minutes=120),
    )
    wearer = account(seed=1921, cadence_minutes=cadence, planted=planted)
    readings = (await ask(wearer, NOW - timedelta(days=30))).readings
    told = "\n".join(f"{r.time.isoformat()} {r.mg_dl} {r.bound} {r.trend}" for r in readings)
    assert hashlib.sha256(told.encode()).hexdigest() == SINCE_THE_FIRST_RELEASE[cadence]


@given(st.integers(-(2**70), 2**70))
@settings(max_examples=5, deadline=None)
async def test_different_seeds_differ(seed: int) -> None:
    one = (await ask(account(seed=seed), NOW - timedelta(days=4))).readings
    other = (await ask(account(seed=seed + 1), NOW - timedelta(days=4))).readings
    assert {(r.time, r.mg_dl) for r in one} != {(r.time, r.mg_dl) for r in other}


@pytest.mark.parametrize("cadence", [1, 5])
@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", date(2026, 3, 29)),
        ("Europe/Berlin", date(2026, 10, 25)),
        ("America/New_York", date(2026, 11, 1)),
        ("Australia/Lord_Howe", date(2026, 4, 5)),
    ],
)
async def test_days_on_which_clocks_change_have_every_utc_minute_once(
    zone: str, day: date, cadence: int
) -> None:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    whole = (
        PlantedEvent(what=Planted.PRESENT, at=time(0), on=day - timedelta(days=1), minutes=4000),
    )
    readings = await stretch(
        account(
            midnight + timedelta(days=3),
            zone=ZoneInfo(zone),
            cadence_minutes=cadence,
            planted=whole,
            sensor_epoch=midnight - timedelta(days=4),
        ),
        midnight,
        midnight + timedelta(days=1) - timedelta(seconds=1),
    )
    gaps = {later.time - earlier.time for earlier, later in pairwise(readings)}
    assert gaps == {timedelta(minutes=cadence)}
    assert len(readings) == 1440 // cadence


async def test_breakfast_follows_the_local_clock_through_the_change() -> None:
    """The same planted local time lies an hour earlier in UTC once summer time has begun."""
    rise = PlantedEvent(what=Planted.RISE, at=time(8), mg_dl=100)
    now = datetime(2026, 4, 2, tzinfo=UTC)
    winter = datetime(2026, 3, 27, tzinfo=UTC)
    summer = datetime(2026, 3, 30, tzinfo=UTC)
    plain = {r.time: r.mg_dl for r in (await ask(account(now), winter)).readings}
    risen = (await ask(account(now, planted=(rise,)), winter)).readings
    added = {r.time: r.mg_dl - plain[r.time] for r in risen if not r.bound}

    def at(moment: datetime) -> list[int]:
        near = timedelta(minutes=10)
        return [rose for when, rose in added.items() if abs(when - moment) <= near]

    assert min(at(winter.replace(hour=8, minute=15))) > 85
    assert min(at(summer.replace(hour=7, minute=15))) > 85
    assert max(map(abs, at(summer.replace(hour=5, minute=45)))) <= 1


async def test_a_habit_on_weekdays_leaves_the_weekend_alone() -> None:
    habit = PlantedEvent(what=Planted.RISE, at=time(8), on=WEEKDAYS, mg_dl=60)
    since = NOW - timedelta(days=28)
    plain = {r.time: r.mg_dl for r in (await ask(account(), since)).readings}
    planted = (await ask(account(planted=(habit,)), since)).readings
    changed = {r.time.astimezone(BERLIN).weekday() for r in planted if plain[r.time] != r.mg_dl}
    assert changed == WEEKDAYS
    assert max(r.mg_dl - plain[r.time] for r in planted if not r.bound) in range(55, 70)


@pytest.mark.parametrize("seed", range(12))
async def test_a_planted_low_comes_when_promised(seed: int) -> None:
    tonight = date(2026, 3, 1)
    low = PlantedEvent(what=Planted.HOLD, at=time(22, 30), on=tonight, mg_dl=50, minutes=30)
    now = datetime(2026, 3, 2, 2, tzinfo=UTC)
    epoch = datetime(2026, 2, 26, tzinfo=UTC)
    readings = await stretch(
        account(now, seed=seed, planted=(low,), sensor_epoch=epoch),
        datetime(2026, 3, 1, 21, 30, tzinfo=UTC),
        datetime(2026, 3, 1, 22, 0, tzinfo=UTC),
    )
    assert len(readings) >= 6
    assert all(40 <= reading.mg_dl <= 60 for reading in readings)


async def test_a_planted_gap_is_empty() -> None:
    gap = PlantedEvent(what=Planted.GAP, at=time(12), on=date(2026, 2, 28), minutes=120)
    readings = await stretch(
        account(planted=(gap,)),
        datetime(2026, 2, 28, 11, tzinfo=UTC),
        datetime(2026, 2, 28, 12, 59, 59, tzinfo=UTC),
    )
    assert readings == []


async def test_a_sensor_lives_ten_days_and_warms_up_for_two_hours() -> None:
    epoch = datetime(2026, 2, 20, 17, 13, tzinfo=UTC)
    answer = await ask(account(sensor_epoch=epoch), epoch - timedelta(hours=1))
    assert answer.sensor is not None
    assert answer.sensor.started == epoch
    assert answer.sensor.expires == epoch + timedelta(days=10)
    assert answer.sensor.warm_up_until == epoch + timedelta(hours=2)
    first = next(reading for reading in answer.readings if reading.time >= epoch)
    assert first.time >= epoch + timedelta(hours=2)
    assert first.trend is Trend.NONE


@pytest.mark.parametrize("hour", range(0, 24, 3))
def test_a_sensor_started_at_any_hour_has_neighbours(hour: int) -> None:
    epoch = datetime(2026, 2, 10, hour, tzinfo=UTC)
    wearer = SimulatedSettings(seed=1, zone=BERLIN, sensor_epoch=epoch)
    sensors = Sensors(wearer, Body(1, BERLIN))
    zero, month, life = int(epoch.timestamp()), 30 * 86400, 10 * 86400
    sessions = {sensors.session_at(at) for at in range(zero - month, zero + month, 1800)}
    worn = sorted(sessions, key=lambda session: session.number)
    assert all(before.end == after.start for before, after in pairwise(worn))
    assert all(abs(session.end - session.start - life) < 86400 for session in worn)
    assert [session.start for session in worn if session.number == 0] == [zero]


async def test_sensors_follow_one_another_about_every_ten_days() -> None:
    starts: list[datetime] = []
    for day in range(60):
        answer = await ask(account(NOW + timedelta(days=day)), NOW + timedelta(days=day))
        assert answer.sensor is not None
        assert answer.sensor.started is not None
        starts.append(answer.sensor.started)
    distinct = sorted(set(starts))
    lives = {later - earlier for earlier, later in pairwise(distinct)}
    assert all(
        timedelta(days=9, hours=20) <= life <= timedelta(days=10, hours=12) for life in lives
    )
    assert len(distinct) in {6, 7}


async def test_low_and_high_are_words_at_dexcoms_numbers() -> None:
    day = date(2026, 2, 28)
    planted = (
        PlantedEvent(what=Planted.HOLD, at=time(3), on=day, mg_dl=25, minutes=30),
        PlantedEvent(what=Planted.HOLD, at=time(15), on=day, mg_dl=480, minutes=30),
    )
    epoch = datetime(2026, 2, 25, tzinfo=UTC)
    readings = (
        await ask(account(planted=planted, sensor_epoch=epoch), NOW - timedelta(2))
    ).readings
    bounds = {(r.bound, r.mg_dl, r.trend) for r in readings if r.bound}
    assert {(Bound.LOW, 39, Trend.NONE), (Bound.HIGH, 401, Trend.NONE)} == bounds


async def test_the_arrow_follows_the_value() -> None:
    readings = (await ask(account(), NOW - timedelta(days=20))).readings
    by_time = {reading.time: reading for reading in readings}
    steep = [r for r in readings if r.trend in {Trend.DOUBLE_UP, Trend.UP}]
    rises = [
        r.mg_dl - by_time[r.time - timedelta(minutes=15)].mg_dl
        for r in steep
        if r.time - timedelta(minutes=15) in by_time
    ]
    assert len(rises) > 20
    assert min(rises) >= 28


@pytest.mark.parametrize(
    "wrong",
    [
        {"what": Planted.RISE, "at": time(8)},
        {"what": Planted.RISE, "at": time(8), "mg_dl": 400},
        {"what": Planted.HOLD, "at": time(8), "mg_dl": 5, "minutes": 10},
        {"what": Planted.HOLD, "at": time(8), "mg_dl": 50},
        {"what": Planted.GAP, "at": time(8), "minutes": 5000},
        {"what": Planted.GAP, "at": time(8, tzinfo=UTC), "minutes": 5},
        {"what": Planted.GAP, "at": time(8), "minutes": 5, "on": frozenset({7})},
        {"what": Planted.GAP, "at": time(8), "minutes": 5, "on": frozenset()},
    ],
)
def test_events_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"mg/dL|minutes|local|weekdays"):
        PlantedEvent(**wrong)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    "wrong", [{"cadence_minutes": 3}, {"sensor_epoch": datetime(2026, 1, 1, tzinfo=BERLIN)}]
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"cadence|UTC"):
        SimulatedSettings(seed=1, zone=BERLIN, **wrong)  # type: ignore[arg-type]  # on purpose


def _split_mix(word: int) -> int:
    mask = (1 << 64) - 1
    word = (word + 0x9E3779B97F4A7C15) & mask
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & mask
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & mask
    return word ^ (word >> 31)


@settings(deadline=None)
@given(st.integers(-(2**63), 2**63 - 1), st.sampled_from(Topic), st.integers(-(2**40), 2**40))
def test_chance_is_splitmix64_of_seed_topic_and_index(seed: int, topic: Topic, index: int) -> None:
    stream = _split_mix((seed * 64 + topic) % 2**64)
    word = _split_mix((stream + index * 0x9E3779B97F4A7C15) % 2**64)
    assert next(uniform(seed, topic, (index,))) == (word >> 11) / 2**53


def test_splitmix64_gives_its_published_first_number() -> None:
    assert _split_mix(0) == 0xE220A8397B1DCDAF


def test_units_draw_their_own_numbers() -> None:
    assert next(of_unit(1, Topic.DAY, 5, PER_UNIT)) == next(of_unit(1, Topic.DAY, 5, 1))
    assert not set(of_unit(1, Topic.DAY, 5)) & set(of_unit(1, Topic.DAY, 6))


def test_normal_numbers_have_mean_zero_and_deviation_one() -> None:
    drawn = np.array(list(normal(3, Topic.NOISE_FAST, range(100_000))))
    assert abs(drawn.mean()) < 0.02
    assert abs(drawn.std() - 1.0) < 0.02


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(20_000, 21_000), st.integers(1, 9), st.integers(0, 8))
def test_a_days_glucose_is_the_same_alone_and_among_others(
    seed: int, first: int, count: int, offset: int
) -> None:
    among = Body(seed, BERLIN).glucose(first, first + count + offset)
    alone = Body(seed, BERLIN).glucose(first + offset, first + offset)
    assert alone == among[offset * 288 : (offset + 1) * 288]


@given(st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_glucose_has_no_seam_at_midnight(seed: int) -> None:
    steps = np.abs(np.diff(Body(seed, BERLIN).glucose(20_000, 20_060)))
    assert steps.max() < 30.0
    assert steps[287::288].max() < 25.0


@given(st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_a_days_fixed_beginning_is_forgotten_when_the_day_begins(seed: int) -> None:
    """Where two days' computations overlap, they agree before one is faded into the other."""
    curves = np.array(_simulate(seed, BERLIN, range(20_000, 20_030)))
    before, own = curves[:-1, SETTLE + PER_DAY :], curves[1:, SETTLE : SETTLE + FADE]
    assert np.median(np.abs(before - own)) < 2.0
