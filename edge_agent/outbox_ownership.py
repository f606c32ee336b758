"""The outbox's file while this process owns it: open and sound, begun anew where it is damaged."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from glucose.errors import StoreDamaged, StoreUnavailable

from .outbox_file import locked, told
from .outbox_salvage import OpenFile, open_file


class OwnedFile:
    """One file, of one process from open() to close(); used by one thread at a time.

    `begun` is told of each file that was opened, before anybody is lent it: it reads what stands
    in it.
    """

    def __init__(
        self, path: Path, *, clock: Callable[[], datetime], begun: Callable[[OpenFile], None]
    ) -> None:
        self.connection: sqlite3.Connection | None = None
        self._path = path
        self._clock = clock
        self._begun = begun
        self._lock: int | None = None

    def open(self) -> Path | None:
        """Take the file; return where a damaged one was set aside, if one was."""
        self._lock = locked(self._path)
        try:
            return self._open()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of it; harmless when not open."""
        self._let_go()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @contextmanager
    def repaired(self) -> Iterator[sqlite3.Connection]:
        """Lend the file; damage is repaired, and told as StoreUnavailable."""
        try:
            with told():
                yield self.lent()
        except StoreDamaged as error:
            self.begin_anew()
            raise StoreUnavailable("the outbox was damaged and begun anew: go on") from error

    def lent(self) -> sqlite3.Connection:
        """Lend the file; whoever meets damage calls begin_anew(). Raises StoreUnavailable."""
        if self.connection is None and self._lock is not None:
            self._open()  # a repair had no room for a new file then
        if self.connection is None:
            raise StoreUnavailable("outbox cannot be used now: it is not open")
        return self.connection

    def begin_anew(self) -> None:
        """Set the damaged file aside, and go on with what can be saved of it."""
        self._let_go()
        self._open()

    def _open(self) -> Path | None:
        found = open_file(self._path, self._clock())
        try:
            with told():
                self._begun(found)
        except BaseException:
            found.connection.close()
            raise
        self.connection = found.connection
        return found.set_aside

    def _let_go(self) -> None:
        if self.connection is not None:
            with suppress(sqlite3.Error):  # a disk too full to write the log back keeps it
                self.connection.close()
            self.connection = None
