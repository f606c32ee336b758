"""How fast the history is written and read: store against plain SQLite and sqlite-utils.

One year of five-minute readings, the Reading objects already made; every run begins with a fresh
file. "Plain" is executemany into the same table, the rows ready as tuples: the floor, which
neither turns readings into rows nor compares them with what is stored. Figures are the median
and, in brackets, the quickest run; ratios are taken within a run, so that a busy machine weighs
on both sides.

Exit status 1 where the target is missed: adding a new year takes at most three times plain.

Run: python benchmarks/store.py [--rows N] [--runs N]
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "custom_components" / "cgm" / "shared"))

from glucose.reading import Reading
from glucose.store import Added, Store
from glucose.store.migrations import MIGRATIONS, migrate
from glucose.store.rows import Row, rows_of
from glucose.trend import Trend

YEAR = 105_120
DAY = 288
START = datetime(2025, 11, 20, tzinfo=UTC)
MOST_RATIO = 3.0


def year_of(rows: int) -> list[Reading]:
    """Make readings five minutes apart, no two neighbours alike."""
    trends = [None, *Trend]
    return [
        Reading(
            time=START + timedelta(minutes=5 * step),
            mg_dl=60 + step * 37 % 240,
            source="dexcom",
            series="share",
            trend=trends[step % len(trends)],
        )
        for step in range(rows)
    ]


def seconds(call: Callable[[], object]) -> float:
    """Time one call."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def plain_connection(path: Path) -> sqlite3.Connection:
    """Make the same tables, to be written without the store."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    migrate(connection, MIGRATIONS, START)
    return connection


def plain(folder: Path, rows: list[Row]) -> dict[str, float]:
    """Time executemany, new rows and the same again."""

    def write(statement: str) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(statement, numbered)
        connection.execute("COMMIT")

    numbered = [(1, *row) for row in rows]
    with closing(plain_connection(folder / "plain.db")) as connection:
        return {
            "plain": seconds(lambda: write("INSERT INTO readings VALUES (?, ?, ?, ?, ?)")),
            "plain, again": seconds(
                lambda: write("INSERT OR IGNORE INTO readings VALUES (?, ?, ?, ?, ?)")
            ),
        }


def peers(folder: Path, rows: list[Row]) -> dict[str, float]:
    """Time sqlite-utils with the same columns and key, dicts ready."""
    from sqlite_utils import Database  # noqa: PLC0415 - as the store does: it is slow to import

    names = ("series_id", "time_ms", "mg_dl", "bound", "trend")
    dicts = [dict(zip(names, (1, *row), strict=True)) for row in rows]
    key = ("series_id", "time_ms")
    times = {}
    for name in ("insert_all", "upsert_all"):
        with closing(sqlite3.connect(folder / f"{name}.db")) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            table = Database(connection).table("readings")
            write = getattr(table, name)
            times[f"sqlite-utils {name}"] = seconds(partial(write, dicts, pk=key))
    return times


def ours(folder: Path, readings: list[Reading]) -> dict[str, float]:
    """Time the store itself; what it answers is checked on the way."""
    path = folder / "cgm.db"
    store = Store(path, clock=lambda: START)
    day_ago = readings[-DAY].time
    times = {"first open": seconds(store.open)}

    def add(batch: list[Reading], expected: Added) -> float:
        answers: list[Added] = []
        taken = seconds(lambda: answers.append(store.add("anna", batch)))
        if answers != [expected]:
            raise AssertionError("the store counted otherwise")
        return taken

    count = len(readings)
    times["add"] = add(readings, Added(new=count, earliest_change=START))
    times["add, again"] = add(readings, Added(unchanged=count))
    times["add the last day again"] = add(readings[-DAY:], Added(unchanged=DAY))
    one = Reading(time=readings[-1].time + timedelta(minutes=5), mg_dl=99, source="d", series="s")
    times["add one, commit"] = add([one], Added(new=1, earliest_change=one.time))
    times["newest"] = statistics.median(seconds(lambda: store.newest("anna")) for _ in range(50))
    times["read 24 h"] = seconds(lambda: store.readings("anna", day_ago))
    times["read all"] = seconds(lambda: store.readings("anna"))
    store.checkpoint()
    times["bytes"] = path.stat().st_size
    times["close"] = seconds(store.close)
    times["open again"] = seconds(store.open)
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        times["quick_check"] = seconds(lambda: connection.execute("PRAGMA quick_check").fetchall())
    return times


def main() -> int:
    """Measure, print a table, and say whether the target is met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=YEAR)
    parser.add_argument("--runs", type=int, default=7)
    asked = parser.parse_args()

    readings = year_of(asked.rows)
    (rows,) = rows_of(readings).values()
    runs: list[dict[str, float]] = []
    for _ in range(asked.runs):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            runs.append(plain(folder, rows) | ours(folder, readings) | peers(folder, rows))

    def figure(name: str, *, scale: float = 1, digits: int = 2) -> str:
        values = [run[name] * scale for run in runs]
        return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f})"

    def speed(name: str) -> str:
        return f"{asked.rows / statistics.median(run[name] for run in runs) / 1000:,.0f}"

    def ratio(name: str, floor: str) -> float:
        return statistics.median(run[name] / run[floor] for run in runs)

    print(f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}, {asked.rows:,} rows")
    print(f"median (quickest) of {asked.runs} runs\n")
    print(f"{'':28}{'thousand rows/s':>16}{'ms':>20}{'x plain':>10}")
    for name, floor in (
        ("plain", "plain"),
        ("add", "plain"),
        ("sqlite-utils insert_all", "plain"),
        ("sqlite-utils upsert_all", "plain"),
        ("plain, again", "plain, again"),
        ("add, again", "plain, again"),
    ):
        milliseconds = figure(name, scale=1000, digits=0)
        print(f"{name:28}{speed(name):>16}{milliseconds:>20}{ratio(name, floor):>10.2f}")
    print()
    for name in ("add the last day again", "add one, commit", "newest", "read 24 h", "read all"):
        print(f"{name:28}{figure(name, scale=1000, digits=3):>36} ms")
    for name in ("first open", "open again", "quick_check", "close"):
        print(f"{name:28}{figure(name, scale=1000, digits=3):>36} ms")
    megabytes = runs[0]["bytes"] / 1e6
    print(f"{'file':28}{megabytes:>36.2f} MB, {runs[0]['bytes'] / asked.rows:.1f} bytes a row")
    return int(ratio("add", "plain") > MOST_RATIO)


if __name__ == "__main__":
    sys.exit(main())
