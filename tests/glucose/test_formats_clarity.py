"""Clarity exports, written by the test in each dialect seen, come back as they were."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st

from glucose.errors import UnrecognisedExport
from glucose.formats import read_export
from glucose.formats.table import rows_of
from glucose.reading import Bound, Kind, Reading
from glucose.treatment import Intensity, TreatmentKind
from glucose.units import MG_DL_PER_MMOL_L, Unit

BERLIN = ZoneInfo("Europe/Berlin")
ENGLISH = (
    "Index,Timestamp (YYYY-MM-DDThh:mm:ss),Event Type,Event Subtype,Patient Info,Device Info,"
    "Source Device ID,Glucose Value ({unit}),Insulin Value (u),Carb Value (grams),"
    "Duration (hh:mm:ss),Glucose Rate of Change ({unit}/min),Transmitter Time (Long Integer),"
    "Transmitter ID"
)
GERMAN = (
    '"Index";"Zeitstempel (JJJJ-MM-TTThh:mm:ss)";"Ereignisart";"Ereignis-Unterart";'
    '"Patienten-Info";"Geräteinfo";"Quellengerät-ID";"Glukosewert ({unit})";"Insulinwert (E)";'
    '"Kohlenh.-Wert (Gramm)";"Dauer (hh:mm:ss)";"Glukose-Änderungsgeschwindigkeit ({unit}/min)";'
    '"Transmitterzeit (Lange Ganzzahl)";"Transmitter-ID"'
)
GERMAN_SHORT = ";".join(GERMAN.split(";")[:11])
ITALIAN = (
    "Indice,Data e ora (AAAA-MM-GGThh:mm:ss),Tipo di evento,Sottotipo di evento,"
    "Informazioni del paziente,Info dispositivo,ID dispositivo sorgente,Valore glicemico ({unit}),"
    "Valore insulina (u),Valore carboidrati (grammi),Durata (hh:mm:ss),"
    "Velocità di variazione della glicemia ({unit}/min),Ora trasmettitore (Intero lungo),"
    "ID trasmettitore"
)


class Dialect:
    """One way in which Clarity writes: header, delimiter, words, decimals, ends of lines."""

    def __init__(
        self, header: str, sep: str, event: str, low: str, high: str, unit: str, decimal: str
    ) -> None:
        self.header = header.format(unit=unit)
        self.sep, self.event, self.low, self.high = sep, event, low, high
        self.unit, self.decimal = unit, decimal

    def value(self, reading: Reading) -> str:
        words: dict[Bound | None, str] = {Bound.LOW: self.low, Bound.HIGH: self.high}
        numbers = {
            "mg/dL": str(reading.mg_dl),
            "mmol/L": f"{reading.mg_dl / MG_DL_PER_MMOL_L:.1f}".replace(".", self.decimal),
        }
        return words.get(reading.bound, numbers[self.unit.replace("mmol/l", "mmol/L")])

    def row(self, number: int, local: str, event: str, value: str, clock: str = "") -> str:
        cells = [str(number), local, event, "", "", "", "Android G6", value, "", "", "", ""]
        width = self.header.count(self.sep) + 1
        return self.sep.join([*cells, clock, "8XXXXX"][:width])

    def write(self, readings: Sequence[Reading], zone: ZoneInfo) -> str:
        lines = [self.header, self.row(1, "", "FirstName", ""), self.row(2, "", "Alert", "270")]
        for number, reading in enumerate(readings, 3):
            local = reading.time.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")
            clock = str(int(reading.time.timestamp()) - 1_400_000_000)
            lines.append(self.row(number, local, self.event, self.value(reading), clock))
        return "\r\n".join(lines) + "\r\n"


DIALECTS = {
    "en mg/dL": Dialect(ENGLISH, ",", "EGV", "Low", "High", "mg/dL", "."),
    "en mmol/L": Dialect(ENGLISH, ",", "EGV", "Low", "High", "mmol/L", "."),
    "en re-saved": Dialect(ENGLISH.replace(",", "\t"), "\t", "EGV", "Low", "High", "mg/dL", "."),
    "de mg/dL": Dialect(GERMAN, ";", "EGV", "Niedrig", "Hoch", "mg/dL", ","),
    "de mmol/L": Dialect(GERMAN_SHORT, ";", "EGV", "Niedrig", "Hoch", "mmol/l", ","),
    "it mg/dL": Dialect(ITALIAN, ",", "EGV", "Basso", "Alto", "mg/dL", "."),
}


def as_shown(mg_dl: int, unit: str) -> int:
    """Return what is left of a value once it was written in that unit, to one decimal."""
    shown = {"mg/dL": mg_dl / 1.0, "mmol/l": round(mg_dl / MG_DL_PER_MMOL_L, 1) * MG_DL_PER_MMOL_L}
    return round(shown[unit.lower().replace("mg/dl", "mg/dL")])


@st.composite
def curves(draw: st.DrawFn) -> list[Reading]:
    """Readings at least a minute apart, from any moment in years with many changes of clocks."""
    time = draw(st.datetimes(datetime(2015, 1, 1), datetime(2030, 1, 1))).replace(  # noqa: DTZ001 - the zone comes with replace
        microsecond=0, tzinfo=UTC
    )
    readings = []
    for minutes in draw(st.lists(st.integers(1, 400), min_size=1, max_size=40)):
        time += timedelta(minutes=minutes)
        mg_dl, bound = draw(
            st.one_of(
                st.tuples(st.integers(40, 400), st.none()),
                st.sampled_from([(40, Bound.LOW), (400, Bound.HIGH)]),
            )
        )
        readings.append(Reading(time=time, mg_dl=mg_dl, source="s", series="egv", bound=bound))
    return readings


@pytest.mark.parametrize("name", ["en mg/dL", "en mmol/L", "en re-saved", "de mg/dL", "it mg/dL"])
@settings(deadline=None)
@given(curves(), st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]))
def test_what_is_written_is_read_back_even_in_the_repeated_hour(
    name: str, readings: list[Reading], zone_name: str
) -> None:
    """One certain row before makes the transmitter's clock tell both passes apart."""
    dialect, zone = DIALECTS[name], ZoneInfo(zone_name)
    before = readings[0].time - timedelta(hours=3)
    readings = [Reading(time=before, mg_dl=100, source="s", series="egv"), *readings]
    export = read_export(dialect.write(readings, zone), zone=zone, source="s")
    expected = [
        (r.time, as_shown(r.mg_dl, dialect.unit) if r.bound is None else r.mg_dl, r.bound)
        for r in readings
    ]
    assert [(r.time, r.mg_dl, r.bound) for r in export.readings] == expected
    assert export.refused == ()
    assert export.others == {"settings": 2}
    assert {r.kind for r in export.readings} == {Kind.CGM}


@pytest.mark.parametrize("missing", [range(12), range(12, 24), range(6, 18)])
@pytest.mark.parametrize("changed", [False, True])
def test_the_transmitter_s_clock_tells_which_pass_an_hour_without_readings_was(
    missing: range, changed: bool
) -> None:
    """Also where exactly one hour is missing, and a new transmitter began after it."""
    repeated = datetime(2025, 10, 26, tzinfo=UTC)
    places = [place for place in range(-36, 60) if place not in missing]
    times = [repeated + timedelta(minutes=5 * place) for place in places]
    dialect = DIALECTS["en mg/dL"]
    lines = [dialect.header]
    for number, time in enumerate(sorted(times, key=lambda at: at.astimezone(BERLIN).isoformat())):
        later = changed and time >= repeated + timedelta(minutes=5 * missing.start)
        seconds = int((time - repeated).total_seconds()) + (50_000 if later else 9_000_000)
        local = time.astimezone(BERLIN).strftime("%Y-%m-%dT%H:%M:%S")
        row = dialect.row(number, local, "EGV", "100", str(seconds))
        lines.append(row.replace("8XXXXX", "9XXXXX") if later else row)
    export = read_export("\r\n".join(lines), zone=BERLIN, source="s")
    assert [reading.time for reading in export.readings] == times


@settings(deadline=None)
@given(curves())
def test_a_dialect_without_transmitter_columns_is_read_back(readings: list[Reading]) -> None:
    dialect, utc = DIALECTS["de mmol/L"], ZoneInfo("UTC")
    export = read_export(dialect.write(readings, utc), zone=utc, source="s")
    assert [(r.time, r.mg_dl, r.bound) for r in export.readings] == [
        (r.time, as_shown(r.mg_dl, "mmol/l") if r.bound is None else r.mg_dl, r.bound)
        for r in readings
    ]
    assert export.unit is Unit.MMOL_L


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
@pytest.mark.parametrize("name", DIALECTS)
def test_every_encoding_is_read(name: str, encoding: str) -> None:
    time = datetime(2024, 5, 1, 10, tzinfo=UTC)
    reading = Reading(time=time, mg_dl=180, source="s", series="egv")
    data = DIALECTS[name].write([reading], BERLIN).encode(encoding)
    export = read_export(data, zone=BERLIN, source="s")
    assert [(r.time, r.mg_dl) for r in export.readings] == [(time, 180)]


def english(*rows: str) -> str:
    return "\n".join([ENGLISH.format(unit="mg/dL"), *rows]) + "\n"


def test_calibrations_are_meter_readings_of_their_own_series() -> None:
    text = english("1,2024-05-01T10:00:00,Calibration,,,,G6,93,,,,,,8XXXXX")
    (reading,) = read_export(text, zone=BERLIN, source="s").readings
    assert (reading.kind, reading.series, reading.mg_dl) == (Kind.METER, "calibration", 93)


def test_dexcoms_numbers_for_low_and_high_carry_their_bound() -> None:
    text = english(
        "1,2024-05-01T10:00:00,EGV,,,,G6,39,,,,,,",
        "2,2024-05-01T10:05:00,EGV,,,,G6,40,,,,,,",
        "3,2024-05-01T10:10:00,EGV,,,,G6,400,,,,,,",
        "4,2024-05-01T10:15:00,EGV,,,,G6,401,,,,,,",
    )
    bounds = [r.bound for r in read_export(text, zone=BERLIN, source="s").readings]
    assert bounds == [Bound.LOW, None, None, Bound.HIGH]


def test_rows_may_be_ragged_blank_or_saved_again_by_a_spreadsheet() -> None:
    text = english(
        "1,2024-05-01T10:00:00,EGV,,,,G6,100,,,,,7573",
        ",,,,,,,,,,,,,",
        "",
        "2,2024-05-01 9:05:00,EGV,,,,G6,101,,,,,,",
        "3,2024-05-01T10:10:00.000,EGV,,,,G6,102",
    )
    export = read_export(text, zone=ZoneInfo("UTC"), source="s")
    assert [r.mg_dl for r in export.readings] == [101, 100, 102]
    assert export.rows == 3


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1,2024-05-01T10:00:00,EGV,,,,G6,,,,,,,", "no glucose value"),
        ("1,2024-05-01T10:00:00,EGV,,,,G6", "no glucose value"),
        ("1,,EGV,,,,G6,100,,,,,,", "no time"),
        ("1,2024-05-01,EGV,,,,G6,100,,,,,,", "not a time as YYYY-MM-DDThh:mm:ss"),
        ("1,2024-02-30T10:00:00,EGV,,,,G6,100,,,,,,", "no such date or time"),
        ("1,0001-01-01T00:00:00,EGV,,,,G6,100,,,,,,", "no such date or time"),
        ("1,2024-05-01T10:00:00,EGV,,,,G6,nan,,,,,,", "not a number"),
        ("1,2024-05-01T10:00:00,EGV,,,,G6,5,,,,,,", "glucose outside 10..600 mg/dL"),
        ("1,2024-05-01T10:00:00,Marvel,,,,G6,100,,,,,,", "unknown event type"),
        ("1,2024-05-01T10:00:00,EGV,,,,G6,5,6,,,,,,,8X", "more fields than columns"),
        ('1,2024-05-01T10:00:00,EGV,,,,"G6,100,,,,,,', "its quotes do not come out even"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused_with_its_line_and_the_others_kept(
    row: str, reason: str
) -> None:
    good = "9,2024-05-01T11:00:00,EGV,,,,G6,100,,,,,,"
    export = read_export(english(row, good), zone=BERLIN, source="s")
    assert [(refused.line, refused.reason) for refused in export.refused] == [(2, reason)]
    assert len(export.readings) == 1
    assert export.rows == 2


def test_treatments_are_read_and_the_preamble_is_counted() -> None:
    text = english(
        "1,,DateOfBirth,,2000-01-01,,,,,,,,,",
        "2,2024-05-01T10:00:00,Insulin,Fast-Acting,,,G6,,4.00,,,,,",
        "3,2024-05-01T10:00:01,Carbs,,,,G6,,,30,,,,",
        "4,2024-05-01T10:00:02,Exercise,Light,,,G6,,,,00:30:00,,,",
        "5,2024-05-01T10:00:03,Carbs,,,,G6,,,20,,,,",
    )
    export = read_export(text, zone=BERLIN, source="s")
    assert export.others == {"settings": 1}
    assert [(one.kind, one.amount, one.intensity) for one in export.treatments] == [
        (TreatmentKind.INSULIN_RAPID, 4.0, None),
        (TreatmentKind.CARBS, 30.0, None),
        (TreatmentKind.EXERCISE, 30.0, Intensity.LIGHT),
        (TreatmentKind.CARBS, 20.0, None),
    ]
    assert export.treatments[0].time == datetime(2024, 5, 1, 8, tzinfo=UTC)
    assert export.rows == 5


@pytest.mark.parametrize(
    ("row", "kind", "amount", "note", "intensity"),
    [
        ("Insulin,Fast-Acting,,,G6,,4.00,,,,,", "insulin_rapid", 4.0, None, None),
        ("Insulin,Long-Acting,,,G6,,21.50,,,,,", "insulin_long", 21.5, None, None),
        ("Insulin,Fast-Acting,,,G6,,0,,,,,", "insulin_rapid", None, None, None),
        ("Carbs,,,,G6,,,15,,,,", "carbs", 15.0, None, None),
        ("Exercise,Medium,,,G6,,,,01:30:00,,,", "exercise", 90.0, None, Intensity.MODERATE),
        ("Exercise,Yoga,,,G6,,,,00:00:00,,,", "exercise", None, "Yoga", None),
        ("Exercise,Heavy,,,G6,,,,long,,,", "exercise", None, None, Intensity.VIGOROUS),
        ("Health,Illness,,,G6,,,,,,,", "note", None, "Illness", None),
        ("Notes,,felt shaky,,G6,,,,,,,", "note", None, "felt shaky", None),
    ],
)
def test_each_kind_of_treatment(
    row: str, kind: str, amount: float | None, note: str | None, intensity: Intensity | None
) -> None:
    (one,) = read_export(
        english(f"1,2024-05-01T10:00:00,{row}"), zone=BERLIN, source="s"
    ).treatments
    assert (one.kind, one.amount, one.note, one.intensity) == (kind, amount, note, intensity)
    assert one.time == datetime(2024, 5, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("row", "kind", "amount"),
    [
        ("Insulin;Schnell wirkend;;;G6;;4,5;;;;;", "insulin_rapid", 4.5),
        ("Insulin;Lang wirkend;;;G6;;21;;;;;", "insulin_long", 21.0),
        ("Kohlenhydrate;;;;G6;;;30;;;;", "carbs", 30.0),
        ("Training;Leicht;;;G6;;;;00:45:00;;;", "exercise", 45.0),
    ],
)
def test_german_treatments_are_known_by_their_column(row: str, kind: str, amount: float) -> None:
    text = f"{GERMAN.format(unit='mg/dL')}\n1;2024-05-01T10:00:00;{row}\n"
    (one,) = read_export(text, zone=BERLIN, source="s").treatments
    assert (one.kind, one.amount) == (kind, amount)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("Insulin,,,,G6,,4.00,,,,,", "neither said to be fast nor long-acting"),
        ("Insulin,Fast-Acting,,,G6,,lots,,,,,", "not a number"),
        ("Insulin,Fast-Acting,,,G6,,900,,,,,", "the amount must be"),
        ("Carbs,,,,G6,,,nan,,,,", "not a number"),
        ("Insulin,,,,G6,,,,,,,", "unknown event type"),
    ],
)
def test_a_treatment_is_never_guessed(row: str, reason: str) -> None:
    export = read_export(english(f"1,2024-05-01T10:00:00,{row}"), zone=BERLIN, source="s")
    assert (export.treatments, len(export.refused)) == ((), 1)
    assert reason in export.refused[0].reason


def test_a_note_without_a_word_is_counted() -> None:
    text = english("1,2024-05-01T10:00:00,Notes,,,,G6,,,,,,,")
    assert read_export(text, zone=BERLIN, source="s").others == {"note": 1}


def test_a_clock_tells_the_passes_apart_in_a_year_of_rows_with_treatments_between() -> None:
    """As Clarity writes the night of 27 October: sorted by what the clock showed."""
    start = datetime(2024, 10, 20, tzinfo=UTC)
    times = [start + timedelta(minutes=5 * at, seconds=at % 2) for at in range(5000)]
    shown = sorted(times, key=lambda time: time.astimezone(BERLIN).replace(tzinfo=None))
    rows = []
    for number, time in enumerate(shown):
        local = f"{time.astimezone(BERLIN):%Y-%m-%dT%H:%M:%S}"
        clock = int((time - start).total_seconds())
        rows.append(f"{number},{local},EGV,,,,G6,{40 + number % 300},,,,,{clock},8X")
        if number % 100 == 0:
            rows.append(f"{number},{local},Calibration,,,,G6,99,,,,,,8X")
            rows.append(f"{number},{local},Carbs,,,,G6,,,30,,,,")
    export = read_export(english(*rows), zone=BERLIN, source="s")
    assert [one.time for one in export.readings if one.kind is Kind.CGM] == times
    assert len(export.treatments) == 50
    assert export.refused == ()


@settings(deadline=None)
@given(st.text(alphabet='0129,;:-T"\n\r\tEGVLow High.ä\x00', max_size=300))
def test_whatever_follows_the_header_nothing_is_lost_and_nothing_breaks(tail: str) -> None:
    text = ENGLISH.format(unit="mg/dL") + "\n" + tail
    try:
        export = read_export(text, zone=BERLIN, source="s")
    except UnrecognisedExport as error:
        assert "two units" in str(error) or "too low" in str(error)  # noqa: PT017 - one of two ends
        return
    lines = tail.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    filled = sum(1 for line in lines if line.replace(",", "").replace('"', "").strip())
    assert export.rows <= len(lines)
    assert filled == 0 or export.rows > 0


@settings(deadline=None)
@given(st.lists(st.sampled_from(['"', "ok", "two\nlines", 'a "word"', ",", ""]), max_size=12))
def test_quoted_cells_with_breaks_and_quotes_are_one_row_each(notes: list[str]) -> None:
    rows = [
        '{},2024-05-01T10:00:00,EGV,"{}",,,G6,100,,,,,,'.format(n, note.replace('"', '""'))
        for n, note in enumerate(notes)
    ]
    export = read_export(english(*rows), zone=BERLIN, source="s")
    assert len(export.readings) == len(notes)
    assert export.refused == ()


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=12))
def test_stray_quotes_cost_their_own_rows_only(stray: list[bool]) -> None:
    devices = {True: '"G6', False: "G6"}
    rows = [f"{n},2024-05-01T10:00:00,EGV,,,,{devices[s]},100,,,,,," for n, s in enumerate(stray)]
    export = read_export(english(*rows), zone=BERLIN, source="s")
    assert [refused.line - 2 for refused in export.refused] == [
        index for index, wrong in enumerate(stray) if wrong
    ]
    assert len(export.readings) == stray.count(False)


def test_a_header_without_a_unit_is_not_guessed_at() -> None:
    with pytest.raises(UnrecognisedExport):
        read_export(ENGLISH.format(unit="?"), zone=BERLIN, source="s")


def test_a_cell_without_end_is_refused() -> None:
    endless = '1,2024-05-01T10:00:00,EGV,"a"{},,,G6,100,,,,,,'.format("x" * 200_000)
    export = read_export(english(endless), zone=BERLIN, source="s")
    assert [row.reason for row in export.refused] == ["its quotes do not come out even"]


def test_text_behind_a_closing_quote_is_kept() -> None:
    row = '1,2024-05-01T10:00:00,EGV,"a"b,,,G6,100,,,,,,'
    assert len(read_export(english(row), zone=BERLIN, source="s").readings) == 1


def test_two_stray_quotes_never_melt_two_short_rows_into_one() -> None:
    rows = rows_of(['a,"b', 'c,"d,e', "f,g"], 0, ",", 5)
    assert list(rows) == [(1, None), (2, None), (3, ["f", "g"])]
