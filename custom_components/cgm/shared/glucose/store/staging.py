"""Readings of an import on their way in: laid aside piece by piece, taken in all at once.

Half a million rows in one transaction would keep every wearer's readings waiting for seconds. So
they are written in pieces under a key that is nobody's, where no question about a wearer finds
them, and become the wearer's in one transaction at the end: a series that is new to the wearer
is given its name, whatever its length. What an interrupted import laid aside is erased when the
history is opened.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import suppress

from ..errors import StoreUnavailable
from ..reading import Reading
from .answers import Added, Opened
from .readings import Readings, added_of, series_id_of, stored_at, write
from .rows import changes, rows_of

_ASIDE = "import "
# Rows that are erased at once: some milliseconds' work.
_PIECE = 5_000
_TAKE_IN = (
    "INSERT INTO readings SELECT ?, time_ms, mg_dl, bound, trend FROM readings"
    " WHERE series_id = ? ON CONFLICT DO UPDATE SET mg_dl = excluded.mg_dl,"
    " bound = excluded.bound, trend = excluded.trend"
)


def aside(wearer: str) -> str:
    """Return the key under which a wearer's import lies."""
    return f"{_ASIDE}{wearer}"


class Staging(Readings):
    """What is laid aside for a wearer; one import at a time."""

    def open(self) -> Opened:
        """Open as before, and erase what an interrupted import left behind."""
        opened = super().open()
        # A disk that refuses it now is asked again at the next start: nothing shows these rows.
        with suppress(StoreUnavailable), self.looking() as connection:
            left = connection.execute(
                "SELECT DISTINCT wearer FROM series WHERE substr(wearer, 1, ?) = ?",
                (len(_ASIDE), _ASIDE),
            ).fetchall()
            for (key,) in left:
                while self._erase_piece(key):
                    pass
        return opened

    def lay_aside(self, wearer: str, readings: Iterable[Reading]) -> Added:
        """Keep for `take_in` what differs from what the wearer has, or has laid aside already.

        Returns what `add` would.
        """
        groups = rows_of(readings)
        if not groups:
            return Added()
        found = []
        with self.writing() as connection:
            for name, rows in groups.items():
                kept = series_id_of(connection, wearer, name, make=False)
                laid = series_id_of(connection, aside(wearer), name)
                known = {} if kept is None else stored_at(connection, kept, rows)
                known |= stored_at(connection, laid, rows)
                each = changes(rows, known)
                write(connection, laid, each)
                found.append(each)
        return added_of(found)

    def take_in(self, wearer: str) -> None:
        """Make all that was laid aside the wearer's: all of it or nothing."""
        with self.writing() as connection:
            laid = connection.execute(
                "SELECT id, source, kind, series, replaced FROM series WHERE wearer = ?",
                (aside(wearer),),
            ).fetchall()
            for id_, *name, replaced in laid:
                _take_in(connection, wearer, id_, name, replaced)

    def erase_aside(self, wearer: str) -> bool:
        """Erase a piece of what is laid aside; tell whether anything is left."""
        return self._erase_piece(aside(wearer))

    def _erase_piece(self, key: str) -> bool:
        with self.writing() as connection:
            erased = connection.execute(
                "DELETE FROM readings WHERE (series_id, time_ms) IN (SELECT series_id, time_ms"
                " FROM readings WHERE series_id IN (SELECT id FROM series WHERE wearer = ?)"
                " LIMIT ?)",
                (key, _PIECE),
            ).rowcount
            if erased == _PIECE:
                return True
            connection.execute("DELETE FROM series WHERE wearer = ?", (key,))
        return False


def _take_in(
    connection: sqlite3.Connection, wearer: str, laid: int, name: list[str], replaced: int
) -> None:
    """Give a series its name; where the wearer has one of it, put the rows into that."""
    kept = connection.execute(
        "SELECT id FROM series WHERE (wearer, source, kind, series) = (?, ?, ?, ?)",
        (wearer, *name),
    ).fetchone()
    if kept is None:
        connection.execute("UPDATE series SET wearer = ? WHERE id = ?", (wearer, laid))
        return
    # What is left aside is erased afterwards, a piece at a time.
    connection.execute(_TAKE_IN, (kept[0], laid))
    connection.execute(
        "UPDATE series SET replaced = replaced + ? WHERE id = ?", (replaced, kept[0])
    )
