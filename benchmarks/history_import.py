"""How fast a year of a file becomes history: read and stored, against plain SQLite.

One year of five-minute readings as Clarity and as a plain CSV write it, local times of a zone whose
clocks change, in memory; each import is read by `read_export` and stored by `Store.add` in a fresh
file. "Plain" is executemany of the same rows, ready as tuples, into the same table: the floor that
neither reads, nor judges, nor compares. All are taken by turns in one run; a ratio is of the
quickest turn of each, so that a busy machine weighs on none.

Exit status 1 where a target is missed: Clarity at most 5 times plain, the plain CSV 3.5 times.

Run: python benchmarks/history_import.py [--rows N] [--turns N]
"""

from __future__ import annotations

import argparse
import gc
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "custom_components/cgm/shared"))

from clarity_header import CLARITY_HEADER
from figures import Figure, add_option, conclude
from glucose.formats import read_export
from glucose.store import Store
from glucose.store.migrations import MIGRATIONS, migrate
from glucose.store.rows import rows_of

YEAR = 105_120
START = datetime(2025, 11, 20, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")
MOST = {"Clarity": 5.0, "plain CSV": 3.5}


def files(rows: int) -> dict[str, bytes]:
    """Write the same year twice, as each of the two formats has it."""
    times = [START + timedelta(minutes=5 * step, seconds=step % 3) for step in range(rows)]
    values = [60 + step * 37 % 240 for step in range(rows)]
    shown = [f"{at.astimezone(ZONE):%Y-%m-%dT%H:%M:%S}" for at in times]
    clarity = [
        f"{step},{shown[step]},EGV,,,,Android G6,{values[step]},,,,,{300 * step},8XXXXX"
        for step in range(rows)
    ]
    generic = [f"{shown[step].replace('T', ' ')},{values[step]}" for step in range(rows)]
    return {
        "Clarity": ("\ufeff" + "\r\n".join([CLARITY_HEADER, *clarity])).encode(),
        "plain CSV": "\n".join(["time,glucose_mg_dl", *generic]).encode(),
    }


def seconds(call: Callable[[], object]) -> float:
    """Time one call by the processor, the garbage of the one before it gone."""
    gc.collect()
    begun = time.process_time()
    call()
    return time.process_time() - begun


def imported(path: Path, content: bytes, rows: int) -> dict[str, float]:
    """Time reading and storing; that every row arrived is checked on the way."""
    store = Store(path, clock=lambda: START)
    store.open()
    parts: dict[str, float] = {}

    def whole() -> None:
        begun = time.process_time()
        export = read_export(content, zone=ZONE, source="import")
        parts["read"] = time.process_time() - begun
        added = store.add("anna", export.readings)
        if added.new != rows or export.refused:
            raise AssertionError(f"{added.new} rows arrived")

    parts["whole"] = seconds(whole)
    store.close()
    return parts


def plain(path: Path, content: bytes) -> float:
    """Time executemany of the rows that the import writes."""
    readings = read_export(content, zone=ZONE, source="import").readings
    ((*rows,),) = rows_of(readings).values()
    numbered = [(1, *row) for row in rows]
    del readings, rows
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        migrate(connection, MIGRATIONS, START)

        def write() -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO readings VALUES (?, ?, ?, ?, ?)", numbered)
            connection.execute("COMMIT")

        return seconds(write)


def main() -> int:
    """Measure, print a table, and say whether the targets are met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=YEAR)
    parser.add_argument("--turns", type=int, default=7)
    add_option(parser)
    asked = parser.parse_args()

    written = files(asked.rows)
    turns: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        for turn in range(asked.turns):
            for which, content in written.items():
                path = Path(name) / f"{turn} {which}.db"
                for part, taken in imported(path, content, asked.rows).items():
                    turns.setdefault(f"{which}, {part}", []).append(taken)
                path.unlink()
            floor = Path(name) / f"{turn} plain.db"
            turns.setdefault("plain", []).append(plain(floor, written["plain CSV"]))
            floor.unlink()

    quickest = {what: min(taken) for what, taken in turns.items()}
    print(f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}, {asked.rows:,} rows")
    print(f"processor time, the quickest of {asked.turns} turns\n")
    print(f"{'':24}{'ms':>8}{'x plain':>10}{'at most':>10}")
    print(f"{'plain executemany':24}{quickest['plain'] * 1000:>8.0f}{1:>10.2f}")
    figures = []
    for which, most in MOST.items():
        for part, what in (("read", f"{which}, read"), ("whole", f"{which}, read and stored")):
            taken = quickest[f"{which}, {part}"]
            ratio = taken / quickest["plain"]
            limit = f"{most:>10.1f}" if part == "whole" else ""
            print(f"{what:24}{taken * 1000:>8.0f}{ratio:>10.2f}{limit}")
            if part == "whole":
                told = f"{ratio:.2f} x plain", f"at most {most:.1f}"
                rows = f"{asked.rows:,} rows of {which}"
                figures.append(Figure(rows, *told, met=ratio <= most))
    return conclude(figures, asked.figures)


if __name__ == "__main__":
    sys.exit(main())
