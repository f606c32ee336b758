"""Which rows of the outbox are to be sent: the newest, the next ones, and how many wait."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from glucose.errors import StoreUnavailable
from glucose.reading import Reading
from glucose.wire import MOST_ROWS, Row

from .outbox_file import ROWS, committed, stored
from .outbox_rows import ms_of, stream_of

_LOG = logging.getLogger(__name__)

# Rejected by Home Assistant, or damaged: nobody will ever have them.
_SENDABLE = "seq NOT IN (SELECT seq FROM rejected)"


class Found(NamedTuple):
    """The sound rows of an answer, and how many were met that are damaged."""

    rows: tuple[Row, ...]
    damaged: int = 0


def newest(file: sqlite3.Connection) -> Found:
    """Return the newest row by its time; of two of one time the later is the better one."""
    return _sound(file, f"{ROWS} WHERE {_SENDABLE} ORDER BY time DESC, seq DESC LIMIT 1")


def oldest(file: sqlite3.Connection, done: int) -> Found:
    """Return the row with the oldest reading above `done`."""
    return _sound(file, f"{ROWS} WHERE seq > ? AND {_SENDABLE} ORDER BY time, seq LIMIT 1", done)


def one(file: sqlite3.Connection, seq: int) -> Found:
    """Return that row."""
    return _sound(file, f"{ROWS} WHERE seq = ? AND {_SENDABLE}", seq)


def following(file: sqlite3.Connection, start: int) -> Found:
    """Return up to 100 rows above `start`, in order."""
    query = f"{ROWS} WHERE seq > ? AND {_SENDABLE} ORDER BY seq LIMIT {MOST_ROWS}"
    return _sound(file, query, start)


def last_up_to(file: sqlite3.Connection, start: int) -> int:
    """Return the last number up to `start` that somebody may have, 0 where there is none.

    Numbers between are of rows that no longer exist, or that nobody will ever have.
    """
    found = file.execute(
        f"SELECT seq FROM row WHERE seq <= ? AND {_SENDABLE} ORDER BY seq DESC LIMIT 1",  # noqa: S608 - a constant
        (start,),
    ).fetchone()
    return 0 if found is None else int(found[0])


def number(file: sqlite3.Connection, reading: Reading) -> int | None:
    """Return under which number a reading is sent, the last where it was corrected."""
    (seq,) = file.execute(
        "SELECT max(seq) FROM row JOIN stream ON stream.id = row.stream"  # noqa: S608 - a constant
        f" WHERE source = ? AND kind = ? AND series = ? AND time = ? AND {_SENDABLE}",
        (*map(str, stream_of(reading)), ms_of(reading.time)),
    ).fetchone()
    return None if seq is None else int(seq)


def depth(file: sqlite3.Connection, done: int) -> int:
    """Count the rows above `done` that are to be sent."""
    (count,) = file.execute(
        f"SELECT count(*) FROM row WHERE seq > ? AND {_SENDABLE}",  # noqa: S608 - a constant
        (done,),
    ).fetchone()
    return int(count)


def rejected(file: sqlite3.Connection) -> int:
    """Count the rows kept that nobody will ever have."""
    (count,) = file.execute("SELECT count(*) FROM rejected").fetchone()
    return int(count)


def reject(file: sqlite3.Connection, numbers: Iterable[int]) -> int:
    """Mark rows as never to be sent again; returns how many were there and not yet marked."""
    marked = {seq for (seq,) in file.execute("SELECT seq FROM rejected")}
    there = [
        seq
        for seq in sorted(set(numbers) - marked)
        if file.execute("SELECT 1 FROM row WHERE seq = ?", (seq,)).fetchone()
    ]
    if there:
        _LOG.error("Home Assistant cannot read %d rows of the outbox: kept, marked", len(there))
        _mark(file, there)
    return len(there)


def _sound(file: sqlite3.Connection, query: str, *values: int) -> Found:
    """Return the sound rows a query finds; damaged ones are marked, and not met again."""
    met = 0
    while True:
        rows: list[Row] = []
        damaged: list[int] = []
        for columns in file.execute(query, values).fetchall():
            seq, reading = stored(columns)
            if reading is None:
                damaged.append(seq)
            else:
                rows.append(Row(seq, reading))
        if damaged:
            met += len(damaged)
            _LOG.error("%d rows of the outbox are damaged and cannot be sent", len(damaged))
        # Where all are damaged there may be sound ones behind them.
        if not damaged or not _mark(file, damaged) or rows:
            return Found(tuple(rows), met)


def _mark(file: sqlite3.Connection, numbers: Iterable[int]) -> bool:
    """Mark rows; where the disk is full they are met, or rejected by Home Assistant, again."""
    try:
        with committed(file):
            file.executemany(
                "INSERT OR IGNORE INTO rejected VALUES (?)", ((seq,) for seq in numbers)
            )
    except StoreUnavailable as error:
        _LOG.warning("Rows that cannot be delivered could not be marked: %s", error)
        return False
    return True
