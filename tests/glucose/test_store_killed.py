"""The writer is killed in mid-write, many times: what was acknowledged is there, all or none."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from glucose.reading import Reading
from glucose.store import Store

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
START = datetime(2025, 11, 20, tzinfo=UTC)
READING = Reading(time=START, mg_dl=104, source="dexcom", series="share")
YEAR = 105_120
KILLS = 25
ROWS = 2_000
SHARED = Path(sys.modules["glucose"].__path__[0]).parent

# A batch is one transaction. Its rows are strewn over the whole year, so that it changes some 500
# pages: more than SQLite keeps in memory, so it writes to the log all the time, and checkpoints
# every second batch. A batch's number is the second of its readings' times.
WRITER = f"""
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from glucose.reading import Reading
from glucose.store import Store

start = datetime.fromisoformat("{START.isoformat()}")
store = Store(Path(sys.argv[1]), clock=lambda: datetime.now(UTC))
assert store.open().set_aside is None
batch = int(sys.argv[2])
while True:
    readings = [
        Reading(
            time=start + timedelta(minutes=5 * (row * {YEAR} // {ROWS}), seconds=batch),
            mg_dl=99,
            source="dexcom",
            series="share",
        )
        for row in range({ROWS})
    ]
    print("writing", flush=True)
    store.add("anna", readings)
    store.note("anna", "last", str(batch))
    print(batch, flush=True)
    batch += 1
"""


def write_until_killed(path: Path, first: int, delay_seconds: float) -> list[int]:
    """Kill a writer `delay_seconds` into its second batch; return the batches it acknowledged."""
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", WRITER, str(path), str(first)],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(SHARED)},
    ) as writer:
        assert writer.stdout is not None
        told = [writer.stdout.readline() for _ in range(3)]
        assert told[-1] == "writing\n"
        time.sleep(delay_seconds)
        writer.kill()
        told += writer.stdout.readlines()
    assert writer.returncode == -9
    return [int(line) for line in told if line[0].isdigit()]


def rows_of_batches(path: Path) -> dict[int, int]:
    """Count the rows of each batch without the store's help, 0 being the year before."""
    connection = sqlite3.connect(path)
    counts = connection.execute(
        "SELECT time_ms / 1000 % 300, count(*) FROM readings GROUP BY 1"
    ).fetchall()
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    return dict(counts)


def test_whatever_moment_the_writer_is_killed_at_no_promise_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "cgm.db"
    store = Store(path, clock=lambda: NOW)
    store.open()
    year = [replace(READING, time=START + timedelta(minutes=5 * step)) for step in range(YEAR)]
    store.add("anna", year)
    store.close()
    seeded = random.Random(20261120)
    acknowledged = [0]
    half_written = 0
    for _ in range(KILLS):
        # One batch further: the next one may have been kept without having been acknowledged.
        first = acknowledged[-1] + 2
        acknowledged += write_until_killed(path, first, seeded.uniform(0.001, 0.03))
        half_written += is_half_written(path.with_name("cgm.db-wal").read_bytes())

        opened = store.open()
        noted = store.recall("anna", "last")
        store.close()
        rows = rows_of_batches(path)

        assert opened.set_aside is None
        assert rows.pop(0) == YEAR
        assert set(rows.values()) == {ROWS}
        assert set(acknowledged[1:]) <= set(rows)
        assert noted is not None
        assert int(noted) >= acknowledged[-1]

    assert half_written > 0
    assert list(tmp_path.iterdir()) == [path]


def is_half_written(log: bytes) -> bool:
    """Say whether the log's last frame of its round belongs to a transaction without its end.

    Format: SQLite's "WAL-mode File Format": 32 bytes, then frames of 24 bytes and a page; the
    round's salts at 16 and at 8; the second word of a frame is 0 but for the last of a commit.
    """
    frames = [log[start : start + 24] for start in range(32, len(log) - 4119, 4120)]
    of_this_round = [frame for frame in frames if frame[8:16] == log[16:24]]
    return bool(of_this_round) and of_this_round[-1][4:8] == bytes(4)
