"""Nightscout's JSON in a file: entries and treatments, an array or an object, however long."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st

from glucose.errors import UnrecognisedExport
from glucose.formats import Export, read_export
from glucose.formats.json_objects import objects_of
from glucose.reading import Bound, Kind
from glucose.treatment import TreatmentKind
from glucose.trend import Trend

FIRST = datetime(2024, 5, 1, 8, tzinfo=UTC)
FIRST_MS = 1714550400000


def read(content: object) -> Export:
    text = content if isinstance(content, (str, bytes)) else json.dumps(content)
    return read_export(text, zone=ZoneInfo("Asia/Tokyo"), source="ns")


def sgv(minutes: float = 0, mg_dl: int = 100, **more: object) -> dict[str, object]:
    date = FIRST_MS + int(minutes * 60_000)
    return {"_id": "a", "type": "sgv", "sgv": mg_dl, "date": date, "device": "share2", **more}


BOLUS = {
    "_id": "b",
    "eventType": "Meal Bolus",
    "created_at": "2024-05-01T08:10:00.000Z",
    "carbs": 30,
    "insulin": 4.5,
    "notes": "lunch",
}
CHECK = {
    "_id": "c",
    "eventType": "BG Check",
    "created_at": "2024-05-01T10:20:00+02:00",
    "glucose": 5.5,
    "units": "mmol/L",
    "glucoseType": "Finger",
}


def test_entries_are_read_as_a_site_would_give_them() -> None:
    export = read([sgv(5, 401, direction="SingleUp"), sgv(0, 93), {**sgv(1), "type": "cal"}])
    assert (export.format, export.zoned) == ("Nightscout JSON", True)
    assert [(one.time, one.mg_dl, one.bound, one.trend) for one in export.readings] == [
        (FIRST, 93, None, None),
        (FIRST + timedelta(minutes=5), 401, Bound.HIGH, Trend.UP),
    ]
    assert (export.rows, dict(export.others)) == (3, {"other": 1})


def test_treatments_are_read_and_a_finger_stick_among_them_is_a_reading() -> None:
    export = read([BOLUS, CHECK, {"eventType": "Temp Basal", "created_at": "2024-05-01T08:00:00Z"}])
    assert [(one.kind, one.amount, one.note) for one in export.treatments] == [
        (TreatmentKind.CARBS, 30, "lunch"),
        (TreatmentKind.INSULIN_RAPID, 4.5, None),
    ]
    (stick,) = export.readings
    assert (stick.kind, stick.mg_dl, stick.time) == (Kind.METER, 99, FIRST + timedelta(minutes=20))
    assert dict(export.others) == {"other": 1}


@pytest.mark.parametrize(
    "content",
    [
        {"entries": [sgv()], "treatments": [BOLUS]},
        {"status": 200, "result": [sgv(), BOLUS]},
        f"{json.dumps(sgv())}\n{json.dumps(BOLUS)}\n",
        "\ufeff \n" + json.dumps([sgv(), BOLUS], indent=1),
        json.dumps([sgv(), BOLUS]).encode("utf-16"),
    ],
)
def test_an_array_or_an_object_around_it_is_all_the_same(content: object) -> None:
    export = read(content)
    assert [one.mg_dl for one in export.readings] == [100]
    assert len(export.treatments) == 2


def test_one_object_alone_is_a_file_too() -> None:
    assert [one.mg_dl for one in read(sgv()).readings] == [100]


def test_of_two_uploads_of_one_moment_the_higher_id_counts_as_it_does_live() -> None:
    for rows in ([sgv(_id="1"), sgv(_id="2", mg_dl=120)], [sgv(_id="2", mg_dl=120), sgv(_id="1")]):
        export = read(rows)
        assert [one.mg_dl for one in export.readings] == [120]
        assert export.rows == 2


def test_an_object_that_cannot_be_is_refused_by_its_number() -> None:
    export = read([sgv(), sgv(5, 5), {**BOLUS, "created_at": "yesterday"}, "text", sgv(10)])
    assert [one.line for one in export.refused] == [2, 3]
    assert len(export.readings) == 2
    assert export.rows == 5


@pytest.mark.parametrize(
    "content",
    [
        *("[", "{", "[]", "{}", "[{", '{"a"', '{"a":[1,', "[1 2]", "[}", '{"a" 1}', "{1:2}"),
        *("[" * 200_000, '[{"sgv":' + "9" * 10_000 + "}]", '[{"a":1}]', "[1,2,3]", "{]"),
        json.dumps([sgv()])[:-5],
        json.dumps([{"device": "x"}] * 500),
    ],
)
def test_json_of_another_shape_or_cut_off_is_refused(content: str) -> None:
    with pytest.raises(UnrecognisedExport, match="JSON"):
        read(content)


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        ),
        max_leaves=8,
    )
    | st.fixed_dictionaries(
        {},
        optional={
            name: st.none() | st.integers() | st.text(max_size=8) | st.lists(st.none())
            for name in [*sgv(), *BOLUS, *CHECK]
        },
    ),
)
def test_any_object_beside_a_good_one_is_read_left_out_or_refused(row: object) -> None:
    export = read([sgv(1), row, sgv(2)])
    assert {one.time for one in export.readings} >= {FIRST + timedelta(minutes=at) for at in (1, 2)}
    assert export.rows == 3


@settings(deadline=None)
@given(
    st.lists(st.lists(st.text('{}[]",:\\ 1é', max_size=5), max_size=3), max_size=5),
    st.integers(1, 7),
)
def test_objects_are_the_same_in_whatever_pieces_the_file_comes(
    rows: list[object], size: int
) -> None:
    text = json.dumps(rows, ensure_ascii=False)
    pieces = (text[at : at + size] for at in range(0, len(text), size))
    assert [row for _, row in objects_of(pieces)] == rows
