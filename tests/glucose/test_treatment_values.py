"""Treatments and measurements as values: what they hold, and what they refuse."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from glucose.errors import InvalidReadingError, InvalidRecordError
from glucose.measurement import (
    Measurement,
    MeasurementKind,
    hba1c_percent,
)
from glucose.record import LONGEST_ID, LONGEST_NOTE, made_id, note_of
from glucose.treatment import Intensity, Treatment, TreatmentKind, amount_of

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
CARBS = Treatment(time=NOW, kind=TreatmentKind.CARBS, amount=45, source="own", id="1")
WEIGHT = Measurement(time=NOW, kind=MeasurementKind.WEIGHT, value=81.4, source="own", id="1")


@pytest.mark.parametrize(
    ("kind", "unit"),
    [
        (TreatmentKind.INSULIN_RAPID, "U"),
        (TreatmentKind.INSULIN_LONG, "U"),
        (TreatmentKind.CARBS, "g"),
        (TreatmentKind.EXERCISE, "min"),
    ],
)
def test_an_amount_has_its_kind_s_unit_and_bound(kind: TreatmentKind, unit: str) -> None:
    # As docs/history.md tells them.
    largest = {"U": 300, "g": 1000, "min": 1440}[unit]

    for possible in (0.001, largest):
        kept = replace(CARBS, kind=kind, amount=possible)
        assert (kept.amount, kept.unit) == (possible, unit)
    for amount in (largest + 0.1, 0, -1, math.nan, math.inf, True, "4", 0.0009):
        with pytest.raises(InvalidRecordError, match="the amount"):
            replace(CARBS, kind=kind, amount=amount)  # type: ignore[arg-type]  # wrong on purpose
    assert replace(CARBS, kind=kind, amount=None).amount is None


@pytest.mark.parametrize(
    "kind",
    [
        TreatmentKind.SITE_CHANGE,
        TreatmentKind.SENSOR_CHANGE,
        TreatmentKind.INSULIN_CHANGE,
        TreatmentKind.MEDICATION,
        TreatmentKind.NOTE,
    ],
)
def test_other_kinds_have_no_amount(kind: TreatmentKind) -> None:
    with pytest.raises(InvalidRecordError, match="has no amount"):
        replace(CARBS, kind=kind, note="x")
    assert replace(CARBS, kind=kind, amount=None, note="x").unit is None


@pytest.mark.parametrize("kind", [TreatmentKind.NOTE, TreatmentKind.MEDICATION])
def test_a_note_and_a_medication_say_something(kind: TreatmentKind) -> None:
    with pytest.raises(InvalidRecordError, match="needs its text"):
        replace(CARBS, kind=kind, amount=None)


def test_only_exercise_has_an_intensity() -> None:
    with pytest.raises(InvalidRecordError, match="intensity"):
        replace(CARBS, intensity=Intensity.LIGHT)
    run = replace(CARBS, kind=TreatmentKind.EXERCISE, intensity=Intensity.LIGHT)
    assert run.intensity is Intensity.LIGHT


@pytest.mark.parametrize("record", [CARBS, WEIGHT])
@pytest.mark.parametrize(
    "wrong",
    [
        {"time": NOW.replace(tzinfo=None)},
        {"time": NOW.astimezone(ZoneInfo("Europe/London"))},
        {"source": ""},
        {"id": ""},
        {"id": "x" * (LONGEST_ID + 1)},
        {"note": " "},
        {"note": "x" * (LONGEST_NOTE + 1)},
        {"note": "half \ud83c"},
        {"note": "a\0b"},
        {"id": "a\0b"},
        {"source": "a\0b"},
    ],
)
def test_no_record_is_without_time_identity_or_a_note_that_can_be_kept(
    record: Any,  # noqa: ANN401 - either
    wrong: dict[str, Any],
) -> None:
    with pytest.raises(InvalidRecordError):
        replace(record, **wrong)


@pytest.mark.parametrize(
    ("kind", "lowest", "highest"),
    [
        # As docs/history.md tells them.
        (MeasurementKind.HBA1C, 3, 20),
        (MeasurementKind.BLOOD_PRESSURE, 40, 300),
        (MeasurementKind.WEIGHT, 1, 700),
        (MeasurementKind.SLEEP, 1, 1440),
    ],
)
def test_a_measurement_lies_in_its_range(
    kind: MeasurementKind, lowest: float, highest: float
) -> None:
    diastolic = 39.0 if kind is MeasurementKind.BLOOD_PRESSURE else None

    for value in (lowest, highest):
        assert replace(WEIGHT, kind=kind, value=value, diastolic=diastolic).value == value
    for wrong in (lowest - 0.1, highest + 0.1, math.nan, True, "7"):
        with pytest.raises(InvalidRecordError, match=kind.value):
            replace(WEIGHT, kind=kind, value=wrong, diastolic=diastolic)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    "wrong",
    [
        {"diastolic": 80.0},
        {"kind": MeasurementKind.BLOOD_PRESSURE, "value": 120.0},
        {"kind": MeasurementKind.BLOOD_PRESSURE, "value": 120.0, "diastolic": 120.0},
        {"kind": MeasurementKind.BLOOD_PRESSURE, "value": 120.0, "diastolic": 9.9},
        {"kind": MeasurementKind.BLOOD_PRESSURE, "value": 250.0, "diastolic": 200.1},
        {"quality": 3},
        {"kind": MeasurementKind.SLEEP, "value": 400.0, "quality": 0},
        {"kind": MeasurementKind.SLEEP, "value": 400.0, "quality": 6},
        {"kind": MeasurementKind.SLEEP, "value": 400.0, "quality": 3.0},
    ],
)
def test_second_values_belong_to_their_kind(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidRecordError):
        replace(WEIGHT, **wrong)


def test_second_values_reach_to_their_bounds() -> None:
    for diastolic in (10.0, 200.0):
        pressure = replace(
            WEIGHT, kind=MeasurementKind.BLOOD_PRESSURE, value=250.0, diastolic=diastolic
        )
        assert pressure.diastolic == diastolic
    for quality in (1, 5):
        slept = replace(WEIGHT, kind=MeasurementKind.SLEEP, value=400.0, quality=quality)
        assert slept.quality == quality


def test_hba1c_converts_as_the_master_equation_says() -> None:
    """48 and 53 mmol/mol are 6.5 % and 7.0 %, as every laboratory prints."""
    assert [round(hba1c_percent(each), 1) for each in (48, 53)] == [6.5, 7.0]
    # Hoelzel 2004: NGSP % = 0.09148 IFCC mmol/mol + 2.152.
    assert hba1c_percent(100) == pytest.approx(11.3)
    assert hba1c_percent(0) == 2.152


def test_the_longest_id_and_note_are_kept() -> None:
    kept = replace(CARBS, id="x" * LONGEST_ID, note="x" * LONGEST_NOTE)
    assert (len(kept.id), len(kept.note or "")) == (200, 1000)


def test_a_made_id_is_the_same_for_the_same_row_and_no_other() -> None:
    rows: list[tuple[Any, ...]] = [
        (NOW, "carbs", 45),
        (NOW, "carbs", 45.5),
        (NOW, "insulin_rapid", 45),
        (NOW + timedelta(milliseconds=1), "carbs", 45),
        (NOW, "note", None, "tea"),
        (NOW, "note", None, "cake"),
        (NOW, "note"),
    ]

    assert len({made_id(*row) for row in rows}) == len(rows)
    assert made_id(NOW, "carbs", 45) == made_id(NOW, "carbs", 45.0)
    assert "tea" not in made_id(NOW, "note", None, "tea")
    assert replace(CARBS, id=made_id(datetime(1, 1, 1, tzinfo=UTC), "carbs")).id


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (" two\nlines ", "two\nlines"),
        ("", None),
        (" \0 ", None),
        (None, None),
        (7, None),
        ("a\ud83cb", "ab"),
        ("x" * 1000, "x" * 1000),
        ("x" * 1001, "x" * 999 + "…"),
    ],
)
def test_a_vendor_s_text_becomes_a_note_that_can_be_kept(said: object, kept: str | None) -> None:
    assert note_of(said) == kept
    if kept is not None:
        assert replace(CARBS, note=kept).note == kept


@pytest.mark.parametrize(
    ("said", "amount"),
    [
        (None, None),
        ("", None),
        (" ", None),
        (0, None),
        (-2, None),
        (1e-9, None),
        ("2.5", 2.5),
        (0.001, 0.001),
    ],
)
def test_an_amount_is_read_or_absent(said: object, amount: float | None) -> None:
    assert amount_of(said) == amount


@pytest.mark.parametrize("said", ["two", "2,5", True, [], math.nan])
def test_an_amount_that_is_no_number_is_refused(said: object) -> None:
    with pytest.raises(InvalidReadingError):
        amount_of(said)
