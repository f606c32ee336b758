"""What is written down of acknowledgements: the number done, whose word that is, and since when."""

from __future__ import annotations

import sqlite3
import zlib
from datetime import UTC, datetime
from typing import NamedTuple

from .outbox_file import committed

# How far the number acknowledged may run ahead of the one on disk: after a power cut these rows
# are sent again, which costs nothing; a commit for each acknowledgement would cost a page.
UNSAVED_ACKS = 12
# The table's first line is the note itself. Each other one is a day, by its number since 1970,
# with the number that was done in the course of it.
_NOTE = 1
_FIRST_DAY = 2


class Noted(NamedTuple):
    """What Home Assistant has, as far as it was noted, and which store of it."""

    done: int = 0
    store_id: str | None = None


class Notebook:
    """Knows what is on disk, so that it is written only where that is worth it."""

    def __init__(self, known: Noted) -> None:
        """Begin with what was read."""
        self._written = known
        self._day: int | None = None

    def is_behind(self, what: Noted) -> bool:
        """Tell whether to write now: a lower number or another store at once, a higher one soon."""
        other = what.store_id != self._written.store_id
        return other or not 0 <= what.done - self._written.done < UNSAVED_ACKS

    def write(self, connection: sqlite3.Connection, what: Noted, now: datetime) -> None:
        """Write it down in a commit; nothing above its number was ever done, then."""
        if what == self._written:
            return
        day = day_of(now)
        with committed(connection):
            _write(connection, _NOTE, what)
            connection.execute(
                "DELETE FROM noted WHERE id >= ? AND done > ?", (_FIRST_DAY, what.done)
            )
            if day != self._day:
                _write(connection, day, Noted(what.done))
        self._written, self._day = what, day


def noted(connection: sqlite3.Connection) -> Noted:
    """Read what was noted; a damaged note is none, and everything is sent again."""
    return dict(_sound(connection, _NOTE, _NOTE)).get(_NOTE, Noted())


def done_by(connection: sqlite3.Connection, day: int) -> int:
    """Return up to which number all was done on that day or before, 0 where nobody knows.

    Forgets, within the caller's transaction, what that number makes superfluous.
    """
    known = _sound(connection, _FIRST_DAY, day)
    if not known:
        return 0
    latest, what = max(known, key=lambda line: line[1].done)
    connection.execute(
        "DELETE FROM noted WHERE id BETWEEN ? AND ? AND id <> ?", (_FIRST_DAY, day, latest)
    )
    return what.done


def day_of(time: datetime) -> int:
    """Return the number of a day in UTC, which grows by one a day."""
    return max(_FIRST_DAY, (time - datetime.fromtimestamp(0, UTC)).days)


def _write(connection: sqlite3.Connection, line: int, what: Noted) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO noted VALUES (?, ?, ?, ?)", (line, *what, _sum(what))
    )


def _sound(connection: sqlite3.Connection, first: int, last: int) -> list[tuple[int, Noted]]:
    found = connection.execute(
        "SELECT id, done, store_id, sum FROM noted WHERE id BETWEEN ? AND ?", (first, last)
    ).fetchall()
    return [
        (line, Noted(done, store_id))
        for line, done, store_id, checksum in found
        if checksum == _sum(Noted(done, store_id))
    ]


def _sum(what: Noted) -> int:
    return zlib.crc32(repr(tuple(what)).encode())
