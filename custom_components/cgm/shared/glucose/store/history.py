"""The history of all wearers: every reading kept, found by wearer and time, in one SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from ..errors import StoreDamaged, StoreUnavailable
from ..reading import Kind, Reading
from . import alarm_log
from .alarm_log import LoggedAlarm
from .answers import Added, Health, Opened
from .faults import told
from .file import file_bytes, open_file
from .migrations import MIGRATIONS, Migration, recorded
from .queries import AT_TIMES, NEWEST, SERIES_OF_SOURCE, SERIES_OF_WEARER, STRETCH
from .rows import (
    EARLIEST_MS,
    LATEST_MS,
    Changes,
    Row,
    SeriesName,
    changes,
    first_ms_at_or_after,
    readings_of,
    rows_of,
    time_of,
)

Clock = Callable[[], datetime]

_ALARM_STATES = "alarms"


class Store:
    """One file's readings and notes, by wearer; synchronous.

    Every call belongs to the thread that called open(); another one is refused by sqlite3. Any
    call raises StoreUnavailable when the disk is full, the file locked or not open (nothing is
    half written, and the call may be made again), and StoreDamaged when damage is met: then
    open() again, which checks thoroughly and sets a damaged file aside.
    """

    def __init__(
        self, path: Path, *, clock: Clock, migrations: Sequence[Migration] = MIGRATIONS
    ) -> None:
        self._path = path
        self._clock = clock
        self._migrations = migrations
        self._open_connection: sqlite3.Connection | None = None
        self._suspect = False

    def open(self) -> Opened:
        """Connect, having made, checked, set aside or migrated the file; again if already open.

        Raises StoreTooNew and StoreUnavailable, with the file untouched.
        """
        self.close()
        found = open_file(self._path, self._migrations, self._clock(), suspect=self._suspect)
        self._suspect = False
        self._open_connection = found.connection
        return Opened(found.store_id, found.set_aside, found.begun_anew)

    def close(self) -> None:
        """Write the log back into the file and let go of it; harmless when not open."""
        if self._open_connection is not None:
            # SQLite's last connection does so by itself; where the disk is too full for it,
            # the log stays and the next open() goes on from there.
            self._open_connection.close()
            self._open_connection = None

    def add(self, wearer: str, readings: Iterable[Reading]) -> Added:
        """Keep every reading, all or none; a later different one of the same identity replaces.

        Identity is (wearer, source, kind, series, whole milliseconds); rows.changes says what
        counts as different. Returns after the commit.
        """
        groups = rows_of(readings)
        if not groups:
            return Added()
        with self._writing() as connection:
            found = [
                _keep(connection, _series_id(connection, wearer, name), rows)
                for name, rows in groups.items()
            ]
        return _added(found)

    def readings(
        self, wearer: str, start: datetime | None = None, end: datetime | None = None
    ) -> list[Reading]:
        """Return all readings of all series in [start, end), by time, then source, kind, series.

        Nothing is folded here: merge.py does that.
        """
        first = EARLIEST_MS if start is None else first_ms_at_or_after(start)
        beyond = LATEST_MS + 1 if end is None else first_ms_at_or_after(end)
        found: list[Reading] = []
        with self._reading() as connection:
            all_series = connection.execute(SERIES_OF_WEARER, (wearer,)).fetchall()
            for series_id, source, kind, series in all_series:
                rows = connection.execute(STRETCH, (series_id, first, beyond))
                found += readings_of(SeriesName(source, Kind(kind), series), rows)
        if len(all_series) > 1:
            found.sort(key=lambda reading: reading.time)  # stable, and quick on sorted runs
        return found

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
        with self._reading() as connection:
            (rows,) = connection.execute(
                "SELECT count(*) FROM readings"
                " WHERE series_id IN (SELECT id FROM series WHERE wearer = ?)",
                (wearer,),
            ).fetchone()
            return int(rows)

    def forget_wearer(self, wearer: str) -> int:
        """Erase all that is kept of a wearer, also its bytes on disk; return how many readings.

        Files that were set aside are not looked into.
        """
        with self._writing() as connection:
            erased = connection.execute(
                "DELETE FROM readings WHERE series_id IN (SELECT id FROM series WHERE wearer = ?)",
                (wearer,),
            ).rowcount
            connection.execute("DELETE FROM series WHERE wearer = ?", (wearer,))
            connection.execute("DELETE FROM notes WHERE wearer = ?", (wearer,))
            connection.execute("DELETE FROM alarm_log WHERE wearer = ?", (wearer,))
        self.checkpoint()
        return erased

    def move(self, wearer: str, source: str, *, to_wearer: str, to_source: str) -> Added:
        """Give a source's readings to another wearer's source, all or none; as `add` would.

        Where both have a reading of the same identity, the moved one counts as the later.
        """
        if (wearer, source) == (to_wearer, to_source):
            return Added()
        with self._writing() as connection:
            moved = connection.execute(SERIES_OF_SOURCE, (wearer, source)).fetchall()
            found = [
                _hand_over(connection, id_, to_wearer, SeriesName(to_source, Kind(kind), series))
                for id_, kind, series in moved
            ]
        return _added(found)

    def note(self, wearer: str, key: str, value: str | None) -> None:
        """Keep a small text of the wearer's that shall survive a restart; None takes it away."""
        with self._writing() as connection:
            if value is None:
                connection.execute("DELETE FROM notes WHERE (wearer, key) = (?, ?)", (wearer, key))
            else:
                connection.execute("REPLACE INTO notes VALUES (?, ?, ?)", (wearer, key, value))

    def recall(self, wearer: str, key: str) -> str | None:
        """Return what was noted, None if nothing was."""
        with self._reading() as connection:
            row = connection.execute(
                "SELECT value FROM notes WHERE (wearer, key) = (?, ?)", (wearer, key)
            ).fetchone()
        return None if row is None else str(row[0])

    def keep_alarms(self, wearer: str, states: str, log: Iterable[LoggedAlarm] = ()) -> None:
        """Keep where a wearer's alarms stand, and add to the log what happened: both or neither."""
        with self._writing() as connection:
            connection.execute(
                "REPLACE INTO notes VALUES (?, ?, ?)", (wearer, _ALARM_STATES, states)
            )
            alarm_log.write(connection, wearer, log, self._clock())

    def alarm_states(self, wearer: str) -> str | None:
        """Return where the alarms stood when they were kept last, None if they never were."""
        return self.recall(wearer, _ALARM_STATES)

    def alarm_log(
        self, wearer: str, start: datetime | None = None, end: datetime | None = None
    ) -> list[LoggedAlarm]:
        """Return what happened to a wearer's alarms in [start, end), oldest first."""
        with self._reading() as connection:
            return alarm_log.read(connection, wearer, start, end)

    def checkpoint(self) -> None:
        """Write the log back into the file and empty it, so that the file alone is a backup."""
        with self._reading() as connection:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreUnavailable("history cannot be used now: another program is reading it")

    def health(self) -> Health:
        """Return figures for diagnostics; walks all rows."""
        with self._reading() as connection:
            (rows,) = connection.execute("SELECT count(*) FROM readings").fetchone()
            (replaced,) = connection.execute(
                "SELECT coalesce(sum(replaced), 0) FROM series"
            ).fetchone()
            steps = recorded(connection) or ()
            return Health(int(rows), file_bytes(self._path), int(replaced), steps)

    def _newest(self, wearer: str, source: str | None, kind: Kind | None) -> datetime | None:
        asked = {"wearer": wearer, "source": source, "kind": kind and kind.value}
        with self._reading() as connection:
            (time_ms,) = connection.execute(NEWEST, asked).fetchone()
        return None if time_ms is None else time_of(time_ms)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection and translate its errors."""
        if self._open_connection is None:
            raise StoreUnavailable("history cannot be used now: it is not open")
        try:
            with told():
                yield self._open_connection
        except StoreDamaged:
            self._suspect = True
            raise

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection within one transaction: all of it is kept, or nothing."""
        with self._reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # a full disk may have ended it already
                    connection.execute("ROLLBACK")
                raise


def _added(found: Sequence[Changes]) -> Added:
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
    new_id = _series_id(connection, wearer, name)
    found = _keep(connection, new_id, rows)
    connection.execute(
        "UPDATE series SET replaced = replaced + (SELECT replaced FROM series WHERE id = ?)"
        " WHERE id = ?",
        (series_id, new_id),
    )
    connection.execute("DELETE FROM readings WHERE series_id = ?", (series_id,))
    connection.execute("DELETE FROM series WHERE id = ?", (series_id,))
    return found


def _series_id(connection: sqlite3.Connection, wearer: str, name: SeriesName) -> int:
    """Return the number of a series, given one if it has none."""
    named = (wearer, name.source, name.kind.value, name.series)
    row = connection.execute(
        "SELECT id FROM series WHERE (wearer, source, kind, series) = (?, ?, ?, ?)", named
    ).fetchone()
    if row is None:
        row = connection.execute(
            "INSERT INTO series (wearer, source, kind, series) VALUES (?, ?, ?, ?) RETURNING id",
            named,
        ).fetchone()
    return int(row[0])


def _keep(connection: sqlite3.Connection, series_id: int, rows: Sequence[Row]) -> Changes:
    """Write what rows of one series change, and count what they replaced."""
    found = changes(rows, _stored(connection, series_id, rows))
    # The number is ours, and in the text it costs nothing for each row.
    statement = f"REPLACE INTO readings VALUES ({series_id:d}, ?, ?, ?, ?)"  # noqa: S608
    connection.executemany(statement, found.rows.values())
    if found.replaced:
        connection.execute(
            "UPDATE series SET replaced = replaced + ? WHERE id = ?", (found.replaced, series_id)
        )
    return found


def _stored(connection: sqlite3.Connection, series_id: int, rows: Sequence[Row]) -> dict[int, Row]:
    """Return what is stored at the rows' times, by time."""
    (newest,) = connection.execute(
        "SELECT max(time_ms) FROM readings WHERE series_id = ?", (series_id,)
    ).fetchone()
    times = [row[0] for row in rows if newest is not None and row[0] <= newest]
    if not times:
        return {}
    found = connection.execute(AT_TIMES, (json.dumps(times), series_id))
    return {row[0]: row for row in found}
