"""Readings on the fine grid of days: what is bridged and what not, and the clock's odd nights."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from glucose.metrics.series import Series
from glucose.patterns.fine_days import FineDays

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
TOMORROW = date(2026, 3, 3)
BERLIN = ZoneInfo("Europe/Berlin")


def series(points: dict[float, float], zone: ZoneInfo | None = None) -> Series:
    """Take readings at minutes after midnight."""
    start = round(MIDNIGHT.timestamp() * 1000)
    return Series(
        times=np.array([start + round(at * 60_000) for at in points], dtype=np.int64),
        mg_dl=np.array(list(points.values()), dtype=np.float64),
        zone=zone or ZoneInfo("UTC"),
    )


def laid(points: dict[float, float]) -> FineDays:
    found = FineDays.of(series(points), TOMORROW)
    assert found is not None
    return found


def known(days: FineDays) -> dict[int, float]:
    """Return glucose by minutes after the first midnight."""
    return {
        int(at) * days.step: float(days.flat[at]) for at in np.flatnonzero(~np.isnan(days.flat))
    }


def test_readings_lie_where_they_were_read() -> None:
    days = laid({0: 100, 5: 105, 10: 110})
    assert (days.first, days.step, days.per_day, len(days)) == (date(2026, 3, 2), 5, 288, 1)
    assert known(days) == {0: 100, 5: 105, 10: 110}


def test_fifteen_minutes_are_bridged_straight_and_sixteen_are_not() -> None:
    assert known(laid({0: 100, 5: 100, 20: 130, 25: 130})) == {
        0: 100, 5: 100, 10: 110, 15: 120, 20: 130, 25: 130,
    }  # fmt: skip
    assert known(laid({0: 100, 5: 100, 21: 130, 26: 130, 31: 130})) == {
        0: 100, 5: 100, 25: 130, 30: 130,
    }  # fmt: skip


def test_what_is_between_readings_is_in_sixteenths() -> None:
    values = known(laid({1: 100, 6: 101, 11: 103}))
    assert values == {5: 100.8125, 10: 102.625}
    assert all(value * 16 == int(value * 16) for value in values.values())


def test_before_the_first_and_after_the_last_reading_nothing_is_known() -> None:
    assert known(laid({8: 100, 13: 110, 18: 100})) == {10: 104, 15: 106}


def test_two_readings_of_one_time_are_averaged() -> None:
    assert known(laid({0: 100, 5: 100, 10: 100}))[5] == 100
    doubled = series({0: 100, 5: 100, 10: 100})
    times = np.sort(np.append(doubled.times, doubled.times[1]))
    found = FineDays.of(
        Series(times=times, mg_dl=np.array([100.0, 90, 120, 100]), zone=doubled.zone), TOMORROW
    )
    assert found is not None
    assert known(found) == {0: 100, 5: 105, 10: 100}


def test_a_sensor_of_fifteen_minutes_has_its_own_grid() -> None:
    days = laid({at * 15: 100 + at for at in range(96)})
    assert (days.step, days.per_day) == (15, 96)
    assert known(days) == {at * 15: 100 + at for at in range(96)}
    assert days.windows_of(120) == 8


def test_a_sensor_of_each_minute_is_taken_each_five() -> None:
    days = laid({at: 100 + at for at in range(11)})
    assert known(days) == {0: 100, 5: 105, 10: 110}


def test_only_the_days_before_today_and_so_many_of_them_count() -> None:
    points = {float(at): 100.0 for at in range(-3 * 1440, 1440 + 600, 5)}
    days = FineDays.of(series(points), TOMORROW, days=2)
    assert days is not None
    assert (days.first, len(days)) == (date(2026, 3, 1), 2)
    assert not np.isnan(days.flat).any()  # yesterday's last needs today's first
    assert [days.date_of(1), days.day_at(287), days.day_at(288)] == [
        date(2026, 3, 2),
        date(2026, 3, 1),
        date(2026, 3, 2),
    ]
    assert [days.time_at(0), days.time_at(287), days.time_at(289)] == [
        time(0),
        time(23, 55),
        time(0, 5),
    ]
    assert days.slots[[0, 287, 288]].tolist() == [0, 287, 0]


@pytest.mark.parametrize("points", [{}, {0: 100}, {-9000: 100, -8995: 100}, {1500: 100, 1505: 100}])
def test_without_two_readings_before_today_there_are_no_days(points: dict[float, float]) -> None:
    assert FineDays.of(series(points), TOMORROW, days=3) is None


def whole_days(zone: ZoneInfo, start: datetime, days: int) -> FineDays:
    """Read, each five minutes, how many minutes passed since the start, as 100 to 400."""
    moments = [start + timedelta(minutes=5 * at) for at in range(days * 288)]
    found = FineDays.of(
        Series(
            times=np.array([round(at.timestamp() * 1000) for at in moments], dtype=np.int64),
            mg_dl=np.array([100.0 + at % 300 for at in range(len(moments))]),
            zone=zone,
        ),
        (start + timedelta(days=days - 1)).date(),
    )
    assert found is not None
    return found


def test_the_hour_that_spring_skips_is_unknown() -> None:
    days = whole_days(BERLIN, datetime(2026, 3, 27, 23, tzinfo=UTC), 4)
    night = days.cells[(date(2026, 3, 29) - days.first).days]
    assert np.flatnonzero(np.isnan(night)).tolist() == list(range(24, 36))


def test_no_window_crosses_the_hour_that_autumn_repeats() -> None:
    days = whole_days(BERLIN, datetime(2026, 10, 23, 22, tzinfo=UTC), 4)
    night = days.cells[(date(2026, 10, 25) - days.first).days]
    assert np.flatnonzero(np.isnan(night)).tolist() == [35]
    # The first pass is meant: an hour of readings lies between its last cell and the next.
    assert (night[36] - night[34]) % 300 == 2 + 12


@pytest.mark.parametrize("minutes", [0, -5, 7, 1445])
def test_a_window_fits_the_grid(minutes: int) -> None:
    days = laid({0: 100, 5: 105, 10: 110})
    with pytest.raises(ValueError, match="multiple of 5 minutes"):
        days.windows_of(minutes)
    assert (days.windows_of(5), days.windows_of(1440)) == (1, 288)


@settings(max_examples=80, deadline=None)
@given(
    gaps=st.lists(st.sampled_from((1, 4, 5, 6, 10, 14, 15, 16, 30, 90)), min_size=3, max_size=60),
    first=st.integers(0, 30),
)
def test_every_cell_is_its_neighbours_line_or_nothing(gaps: list[int], first: int) -> None:
    at, points = first, {}
    for place, gap in enumerate(gaps):
        points[float(at)] = 80.0 + place * 37 % 200
        at += gap
    days = laid(points)
    ordered = sorted(points)
    for minute, cell in zip(range(0, 1440, days.step), days.flat.tolist(), strict=True):
        before = max((one for one in ordered if one <= minute), default=None)
        after = min((one for one in ordered if one >= minute), default=None)
        if before is None or after is None or after - before > 15:
            assert math.isnan(cell)
            continue
        share = (minute - before) / (after - before) if after > before else 0
        line = points[before] + (points[after] - points[before]) * share
        assert cell == pytest.approx(line, abs=1 / 32 + 1e-9)
