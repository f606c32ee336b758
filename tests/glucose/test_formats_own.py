"""What we write ourselves is read again as it was, and no spreadsheet runs any of it."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st

from glucose.errors import InvalidReadingError
from glucose.formats import read_export, readings_csv, treatments_csv, whole_json
from glucose.formats.safe_cell import safe, unsafe
from glucose.measurement import Measurement, MeasurementKind
from glucose.reading import Bound, Kind, Reading
from glucose.reading_columns import readings_at
from glucose.record import LONGEST_ID, made_id, note_of
from glucose.treatment import Intensity, Treatment, TreatmentKind
from glucose.trend import Trend

TOKYO = ZoneInfo("Asia/Tokyo")
START = datetime(2024, 5, 1, tzinfo=UTC)
RUN = ("=", "+", "-", "@", "\t", "\r")

times = st.integers(-70 * 365 * 86_400_000, 100 * 365 * 86_400_000).map(
    lambda ms: START + timedelta(milliseconds=ms)
)
names = st.text("ab=+-@'/,;\" é", min_size=1, max_size=6).map(str.strip).filter(bool)


@st.composite
def a_reading(draw: st.DrawFn) -> Reading:
    return Reading(
        time=draw(times),
        mg_dl=draw(st.integers(40, 600)),
        source=draw(names),
        series=draw(names.filter(lambda name: "/" not in name)),
        kind=draw(st.sampled_from(Kind)),
        bound=draw(st.sampled_from([None, *Bound])),
        trend=draw(st.sampled_from([None, *Trend])),
    )


notes = st.text("=+-@'\t\n:;,\" äa1", max_size=30).map(note_of)


@st.composite
def a_treatment(draw: st.DrawFn) -> Treatment:
    kind = draw(st.sampled_from(TreatmentKind))
    needs = kind in {TreatmentKind.NOTE, TreatmentKind.MEDICATION}
    words = st.sampled_from(["light", "light: ", ": light", ": ", "vigorous: ran"]).map(note_of)
    note = draw((notes | words).filter(bool) if needs else notes | words)
    counted = kind.value.startswith("insulin_") and kind is not TreatmentKind.INSULIN_CHANGE
    amount = None
    if counted or kind in {TreatmentKind.CARBS, TreatmentKind.EXERCISE}:
        amount = draw(st.none() | st.integers(1, 300_000).map(lambda number: number / 1000))
    intensity = draw(st.sampled_from([None, *Intensity]))
    time = draw(times)
    return Treatment(
        time=time,
        source="s",
        id=made_id(time, kind, amount, note),
        kind=kind,
        amount=amount,
        note=note,
        intensity=intensity if kind is TreatmentKind.EXERCISE else None,
    )


@settings(deadline=None)
@given(st.lists(a_reading(), max_size=12))
def test_readings_come_back_as_they_were(readings: list[Reading]) -> None:
    readings = sorted(readings, key=lambda one: one.time)
    text = "".join(readings_csv(readings))
    export = read_export(text, zone=TOKYO, source=None)
    assert list(export.readings) == readings
    assert (export.refused, export.zoned) == ((), True)
    assert "".join(readings_csv(export.readings)) == text


def test_a_long_file_comes_in_pieces_that_make_one() -> None:
    readings = [
        Reading(time=START + timedelta(minutes=at), mg_dl=40 + at % 300, source="s", series="x")
        for at in range(25_000)
    ]
    pieces = list(readings_csv(readings))
    assert len(pieces) == 3
    assert list(read_export("".join(pieces), zone=TOKYO, source=None).readings) == readings


def test_a_long_history_comes_in_pieces_that_make_one() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    readings = [
        Reading(time=start + place * timedelta(minutes=5), mg_dl=100, source="a", series="b")
        for place in range(12_000)
    ]
    pieces = list(whole_json(readings, [], []))
    found = read_export("".join(pieces), zone=ZoneInfo("UTC"), source=None)
    assert max(map(len, pieces)) < sum(map(len, pieces)) / 2
    assert list(found.readings) == readings


def test_a_source_of_200_characters_is_read_and_a_longer_one_refused() -> None:
    like = Reading(time=START, mg_dl=100, source="s" * LONGEST_ID, series="x")
    longer = Reading(time=START, mg_dl=100, source="s" * (LONGEST_ID + 1), series="x")
    text = "".join(whole_json([longer, like], [], []))
    export = read_export(text, zone=TOKYO, source=None)
    assert export.readings == (like,)
    assert [(one.line, one.reason) for one in export.refused] == [
        (1, "no source in 1 to 200 characters")
    ]


def test_measurements_of_a_whole_history_come_oldest_first() -> None:
    days = [
        Measurement(
            time=START + timedelta(days=day),
            kind=MeasurementKind.WEIGHT,
            value=70.0 + day,
            source="s",
            id=str(day),
        )
        for day in (2, 0, 1)
    ]
    export = read_export("".join(whole_json([], [], days)), zone=TOKYO, source=None)
    assert [one.id for one in export.measurements] == ["0", "1", "2"]


def test_a_given_source_is_the_readings_and_the_series_stay_apart() -> None:
    both = [
        Reading(time=START, mg_dl=100, source="libreview", series=series)
        for series in ("historic", "scan")
    ]
    export = read_export("".join(readings_csv(both)), zone=TOKYO, source="mine")
    assert [(one.source, one.series) for one in export.readings] == [
        ("mine", "historic"),
        ("mine", "scan"),
    ]


@settings(deadline=None)
@given(st.lists(a_treatment(), max_size=12))
def test_treatments_come_back_as_they_were(treatments: list[Treatment]) -> None:
    treatments = sorted(treatments, key=lambda one: one.time)
    text = treatments_csv(treatments)
    export = read_export(text, zone=TOKYO, source="s")
    assert list(export.treatments) == treatments
    assert export.refused == ()
    assert treatments_csv(export.treatments) == text


@settings(deadline=None)
@given(st.lists(a_treatment(), max_size=5), st.lists(a_reading(), max_size=5))
def test_no_text_of_ours_would_be_run_by_a_spreadsheet(
    treatments: list[Treatment], readings: list[Reading]
) -> None:
    for text in (treatments_csv(treatments), "".join(readings_csv(readings))):
        cells = [cell for row in csv.reader(text.splitlines(keepends=True)) for cell in row]
        assert [cell for cell in cells if cell.startswith(RUN)] == []


def test_who_logged_it_and_under_which_id_is_not_run_either() -> None:
    meal = Treatment(
        time=datetime(2026, 11, 20, tzinfo=UTC),
        source="=1+1",
        id="@id",
        kind=TreatmentKind.CARBS,
        amount=10.0,
    )
    text = treatments_csv([meal], named=True)
    cells = [cell for row in csv.reader(text.splitlines(keepends=True)) for cell in row]
    assert [cell for cell in cells if cell.startswith(RUN)] == []
    assert read_export(text, zone=ZoneInfo("UTC"), source=None).treatments == (meal,)


@given(st.text("=+-@\t\r'ab", max_size=6))
def test_a_safe_cell_is_undone_to_what_it_was(text: str) -> None:
    assert unsafe(safe(text)) == text


@pytest.mark.parametrize("first", RUN)
def test_what_a_spreadsheet_would_run_has_an_apostrophe_before_it(first: str) -> None:
    assert safe(f"{first}1+1") == f"'{first}1+1"
    assert safe(f"1{first}1") == f"1{first}1"


def test_an_apostrophe_of_the_texts_own_stays() -> None:
    assert unsafe("'tis") == "'tis"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2024-05-01T08:00:00Z,breakfast,,,", "no kind of treatment"),
        ("2024-05-01T08:00:00Z,carbs,30,U,", "a unit that carbs is not counted in"),
        ("2024-05-01T08:00:00Z,carbs,many,g,", "not a number"),
        ("2024-05-01T08:00:00Z,insulin_rapid,4000,U,", "the amount must be a number"),
        ("2024-05-01T08:00:00Z,note,,,", "note needs its text"),
        ("soon,carbs,30,g,", "not a time"),
        ("2024-05-01T08:00:00Z,carbs,30,g,,,more", "more fields"),
    ],
)
def test_a_row_that_is_no_treatment_is_refused_with_its_line(row: str, reason: str) -> None:
    text = f"time,kind,amount,unit,note\n{row}\n2024-05-01T09:00:00Z,carbs,20,g,\n"
    export = read_export(text, zone=TOKYO, source="s")
    assert [one.line for one in export.refused] == [2]
    assert reason in export.refused[0].reason
    assert [one.amount for one in export.treatments] == [20.0]


def test_a_local_time_of_a_treatment_is_read_in_the_zone() -> None:
    text = "time,kind,amount,unit,note\n2024-05-01 09:00,carbs,20,g,\n"
    export = read_export(text, zone=TOKYO, source="s")
    assert export.treatments[0].time == START
    assert not export.zoned


def test_behind_quotes_that_never_end_nothing_is_read() -> None:
    text = (
        'time,kind,amount,unit,note\n2024-05-01 09:00,carbs,20,g,"open\n2024-05-01 09:00,carbs,,,\n'
    )
    export = read_export(text, zone=TOKYO, source="s")
    assert [(one.line, one.reason) for one in export.refused] == [
        (2, "its quotes do not come out even")
    ]
    assert export.treatments == ()


@settings(deadline=None)
@given(st.lists(st.tuples(times, a_reading()), max_size=8))
def test_readings_at_times_are_as_if_each_were_made(rows: list[tuple[datetime, Reading]]) -> None:
    made = readings_at([time for time, _ in rows], [like for _, like in rows])
    assert made == [
        Reading(
            time=time,
            mg_dl=like.mg_dl,
            source=like.source,
            series=like.series,
            kind=like.kind,
            bound=like.bound,
            trend=like.trend,
        )
        for time, like in rows
    ]


def test_a_time_that_no_reading_may_have_is_refused_there_as_well() -> None:
    like = Reading(time=START, mg_dl=100, source="s", series="x")
    with pytest.raises(InvalidReadingError, match="aware UTC"):
        readings_at([START.replace(tzinfo=None)], [like])
    with pytest.raises(InvalidReadingError, match="aware UTC"):
        readings_at([START.astimezone(TOKYO)], [like])
    with pytest.raises(ValueError, match="zip"):
        readings_at([START, START], [like])
