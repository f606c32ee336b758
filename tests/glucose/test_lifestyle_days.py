"""What a day came to, and what was logged of it, as numbers by date."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from glucose.insight import Outcome
from glucose.lifestyle.day_outcomes import OUTCOMES, day_outcomes
from glucose.lifestyle.factors import factors_of
from glucose.measurement import Measurement, MeasurementKind
from glucose.metrics.local_clock import epoch_ms
from glucose.metrics.series import Series
from glucose.targets import Targets
from glucose.treatment import Treatment, TreatmentKind

BERLIN = ZoneInfo("Europe/Berlin")
DAY = date(2026, 6, 1)
TODAY = date(2026, 6, 5)


def series(values: dict[int, float], *, start: datetime, lost: range = range(0)) -> Series:
    """Two days of five-minute readings: {minute from which on: mg/dL}, some of them lost."""
    minutes = [at for at in range(0, 2880, 5) if at not in lost]
    mg_dl = [values[max(since for since in values if since <= at)] for at in minutes]
    begin = epoch_ms(start)
    return Series(
        times=np.array([begin + at * 60_000 for at in minutes], dtype=np.int64),
        mg_dl=np.array(mg_dl),
        zone=BERLIN,
    )


MIDNIGHT = datetime(2026, 6, 1, tzinfo=BERLIN).astimezone(UTC)


def test_a_day_is_its_shares_of_time_its_mean_and_its_night() -> None:
    taken = series({0: 90, 360: 60, 720: 150, 1080: 240, 1440: 100}, start=MIDNIGHT)
    first, second = day_outcomes(taken, Targets(), today=TODAY)
    assert (first.day, second.day) == (DAY, DAY + timedelta(days=1))
    assert first.in_range == pytest.approx(50)
    assert first.low == pytest.approx(25)
    assert first.mean == pytest.approx(135)
    assert first.overnight_mean == pytest.approx(90)
    assert first.cv == pytest.approx(100 * np.std([90, 60, 150, 240]) / 135, rel=0.01)
    assert second.of(Outcome.MEAN) == pytest.approx(100)
    assert [second.of(outcome) for outcome in OUTCOMES] == pytest.approx([100, 0, 100, 0, 100])


def test_a_sensor_every_fifteen_minutes_weighs_no_less() -> None:
    quarter = series({0: 90, 720: 150}, start=MIDNIGHT)
    mixed = Series(
        times=np.concatenate((quarter.times[:144:3], quarter.times[144:])),
        mg_dl=np.concatenate((quarter.mg_dl[:144:3], quarter.mg_dl[144:])),
        zone=BERLIN,
    )
    days = day_outcomes(mixed, Targets(), today=TODAY, cadence=timedelta(minutes=15))
    assert days[0].mean == pytest.approx(120)


def test_a_day_less_than_seventy_per_cent_known_is_none() -> None:
    kept = series({0: 100}, start=MIDNIGHT, lost=range(700, 1120))
    assert len(day_outcomes(kept, Targets(), today=TODAY)) == 2
    dropped = series({0: 100}, start=MIDNIGHT, lost=range(700, 1145))
    assert [day.day for day in day_outcomes(dropped, Targets(), today=TODAY)] == [date(2026, 6, 2)]


def test_a_night_with_too_little_has_no_mean_but_its_day_counts() -> None:
    first, second = day_outcomes(
        series({0: 100}, start=MIDNIGHT, lost=range(60, 240)), Targets(), today=TODAY
    )
    assert first.overnight_mean is None
    assert second.overnight_mean == pytest.approx(100)


def test_today_and_what_is_long_ago_do_not_count() -> None:
    taken = series({0: 100}, start=MIDNIGHT)
    second = date(2026, 6, 2)
    assert [day.day for day in day_outcomes(taken, Targets(), today=second)] == [DAY]
    late = day_outcomes(taken, Targets(), today=date(2026, 6, 3), most_days=1)
    assert [day.day for day in late] == [second]


def test_nothing_has_no_days() -> None:
    none = Series(times=np.empty(0, dtype=np.int64), mg_dl=np.empty(0), zone=BERLIN)
    assert day_outcomes(none, Targets(), today=TODAY) == ()


def treatment(kind: TreatmentKind, hour: float, amount: float | None) -> Treatment:
    time = MIDNIGHT + timedelta(hours=hour)
    return Treatment(time=time, source="a", id=f"{kind}{hour}", kind=kind, amount=amount)


def measurement(kind: MeasurementKind, hour: float, value: float) -> Measurement:
    time = MIDNIGHT + timedelta(hours=hour)
    diastolic = 80.0 if kind is MeasurementKind.BLOOD_PRESSURE else None
    return Measurement(
        time=time, source="a", id=f"{kind}{hour}", kind=kind, value=value, diastolic=diastolic
    )


def test_treatments_are_summed_by_local_day() -> None:
    found = factors_of(
        [
            treatment(TreatmentKind.CARBS, 23.9, 30),
            treatment(TreatmentKind.CARBS, 8, 40),
            treatment(TreatmentKind.CARBS, 24.1, 50),
            treatment(TreatmentKind.CARBS, 25, None),
            treatment(TreatmentKind.INSULIN_RAPID, 8, 4),
            treatment(TreatmentKind.INSULIN_LONG, 22, 12),
            treatment(TreatmentKind.SITE_CHANGE, 8, None),
        ],
        [],
        BERLIN,
    )
    second = date(2026, 6, 2)
    assert found == {
        "carbs": {DAY: 70.0, second: 50.0},
        "insulin_rapid": {DAY: 4.0},
        "insulin_long": {DAY: 12.0},
    }


def test_a_day_without_exercise_between_two_had_none() -> None:
    minutes = [treatment(TreatmentKind.EXERCISE, hour, 45) for hour in (18, 18 + 72)]
    assert factors_of(minutes, [], BERLIN) == {
        "exercise": {DAY + timedelta(days=at): 45.0 if at in {0, 3} else 0.0 for at in range(4)}
    }


def test_sleep_is_hours_on_the_morning_and_measures_are_means() -> None:
    found = factors_of(
        [],
        [
            measurement(MeasurementKind.SLEEP, 23, 420),
            measurement(MeasurementKind.SLEEP, 38, 30),
            measurement(MeasurementKind.WEIGHT, 8, 70),
            measurement(MeasurementKind.WEIGHT, 20, 71),
            measurement(MeasurementKind.BLOOD_PRESSURE, 8, 120),
            measurement(MeasurementKind.HBA1C, 8, 6.5),
        ],
        BERLIN,
    )
    assert found == {
        "sleep": {date(2026, 6, 2): 7.5},
        "weight": {DAY: 70.5},
        "blood_pressure": {DAY: 120.0},
    }
