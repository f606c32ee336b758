"""Measures of too little, too even and too extreme readings: a number or nothing, never NaN."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from glucose.metrics.active_percent import active_percent_of_last
from glucose.metrics.conga import conga
from glucose.metrics.episodes import HYPER_1, HYPO_1, episodes_of
from glucose.metrics.grid import DayGrid
from glucose.metrics.local_clock import utc_of, wall_of
from glucose.metrics.mage_excursions import falls, rises
from glucose.metrics.report import Report, report
from glucose.metrics.series import Series
from glucose.reading import Bound, Kind, Reading

START = datetime(2026, 3, 1, 9, 2, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def readings(
    values: Sequence[int], minutes: float = 5, start: datetime = START, bound: Bound | None = None
) -> list[Reading]:
    return [
        Reading(
            time=start + timedelta(minutes=minutes * at),
            mg_dl=mg_dl,
            source="s",
            series="s",
            bound=bound,
        )
        for at, mg_dl in enumerate(values)
    ]


def reported(found: Sequence[Reading]) -> Report:
    with np.errstate(all="raise"):
        return report(Series.of(found, UTC))


def numbers(value: object) -> Iterator[float]:
    """Walk every number in the report."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from numbers(getattr(value, field.name))
    elif isinstance(value, tuple):
        for part in value:
            yield from numbers(part)
    elif isinstance(value, int | float):
        yield value


def waves(count: int, every: float) -> list[int]:
    return [round(140 + 90 * math.sin(at * every / 70)) for at in range(count)]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("values", "minutes"),
    [
        ([], 5),
        ([100], 5),
        ([100, 110], 5),
        ([100, 110], 50),
        ([100, 110, 105], 0.25),
        ([110] * 600, 5),
        ([39] * 600, 5),
        ([401] * 600, 5),
        ([10] * 40, 5),
        (waves(288, 5), 5),
        (waves(1440, 1), 1),
        (waves(300, 15), 15),
        (waves(80, 30), 30),
        (waves(80, 60), 60),
        (waves(9, 5), 5),
    ],
)
def test_no_reading_makes_a_warning_or_a_number_that_is_none(
    values: list[int], minutes: float
) -> None:
    found = reported(readings(values, minutes))
    assert all(math.isfinite(number) for number in numbers(found))
    assert found.readings == len(values)


def test_nothing_is_said_of_nothing() -> None:
    found = reported([])
    assert (found.first, found.last, found.ndays, found.mean, found.episodes) == (None,) * 5


def test_one_reading_has_a_mean_and_no_spread() -> None:
    found = reported(readings([100]))
    assert (found.mean, found.median, found.in_range_70_180) == (100, 100, 100)
    assert (found.ndays, found.active_percent, found.sd, found.cv, found.j_index) == (
        0,
        *(None,) * 4,
    )
    assert (found.adrr, found.mage, found.gvp, found.episodes) == (None,) * 4


def test_readings_between_two_cells_of_the_grid_say_nothing_over_time() -> None:
    found = reported(readings([100, 110], 1.6, START + timedelta(seconds=10)))
    assert (found.modd, found.gvp, found.mag, found.auc, found.pgs, found.mage) == (None,) * 6
    assert found.episodes is None
    assert found.active_percent == 100


def test_a_rise_that_never_turns_is_one_swing_and_no_fall() -> None:
    start = START.replace(minute=0)
    found = reported(readings([100 + 2 * at for at in range(60)], start=start)).mage
    assert found is not None
    assert (found.average, found.plus, found.minus) == (118, 118, None)


def test_rises_follow_each_other_and_falls_may_begin_where_the_last_was_lowest() -> None:
    assert rises([100, 200, 190, 120, 180], 50) == [100, 60]
    assert rises([100, 140, 100, 149], 50) == []
    assert falls([200, 100, 150, 100], 50) == [100, 50]
    assert falls([100, 180, 120, 131, 60, 61], 50) == [120]
    assert rises([], 50) == falls([], 50) == []


def test_the_last_days_of_nothing_and_of_a_blink_are_not_known() -> None:
    assert active_percent_of_last(Series.of([], UTC)) is None
    assert active_percent_of_last(Series.of(readings([100] * 5, 0.25), UTC)) is None


def test_level_glucose_has_no_swing_and_spreads_of_zero() -> None:
    found = reported(readings([110] * 600))
    assert (found.sd, found.cv, found.mad, found.gvp, found.mag, found.sd_roc) == (0,) * 6
    assert found.mage is None
    assert found.conga_24 == 0


def test_all_low_counts_as_its_number_and_how_many_is_said() -> None:
    found = reported(readings([39] * 600, bound=Bound.LOW))
    assert (found.lows, found.highs, found.mean) == (600, 0, 39)
    assert (found.below_54, found.gri) == (100, 100)
    assert found.episodes is not None
    assert found.episodes.hypo_extended.count == 1
    assert found.episodes.hyper_1 == dataclasses.replace(
        found.episodes.hyper_1, count=0, per_day=0, mean_minutes=0, mean_mg_dl=None
    )


def test_thresholds_belong_to_the_range() -> None:
    found = reported(readings([54, 70, 140, 180, 250]))
    assert (found.below_54, found.below_70, found.in_range_70_180) == (0, 20, 60)
    assert (found.above_140, found.above_180, found.above_250) == (40, 20, 0)


def test_finger_sticks_do_not_count() -> None:
    stick = Reading(time=START, mg_dl=300, source="s", series="strip", kind=Kind.METER)
    assert reported([stick, *readings([100, 110])]).mean == 105


def test_an_episode_needs_fifteen_minutes_and_ends_after_fifteen() -> None:
    start, steady = START.replace(minute=0), [100] * 12
    values = [*steady, 60, 60, *steady, 60, 60, 60, 100, 100, 60, *steady]
    series = Series.of(readings(values, start=start), UTC)
    assert series.grid is not None
    (episode,) = episodes_of(series.grid, HYPO_1)
    assert episode.start == start + timedelta(minutes=5 * 26)
    assert episode.end == start + timedelta(minutes=5 * 32)
    assert episode.mean_mg_dl == pytest.approx((4 * 60 + 2 * 100) / 6)
    assert episode.extreme_mg_dl == 60
    assert episodes_of(series.grid, HYPER_1) == []


def test_a_gap_of_more_than_45_minutes_parts_an_episode() -> None:
    before, after = readings([60] * 12), readings([60] * 12, start=START + timedelta(minutes=101))
    series = Series.of([*before, *after], UTC)
    assert series.grid is not None
    assert len(episodes_of(series.grid, HYPO_1)) == 2
    joined = Series.of([*before, *readings([60] * 12, start=START + timedelta(minutes=100))], UTC)
    assert joined.grid is not None
    assert len(episodes_of(joined.grid, HYPO_1)) == 1


def test_of_readings_at_one_time_the_grid_takes_the_last_and_the_risk_index_the_mean() -> None:
    twice = readings([100, 100, 100, 100])
    twice.insert(2, dataclasses.replace(twice[1], mg_dl=40))
    series = Series.of(twice, UTC)
    assert series.grid is not None
    assert np.nanmin(series.grid.cells) < 70
    assert series.averaged.mg_dl.tolist() == [100, 70, 100, 100]
    assert reported(twice).gri == 0
    assert reported(twice).below_54 == 20


def test_a_history_with_years_between_lays_out_only_the_days_it_has() -> None:
    old = readings(waves(600, 5), start=datetime(1990, 5, 1, 3, 4, tzinfo=UTC))
    series = Series.of([*old, *readings(waves(600, 5))], UTC)
    assert series.grid is not None
    assert series.grid.days > 13_000
    assert len(series.grid.rows) <= 8
    assert reported([*old, *readings(waves(600, 5))]).conga_24 is not None


def test_spring_skips_an_hour_and_of_autumns_two_the_first_is_laid_out() -> None:
    for start, known_between in (
        (datetime(2026, 3, 28, 22, 58, tzinfo=UTC), [12, 0, 12]),
        (datetime(2026, 10, 24, 21, 58, tzinfo=UTC), [12, 12, 12]),
    ):
        grid = Series.of(readings(waves(100, 5), start=start), BERLIN).grid
        assert grid is not None
        # Cells from midnight + 5: those of 1, 2 and 3 o'clock of the day of the change.
        day = grid.cells[1]
        hours = [day[12 * hour - 1 : 12 * hour + 11] for hour in (1, 2, 3)]
        assert [int(np.count_nonzero(~np.isnan(hour))) for hour in hours] == known_between
        if start.month == 10:
            times = grid.times.reshape(grid.cells.shape)[1]
            assert times[12 * 3 - 1] - times[12 * 3 - 2] == (60 + 5) * 60_000


def test_the_wall_clock_and_back() -> None:
    times = np.array(
        [int(datetime(2026, month, 15, 12, tzinfo=UTC).timestamp()) * 1000 for month in (1, 7)]
    )
    walls = wall_of(times, BERLIN)
    assert (walls - times).tolist() == [3_600_000, 7_200_000]
    back, exists = utc_of(walls, BERLIN)
    assert back.tolist() == times.tolist()
    assert exists.all()
    skipped = np.array([int(datetime(2026, 3, 29, 2, 30, tzinfo=UTC).timestamp()) * 1000])
    assert not utc_of(skipped, BERLIN)[1].any()


def test_what_no_measure_can_be_taken_of_is_refused() -> None:
    def made(times: list[int], mg_dl: list[float]) -> Series:
        return Series(times=np.array(times), mg_dl=np.array(mg_dl), zone=UTC)

    for times, mg_dl in (
        ([2, 1], [100.0, 100.0]),
        ([1], [math.nan]),
        ([1, 2], [100.0]),
        ([1], [9.0]),
    ):
        with pytest.raises(ValueError, match=r"oldest|must lie|as many"):
            made(times, mg_dl)
    series = Series.of(readings(waves(600, 5)), UTC)
    assert series.grid is not None
    for hours in (0, 25):
        with pytest.raises(ValueError, match="CONGA"):
            conga(series.grid, hours)
    with pytest.raises(ValueError, match="read-only"):
        series.mg_dl[0] = 1.0


def test_a_scattered_history_beyond_any_use_has_no_grid() -> None:
    # Two readings a minute apart every second day, for over a century.
    times = np.arange(22_000, dtype=np.int64).repeat(2) * (2 * 86_400_000)
    times[1::2] += 60_000
    assert DayGrid.of(times, np.full(len(times), 100.0), UTC, 1) is None
