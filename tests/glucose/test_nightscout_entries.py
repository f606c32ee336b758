"""What one Nightscout row means: glucose, time, arrow, bound, or none of it."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from hypothesis import given, strategies as st

from glucose.errors import InvalidReadingError
from glucose.nightscout_entry import entry_reading
from glucose.reading import Bound, Kind, Reading
from glucose.sources.nightscout_entries import Entries
from glucose.trend import Trend

NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
NOW_MS = 1774744200000
LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)
NO_GLUCOSE: list[object] = [None, True, "", "HIGH", "5,4", "NaN", math.nan, math.inf, [], {}]
OUT_OF_RANGE = [-5, 0, 601]
NO_DATE: list[object] = [True, "today", math.nan, math.inf, 1e300, 10**400, -1, NOW_MS // 1000, []]


def sgv(mg_dl: object, **more: object) -> dict[str, object]:
    return {"_id": "1", "type": "sgv", "sgv": mg_dl, "date": NOW_MS, "device": "share2", **more}


def read(row: object, *, phone: bool = False) -> Reading:
    reading = entry_reading(row, "ns", phone=phone)
    assert reading is not None
    return reading


def test_sgv_is_a_cgm_reading() -> None:
    assert read(sgv(120, direction="Flat")) == Reading(
        time=NOW, mg_dl=120, source="ns", series="sgv", kind=Kind.CGM, trend=Trend.FLAT
    )


def test_mbg_is_a_meter_reading_without_trend_or_bound() -> None:
    row = {"type": "mbg", "mbg": 39, "date": NOW_MS, "device": "dexcom", "direction": "Flat"}
    assert read(row) == Reading(time=NOW, mg_dl=39, source="ns", series="mbg", kind=Kind.METER)


@pytest.mark.parametrize(
    "row",
    [
        {"type": "cal", "slope": 800, "date": NOW_MS},
        {"type": "sensor", "date": NOW_MS},
        {"type": None, "date": NOW_MS},
        {"type": ["sgv"], "sgv": 100, "date": NOW_MS},
        {"date": NOW_MS},
        sgv(100, isValid=False),
    ],
)
def test_other_rows_are_left_out_and_not_counted(row: dict[str, object]) -> None:
    entries = Entries("ns", LONG_AGO)
    entries.take([row])
    assert entries.answer(None).readings == ()
    assert entries.answer(None).refused == 0


def test_brief_row_without_type_or_device_is_a_reading_without_bound() -> None:
    assert read({"date": NOW_MS, "sgv": 39, "direction": "SingleDown"}) == Reading(
        time=NOW, mg_dl=39, source="ns", series="sgv", trend=Trend.DOWN
    )


@pytest.mark.parametrize("value", [120, 119.6, "120", " 120.4 ", 1.2e2])
def test_numbers_and_numeric_strings_are_rounded_once(value: object) -> None:
    assert read(sgv(value)).mg_dl == 120


@pytest.mark.parametrize(
    "row",
    [
        *(pytest.param(sgv(bad), id=f"sgv {bad!r}") for bad in [*NO_GLUCOSE, *OUT_OF_RANGE]),
        *(pytest.param(sgv(code), id=f"code {code}") for code in (1, 2, 3, 5, 6, 9, 10, 12, 38)),
        *(pytest.param(sgv(100, date=bad), id=f"date {bad!r:.20}") for bad in NO_DATE),
        pytest.param({"type": "sgv", "sgv": 100}, id="no time"),
        pytest.param({"type": "sgv", "date": NOW_MS}, id="no sgv"),
        pytest.param({"type": "mbg", "sgv": 100, "date": NOW_MS}, id="mbg without mbg"),
        pytest.param({"type": "sgv", "sgv": 9, "dateString": "2026-03-29T00:30:00"}, id="naive"),
        pytest.param(sgv(100, date=None, dateString="2026-03-29T00:30:00"), id="naive, no date"),
        pytest.param(sgv(100, date=None, dateString="yesterday"), id="words"),
        pytest.param(sgv(100, date=None, dateString=5), id="number"),
        pytest.param(
            sgv(100, date=None, dateString="0001-01-01T00:00:00+14:00"), id="before the calendar"
        ),
        pytest.param("a string", id="string"),
        pytest.param(None, id="null"),
        pytest.param([sgv(100)], id="list"),
    ],
)
def test_what_cannot_be_a_reading_is_refused_and_counted_and_the_next_row_read(row: object) -> None:
    with pytest.raises(InvalidReadingError):
        entry_reading(row, "ns")
    entries = Entries("ns", LONG_AGO)
    entries.take([row, sgv(100)])
    assert [reading.mg_dl for reading in entries.answer(None).readings] == [100]
    assert entries.answer(None).refused == 1


def test_date_rules_over_date_string() -> None:
    assert read(sgv(100, dateString="2020-01-01T00:00:00Z")).time == NOW


@pytest.mark.parametrize(
    "text",
    ["2026-03-29T00:30:00.000Z", "2026-03-29T02:30:00.000+0200", "2026-03-28T16:30:00-08:00"],
)
def test_date_string_stands_in_for_a_missing_date(text: str) -> None:
    row = sgv(100, dateString=text)
    del row["date"]
    assert read(row).time == NOW


def test_milliseconds_are_kept() -> None:
    assert read(sgv(100, date=NOW_MS + 817)).time == NOW + timedelta(milliseconds=817)


@pytest.mark.parametrize(
    ("direction", "trend"),
    [
        ("NONE", Trend.NONE),
        ("TripleUp", Trend.DOUBLE_UP),
        ("DoubleUp", Trend.DOUBLE_UP),
        ("SingleUp", Trend.UP),
        ("FortyFiveUp", Trend.SLIGHT_UP),
        ("Flat", Trend.FLAT),
        ("FortyFiveDown", Trend.SLIGHT_DOWN),
        ("SingleDown", Trend.DOWN),
        ("DoubleDown", Trend.DOUBLE_DOWN),
        ("TripleDown", Trend.DOUBLE_DOWN),
        ("NOT COMPUTABLE", Trend.NONE),
        ("NOT_COMPUTABLE", Trend.NONE),
        ("NotComputable", Trend.NONE),
        ("RATE OUT OF RANGE", Trend.NONE),
        ("", None),
        ("Sideways", None),
        (None, None),
        (4, None),
    ],
)
def test_direction_words(direction: object, trend: Trend | None) -> None:
    assert read(sgv(100, direction=direction)).trend is trend


def test_absent_direction_is_no_trend() -> None:
    assert read(sgv(100)).trend is None


@pytest.mark.parametrize(
    "device",
    [
        "dexcom",
        "share2",
        "Dexcom G7",
        "G5 Native",
        "AndroidAPS-DexcomG6",
        "xDrip-DexcomG5",
        "Stelo",
    ],
)
def test_dexcom_like_devices_end_at_39_and_401(device: str) -> None:
    bounds = {mg_dl: read(sgv(mg_dl, device=device)).bound for mg_dl in (39, 40, 399, 401, 420)}
    assert bounds == {39: Bound.LOW, 40: None, 399: None, 401: Bound.HIGH, 420: None}


@pytest.mark.parametrize(
    "device", ["nightscout-librelink-up", "Juggluco", "LibreLink", "LimiTTer", "MiaoMiao"]
)
def test_libre_like_devices_end_under_40_and_at_400_or_500(device: str) -> None:
    numbers = (39, 40, 399, 400, 401, 420, 499, 500, 510)
    bounds = {mg_dl: read(sgv(mg_dl, device=device)).bound for mg_dl in numbers}
    assert {mg_dl for mg_dl, bound in bounds.items() if bound is Bound.LOW} == {39}
    assert {mg_dl for mg_dl, bound in bounds.items() if bound is Bound.HIGH} == {400, 500, 510}


@pytest.mark.parametrize("device", ["xDrip-DexcomG5", "xDrip-MedtrumA6", "xDrip-LibreReceiver"])
def test_xdrip_clamps_at_39_and_400(device: str) -> None:
    bounds = {mg_dl: read(sgv(mg_dl, device=device)).bound for mg_dl in (39, 40, 399, 400)}
    assert bounds == {39: Bound.LOW, 40: None, 399: None, 400: Bound.HIGH}


@pytest.mark.parametrize("device", ["640G / EverSense", "loop://iPhone", "Trio", "", None, 7])
@pytest.mark.parametrize("mg_dl", [39, 400, 401, 500])
def test_value_alone_is_never_a_bound(device: object, mg_dl: int) -> None:
    assert read(sgv(mg_dl, device=device)).bound is None


def test_unnamed_device_on_a_phone_is_xdrips() -> None:
    assert read(sgv(400, device="Companion"), phone=True).bound is Bound.HIGH
    assert read(sgv(39, device=None), phone=True).bound is Bound.LOW
    assert read(sgv(401, device="Juggluco"), phone=True).bound is None


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_one_moment_twice_is_one_reading_whatever_the_order(order: slice) -> None:
    rows = [sgv(100, _id="a"), sgv(140, _id="b"), {**sgv(0), "type": "mbg", "mbg": 130}]
    entries = Entries("ns", NOW)
    entries.take(rows[order])
    answer = entries.answer(timedelta(seconds=2))
    assert [(reading.mg_dl, reading.kind) for reading in answer.readings] == [
        (140, Kind.CGM),
        (130, Kind.METER),
    ]
    assert answer.clock_offset == timedelta(seconds=2)


def test_readings_come_oldest_first_and_not_before_since() -> None:
    entries = Entries("ns", NOW)
    entries.take(sgv(100 + n, date=NOW_MS + n * 1000) for n in (2, -1, 0, 1))
    assert [reading.mg_dl for reading in entries.answer(None).readings] == [100, 101, 102]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ["_id", "identifier", "type", "sgv", "mbg", "date", "dateString", "direction", "device"]
LIKELY = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys([*FIELDS, "isValid"], JSON),
        "type": st.sampled_from(["sgv", "mbg", "cal"]) | JSON,
        "sgv": st.integers(-5, 700) | st.floats(0, 700).map(str) | JSON,
        "mbg": st.integers(-5, 700) | JSON,
        "date": st.integers(NOW_MS - 10**9, NOW_MS + 10**9) | JSON,
        "dateString": st.datetimes().map(datetime.isoformat) | JSON,
        "device": st.sampled_from(["share2", "Juggluco", "xDrip"]) | JSON,
    },
)


@given(rows=st.lists(LIKELY | JSON, max_size=12), phone=st.booleans())
def test_any_rows_give_valid_readings_or_are_counted(rows: list[object], phone: bool) -> None:
    entries = Entries("ns", LONG_AGO, phone=phone)
    entries.take(rows)
    answer = entries.answer(None)
    assert len(answer.readings) + answer.refused <= len(rows)
    assert list(answer.readings) == sorted(answer.readings, key=lambda r: (r.time, r.kind))
    assert len({reading.identity for reading in answer.readings}) == len(answer.readings)


@given(
    mg_dl=st.integers(39, 600),
    ms=st.integers(946_684_800_000, 4_102_444_800_000),
    kind=st.sampled_from(["sgv", "mbg"]),
)
def test_every_good_row_is_read_exactly(mg_dl: int, ms: int, kind: str) -> None:
    reading = read(cast("object", {"type": kind, kind: mg_dl, "date": ms}))
    assert reading.mg_dl == mg_dl
    assert reading.time == datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ms)
    assert reading.series == kind
