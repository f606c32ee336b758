"""Whatever bytes a file holds and however they come, it is read or refused clearly."""

from __future__ import annotations

import re
import traceback
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st

from glucose.errors import GlucoseError, UnrecognisedExport
from glucose.formats import Export, read_export, table, text
from glucose.formats.table import lines_of
from glucose.formats.text import PIECE, pieces_of

BERLIN = ZoneInfo("Europe/Berlin")
CLARITY = (
    "Index,Timestamp (YYYY-MM-DDThh:mm:ss),Event Type,Event Subtype,Glucose Value (mg/dL),"
    "Insulin Value (u),Carb Value (grams),Duration (hh:mm:ss),Transmitter Time (Long Integer)\n"
    "1,2024-05-01T10:00:00,EGV,,123,,,,300\n"
)
LIBREVIEW = (
    "Glucose Data,Generated on,02-05-2024 17:37 UTC\n"
    "Device,Device Timestamp,Record Type,Historic Glucose mmol/L,Scan Glucose mmol/L,"
    "Rapid-Acting Insulin (units),Carbohydrates (grams),Notes,Strip Glucose mmol/L\n"
    "a,28-04-2024 10:00,0,5.5,,,,,\n"
)
OURS = "time,glucose_mg_dl,bound,trend,kind,source\n2024-05-01T10:00:00Z,123,low,flat,cgm,s/egv\n"
TREATMENTS = "time,kind,amount,unit,note\n2024-05-01T10:00:00Z,exercise,30,min,light\n"
NIGHTSCOUT = '[{"sgv":100,"date":1714550400000,"type":"sgv"},{"carbs":1,"created_at":"2024-05-01"}]'
FILES = [CLARITY, LIBREVIEW, OURS, TREATMENTS, NIGHTSCOUT]
PARTS = [
    *(
        "\n",
        "\r\n",
        ",",
        ";",
        '"',
        "'",
        "-",
        ".",
        ":",
        "T",
        "Z",
        " ",
        "\t",
        "\0",
        "\ufeff",
        "é",
        "=",
    ),
    *("EGV", "Low", "HI", "Calibration", "Insulin", "Fast-Acting", "Exercise", "note", "carbs"),
    *("2024-10-27T02:30:00", "2024-03-31T02:30:00", "27-10-2024 02:30", "0001-01-01T00:00:00"),
    *("9999-12-31 23:59", "1900-01-01 00:00:00+14:00", "12-11-2024 11:12 PM", "0", "1", "4"),
    *(
        "5.5",
        "5,5",
        "NaN",
        "-1",
        "1e5",
        "99999999999",
        "[",
        "]",
        "{",
        "}",
        "null",
        '"sgv":',
        "00:30:00",
    ),
]


def outcome(content: bytes | str) -> Export | GlucoseError:
    """Return what becomes of a file; any exception of another kind fails the test."""
    try:
        return read_export(content, zone=BERLIN, source="s")
    except GlucoseError as error:
        return error


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(FILES), st.binary(max_size=200))
def test_a_good_beginning_and_any_bytes(beginning: str, rest: bytes) -> None:
    outcome(beginning.encode() + rest)


@settings(deadline=None, max_examples=500)
@given(st.sampled_from(FILES), st.lists(st.sampled_from(PARTS), max_size=40))
def test_a_good_beginning_and_parts_of_files(beginning: str, rest: list[str]) -> None:
    found = outcome(beginning + "".join(rest))
    if isinstance(found, Export):
        read = len(found.readings) + len(found.treatments)
        assert found.rows <= read + len(found.refused) + sum(found.others.values())
        assert list(found.readings) == sorted(found.readings, key=lambda one: one.time)
        assert list(found.treatments) == sorted(found.treatments, key=lambda one: one.time)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(FILES), st.data())
def test_a_file_with_bytes_lost_changed_or_put_in(file: str, data: st.DataObject) -> None:
    content = bytearray(file.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    outcome(bytes(content))


@settings(deadline=None)
@given(st.sampled_from(FILES[:4]), st.integers(0, 8))
def test_no_refusal_repeats_what_a_file_says(file: str, at: int) -> None:
    secret = "Mustermann"
    row = [secret] * 9
    row[at] = "2024-05-01T10:00:00Z"
    found = outcome(file + ",".join(row) + "\n")
    said = "".join(traceback.format_exception(found)) if isinstance(found, GlucoseError) else ""
    assert secret not in said + str(getattr(found, "refused", ""))


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"]


@settings(deadline=None)
@given(
    st.text('a,"é\r\n;', max_size=60),
    st.sampled_from(ENCODINGS),
    st.integers(1, 9),
)
def test_pieces_make_no_difference(content: str, encoding: str, size: int) -> None:
    """A character, a CR LF or a mark may fall between two pieces of the file."""
    file = ("time,glucose_mg_dl " * 12 + content).encode(encoding)

    def lines(piece: int) -> list[str]:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(text, "PIECE", piece)
            patched.setattr(text, "_LOOKED_AT", min(piece, 200))
            return lines_of(pieces_of(file))

    whole = lines(PIECE)
    assert (
        "".join(whole).replace("\ufeff", "").endswith(content.replace("\r", "").replace("\n", ""))
    )
    # UTF-16 without its mark is seen from the first bytes: there must be some.
    assert lines(size + 40) == whole


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        (["a\r", "b"], ["a", "b"]),
        (["a\r", "\nb"], ["a", "b"]),
        (["a\r", "\rb"], ["a", "", "b"]),
        (["a\r"], ["a", ""]),
    ],
)
def test_a_line_that_ends_with_its_piece_ends_once(pieces: list[str], lines: list[str]) -> None:
    assert lines_of(pieces) == lines


def test_latin_1_between_two_pieces_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """To UTF-8, a Latin-1 letter at the end of a piece is half a character: it is kept back."""
    monkeypatch.setattr(text, "PIECE", 210)
    filler = b"x" * 209
    assert "".join(pieces_of(filler + b"\xe9t\xe9")) == filler.decode() + "\u00e9t\u00e9"


@pytest.mark.parametrize("mark", text._KINDS, ids=text._KINDS.get)  # noqa: SLF001 - all of them
def test_a_file_of_another_kind_is_refused_by_what_it_is(mark: bytes) -> None:
    what = re.escape(text._KINDS[mark])  # noqa: SLF001 - as above
    with pytest.raises(UnrecognisedExport, match=what):
        read_export(mark + b"\0\x01\x02" * 100, zone=BERLIN, source="s")


def test_what_a_later_piece_begins_with_is_no_kind_of_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    beginning = TREATMENTS + "2024-05-01T09:00:00Z,note,,,"
    monkeypatch.setattr(text, "PIECE", len(beginning))
    export = read_export(f"{beginning}%PDF-1\n".encode(), zone=BERLIN, source="s")
    assert [one.note for one in export.treatments if one.kind == "note"] == ["%PDF-1"]


def test_a_latin_1_character_late_in_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    filler = "2024-05-01T08:00:00Z,carbs,30,g,\n" * (PIECE // 20)
    content = TREATMENTS + filler + "2024-05-01T09:00:00Z,note,,,Gr\u00fc\u00dfe\n"
    path.write_bytes(content.encode("latin-1"))
    export = read_export(path, zone=BERLIN, source="s")
    assert export.treatments[0].kind == "carbs"
    assert [one.note for one in export.treatments if one.kind == "note"] == ["Gr\u00fc\u00dfe"]


def test_a_line_longer_than_any_exports_is_refused() -> None:
    with pytest.raises(UnrecognisedExport, match="line 2 is longer"):
        read_export("time,gl\n" + "x" * (table.LONGEST_LINE + PIECE), zone=BERLIN, source="s")


def test_a_file_larger_than_any_export_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "LARGEST_FILE", 3 * PIECE)
    with pytest.raises(UnrecognisedExport, match="larger than any"):
        read_export("time,gl\n" + "2024-05-01 10:00,100\n" * (PIECE // 5), zone=BERLIN, source="s")


def test_a_file_of_more_rows_than_any_export_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MOST_LINES", 1000)
    with pytest.raises(UnrecognisedExport, match="larger than any"):
        read_export("time,gl\n" + "x\n" * 1100, zone=BERLIN, source="s")


def test_what_has_no_header_is_refused_before_all_of_it_was_read(tmp_path: Path) -> None:
    path = tmp_path / "sparse.csv"
    with path.open("wb") as file:
        file.write(b"x\n" * PIECE)
        # A terabyte that takes no room on disk, and would take hours to read.
        file.truncate(1 << 40)
    with pytest.raises(UnrecognisedExport, match="expected a Dexcom Clarity"):
        read_export(path, zone=BERLIN, source="s")
