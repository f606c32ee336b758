"""What one document of Nightscout's treatments says, whoever wrote it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from glucose.errors import InvalidRecordError
from glucose.nightscout_treatment import finger_stick_of, treatments_of
from glucose.reading import Kind, Reading
from glucose.treatment import TreatmentKind

AT = "2026-11-20T10:15:00.000Z"
TIME = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
RAPID, LONG, CARBS = (
    TreatmentKind.INSULIN_RAPID,
    TreatmentKind.INSULIN_LONG,
    TreatmentKind.CARBS,
)


def document(event: object = "Meal Bolus", **fields: object) -> dict[str, object]:
    """Give a document as careportal sends it; fields come on top."""
    return {
        "_id": "5d1",
        "eventType": event,
        "created_at": AT,
        "enteredBy": "Mum",
        "carbs": None,
        "insulin": None,
        **fields,
    }


def told(given_: object) -> list[tuple[TreatmentKind, float | None, str | None]]:
    return [(each.kind, each.amount, each.note) for each in treatments_of(given_, "site")]


def test_a_meal_bolus_is_two_treatments_with_ids_of_their_own() -> None:
    meal = document(carbs=48, insulin=4.4, notes="pizza", utcOffset=0)

    found = treatments_of(meal, "site")

    assert told(meal) == [(CARBS, 48, "pizza"), (RAPID, 4.4, None)]
    assert [each.id for each in found] == ["5d1 carbs", "5d1 insulin_rapid"]
    assert {(each.time, each.source) for each in found} == {(TIME, "site")}


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (document("Correction Bolus", insulin=1.5), [(RAPID, 1.5, None)]),
        (document("Carb Correction", carbs="12"), [(CARBS, 12, None)]),
        (document("Snack Bolus", carbs=0, insulin=0), []),
        (document("<none>", insulin=2, notes="guess"), [(RAPID, 2, "guess")]),
        (document(None, carbs=20), [(CARBS, 20, None)]),
        (document("whatever an app invents", carbs=20), [(CARBS, 20, None)]),
        (document("whatever an app invents", notes="x"), []),
        (document("Bolus", insulin=0.3, type="SMB"), [(RAPID, 0.3, None)]),
        (document("Bolus", insulin=5, type="PRIMING"), []),
        (document("Bolus", insulin=18, isBasalInsulin=True), [(LONG, 18, None)]),
        (
            document("Combo Bolus", insulin=2, enteredinsulin="5", splitNow="40", duration=60),
            [(RAPID, 5, None)],
        ),
        (
            document("Exercise", duration=30, notes="run"),
            [(TreatmentKind.EXERCISE, 30, "run")],
        ),
        (document("Exercise"), [(TreatmentKind.EXERCISE, None, None)]),
        (document("Note", notes="unwell"), [(TreatmentKind.NOTE, None, "unwell")]),
        (document("Announcement", notes="low!"), [(TreatmentKind.NOTE, None, "low!")]),
        (document("Note"), []),
        (document("Site Change", insulin=0.7), [(TreatmentKind.SITE_CHANGE, None, None)]),
        (document("Sensor Start"), [(TreatmentKind.SENSOR_CHANGE, None, None)]),
        (document("sensor change"), [(TreatmentKind.SENSOR_CHANGE, None, None)]),
        (document("Insulin Change"), [(TreatmentKind.INSULIN_CHANGE, None, None)]),
        (document("Temp Basal", absolute=1.2, duration=30, insulin=0.6), []),
        (document("Temporary Target", notes="x"), []),
        (document("Profile Switch", notes="x"), []),
        (document("Pump Battery Change"), []),
        (document(carbs=10, isValid=False), []),
    ],
)
def test_events(
    given_: dict[str, object], expected: list[tuple[TreatmentKind, float, str | None]]
) -> None:
    assert told(given_) == expected


@pytest.mark.parametrize(
    ("pens", "expected"),
    [
        ([("Toujeo", 56), ("Actrapid", 20)], [(RAPID, 20.0), (LONG, 56.0)]),
        ([("Insulin lispro", 76)], [(RAPID, 76.0)]),
        ([("LANTUS", 76)], [(LONG, 76.0)]),
        ([("Tresiba", 100)], [(LONG, 76.0)]),
    ],
)
def test_xdrip_lists_pens(
    pens: list[tuple[str, float]], expected: list[tuple[TreatmentKind, float]]
) -> None:
    listed = json.dumps([{"insulin": name, "units": units} for name, units in pens])

    found = treatments_of(document("<none>", insulin=76, insulinInjections=listed), "site")

    assert [(each.kind, each.amount) for each in found] == expected


@pytest.mark.parametrize("pens", ["[", "{}", "[7]", '[{"insulin":7}]', None, 7, "[" * 100_000])
def test_a_list_of_pens_that_cannot_be_read_leaves_the_sum(pens: object) -> None:
    assert told(document("<none>", insulin=7, insulinInjections=pens)) == [(RAPID, 7, None)]


@pytest.mark.parametrize(
    "time",
    [
        {"created_at": "2026-11-20T11:15:00+01:00"},
        {"created_at": None, "date": 1795169700000},
        {"created_at": None, "date": AT},
        {"created_at": "", "mills": 1795169700000},
        {"created_at": None, "timestamp": "2026-11-20T10:15:00Z"},
    ],
)
def test_the_time_is_found_where_it_is(time: dict[str, object]) -> None:
    (found,) = treatments_of(document(carbs=10, **time), "site")

    assert found.time == TIME


@pytest.mark.parametrize(
    "wrong",
    [
        "a line",
        None,
        [],
        document(carbs=10, created_at=None),
        document(carbs=10, created_at="2026-11-20T10:15:00"),
        document(carbs=10, created_at="soon"),
        document(carbs=10, created_at={"$date": AT}),
        document(carbs=10, created_at="1999-12-31T00:00:00Z"),
        document(carbs=10, created_at=None, date=1795169700),
        document(carbs=10, created_at=None, date=float("nan")),
        document(carbs="plenty"),
        document(carbs=True),
        document(carbs=float("nan")),
        document(carbs=1001),
        document(insulin=301),
        document("Exercise", duration=1441),
        document(carbs=10, _id="x" * 300),
    ],
)
def test_what_cannot_be_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidRecordError):
        treatments_of(wrong, "site")


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ({"_id": "5d1", "identifier": "uuid"}, "uuid carbs"),
        ({"_id": {"$oid": "5d1"}}, "5d1 carbs"),
        ({"_id": None}, "2026-11-20T10:15:00.000+00:00 carbs 10.0"),
        ({"_id": 7}, "2026-11-20T10:15:00.000+00:00 carbs 10.0"),
    ],
)
def test_an_id_is_the_same_in_v1_v3_and_a_dump(ids: dict[str, object], expected: str) -> None:
    (found,) = treatments_of(document(carbs=10, **ids), "site")

    assert found.id == expected


def stick(mg_dl: int) -> Reading:
    return Reading(time=TIME, mg_dl=mg_dl, source="site", series="mbg", kind=Kind.METER)


@pytest.mark.parametrize(
    ("given_", "mg_dl"),
    [
        (document("BG Check", glucose=104, glucoseType="Finger", units="mg/dl"), 104),
        (document("BG Check", glucose=5.8, glucoseType="Finger", units="mmol"), 104),
        (document("BG Check", glucose="5.8", units="mmol/l"), 104),
        (document("Meal Bolus", glucose=104, glucoseType="finger", units="mg/dL"), 104),
        (document("BG Check", glucose=104), 104),
        (document("BG Check", glucose=5.8), 104),
        (document("BG Check", glucose=104, glucoseType="Sensor", units="mg/dl"), None),
        (document("BG Check", glucose=104, glucoseType="Manual", units="mg/dl"), None),
        (document("Meal Bolus", glucose=104, units="mg/dl"), None),
        (document("BG Check", glucose=0, units="mg/dl"), None),
        (document("BG Check"), None),
        (document("BG Check", glucose=104, units="mg/dl", isValid=False), None),
    ],
)
def test_a_meter_s_value_is_a_reading(given_: dict[str, object], mg_dl: int | None) -> None:
    assert finger_stick_of(given_, "site") == (None if mg_dl is None else stick(mg_dl))
    assert treatments_of(given_, "site") == ()


@pytest.mark.parametrize(
    "wrong",
    [
        document("BG Check", glucose=25),
        document("BG Check", glucose=104, units="furlongs"),
        document("BG Check", glucose=104, units="mmol"),
        document("BG Check", glucose=5, units="mg/dl"),
        document("BG Check", glucose="high", units="mg/dl"),
        "a line",
    ],
)
def test_a_meter_s_value_that_cannot_be_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidRecordError):
        finger_stick_of(wrong, "site")


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
FIELDS = (
    *("_id", "identifier", "eventType", "created_at", "date", "mills", "carbs", "insulin"),
    *("duration", "notes", "glucose", "glucoseType", "units", "isValid", "insulinInjections"),
    *("enteredinsulin", "type", "isBasalInsulin"),
)
events = st.sampled_from(["Meal Bolus", "Combo Bolus", "Exercise", "Note", "BG Check", "<none>"])


@given(
    st.dictionaries(st.sampled_from(FIELDS), anything),
    st.sampled_from([{}, {"created_at": AT}]),
    st.none() | events,
)
def test_whatever_was_stored_is_read_or_refused(
    rest: dict[str, object], time: dict[str, object], event: str | None
) -> None:
    row = {**rest, **time, **({} if event is None else {"eventType": event})}
    for read in (treatments_of, finger_stick_of):
        try:
            read(row, "site")
        except InvalidRecordError:
            continue


@given(st.floats(0.01, 300), st.floats(0.01, 300))
def test_the_pens_never_add_up_to_more_than_the_sum(total: float, long: float) -> None:
    pens = [{"insulin": "Lantus", "units": long}]
    found = treatments_of(document("<none>", insulin=total, insulinInjections=pens), "site")

    assert sum(each.amount or 0 for each in found) == pytest.approx(total, abs=0.002)


def test_a_day_of_documents_keeps_every_id_apart() -> None:
    rows = [
        document(_id=f"{step}", carbs=10, insulin=1, created_at=f"2026-11-20T{step:02}:00:00Z")
        for step in range(24)
    ]

    ids = [each.id for row in rows for each in treatments_of(row, "site")]

    assert len(set(ids)) == 48
    assert timedelta(0) == treatments_of(rows[10], "site")[0].time - TIME.replace(minute=0)
