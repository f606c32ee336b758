"""Local clocks become UTC; the repeated hour is told apart by clock, order or crowding."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st

from glucose.errors import InvalidReadingError
from glucose.formats.local_time import Stamp, local_time, utc_times

BERLIN = ZoneInfo("Europe/Berlin")
# 25 October 2026, 03:00 summer time (01:00 UTC) becomes 02:00.
AUTUMN = datetime(2026, 10, 25, tzinfo=UTC)
SPRING = datetime(2026, 3, 29, tzinfo=UTC)


def shown(time: datetime, zone: ZoneInfo = BERLIN) -> datetime:
    return time.astimezone(zone).replace(tzinfo=None)


def night(cadence: float, count: int, first: timedelta = timedelta(0)) -> list[datetime]:
    start = AUTUMN - timedelta(hours=3) + first
    return [start + timedelta(minutes=cadence * n) for n in range(count)]


@settings(deadline=None)
@given(st.integers(0, 299), st.lists(st.integers(0, 119), max_size=60))
def test_in_time_order_the_step_back_begins_the_second_pass(
    offset: int, missing: list[int]
) -> None:
    """Whatever is missing, as long as some of the first pass is later than the second begins."""
    times = night(5, 120, timedelta(seconds=offset))
    border = AUTUMN + timedelta(hours=1)
    kept = [
        time
        for index, time in enumerate(times)
        if index not in missing or abs(time - border) < timedelta(minutes=10)
    ]
    assert utc_times([Stamp(shown(time)) for time in kept], BERLIN) == kept


@settings(deadline=None)
@given(st.integers(0, 299), st.integers(-2, 2))
def test_sorted_into_each_other_the_devices_own_clock_decides(offset: int, jitter: int) -> None:
    """As Clarity writes it: by shown time; both passes a row by turns, the phase trembling."""
    times = night(5, 120, timedelta(seconds=offset))
    moved = [time + timedelta(seconds=jitter * (n % 2)) for n, time in enumerate(times)]
    rows = sorted(moved, key=shown)
    stamps = [Stamp(shown(time), int((time - times[0]).total_seconds())) for time in rows]
    assert utc_times(stamps, BERLIN) == rows


@pytest.mark.parametrize("phase", [60, 120])
def test_sorted_into_each_other_without_a_clock_crowding_decides(phase: int) -> None:
    first = [AUTUMN + timedelta(minutes=5 * n) for n in range(12)]
    second = [time + timedelta(hours=1, seconds=phase) for time in first]
    around = [AUTUMN - timedelta(minutes=5 * n) for n in range(20, 0, -1)]
    rows = around + sorted(first + second, key=shown)
    assert utc_times([Stamp(shown(time)) for time in rows], BERLIN) == rows


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize(
    ("first", "last"),
    [
        pytest.param(-13, 67, id="the gap holds the first pass and ends in the second"),
        pytest.param(-43, 62, id="a longer one"),
        pytest.param(17, 122, id="the gap begins in the first pass and holds the second"),
        pytest.param(22, 103, id="the gap begins in the first pass and ends in the second"),
    ],
)
def test_a_gap_leaves_the_pass_that_the_rows_around_run_on_with(
    first: int, last: int, newest_first: bool
) -> None:
    """Minutes after the repeated hour begins; no step back tells."""
    times = [
        time
        for time in night(5, 120, timedelta(minutes=3))
        if not AUTUMN + timedelta(minutes=first) < time < AUTUMN + timedelta(minutes=last)
    ]
    rows = times[::-1] if newest_first else times
    assert utc_times([Stamp(shown(time)) for time in rows], BERLIN) == rows


def test_a_gap_of_exactly_the_hour_fits_both_ways_so_the_first_pass_is_taken() -> None:
    times = night(5, 120, timedelta(minutes=3))
    beyond = [time for time in times if not AUTUMN <= time < AUTUMN + timedelta(hours=1)]
    until = [time for time in times if not timedelta(hours=1) <= time - AUTUMN < timedelta(hours=2)]
    assert [shown(time) for time in beyond] == [shown(time) for time in until]
    assert utc_times([Stamp(shown(time)) for time in beyond], BERLIN) == until


def test_a_file_that_begins_with_its_newest_row_is_read_from_its_end() -> None:
    rows = night(5, 120)[::-1]
    assert utc_times([Stamp(shown(time)) for time in rows], BERLIN) == rows


def test_what_is_seldom_is_of_the_first_pass_where_nothing_tells() -> None:
    """Two doses in one quarter of an hour are no crowd, and hours between meals no gap."""
    hours = [AUTUMN + timedelta(hours=n) for n in (-7, -4, -2, 3, 5, 9)]
    meal = [AUTUMN + timedelta(minutes=m) for m in (20, 30)]
    rows = sorted([*hours, *meal])
    assert utc_times([Stamp(shown(time)) for time in rows], BERLIN) == rows


def test_where_nothing_tells_the_first_pass_is_taken() -> None:
    assert utc_times([Stamp(datetime(2026, 10, 25, 2, 30))], BERLIN) == [  # noqa: DTZ001 - as a clock shows it
        AUTUMN + timedelta(minutes=30)
    ]


def test_a_clock_alone_without_a_certain_row_falls_back_to_the_order() -> None:
    rows = [AUTUMN + timedelta(minutes=m) for m in (10, 50, 70)]
    stamps = [Stamp(shown(time), clock) for clock, time in enumerate(rows)]
    assert utc_times(stamps, BERLIN) == rows


def test_a_certain_row_behind_serves_as_well() -> None:
    rows = [AUTUMN + timedelta(minutes=m) for m in (70, 75, 180)]
    stamps = [Stamp(shown(time), int(time.timestamp())) for time in rows]
    assert utc_times(stamps, BERLIN) == rows


def test_each_year_has_its_own_second_pass() -> None:
    last_year = datetime(2025, 10, 26, 0, 30, tzinfo=UTC)
    rows = [last_year, last_year + timedelta(minutes=55), AUTUMN + timedelta(minutes=30)]
    assert utc_times([Stamp(shown(time)) for time in rows], BERLIN) == rows


def test_a_clock_not_yet_put_forward_is_read_with_the_offset_before() -> None:
    assert utc_times([Stamp(datetime(2026, 3, 29, 2, 30))], BERLIN) == [  # noqa: DTZ001 - as a clock shows it
        SPRING + timedelta(hours=1, minutes=30)
    ]


@settings(deadline=None)
@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001 - zone follows
    st.sampled_from(["UTC", "Europe/London", "America/St_Johns", "Australia/Lord_Howe"]),
)
def test_one_row_alone_is_what_its_zone_says(local: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    (time,) = utc_times([Stamp(local)], zone)
    assert time == local.replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize("year", [1, 1899, 2201, 9999])
def test_years_without_sensors_are_refused(year: int) -> None:
    with pytest.raises(InvalidReadingError, match="no such date"):
        local_time(year, 1, 1, 0, 0)
