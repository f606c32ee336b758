"""Dexcom's rows become readings: any row is either read right or refused and counted."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from glucose.reading import Bound, Kind, Reading
from glucose.sources.dexcom_rows import readings_of
from glucose.trend import Trend

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOW_MS = (NOW - EPOCH) // timedelta(milliseconds=1)
LONG_AGO = datetime(2011, 1, 1, tzinfo=UTC)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda parts: st.lists(parts) | st.dictionaries(st.text(), parts),
    max_leaves=5,
)
GOOD_MS = st.integers(1_300_000_000_000, NOW_MS + 86_000_000)


def row(**changes: object) -> dict[str, object]:
    good: dict[str, object] = {"WT": f"Date({NOW_MS})", "Value": 112, "Trend": "Flat"}
    return good | changes


def read(*rows: object, since: datetime = LONG_AGO) -> tuple[tuple[Reading, ...], int]:
    return readings_of(rows, source="s", since=since, now=NOW)


def read_one(**changes: object) -> Reading:
    (reading,), refused = read(row(**changes))
    assert refused == 0
    return reading


def test_a_row_becomes_a_reading() -> None:
    assert read_one() == Reading(
        time=NOW, mg_dl=112, source="s", series="share", kind=Kind.CGM, trend=Trend.FLAT
    )


@pytest.mark.parametrize(
    "text",
    [
        f"Date({NOW_MS})",
        f"/Date({NOW_MS})/",
        f"Date({NOW_MS}-0400)",
        f"/Date({NOW_MS}+0530)/",
    ],
)
def test_the_offset_and_the_slashes_of_a_time_change_nothing(text: str) -> None:
    assert read_one(WT=text).time == NOW


def test_only_wt_is_believed() -> None:
    assert read_one(ST="Date(1)", DT="nonsense").time == NOW


def test_milliseconds_are_kept() -> None:
    assert read_one(WT="Date(1745081013817)").time == datetime(
        2025, 4, 19, 16, 43, 33, 817000, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("value", "mg_dl", "bound"),
    [
        (39, 39, Bound.LOW),
        (401, 401, Bound.HIGH),
        (40, 40, None),
        (400, 400, None),
        (450, 450, None),
        ("39", 39, Bound.LOW),
        (112.4, 112, None),
        ("112", 112, None),
    ],
)
def test_value_and_bound(value: object, mg_dl: int, bound: Bound | None) -> None:
    reading = read_one(Value=value)
    assert (reading.mg_dl, reading.bound) == (mg_dl, bound)


@pytest.mark.parametrize(
    ("told", "trend"),
    [
        ("DoubleUp", Trend.DOUBLE_UP),
        ("SingleUp", Trend.UP),
        ("FortyFiveUp", Trend.SLIGHT_UP),
        ("Flat", Trend.FLAT),
        ("FortyFiveDown", Trend.SLIGHT_DOWN),
        ("SingleDown", Trend.DOWN),
        ("DoubleDown", Trend.DOUBLE_DOWN),
        ("None", Trend.NONE),
        ("NotComputable", Trend.NONE),
        ("RateOutOfRange", Trend.NONE),
        ("", Trend.NONE),
        (0, Trend.NONE),
        (1, Trend.DOUBLE_UP),
        (2, Trend.UP),
        (3, Trend.SLIGHT_UP),
        (4, Trend.FLAT),
        (5, Trend.SLIGHT_DOWN),
        (6, Trend.DOWN),
        (7, Trend.DOUBLE_DOWN),
        (8, Trend.NONE),
        (9, Trend.NONE),
        ("7", Trend.DOUBLE_DOWN),
        (10, None),
        (-1, None),
        (True, None),
        (1.0, None),
        ("Sideways", None),
        (None, None),
        ([], None),
    ],
)
def test_trend(told: object, trend: Trend | None) -> None:
    assert read_one(Trend=told).trend is trend


def test_a_missing_trend_is_absent() -> None:
    bare = row()
    del bare["Trend"]
    ((reading,), _) = read(bare)
    assert reading.trend is None


BAD_ROWS = [
    row(Value=math.nan),
    row(Value=math.inf),
    row(Value=True),
    row(Value="Low"),
    row(Value="11,2"),
    row(Value=None),
    row(Value=[112]),
    row(Value=38),
    row(Value=5),
    row(Value=0),
    row(Value=-112),
    row(Value=601),
    row(Value=10**400),
    {"WT": f"Date({NOW_MS})", "Trend": "Flat"},
    {"Value": 112, "Trend": "Flat"},
    row(WT=None),
    row(WT=NOW_MS),
    row(WT="Date(NaN)"),
    row(WT="Date()"),
    row(WT="Date(-62135596800000)"),
    row(WT="Date(0)"),
    row(WT="Date(999999999999999)"),
    row(WT="Date(9999999999999999999999)"),
    row(WT="Date(١٧٤٥٠٨١٠١٣٨١٧)"),
    row(WT=f"Date({NOW_MS + 90_000_000})"),
    row(WT=f"Date({NOW_MS})\n"),
    None,
    7,
    "row",
    [],
    [row()],
]


@pytest.mark.parametrize("bad", BAD_ROWS)
def test_a_bad_row_is_counted_and_costs_no_other(bad: object) -> None:
    readings, refused = read(row(Value=100), bad, row(Value=101))

    assert sorted(reading.mg_dl for reading in readings) == [100, 101]
    assert refused == 1


def test_a_reading_ahead_of_the_clock_is_not_refused() -> None:
    ahead = NOW + timedelta(hours=1)
    assert read_one(WT=f"Date({NOW_MS + 3_600_000})").time == ahead


def test_without_knowing_the_time_any_possible_time_is_taken() -> None:
    rows = [row(WT=f"Date({NOW_MS + 90_000_000})")]
    readings, refused = readings_of(rows, source="s", since=LONG_AGO, now=None)
    assert (len(readings), refused) == (1, 0)


def test_what_is_older_than_asked_is_left_out_and_not_counted_as_refused() -> None:
    rows = [row(WT=f"Date({NOW_MS - age * 1000})") for age in (0, 1, 2)]
    readings, refused = read(*rows, since=NOW - timedelta(seconds=1))

    assert [reading.time for reading in readings] == [NOW - timedelta(seconds=1), NOW]
    assert refused == 0


def test_of_two_with_one_time_the_one_told_first_comes_last() -> None:
    readings, _ = read(row(Value=101), row(Value=100))
    assert [reading.mg_dl for reading in readings] == [100, 101]


@given(st.lists(JSON | st.builds(row, WT=JSON, Value=JSON, Trend=JSON)))
def test_any_rows_are_read_or_counted(rows: list[object]) -> None:
    readings, refused = read(*rows)
    assert len(readings) + refused == len(rows)


@given(st.lists(st.tuples(GOOD_MS, st.integers(39, 401), st.integers(0, 9)), max_size=30))
def test_good_rows_come_back_whole_and_oldest_first(given_rows: list[tuple[int, int, int]]) -> None:
    rows = [row(WT=f"Date({ms})", Value=value, Trend=trend) for ms, value, trend in given_rows]
    readings, refused = read(*rows)

    found = sorted(((r.time - EPOCH) // timedelta(milliseconds=1), r.mg_dl) for r in readings)
    assert found == sorted((ms, value) for ms, value, _ in given_rows)
    assert [r.time for r in readings] == sorted(r.time for r in readings)
    assert refused == 0


@given(GOOD_MS, JSON, JSON)
def test_a_reading_never_holds_what_its_row_did_not_say(
    ms: int, value: object, trend: object
) -> None:
    readings, _ = read(row(WT=f"Date({ms})", Value=value, Trend=trend))

    for reading in readings:
        assert abs(float(str(value)) - reading.mg_dl) <= 0.5
        assert not isinstance(value, bool)
        assert (reading.bound is Bound.LOW) == (reading.mg_dl == 39)
        assert (reading.bound is Bound.HIGH) == (reading.mg_dl == 401)
