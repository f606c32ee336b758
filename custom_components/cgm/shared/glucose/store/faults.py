"""Tells what SQLite's errors mean to the user: wait and free the disk, or the file is damaged."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import StoreDamaged, StoreUnavailable

_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_UNAVAILABLE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOLFS,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)


@contextmanager
def told() -> Iterator[None]:
    """Raise StoreDamaged or StoreUnavailable for an error of SQLite or of the file system.

    What remains an sqlite3.Error is a mistake of ours and is let through.
    """
    try:
        yield
    except sqlite3.Error as error:
        code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE)
        primary = code & 0xFF  # the other bits only say where in SQLite it happened
        if primary in _DAMAGED:
            raise StoreDamaged(f"history damaged: {error}") from error
        if primary in _UNAVAILABLE:
            name: str = getattr(error, "sqlite_errorname", "")
            raise StoreUnavailable(f"history cannot be used now: {error} ({name})") from error
        raise
    except OSError as error:
        raise StoreUnavailable(f"history cannot be used now: {error.strerror}") from error
