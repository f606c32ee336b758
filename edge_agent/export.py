"""Writes the outbox as CSV, for a person: to standard output or to a file of their own."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from glucose.wire import Row

COLUMNS = ("seq", "state", "time", "mg_dl", "bound", "trend", "kind", "source", "series")


def write_csv(rows: Iterable[tuple[Row, str]], stream: TextIO) -> int:
    """Write a line for each row, its time as ISO 8601 in UTC; returns how many there were."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for row, state in rows:
        reading = row.reading
        writer.writerow(
            (
                row.seq,
                state,
                reading.time.isoformat(),
                reading.mg_dl,
                reading.bound or "",
                reading.trend or "",
                reading.kind,
                _not_a_formula(reading.source),
                _not_a_formula(reading.series),
            )
        )
        count += 1
    return count


def new_private_file(path: Path) -> TextIO:
    """Open a new file for writing that only its owner may read; raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8", newline="")


def _not_a_formula(text: str) -> str:
    """Keep a spreadsheet from computing what a vendor's word begins with."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
