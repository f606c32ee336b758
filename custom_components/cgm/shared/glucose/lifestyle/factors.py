"""What was logged of a wearer's life, as one number a day and factor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta, tzinfo

from ..measurement import Measurement, MeasurementKind
from ..treatment import Treatment, TreatmentKind

CARBS = TreatmentKind.CARBS.value
INSULIN_RAPID = TreatmentKind.INSULIN_RAPID.value
INSULIN_LONG = TreatmentKind.INSULIN_LONG.value
EXERCISE = TreatmentKind.EXERCISE.value
SLEEP = MeasurementKind.SLEEP.value
WEIGHT = MeasurementKind.WEIGHT.value
BLOOD_PRESSURE = MeasurementKind.BLOOD_PRESSURE.value

_SUMMED = (CARBS, INSULIN_RAPID, INSULIN_LONG, EXERCISE)
_MEASURED = (WEIGHT, BLOOD_PRESSURE)
_MINUTES_AN_HOUR = 60
Factors = Mapping[str, Mapping[date, float]]


def factors_of(
    treatments: Iterable[Treatment], measurements: Iterable[Measurement], zone: tzinfo
) -> dict[str, dict[date, float]]:
    """Return {name: {local date: value}} of what was logged at least once.

    Grams, units and minutes are sums; sleep is hours, on the date of waking up; weight and
    systolic pressure are the day's means. A day without exercise, between the first and the last
    that has some, had none; of all else a day without a record is not known: eating, insulin
    and sleep do happen, and were not logged.
    """
    found: dict[str, dict[date, float]] = {}
    for treatment in treatments:
        if treatment.kind in _SUMMED and treatment.amount is not None:
            _add(found, treatment.kind.value, _day(treatment, zone), treatment.amount)
    counts: dict[tuple[str, date], int] = {}
    for measurement in measurements:
        name = measurement.kind.value
        if name == SLEEP:
            woke = measurement.time + timedelta(minutes=measurement.value)
            hours = measurement.value / _MINUTES_AN_HOUR
            _add(found, name, woke.astimezone(zone).date(), hours)
        elif name in _MEASURED:
            day = _day(measurement, zone)
            _add(found, name, day, measurement.value)
            counts[name, day] = counts.get((name, day), 0) + 1
    for (name, day), count in counts.items():
        found[name][day] /= count
    if days := found.get(EXERCISE):
        span = range((max(days) - min(days)).days)
        found[EXERCISE] = {min(days) + timedelta(days=day): 0.0 for day in span} | days
    return found


def _day(record: Treatment | Measurement, zone: tzinfo) -> date:
    return record.time.astimezone(zone).date()


def _add(found: dict[str, dict[date, float]], name: str, day: date, amount: float) -> None:
    days = found.setdefault(name, {})
    days[day] = days.get(day, 0.0) + amount
