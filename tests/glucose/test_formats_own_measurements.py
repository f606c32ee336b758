"""The table of measurements that we write: read again as it was, and bad rows refused by line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from glucose.formats import read_export
from glucose.formats.export import Export
from glucose.formats.own_measurements import measurements_csv
from glucose.measurement import Measurement, MeasurementKind

BERLIN = ZoneInfo("Europe/Berlin")
HEADER = "time,kind,value,unit,diastolic,quality,note,source,id\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "measurements.csv"


def read(file: Path, text: str) -> Export:
    file.write_text(text, encoding="utf-8")
    return read_export(file, zone=BERLIN, source=None)


def test_what_was_written_is_read_again(file: Path) -> None:
    kept = (
        Measurement(
            time=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
            kind=MeasurementKind.BLOOD_PRESSURE,
            value=120.0,
            diastolic=80.0,
            note="=1+1",
            source="logged",
            id="a",
        ),
        Measurement(
            time=datetime(2026, 1, 3, tzinfo=UTC),
            kind=MeasurementKind.SLEEP,
            value=420.0,
            quality=4,
            source="logged",
            id="b",
        ),
    )
    text = measurements_csv(kept)
    assert "'=1+1" in text
    assert read(file, text).measurements == kept
    # Oldest first, whatever the order they are given in.
    assert measurements_csv(kept[::-1]) == text


def test_a_time_without_offset_is_of_the_zone_and_of_the_first_pass(file: Path) -> None:
    rows = "2026-10-25 02:30,weight,70,kg,,,,,\n2026-07-01 12:00,weight,71,kg,,,,,\n"
    found = read(file, HEADER + rows).measurements
    assert [one.time for one in found] == [
        datetime(2026, 7, 1, 10, tzinfo=UTC),
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    ]
    assert {one.source for one in found} == {"csv"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2026-01-01T00:00:00Z,shoe_size,43,,,,,,", "no kind of measurement"),
        ("2026-01-01T00:00:00Z,weight,70,lb,,,,,", "a unit that weight is not measured in"),
        ("2026-01-01T00:00:00Z,sleep,420,min,,good,,,", "quality is a whole number"),
        ("2026-01-01T00:00:00Z,weight,heavy,kg,,,,,", ""),
    ],
)
def test_what_cannot_be_is_refused_by_its_line_and_the_rest_is_kept(
    file: Path, row: str, reason: str
) -> None:
    export = read(file, f"{HEADER}{row}\n2026-01-02T00:00:00Z,weight,70,kg,,,,,\n")
    assert len(export.measurements) == 1
    (refused,) = export.refused
    assert refused.line == 2
    assert reason in refused.reason
