"""How long a five-year history takes for its last day, and for a year more: against plain SQLite.

Five years of five-minute readings of one wearer. "Plain" is sqlite3 on the very same file: the
same rows as tuples, and executemany of rows that are ready; the store makes readings of them, and
compares and counts what it adds. Times are of the process, so that a busy machine weighs little;
each figure is the median, ratios are of the medians.

Exit status 1 where a target is missed: the day at most three times plain, the year at most 2.5.

Run: python benchmarks/history_store.py [--years N] [--runs N]
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
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "custom_components" / "cgm" / "shared"))

from figures import Figure, add_option, conclude
from glucose.reading import Reading
from glucose.store import Store
from glucose.store.queries import STRETCH
from glucose.store.rows import LATEST_MS, rows_of, whole_ms
from glucose.trend import Trend

START = datetime(2021, 11, 20, tzinfo=UTC)
STEP = timedelta(minutes=5)
YEAR = 105_120
DAY = 288
MOST_DAY_RATIO = 3.0
# What an import may take in all is 3.5 to 5 times plain, its parsing included.
MOST_YEAR_RATIO = 2.5


def stretch(first: int, rows: int) -> list[Reading]:
    """Make readings five minutes apart, no two neighbours alike."""
    trends = [None, *Trend]
    return [
        Reading(
            time=START + STEP * step,
            mg_dl=60 + step * 37 % 240,
            source="dexcom",
            series="share",
            trend=trends[step % len(trends)],
        )
        for step in range(first, first + rows)
    ]


def median_ms(call: Callable[[], object], runs: int) -> float:
    """Return the median of the processor's milliseconds for a call."""
    taken = []
    for _ in range(runs):
        begun = time.process_time()
        call()
        taken.append(time.process_time() - begun)
    return statistics.median(taken) * 1000


def last_day(folder: Path, years: int, runs: int) -> tuple[float, float]:
    """Return plain's and our milliseconds for the newest 288 readings of `years`."""
    path = folder / "years.db"
    count = YEAR * years
    store = Store(path, clock=lambda: START)
    store.open()
    store.add("anna", stretch(0, count))
    since = START + STEP * (count - DAY)
    asked = (1, whole_ms(since), LATEST_MS + 1)
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(STRETCH, asked).fetchall()
        (same,) = rows_of(store.readings("anna", since)).values()
        if rows != same or len(rows) != DAY:
            raise AssertionError("the store found other rows")
        plain = median_ms(lambda: connection.execute(STRETCH, asked).fetchall(), runs)
        ours = median_ms(lambda: store.readings("anna", since), runs)
    store.close()
    return plain, ours


def one_more_year(folder: Path, runs: int) -> tuple[float, float]:
    """Return plain's and our milliseconds for a year into an empty file, the median of runs."""
    readings = stretch(0, YEAR)
    (rows,) = rows_of(readings).values()
    numbered = [(1, *row) for row in rows]
    plain, ours = [], []
    for run in range(runs):
        store = Store(folder / f"ours {run}.db", clock=lambda: START)
        store.open()
        ours.append(median_ms(lambda: store.add("anna", readings), 1))  # noqa: B023 - run at once
        if store.count("anna") != YEAR:
            raise AssertionError("the store did not keep them all")
        store.erase("anna")
        path = folder / f"plain {run}.db"
        store.copy_to(path)
        store.close()
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("BEGIN IMMEDIATE")
            begun = time.process_time()
            connection.executemany("INSERT INTO readings VALUES (?, ?, ?, ?, ?)", numbered)
            connection.execute("COMMIT")
            plain.append((time.process_time() - begun) * 1000)
    return statistics.median(plain), statistics.median(ours)


def main() -> int:
    """Measure, print a table, and say whether the targets are met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--years", type=int, default=5)
    parser.add_argument("--runs", type=int, default=7)
    add_option(parser)
    asked = parser.parse_args()

    with tempfile.TemporaryDirectory() as name:
        day = last_day(Path(name), asked.years, asked.runs * 50)
        year = one_more_year(Path(name), asked.runs)
    print(f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}")
    print(f"\n{'processor milliseconds':34}{'plain':>10}{'store':>10}{'ratio':>8}{'at most':>9}")
    figures = []
    for what, (plain, ours), most in (
        (f"24 h out of {asked.years} years", day, MOST_DAY_RATIO),
        (f"a year of {YEAR:,} added", year, MOST_YEAR_RATIO),
    ):
        ratio = ours / plain
        told = f"{ratio:.2f} x plain", f"at most {most:.1f}"
        figures.append(Figure(what, *told, met=ratio <= most))
        print(f"{what:34}{plain:>10.3f}{ours:>10.3f}{ratio:>8.2f}{most:>9.1f}")
    return conclude(figures, asked.figures)


if __name__ == "__main__":
    sys.exit(main())
