"""Readings by wearer and time: kept all, told apart by series, handed over, erased."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import overload

from ..reading import Kind, Reading
from .answers import Added
from .connection import Connection
from .queries import AT_TIMES, NEWEST, OLDEST, SERIES_OF_SOURCE, SERIES_OF_WEARER, STRETCH
from .rows import (
    EARLIEST_MS,
    LATEST_MS,
    Changes,
    Row,
    SeriesName,
    changes,
    milliseconds,
    readings_of,
    rows_of,
    time_of,
)


class Readings(Connection):
    """The readings of all wearers; every one is stored, and none is folded here."""

    def add(self, wearer: str, readings: Iterable[Reading]) -> Added:
        """Keep every reading, all or none; a later different one of the same identity replaces.

        Identity is (wearer, source, kind, series, whole milliseconds); rows.changes says what
        counts as different. Returns after the commit.
        """
        groups = rows_of(readings)
        if not groups:
            return Added()
        with self.writing() as connection:
            found = [
                _keep(connection, series_id_of(connection, wearer, name), rows)
                for name, rows in groups.items()
            ]
        return added_of(found)

    def readings(
        self, wearer: str, start: datetime | None = None, end: datetime | None = None
    ) -> list[Reading]:
        """Return all readings of all series in [start, end), by time, then source, kind, series.

        Nothing is folded here: merge.py does that.
        """
        first, beyond = milliseconds(start, end)
        found: list[Reading] = []
        with self.looking() as connection:
            all_series = connection.execute(SERIES_OF_WEARER, (wearer,)).fetchall()
            for series_id, source, kind, series in all_series:
                rows = connection.execute(STRETCH, (series_id, first, beyond)).fetchall()
                found += readings_of(SeriesName(source, Kind(kind), series), rows)
        if len(all_series) > 1:
            found.sort(key=lambda reading: reading.time)  # stable, and quick on sorted runs
        return found

    def oldest(self, wearer: str) -> datetime | None:
        """Return the time of the wearer's oldest reading, aware UTC."""
        with self.looking() as connection:
            (time_ms,) = connection.execute(OLDEST, (wearer,)).fetchone()
        return None if time_ms is None else time_of(time_ms)

    def newest(self, wearer: str, *, kind: Kind | None = None) -> datetime | None:
        """Return the time of the wearer's newest reading (of one kind), aware UTC."""
        return self._newest(wearer, None, kind)

    def newest_of_source(
        self, wearer: str, source: str, *, kind: Kind | None = None
    ) -> datetime | None:
        """Return the time of the newest reading that `source` brought (of one kind)."""
        return self._newest(wearer, source, kind)

    def count(self, wearer: str) -> int:
        """Return how many readings of the wearer are kept; walks all of them."""
        with self.looking() as connection:
            (rows,) = connection.execute(
                "SELECT count(*) FROM readings"
                " WHERE series_id IN (SELECT id FROM series WHERE wearer = ?)",
                (wearer,),
            ).fetchone()
            return int(rows)

    def move(self, wearer: str, source: str, *, to_wearer: str, to_source: str) -> Added:
        """Give a source's readings to another wearer's source, all or none; as `add` would.

        Where both have a reading of the same identity, the moved one counts as the later.
        """
        if (wearer, source) == (to_wearer, to_source):
            return Added()
        with self.writing() as connection:
            moved = connection.execute(SERIES_OF_SOURCE, (wearer, source)).fetchall()
            found = [
                _hand_over(connection, id_, to_wearer, SeriesName(to_source, Kind(kind), series))
                for id_, kind, series in moved
            ]
        return added_of(found)

    def remove(self, wearer: str, reading: Reading) -> bool:
        """Erase the reading of this one's identity; False where there is none."""
        ((name, ((time_ms, *_),)),) = rows_of((reading,)).items()
        with self.writing() as connection:
            found = connection.execute(
                "DELETE FROM readings WHERE time_ms = ? AND series_id = (SELECT id FROM series"
                " WHERE (wearer, source, kind, series) = (?, ?, ?, ?))",
                (time_ms, wearer, name.source, name.kind.value, name.series),
            )
            return found.rowcount > 0

    def _newest(self, wearer: str, source: str | None, kind: Kind | None) -> datetime | None:
        asked = {"wearer": wearer, "source": source, "kind": kind and kind.value}
        with self.looking() as connection:
            (time_ms,) = connection.execute(NEWEST, asked).fetchone()
        return None if time_ms is None else time_of(time_ms)


def erase_readings(
    connection: sqlite3.Connection, wearer: str, start: datetime | None, end: datetime | None
) -> int:
    """Erase a wearer's readings in [start, end), and series left without any; return how many."""
    erased = connection.execute(
        "DELETE FROM readings WHERE series_id IN (SELECT id FROM series WHERE wearer = ?)"
        " AND time_ms >= ? AND time_ms < ?",
        (wearer, *milliseconds(start, end)),
    ).rowcount
    connection.execute(
        "DELETE FROM series WHERE wearer = ?"
        " AND NOT EXISTS (SELECT 1 FROM readings WHERE series_id = series.id)",
        (wearer,),
    )
    return erased


def added_of(found: Sequence[Changes]) -> Added:
    """Sum up what several series changed."""
    earliest = min((min(each.rows) for each in found if each.rows), default=None)
    return Added(
        new=sum(each.new for each in found),
        replaced=sum(each.replaced for each in found),
        unchanged=sum(each.unchanged for each in found),
        earliest_change=None if earliest is None else time_of(earliest),
    )


def _hand_over(
    connection: sqlite3.Connection, series_id: int, wearer: str, name: SeriesName
) -> Changes:
    """Put a series' rows under another name, and take the series away."""
    rows = connection.execute(STRETCH, (series_id, EARLIEST_MS, LATEST_MS + 1)).fetchall()
    new_id = series_id_of(connection, wearer, name)
    found = _keep(connection, new_id, rows)
    connection.execute(
        "UPDATE series SET replaced = replaced + (SELECT replaced FROM series WHERE id = ?)"
        " WHERE id = ?",
        (series_id, new_id),
    )
    connection.execute("DELETE FROM readings WHERE series_id = ?", (series_id,))
    connection.execute("DELETE FROM series WHERE id = ?", (series_id,))
    return found


@overload
def series_id_of(connection: sqlite3.Connection, wearer: str, name: SeriesName) -> int: ...


@overload
def series_id_of(
    connection: sqlite3.Connection, wearer: str, name: SeriesName, *, make: bool
) -> int | None: ...


def series_id_of(
    connection: sqlite3.Connection, wearer: str, name: SeriesName, *, make: bool = True
) -> int | None:
    """Return the number of a series, given one if it has none; None where it shall not `make`."""
    named = (wearer, name.source, name.kind.value, name.series)
    row = connection.execute(
        "SELECT id FROM series WHERE (wearer, source, kind, series) = (?, ?, ?, ?)", named
    ).fetchone()
    if row is None and make:
        row = connection.execute(
            "INSERT INTO series (wearer, source, kind, series) VALUES (?, ?, ?, ?) RETURNING id",
            named,
        ).fetchone()
    return None if row is None else int(row[0])


def _keep(connection: sqlite3.Connection, series_id: int, rows: Sequence[Row]) -> Changes:
    found = changes(rows, stored_at(connection, series_id, rows))
    write(connection, series_id, found)
    return found


def write(connection: sqlite3.Connection, series_id: int, found: Changes) -> None:
    """Write what rows of one series change, and count what they replaced."""
    # The number is ours, and in the text it costs nothing for each row.
    statement = f"REPLACE INTO readings VALUES ({series_id:d}, ?, ?, ?, ?)"  # noqa: S608 - see above
    connection.executemany(statement, found.rows.values())
    if found.replaced:
        connection.execute(
            "UPDATE series SET replaced = replaced + ? WHERE id = ?", (found.replaced, series_id)
        )


def stored_at(
    connection: sqlite3.Connection, series_id: int, rows: Sequence[Row]
) -> dict[int, Row]:
    """Return what is stored at the rows' times, by time."""
    (newest,) = connection.execute(
        "SELECT max(time_ms) FROM readings WHERE series_id = ?", (series_id,)
    ).fetchone()
    times = [row[0] for row in rows if newest is not None and row[0] <= newest]
    if not times:
        return {}
    found = connection.execute(AT_TIMES, (json.dumps(times), series_id))
    return {row[0]: row for row in found}
