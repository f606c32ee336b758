"""Which layouts are read, which are refused by their language, and how mangled one may be."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from glucose.errors import UnrecognisedExport
from glucose.formats import Export, read_export
from glucose.treatment import TreatmentKind
from glucose.units import Unit

UTC_ZONE = ZoneInfo("UTC")
HEADERS = Path(__file__).parents[2].parent / "shared" / "data" / "exports" / "headers.json"
TEN = datetime(2024, 5, 21, 10, tzinfo=UTC)
ENGLISH = (
    "Index,Timestamp (YYYY-MM-DDThh:mm:ss),Event Type,Event Subtype,Patient Info,Device Info,"
    "Source Device ID,Glucose Value (mg/dL),Insulin Value (u),Carb Value (grams),"
    "Duration (hh:mm:ss),Glucose Rate of Change (mg/dL/min),Transmitter Time (Long Integer),"
    "Transmitter ID"
)
ROW = "1,2024-05-21T10:00:00,EGV,,,,G7,123,,,,,7573,8X"


def read(content: str | bytes) -> Export:
    return read_export(content, zone=UTC_ZONE, source="s")


def only(content: str | bytes) -> tuple[datetime, int]:
    (reading,) = read(content).readings
    return reading.time, reading.mg_dl


def layouts(program: str) -> dict[str, tuple[bool, str, list[str]]]:
    """Return each layout of the compiled list: whether it was seen, its delimiter, its columns."""
    found = {}
    for name, layout in json.loads(HEADERS.read_text(encoding="utf-8"))[program].items():
        if isinstance(layout, dict) and "confidence" in layout:
            columns = layout.get("columns") or layout["columns_known"]
            seen = layout["confidence"].startswith("verbatim")
            found[name] = (seen, layout.get("delimiter", ","), columns)
    return found


def quoted(columns: list[str], delimiter: str) -> str:
    return delimiter.join(f'"{column}"' for column in columns)


@pytest.mark.skipif(not HEADERS.exists(), reason="the shared data is not beside this checkout")
def test_clarity_is_read_in_every_layout_seen_and_refused_in_every_other() -> None:
    found = layouts("clarity")
    assert {name for name, (seen, _, _) in found.items() if seen} == {
        *("en_mgdl", "de_mgdl", "it_mgdl")
    }
    for name, (seen, delimiter, columns) in found.items():
        cells = ["1", "2024-05-21T10:00:00", "EGV", "", "", "", "G7", "123", *[""] * 6]
        text = f"{quoted(columns, delimiter)}\n{delimiter.join(cells[: len(columns)])}\n"
        if seen:
            assert only(text) == (TEN, 123), name
            continue
        with pytest.raises(UnrecognisedExport, match=r"Clarity export in \w+.*header row"):
            read(text)


@pytest.mark.skipif(not HEADERS.exists(), reason="the shared data is not beside this checkout")
def test_libreview_is_read_in_every_layout_seen_and_refused_in_every_other() -> None:
    found = layouts("libreview")
    assert {name for name, (seen, _, _) in found.items() if seen} == {"en", "it"}
    for name, (seen, delimiter, columns) in found.items():
        rows = [
            ["Libre", "1", "21-05-2024 10:00", "0", "123"],
            ["Libre", "1", "21-05-2024 10:01", "4", *[""] * 3, "2"],
            ["Libre", "1", "21-05-2024 10:02", "4", *[""] * 8, "11"],
            ["Libre", "1", "21-05-2024 10:03", "5", *[""] * 5, "30"],
            ["Libre", "1", "21-05-2024 10:04", "6", *[""] * 9, "ran"],
            ["Libre", "1", "21-05-2024 10:05", "2", *[""] * 10, "99"],
        ]
        text = "\n".join([quoted(columns, delimiter), *map(delimiter.join, rows)])
        if not seen:
            with pytest.raises(UnrecognisedExport, match=r"LibreView export in \w+.*header row"):
                read(text)
            continue
        export = read(text)
        assert [(one.mg_dl, one.series) for one in export.readings] == [
            (123, "historic"),
            (99, "strip"),
        ], name
        assert [(one.kind, one.amount, one.note) for one in export.treatments] == [
            (TreatmentKind.INSULIN_RAPID, 2.0, None),
            (TreatmentKind.INSULIN_LONG, 11.0, None),
            (TreatmentKind.CARBS, 30.0, None),
            (TreatmentKind.NOTE, None, "ran"),
        ], name
        assert export.refused == ()


def test_the_british_name_of_a_column_is_read() -> None:
    header = (
        "Device,Serial Number,Device Timestamp,Record Type,Historic Glucose mmol/L,"
        "Long-Acting Insulin Value (units)"
    )
    export = read(f"{header}\na,1,21-05-2024 10:00,0,5.5,\na,1,21-05-2024 10:00,4,,11\n")
    assert [one.amount for one in export.treatments] == [11.0]
    assert export.unit is Unit.MMOL_L


DOUBLED = ",".join(f'""{name}""' for name in ENGLISH.split(","))
WRAPPED = '"' + ",".join(f'""{name}""' for name in ENGLISH.split(",")) + '"'


@pytest.mark.parametrize(
    "content",
    [
        f"\ufeff\ufeff{ENGLISH}\r\n{ROW}\r\n",
        f"\ufeff\ufeff{ENGLISH}\r\n{ROW}\r\n".encode(),
        f"{ENGLISH}\n{ROW}".encode("utf-8-sig").decode("latin-1").encode(),
        f"{DOUBLED}\n{ROW}\n",
        f"\ufeff{DOUBLED}\n{ROW}\n",
        f'{WRAPPED}\n"{ROW}"\n',
        "{}\n{}\n".format(WRAPPED, '"' + ROW.replace("EGV", '""EGV""') + '"'),
        f"sep=,\n{ENGLISH}\n{ROW}\n",
        f"{ENGLISH}\r{ROW}\r",
    ],
)
def test_a_mangled_header_is_read_where_its_columns_are_certain(content: str | bytes) -> None:
    assert only(content) == (TEN, 123)


def test_a_mangled_header_whose_columns_are_not_certain_is_refused() -> None:
    with pytest.raises(UnrecognisedExport):
        read(ENGLISH.replace("Glucose Value", "Gluc?se V?lue") + f"\n{ROW}\n")


@pytest.mark.parametrize(
    "header",
    [
        ENGLISH.replace("Insulin Value (u)", "Glucose Value (mmol/L)"),
        "Device,Device Timestamp,Record Type,Historic Glucose mmol/L,Scan Glucose mg/dL",
    ],
)
def test_a_header_of_two_units_is_refused(header: str) -> None:
    with pytest.raises(UnrecognisedExport, match="two units"):
        read(f"{header}\n{ROW}\n")
