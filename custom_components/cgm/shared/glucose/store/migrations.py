"""The history's schema, as named steps: each is recorded in the transaction that makes it.

To change the schema append a function; never edit or reorder those that were released.
A step may use whatever of sqlite-utils does not commit by itself (create_table, add_column,
create_index, execute; not insert, upsert, transform or strict=True); one that does is caught.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from ..errors import StoreTooNew
from .rows import EARLIEST_MS, LATEST_MS

if TYPE_CHECKING:
    from sqlite_utils import Database

Migration = Callable[["Database"], None]


def store_identity(db: Database) -> None:
    """Name this history with a random id, so that agents notice a new one."""
    db.create_table("meta", {"key": str, "value": str}, pk="key", not_null={"value"})
    db.execute("INSERT INTO meta VALUES ('store_id', ?)", [uuid.uuid4().hex])


def readings_by_series(db: Database) -> None:
    """Make the tables of readings.

    A series is named once and numbered, and readings lie in their key's own order, so that a
    row takes 20 bytes and any stretch of time is one run of pages. sqlite-utils knows no
    WITHOUT ROWID, hence the plain SQL. The limits let SQLite's own check find a bad row.
    """
    series = db.create_table(
        "series",
        {"id": int, "wearer": str, "source": str, "kind": str, "series": str, "replaced": int},
        pk="id",
        not_null={"wearer", "source", "kind", "series", "replaced"},
        defaults={"replaced": 0},
    )
    series.create_index(["wearer", "source", "kind", "series"], unique=True)
    db.execute(
        f"""
        CREATE TABLE readings (
            series_id INTEGER NOT NULL,
            time_ms INTEGER NOT NULL CHECK (time_ms BETWEEN {EARLIEST_MS} AND {LATEST_MS}),
            mg_dl INTEGER NOT NULL CHECK (mg_dl BETWEEN 10 AND 600),
            bound INTEGER CHECK (bound BETWEEN 1 AND 2),
            trend INTEGER CHECK (trend BETWEEN 0 AND 7),
            PRIMARY KEY (series_id, time_ms)
        ) STRICT, WITHOUT ROWID
        """
    )


def notes_of_wearers(db: Database) -> None:
    """Make the table of small facts that shall survive a restart."""
    db.create_table(
        "notes",
        {"wearer": str, "key": str, "value": str},
        pk=("wearer", "key"),
        not_null={"value"},
    )


def alarm_log(db: Database) -> None:
    """Make the table of what happened to alarms, found by wearer and time."""
    log = db.create_table(
        "alarm_log",
        {"wearer": str, "at_ms": int, "kind": str, "what": str, "about": str},
        not_null={"wearer", "at_ms", "kind", "what", "about"},
    )
    log.create_index(["wearer", "at_ms"])


def records_of_wearers(db: Database) -> None:
    """Make the tables of treatments and measurements, and of what was deleted of them.

    Records lie under their identity, which every poll looks up, and are found by time, and by
    kind and time. `edited` ones are the wearer's word and are not replaced.
    """
    common = f"""
        wearer TEXT NOT NULL,
        source TEXT NOT NULL,
        id TEXT NOT NULL,
        time_ms INTEGER NOT NULL CHECK (time_ms BETWEEN {EARLIEST_MS} AND {LATEST_MS}),
        kind TEXT NOT NULL,
        note TEXT,
        edited INTEGER NOT NULL DEFAULT 0 CHECK (edited BETWEEN 0 AND 1),
        replaced INTEGER NOT NULL DEFAULT 0
    """
    key = "PRIMARY KEY (wearer, source, id)) STRICT, WITHOUT ROWID"
    db.execute(f"CREATE TABLE treatments ({common}, amount REAL, intensity TEXT, {key}")
    db.execute(
        f"CREATE TABLE measurements ({common}, value REAL NOT NULL, diastolic REAL,"
        f" quality INTEGER, {key}"
    )
    for table in ("treatments", "measurements"):
        db.execute(f"CREATE INDEX {table}_by_time ON {table} (wearer, time_ms)")
        db.execute(f"CREATE INDEX {table}_by_kind ON {table} (wearer, kind, time_ms)")
    db.execute(
        "CREATE TABLE deleted_records (shelf TEXT NOT NULL, wearer TEXT NOT NULL,"
        " source TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (shelf, wearer, source, id))"
        " STRICT, WITHOUT ROWID"
    )


MIGRATIONS: Sequence[Migration] = (
    store_identity,
    readings_by_series,
    notes_of_wearers,
    alarm_log,
    records_of_wearers,
)


def recorded(connection: sqlite3.Connection) -> tuple[str, ...] | None:
    """Return the names of the steps a file has seen, oldest first; None if it is no history."""
    known = connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migrations'"
    ).fetchone()
    if known is None:
        return None
    rows = connection.execute("SELECT name FROM migrations ORDER BY number").fetchall()
    return tuple(name for (name,) in rows)


def refuse_newer(seen: Collection[str], migrations: Sequence[Migration]) -> None:
    """Raise StoreTooNew if the file has seen a step that this release does not know."""
    unknown = set(seen) - {migration.__name__ for migration in migrations}
    if unknown:
        steps = ", ".join(sorted(unknown))
        raise StoreTooNew(f"history written by a newer release (steps: {steps})")


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration], now: datetime) -> None:
    """Apply every step the file has not seen, all in one transaction or none.

    sqlite-utils takes some 190 ms to import: here it is paid in the store's thread, and only
    when there is something to apply.
    """
    seen = recorded(connection) or ()
    pending = [migration for migration in migrations if migration.__name__ not in seen]
    if not pending:
        return
    from sqlite_utils import Database  # noqa: PLC0415 - see above

    db = Database(connection, recursive_triggers=False, execute_plugins=False)
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not seen:
            db.create_table(
                "migrations",
                {"number": int, "name": str, "applied_at": str},
                pk="number",
                not_null={"name", "applied_at"},
            )
        for migration in pending:
            _apply(db, migration, now)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _apply(db: Database, migration: Migration, now: datetime) -> None:
    """Take one step and record it; raises AssertionError if it ended the transaction itself."""
    migration(db)
    if not db.conn.in_transaction:
        raise AssertionError(f"the step {migration.__name__} committed by itself")
    db.execute(
        "INSERT INTO migrations (name, applied_at) VALUES (?, ?)",
        [migration.__name__, now.isoformat()],
    )
