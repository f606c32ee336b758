"""The open file, lent for a look or for one transaction, with SQLite's errors translated."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from ..errors import StoreDamaged, StoreUnavailable
from .answers import Opened
from .faults import told
from .file import open_file
from .migrations import MIGRATIONS, Migration
from .still import still

Clock = Callable[[], datetime]


class Connection:
    """Opens and closes the file at `path`, made if there is none; belongs to one thread."""

    def __init__(
        self, path: Path, *, clock: Clock, migrations: Sequence[Migration] = MIGRATIONS
    ) -> None:
        self._path = path
        self._clock = clock
        self._migrations = migrations
        self._open_connection: sqlite3.Connection | None = None
        self._suspect = False
        self._still: sqlite3.Connection | None = None

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
        self.let_move()
        if self._open_connection is not None:
            # SQLite's last connection does so by itself; where the disk is too full for it,
            # the log stays and the next open() goes on from there.
            self._open_connection.close()
            self._open_connection = None

    def checkpoint(self) -> None:
        """Write the log back into the file and empty it, so that the file alone is a backup."""
        with self.looking() as connection:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreUnavailable("history cannot be used now: another program is reading it")

    def hold_still(self) -> None:
        """Let nobody write into the file until let_move: what is written waits in the log.

        So a copy of the file is whole however long copying takes, and with the log, however
        short that is cut, as it was at a later moment. Raises StoreUnavailable.
        """
        self.let_move()
        self.checkpoint()
        with told():
            self._still = still(self._path)

    def let_move(self) -> None:
        """Have the log written back into the file again; harmless when it is."""
        if self._still is not None:
            self._still.close()
            self._still = None

    @contextmanager
    def looking(self) -> Iterator[sqlite3.Connection]:
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
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection within one transaction: all of it is kept, or nothing.

        Within another one it is part of that.
        """
        with self.looking() as connection:
            within = connection.in_transaction
            if within:
                yield connection
                return
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # a full disk may have ended it already
                    connection.execute("ROLLBACK")
                raise
