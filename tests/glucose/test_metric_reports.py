"""Weighing by time, sufficiency, the ambulatory profile and the consensus aims."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from glucose.metrics.agp import PERCENTS, Agp, agp
from glucose.metrics.consensus import CONSENSUS, Aim, Group
from glucose.metrics.gri import gri
from glucose.metrics.mean import mean
from glucose.metrics.percent import above, below, within
from glucose.metrics.series import Series
from glucose.metrics.standing import standing_minutes
from glucose.metrics.sufficiency import Sufficiency, sufficiency
from glucose.targets import Targets

START = datetime(2026, 3, 1, tzinfo=UTC)
END = START + timedelta(days=14)
FIVE = timedelta(minutes=5)
KOLKATA = ZoneInfo("Asia/Kolkata")


def series_of(minutes: list[float], mg_dl: list[float], zone: ZoneInfo | None = None) -> Series:
    return Series(
        times=np.array([round(START.timestamp() * 1000 + m * 60_000) for m in minutes], np.int64),
        mg_dl=np.array(mg_dl, dtype=np.float64),
        zone=zone or UTC,
    )


def test_a_reading_stands_until_the_next_and_in_a_gap_for_one_cadence() -> None:
    series = series_of([0, 5, 12, 12, 40, 45], [100] * 6)
    assert standing_minutes(series, FIVE).tolist() == [5, 7, 0, 5, 5, 5]
    edge = series_of([0, 7.5, 15.1], [100] * 3)
    assert standing_minutes(edge, FIVE).tolist() == [7.5, 5, 5]
    assert standing_minutes(series_of([], []), FIVE).tolist() == []


def test_scans_among_a_history_do_not_weigh_more_for_being_many() -> None:
    """An hour at 200, scanned each minute, then three hours at 100, by itself each 15 minutes."""
    minutes = [*map(float, range(60)), *map(float, range(60, 240, 15))]
    values = [200.0 if minute < 60 else 100.0 for minute in minutes]
    series = series_of(minutes, values)
    weights = standing_minutes(series, timedelta(minutes=15))
    assert mean(series.mg_dl, weights) == pytest.approx(125)
    assert within(series.mg_dl, 70, 180, weights) == pytest.approx(75)
    assert above(series.mg_dl, 180, weights) == pytest.approx(25)
    assert below(series.mg_dl, 70, weights) == 0
    assert gri(series.mg_dl, weights) == pytest.approx(20)
    assert (mean(series.mg_dl) or 0) > 180
    nothing = np.zeros(len(series))
    assert (mean(series.mg_dl, nothing), within(series.mg_dl, 70, 180, nothing)) == (None, None)


@settings(deadline=None)
@given(st.lists(st.integers(0, 2000), max_size=60), st.sampled_from([1, 5, 15]))
def test_weights_are_as_the_plain_loop_has_them(minutes: list[int], cadence: int) -> None:
    ordered = sorted(minutes)
    series = series_of([float(minute) for minute in ordered], [100.0] * len(ordered))
    expected = []
    for at, minute in enumerate(ordered):
        stands = ordered[at + 1] - minute if at + 1 < len(ordered) else math.inf
        expected.append(cadence if stands > 1.5 * cadence else stands)
    assert standing_minutes(series, timedelta(minutes=cadence)).tolist() == expected


def regular(readings: int) -> Series:
    """The last so many five-minute readings before END."""
    first = 14 * 288 - readings
    return series_of([5.0 * (first + at) for at in range(readings)], [100.0] * readings)


def test_seventy_per_cent_of_fourteen_days_are_2823_readings() -> None:
    assert not sufficiency(regular(2822), END, FIVE).enough
    assert sufficiency(regular(2823), END, FIVE).enough


@pytest.mark.parametrize(
    ("readings", "words"),
    [
        (0, "0 of 14 days; needs 70 %"),
        (9 * 288, "9 of 14 days; needs 70 %"),
        (2822, "9.7 of 14 days; needs 70 %"),
        (14 * 288, "14 of 14 days"),
    ],
)
def test_too_little_is_said_in_words(readings: int, words: str) -> None:
    assert sufficiency(regular(readings), END, FIVE).words == words


def test_what_lies_outside_of_the_days_does_not_count() -> None:
    early = sufficiency(regular(14 * 288), END + timedelta(days=10), FIVE)
    assert early.days == pytest.approx(4, abs=0.01)


def test_a_profile_is_refused_under_seventy_per_cent_and_says_what_there_is() -> None:
    refused = agp(regular(9 * 288), END, FIVE)
    assert isinstance(refused, Sufficiency)
    assert refused.days == pytest.approx(9)


def test_a_profile_is_percentiles_by_time_of_day_smoothed_around_midnight() -> None:
    chance = random.Random(7)
    minutes = [5.0 * at for at in range(14 * 288)]
    values = [float(chance.randint(60, 260)) for _ in minutes]
    found = agp(series_of(minutes, values, KOLKATA), END, FIVE)
    assert isinstance(found, Agp)
    bins: list[list[float]] = [[] for _ in range(96)]
    for minute, value in zip(minutes, values, strict=True):
        # Kolkata is 5:30 ahead of UTC, and START is midnight in UTC.
        bins[int((minute + 330) % 1440 // 15)].append(value)
    for row, percent in enumerate(PERCENTS):
        raw = [np.percentile(values_, percent) for values_ in bins]
        smooth = [(raw[at - 1] + raw[at] + raw[(at + 1) % 96]) / 3 for at in range(96)]
        assert found.curves[row].tolist() == pytest.approx(smooth)
    assert (np.diff(found.curves, axis=0) >= 0).all()
    assert (found.minutes[0], found.minutes[-1], found.readings) == (7.5, 1432.5, len(minutes))


def test_a_bin_without_readings_takes_its_neighbours_and_a_wide_hole_stays_open() -> None:
    minutes = [5.0 * at for at in range(14 * 288) if not 120 <= 5 * at % 1440 < 180]
    found = agp(series_of(minutes, [100.0] * len(minutes)), END, FIVE)
    assert isinstance(found, Agp)
    known = ~np.isnan(found.curves[2])
    assert known[8]
    assert known[11]
    assert not known[9:11].any()


def test_bins_must_divide_a_day() -> None:
    with pytest.raises(ValueError, match="divide"):
        agp(regular(10), END, FIVE, bin_minutes=7)


def test_aims_are_those_of_the_consensus() -> None:
    adult, older, pregnancy = (CONSENSUS[group] for group in Group)
    assert (str(adult.in_range), str(adult.low), str(adult.very_low)) == (
        "> 70 %",
        "< 4 %",
        "< 1 %",
    )
    assert (str(adult.high), str(adult.very_high)) == ("< 25 %", "< 5 %")
    assert (str(older.in_range), str(older.low), older.very_low) == ("> 50 %", "< 1 %", None)
    assert (older.high, str(older.very_high)) == (None, "< 10 %")
    assert pregnancy.targets == Targets(low_mg_dl=63, high_mg_dl=140)
    assert (str(pregnancy.in_range), str(pregnancy.low)) == ("> 70 %", "< 4 %")


def test_the_bound_itself_does_not_meet_an_aim() -> None:
    assert not Aim(70, more=True).met(70)
    assert Aim(70, more=True).met(70.1)
    assert not Aim(4).met(4)
    assert Aim(4).met(3.9)
