"""How long rows are kept: done ones thirty days, the others until the file is at its size."""

from __future__ import annotations

import logging
import sqlite3
from datetime import datetime, timedelta
from typing import NamedTuple

from .outbox_file import PAGE_BYTES, committed, told
from .outbox_note import day_of, done_by
from .outbox_rows import ms_of

_LOG = logging.getLogger(__name__)

KEPT = timedelta(days=30)
# A day's number is that of its whole length: what was done at its end is kept as long.
_DAYS_KEPT = KEPT.days + 1
# How much goes at once where the file is at its size, so that it is not done at every reading.
_SHARE = 20
_DELETE_DONE = (
    "DELETE FROM row WHERE seq IN"
    " (SELECT seq FROM row WHERE seq < ? AND seq <= ? ORDER BY seq LIMIT ?)"
)
_DELETE_WAITING = _DELETE_DONE.replace("<=", ">")
_DELETE_MARKS = "DELETE FROM rejected WHERE seq NOT IN (SELECT seq FROM row)"


class Gone(NamedTuple):
    """How many rows went to make room: delivered ones, and readings that are lost."""

    done: int = 0
    lost: int = 0


def prune(file: sqlite3.Connection, now: datetime, done: int) -> None:
    """Let go of rows that were done thirty days ago and are as old, but never of the last.

    Both, because readings may be delivered long after their time, and because either clock may
    be wrong. `now` is the earlier of what is believed.
    """
    with committed(file):
        long_done = min(done, done_by(file, day_of(now) - _DAYS_KEPT))
        file.execute(
            "DELETE FROM row WHERE seq <= ? AND time < ? AND seq < (SELECT max(seq) FROM row)",
            (long_done, ms_of(now - KEPT)),
        )
        file.execute(_DELETE_MARKS)


def make_room(file: sqlite3.Connection, most_bytes: int, done: int) -> Gone:
    """Keep the file within its size: oldest done rows go first, said loudly."""
    with told():
        (pages,) = file.execute("PRAGMA page_count").fetchone()
        (free,) = file.execute("PRAGMA freelist_count").fetchone()
        if (pages - free) * PAGE_BYTES < most_bytes:
            return Gone()
        rows, last = file.execute("SELECT count(*), max(seq) FROM row").fetchone()
    limits = (last, done, max(1, rows // _SHARE))
    with committed(file):
        gone = Gone(done=file.execute(_DELETE_DONE, limits).rowcount)
        if not gone.done:
            gone = Gone(lost=file.execute(_DELETE_WAITING, limits).rowcount)
        file.execute(_DELETE_MARKS)
    if gone.done:
        _LOG.warning("The outbox is at its size: %d delivered rows were let go early", gone.done)
    if gone.lost:
        _LOG.error("The outbox is at its size: %d readings never delivered are LOST", gone.lost)
    return gone
