"""The outbox's file on disk: its tables, private, of one process, each commit whole or not."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from glucose.errors import StoreDamaged, StoreTooNew, StoreUnavailable
from glucose.reading import Kind, Reading

from .outbox_rows import Stream, Value, reading_of

# One commit rewrites one page or two: the smallest pages SQLite knows write the least.
# 2,016 readings, one commit each: 1.4 MB with 512, 2.5 with 1,024, 8.9 with 4,096.
PAGE_BYTES = 512
# Pages in the log before they are written back: half a megabyte, days of readings.
CHECKPOINT_PAGES = 1000
# Of the file, kept in memory beside the kernel's own copy; SQLite's 2 MB would hold all of it.
CACHE_KIB = 128
BUSY_SECONDS = 3.0
_VERSION = 1
_LOG_BYTES = 1_048_576
_PRIVATE_FILE = 0o600
_PRIVATE_FOLDER = 0o700
_TAILS = ("", "-wal", "-shm", "-journal")

# No index on the identity of a reading: it would double what each commit writes, and looking
# for what is known reads the few hundred kilobytes there are.
_TABLES = (
    "CREATE TABLE stream (id INTEGER PRIMARY KEY, source TEXT, kind TEXT, series TEXT)",
    (
        "CREATE TABLE row (seq INTEGER PRIMARY KEY, stream INT, time INT, mg_dl INT, bound INT,"
        " trend INT, sum INT)"
    ),
    "CREATE TABLE rejected (seq INTEGER PRIMARY KEY)",
    "CREATE TABLE noted (id INTEGER PRIMARY KEY, done INT, store_id TEXT, sum INT)",
)
ROWS = (
    "SELECT seq, source, kind, series, time, mg_dl, bound, trend, sum"
    " FROM row LEFT JOIN stream ON stream.id = row.stream"
)

_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
# A mistake of ours, and not of the place the file lies in.
_OURS = frozenset(
    {
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_MISUSE,
        sqlite3.SQLITE_RANGE,
        sqlite3.SQLITE_TOOBIG,
    }
)

Columns = tuple[int, str, str, str, int, int, int | None, int | None, int]


class StoredRow(NamedTuple):
    """A row as the file has it; `reading` is None where the row is damaged."""

    seq: int
    reading: Reading | None


@contextmanager
def told() -> Iterator[None]:
    """Raise StoreDamaged or StoreUnavailable for an error of SQLite or of the file system."""
    try:
        yield
    except sqlite3.Error as error:
        code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE)
        if code & 0xFF in _DAMAGED:  # the other bits only say where in SQLite it happened
            raise StoreDamaged(f"outbox damaged: {error}") from error
        if code & 0xFF in _OURS:
            raise
        name: str = getattr(error, "sqlite_errorname", "")
        raise StoreUnavailable(f"outbox cannot be used now: {error} ({name})") from error
    except OSError as error:
        raise StoreUnavailable(f"outbox cannot be used now: {error.strerror}") from error


def locked(path: Path) -> int:
    """Make the folder and take the outbox for this process, until the descriptor is closed.

    Raises StoreUnavailable where another process has it.
    """
    with told():
        path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        lock = os.open(companion(path, ".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise StoreUnavailable("outbox cannot be used now: another agent has it open") from error
    return lock


def read_only(path: Path) -> sqlite3.Connection:
    """Connect for reading alone, also while an agent writes; raises StoreError."""
    with told():
        connection = connected(path, "ro")
        try:
            _check_tables(connection)
        except BaseException:
            connection.close()
            raise
        return connection


def stored(columns: Columns) -> StoredRow:
    """Read one line of ROWS."""
    seq, source, kind, series, time_ms, mg_dl, bound, trend, found = columns
    try:
        stream = Stream(source, Kind(kind), series)
    except ValueError:
        return StoredRow(seq, None)
    return StoredRow(seq, reading_of(seq, stream, Value(time_ms, mg_dl, bound, trend), found))


def family(path: Path) -> list[Path]:
    """Return the file and its companions' names."""
    return [companion(path, tail) for tail in _TAILS]


def companion(path: Path, tail: str) -> Path:
    """Return the name of the file's companion with that tail."""
    return path.with_name(path.name + tail)


def connected(path: Path, mode: str) -> sqlite3.Connection:
    """Connect as `mode` says, "ro" or "rw"; whether the file is an outbox is not looked at."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,  # transactions are begun and ended in words
        check_same_thread=False,  # the outbox has its own lock
    )
    # A card that changed a letter must not stop us: the row's checksum tells that it did.
    connection.text_factory = _text_of
    try:
        # NORMAL: a commit outlives our own death; a power cut may take the last ones, never half of
        # one, and the source's trailing window brings those readings again.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute("PRAGMA trusted_schema = OFF")
    except BaseException:  # a damaged file may refuse already here
        connection.close()
        raise
    return connection


def connect_to_sound(path: Path) -> sqlite3.Connection:
    """Connect for good; raises StoreTooNew, and StoreDamaged for what no agent has written."""
    if not path.exists() or path.stat().st_size == 0:
        # A beginning appears whole, and SQLite would delete the log beside an empty file.
        raise StoreDamaged("outbox damaged: the file is empty or gone")
    connection = connected(path, "rw")
    try:
        _check(connection)
    except BaseException:
        connection.close()
        raise
    for part in family(path):
        with suppress(OSError):  # some file systems know no modes
            if part.stat().st_mode & 0o077:
                part.chmod(_PRIVATE_FILE)
    return connection


def _text_of(stored: bytes) -> str:
    return stored.decode("utf-8", "replace")


def _check(connection: sqlite3.Connection) -> None:
    """Raise StoreTooNew, or StoreDamaged for what this agent cannot have written."""
    _check_version(connection)
    if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise StoreDamaged("outbox damaged: found by quick_check")
    _check_tables(connection)


def _check_version(connection: sqlite3.Connection) -> int:
    version: int
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise StoreTooNew("the outbox was written by a newer agent: update this one")
    return version


def _check_tables(connection: sqlite3.Connection) -> None:
    version = _check_version(connection)
    tables = tuple(sql for (sql,) in connection.execute("SELECT sql FROM sqlite_schema"))
    if version != _VERSION or tables != _TABLES:
        raise StoreDamaged("outbox damaged: the file is something else")


@contextmanager
def committed(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit all that is written within, or none of it."""
    with told():
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # a failed commit may have rolled back by itself
                connection.execute("ROLLBACK")
            raise


def make_file(path: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Make an outbox with what `fill` writes, under another name, whole before it is in place."""
    new = companion(path, ".new")
    for part in family(new):
        part.unlink(missing_ok=True)  # an earlier beginning that did not end
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE_FILE))
    with closing(connected(new, "rw")) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        with committed(connection):
            for table in _TABLES:
                connection.execute(table)
            fill(connection)
            connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.execute("PRAGMA journal_mode = WAL")
    new.rename(path)
