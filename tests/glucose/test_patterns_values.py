"""The day table and what a day has in a stretch, against slow twins; holes, clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from glucose.findings import Findings, Missing
from glucose.insight import Insight, InsightKind
from glucose.metrics.series import Series
from glucose.patterns.day_table import BINS, STARTS, DayTable
from glucose.patterns.day_values import dawns, drifts, highest, lowest, rises
from glucose.patterns.faint_rhythm import without_rhythm
from naive import patterns as naive

BERLIN = ZoneInfo("Europe/Berlin")
TODAY = date(2026, 10, 27)
# Of clocks going back on 2026-10-25 in Berlin.
START = datetime(2026, 10, 22, 5, 3, tzinfo=UTC)
Points = list[tuple[datetime, float]]


def series_of(points: Points) -> Series:
    return Series(
        times=np.array([round(moment.timestamp() * 1000) for moment, _ in points], dtype=np.int64),
        mg_dl=np.array([mg_dl for _, mg_dl in points]),
        zone=BERLIN,
    )


def table_of(points: Points, today: date = TODAY) -> DayTable:
    table = DayTable.of(series_of(points), today, np.empty(0, dtype=np.int64))
    assert table is not None
    return table


def walk(seed: int, minutes: int = 5, lost: float = 0.1) -> Points:
    """Return five days of a wandering glucose, hours of it lost."""
    rng = np.random.default_rng(seed)
    count = 5 * 1440 // minutes
    mg_dl = np.clip(140 + np.cumsum(rng.normal(0, 4, count)), 45, 390).round()
    there = np.repeat(rng.random(-(-count // 9)) >= lost, 9)[:count]
    return [
        (START + timedelta(minutes=minutes * at), float(mg_dl[at]))
        for at in np.flatnonzero(there).tolist()
    ]


def same(found: np.ndarray, expected: list[list[float | None]]) -> None:
    wanted = np.array([[np.nan if cell is None else cell for cell in row] for row in expected])
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("seed", "minutes"), [(1, 5), (2, 5), (3, 15), (4, 1)])
def test_every_value_is_its_twins(seed: int, minutes: int) -> None:
    points = walk(seed, minutes)
    table = table_of(points)
    rows = list(naive.table(points, BERLIN, TODAY).values())
    same(table.cells[1:], rows)
    days, starts = range(len(rows) - 1), range(STARTS)

    def each(take: object) -> list[list[float | None]]:
        assert callable(take)
        return [[take(day, start) for start in starts] for day in days]

    same(lowest(table, 12), each(lambda d, s: naive.lowest(naive.stretch(rows, d, s, 12))))
    same(highest(table, 24), each(lambda d, s: naive.highest(naive.stretch(rows, d, s, 24))))
    same(rises(table), each(lambda d, s: naive.rise(rows, d, s)))
    same(dawns(table, 100), each(lambda d, s: naive.dawn(rows, d, s, 100)))
    same(drifts(table), each(lambda d, s: naive.drift(rows, d, s)))
    assert table.weekdays.tolist() == [table.date_of(day).weekday() for day in days]


@given(st.lists(st.integers(0, 6 * 1440), min_size=1, max_size=60))
@settings(max_examples=50, deadline=None)
def test_any_scattered_readings_are_laid_out_as_the_twin_does(minutes: list[int]) -> None:
    points = [(START + timedelta(minutes=at), 60.0 + at % 300) for at in sorted(minutes)]
    if points[0][0].astimezone(BERLIN).date() < TODAY:
        rows = list(naive.table(points, BERLIN, TODAY).values())
        same(table_of(points).cells[1:], rows)


def test_a_gap_is_left_open_and_a_quarter_hour_cadence_is_none() -> None:
    table = table_of(walk(1, 15, lost=0))
    assert not np.isnan(table.days[1:]).any()
    holed = [point for point in walk(1, 5, lost=0) if point[0].hour != 9]
    assert np.isnan(table_of(holed).days[1, 11 * 4 : 12 * 4]).all()


def test_only_ninety_days_before_today_count() -> None:
    long_ago = [(moment - timedelta(days=200), mg_dl) for moment, mg_dl in walk(1)]
    assert table_of([*long_ago, *walk(1)]).first == START.date()
    none = np.empty(0, dtype=np.int64)
    assert DayTable.of(series_of(long_ago), TODAY, none) is None
    assert DayTable.of(series_of([(START, 100.0)]), START.date(), none) is None
    assert DayTable.of(series_of([]), TODAY, none) is None


def test_a_night_in_which_something_was_eaten_has_no_dawn() -> None:
    points = walk(1, lost=0)
    third = datetime(2026, 10, 24, 2, 10, tzinfo=BERLIN).timestamp() * 1000
    wall = np.array([third + 2 * 3_600_000], dtype=np.int64)
    fed = DayTable.of(series_of(points), TODAY, wall)
    assert fed is not None
    lost = np.isnan(dawns(fed, 40)) & ~np.isnan(dawns(table_of(points), 40))
    day, start = np.nonzero(lost)
    assert set(day.tolist()) == {1, 2}
    assert {0, 2, 4} <= set(start[day == 2].tolist())
    assert max(start[day == 2].tolist()) == 4


@pytest.mark.parametrize(("amplitude", "left"), [(4.0, 0.0), (10.0, 0.0), (25.0, 15.0)])
def test_of_the_rhythm_at_most_ten_is_taken_off(amplitude: float, left: float) -> None:
    wave = 120 + amplitude * np.sin(2 * np.pi * np.arange(BINS) / BINS + 1)
    cells = np.tile(wave, (6, 1))
    cells[0] = np.nan
    cells[3, 20:30] = np.nan
    table = DayTable(first=TODAY, cells=cells, eaten=np.zeros(cells.shape, dtype=np.bool_))
    flat = without_rhythm(table)
    assert np.ptp(flat.days[0]) / 2 == pytest.approx(left, abs=0.1)
    assert np.isnan(flat.cells).tolist() == np.isnan(cells).tolist()


def test_what_cannot_be_meant_is_refused() -> None:
    with pytest.raises(ValueError, match="fewer days"):
        Missing(kind=InsightKind.RISE, have=8, need=8)
    one = Insight(
        kind=InsightKind.RISE,
        days=(TODAY,),
        n_eligible=1,
        effect=1.0,
        low=1.0,
        high=1.0,
        chance=0.01,
    )
    with pytest.raises(ValueError, match="test"):
        Findings(insights=(one,))
    assert Findings(insights=(one,), tests_run=1).missing == ()
