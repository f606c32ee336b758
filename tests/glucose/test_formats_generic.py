"""The generic CSV: which files are one, how its times are read, and which rows are refused."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from glucose.errors import AmbiguousDates, UnrecognisedExport
from glucose.formats import Export, read_export
from glucose.formats.iso_time import stamp_of
from glucose.formats.local_time import LocalClock
from glucose.formats.moments import Moments
from glucose.reading import Bound, Kind
from glucose.units import Unit

BERLIN = ZoneInfo("Europe/Berlin")


def read(text: str, zone: ZoneInfo = BERLIN) -> Export:
    return read_export(text, zone=zone, source="s")


@pytest.mark.parametrize(
    ("header", "value", "mg_dl", "unit"),
    [
        ("id,time,gl", "a,2024-05-01 10:00:00,93", 93, Unit.MG_DL),
        ("time,glucose_mg_dl", "2024-05-01T10:00:00,93", 93, Unit.MG_DL),
        ("time;glucose_mmol_l", "2024-05-01 10:00;5,5", 99, Unit.MMOL_L),
        ("Timestamp\tGlucose_mg_dL", "2024-05-01 10:00:00\t93", 93, Unit.MG_DL),
    ],
)
def test_a_time_and_one_glucose_column_make_a_file(
    header: str, value: str, mg_dl: int, unit: Unit
) -> None:
    export = read(f"{header}\n{value}\n")
    assert (export.format, export.unit) == ("generic CSV", unit)
    assert [(row.time, row.mg_dl) for row in export.readings] == [
        (datetime(2024, 5, 1, 8, tzinfo=UTC), mg_dl)
    ]


@pytest.mark.parametrize("header", ["time,sugar", "when,gl", "time,timestamp,gl"])
def test_a_header_that_does_not_name_one_of_each_is_none(header: str) -> None:
    with pytest.raises(UnrecognisedExport, match="glucose_mg_dl"):
        read(f"{header}\n2024-05-01 10:00:00,93,93\n")


def test_two_columns_of_glucose_are_refused_by_their_names() -> None:
    with pytest.raises(UnrecognisedExport, match="glucose_mg_dl, glucose_mmol_l"):
        read("time,glucose_mg_dl,glucose_mmol_l\n2024-05-01 10:00:00,93,5.2\n")


@pytest.mark.parametrize(
    "time",
    [
        "2024-05-01T08:00:00Z",
        "2024-05-01T10:00:00+02:00",
        "2024-05-01 10:00:00 +0200",
        "2024-05-01T03:30-04:30",
    ],
)
def test_a_time_with_an_offset_needs_no_zone(time: str) -> None:
    export = read(f"time,gl\n{time},93\n", ZoneInfo("Asia/Tokyo"))
    assert export.readings[0].time == datetime(2024, 5, 1, 8, tzinfo=UTC)
    assert export.zoned


def test_one_time_without_an_offset_makes_the_file_need_a_zone() -> None:
    export = read("time,gl\n2024-05-01T08:00:00Z,93\n2024-05-01T10:05:00,94\n")
    assert [row.time.minute for row in export.readings] == [0, 5]
    assert not export.zoned


@pytest.mark.parametrize("first", ["2024-05-01T08:00:00Z", "2024-05-01T10:00:00"])
def test_times_with_and_without_an_offset_in_one_hour_are_each_read_as_they_stand(
    first: str,
) -> None:
    rows = [first, "2024-05-01T10:05:00", "2024-05-01T10:05:00Z"] * 2
    rows += ["2024-05-01T10:05:00+09:00", "2024-05-01T10:10:00", "2024-05-01T10:10:00Z"]
    export = read("\n".join(["time,gl", *(f"{time},93" for time in rows)]))
    assert [f"{one.time:%H:%M}" for one in export.readings] == [
        *("01:05", "08:00", "08:00", "08:05", "08:05", "08:10", "10:05", "10:05", "10:10")
    ]


def test_what_one_row_teaches_reads_the_others_of_its_day() -> None:
    """A year has 105,000 rows and 8,760 hours: what is learnt is what makes it quick."""
    clock = LocalClock(BERLIN)
    for text, suffix in (("2024-05-01T10:05:30", ""), ("2024-05-01T10:05:30Z", "Z")):
        moments = Moments(clock, suffix=suffix)
        moments.learn(text, stamp_of(text))
        assert moments.hours["2024-05-01T23"].tzinfo is UTC
        time = moments.hours["2024-05-01T12"] + moments.rest[f":05:30{suffix}"]
        assert f"{time:%H:%M:%S}" == ("12:05:30" if suffix else "10:05:30")
    moments = Moments(clock)
    for text in ("2024-10-27T10:05:30", "2024-5-1 9:05", "2024-05-01T10:05:30Z"):
        moments.learn(text, stamp_of(text))
    assert moments.hours == {}


def test_offsets_tell_the_two_passes_of_the_repeated_hour_apart() -> None:
    export = read("time,gl\n2024-10-27T02:30:00+02:00,93\n2024-10-27T02:30:00+01:00,94\n")
    assert [(row.time.hour, row.mg_dl) for row in export.readings] == [(0, 93), (1, 94)]


def test_bounds_and_meters_are_taken_from_their_columns_and_never_from_the_number() -> None:
    export = read(
        "time,glucose_mg_dl,bound,trend,kind,source\n"
        "2024-05-01T08:00:00Z,39,low,,cgm,x\n"
        "2024-05-01T08:05:00Z,39,,,,x\n"
        "2024-05-01T08:10:00Z,401,high,,cgm,x\n"
        "2024-05-01T08:12:00Z,62,,,meter,x\n"
    )
    assert [(row.mg_dl, row.bound, row.kind) for row in export.readings] == [
        (39, Bound.LOW, Kind.CGM),
        (39, None, Kind.CGM),
        (401, Bound.HIGH, Kind.CGM),
        (62, None, Kind.METER),
    ]


def test_low_and_high_may_stand_where_the_number_does() -> None:
    export = read("time,gl\n2024-05-01T08:00:00Z,LOW\n2024-05-01T08:05:00Z,High\n")
    assert [(row.mg_dl, row.bound) for row in export.readings] == [
        (40, Bound.LOW),
        (400, Bound.HIGH),
    ]
    assert not export.refused


def test_two_wearers_in_one_file_are_refused() -> None:
    with pytest.raises(UnrecognisedExport, match="2 wearers"):
        read("id,time,gl\na,2024-05-01 10:00,93\nb,2024-05-01 10:05,94\n")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2024-05-01 10:00,NA,,", "not a number"),
        ("2024-05-01 10:00,,,", "no glucose value"),
        ("2024-05-01 10:00,9,,", "outside"),
        (",93,,", "no time"),
        ("01.05.2024 10:00,93,,", "not a time as"),
        ("2024-02-30 10:00,93,,", "no such date"),
        ("2024-05-01 10:00+25:00,93,,", "no such offset"),
        ("2024-05-01 10:00,93,deep,", "a bound"),
        ("2024-05-01 10:00,93,,guess", "a kind"),
        ("2024-05-01 10:00,93,,,more", "more fields"),
        ('"2024-05-01 10:00,93,,', "quotes"),
    ],
)
def test_a_row_that_is_no_reading_is_refused_with_its_line(row: str, reason: str) -> None:
    export = read(f"time,gl,bound,kind\n{row}\n2024-05-01 10:05,94,,\n")
    assert [one.line for one in export.refused] == [2]
    assert reason in export.refused[0].reason
    assert [one.mg_dl for one in export.readings] == [94]


def dated(*times: str) -> str:
    return "time,gl\n" + "".join(f"{time},100\n" for time in times)


@pytest.mark.parametrize(
    ("times", "month", "day"),
    [
        pytest.param(("13/05/2024 10:00", "05/06/2024 10:00"), 5, 13, id="a day above 12"),
        pytest.param(("05/13/2024 10:00 AM",), 5, 13, id="a month first, and 12 hours"),
        pytest.param(("04.05.2024 10:00",), 5, 4, id="dots"),
        pytest.param(("04/05/2024 23:58", "05/05/2024 00:03"), 5, 4, id="a midnight, day first"),
        pytest.param(("05/04/2024 23:58", "05/05/2024 00:03"), 5, 4, id="a midnight, month first"),
        pytest.param(("never", "", "2024/05/04 10:00"), 5, 4, id="the year first, with strokes"),
    ],
)
def test_dates_that_do_not_begin_with_a_year_are_put_in_order_by_the_file(
    times: tuple[str, ...], month: int, day: int
) -> None:
    first, *_ = read(dated(*times)).readings
    shown = first.time.astimezone(BERLIN)
    assert (shown.year, shown.month, shown.day) == (2024, month, day)


def test_dates_that_fit_both_ways_are_refused_until_somebody_says() -> None:
    text = dated("04/05/2024 10:00", "04/05/2024 10:05")
    with pytest.raises(AmbiguousDates, match="line 2"):
        read(text)
    for day_first, month in ((True, 5), (False, 4)):
        export = read_export(text, zone=BERLIN, source="s", day_first=day_first)
        assert {reading.time.month for reading in export.readings} == {month}


def test_a_strange_date_among_those_of_a_year_first_is_one_rows_matter() -> None:
    export = read(dated("2024-05-01 10:00", "01/05/2024 10:05"))
    assert len(export.readings) == 1
    assert [row.line for row in export.refused] == [3]
