"""How much seven days of readings write to disk: one way of keeping them, in a process of its own.

    .cache/venv311/bin/python benchmarks/edge_bytes.py outbox|naive|floor fast|paced FOLDER

Prints the bytes of /proc/self/io, which counts whole pages of the kernel (4 KiB) as they become
dirty, less those thrown away before they were written. `outbox` is the agent's: a commit for each
reading, its acknowledgement, and once an hour what the poller has learned. `naive` is SQLite as it
comes (DELETE, FULL, pages of 4 KiB), the readings alone. `floor` appends one byte for each
reading to a file: no way that hands each reading to the kernel by itself can write less. `paced`
has the kernel write back everything after each reading, as it does by itself within half a minute,
and a reading comes every five minutes; `fast` leaves it the choice.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge_agent.memory import Memory
from edge_agent.outbox import Outbox
from glucose.cadence_learning import Learned
from glucose.reading import Reading
from glucose.trend import Trend
from glucose.wire import Ack

READINGS = 2016
HOUR = 12
START = datetime(2026, 11, 14, tzinfo=UTC)
WAYS = ("outbox", "naive", "floor")

Keep = Callable[[Reading], None]


def main() -> None:
    """Keep all readings in one way and print what it wrote."""
    way, pace, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    os.sync()
    before = written()
    with {"outbox": outbox, "naive": naive, "floor": floor}[way](folder) as keep:
        for number in range(READINGS):
            keep(reading(number))
            if pace == "paced":
                os.sync()
    os.sync()
    print(written() - before)


def written() -> int:
    """Return how many bytes this process has had written to disk."""
    pairs = (line.split(": ") for line in Path("/proc/self/io").read_text("ascii").splitlines())
    found = {name: int(number) for name, number in pairs}
    return found["write_bytes"] - found["cancelled_write_bytes"]


def reading(number: int) -> Reading:
    """Return one reading; no two neighbours are alike."""
    return Reading(
        time=START + timedelta(minutes=5 * number),
        mg_dl=60 + number * 37 % 240,
        source="anna-dexcom",
        series="share",
        trend=Trend.FLAT,
    )


@contextmanager
def outbox(folder: Path) -> Iterator[Keep]:
    """Do what the agent does for each reading."""
    kept = Outbox(folder / "outbox.db", clock=lambda: START + timedelta(days=8))
    kept.open()
    memory = Memory(folder / "sources.json")
    count = 0

    def keep(one: Reading) -> None:
        nonlocal count
        kept.add([one])
        rows = kept.batch(0)
        if rows is None:
            raise AssertionError("a reading was kept and is not there")
        kept.acked(Ack(store_id="a store", epoch=rows.epoch, seq=rows.last))
        if kept.done != rows.last:
            raise AssertionError("an acknowledgement was not taken")
        count += 1
        if count % HOUR == 0:
            memory.note_learned(one.source, Learned())
            memory.save()

    yield keep
    kept.close()


@contextmanager
def naive(folder: Path) -> Iterator[Keep]:
    """Insert each reading with SQLite as it comes."""
    with closing(sqlite3.connect(folder / "naive.db", isolation_level=None)) as file:
        file.execute("PRAGMA page_size = 4096")
        file.execute("PRAGMA journal_mode = DELETE")
        file.execute("PRAGMA synchronous = FULL")
        file.execute("CREATE TABLE reading (id INTEGER PRIMARY KEY, time, mg_dl, source, series)")
        insert = "INSERT INTO reading (time, mg_dl, source, series) VALUES (?, ?, ?, ?)"

        def keep(one: Reading) -> None:
            values = (one.time.timestamp(), one.mg_dl, one.source, one.series)
            file.execute(insert, values)

        yield keep


@contextmanager
def floor(folder: Path) -> Iterator[Keep]:
    """Append one byte for each reading."""
    file = os.open(folder / "floor", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    try:

        def keep(_one: Reading) -> None:
            os.write(file, b"x")

        yield keep
    finally:
        os.close(file)


if __name__ == "__main__":
    main()
