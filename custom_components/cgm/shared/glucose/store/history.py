"""The history of all wearers in one SQLite file: readings, records, notes; copied and erased."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from ..errors import StoreUnavailable
from ..measurement import Measurement, MeasurementKind
from ..treatment import Treatment, TreatmentKind
from . import alarm_log, backup, records
from .answers import Erased, Health
from .connection import Clock
from .file import file_bytes
from .measurements import MEASUREMENTS
from .migrations import MIGRATIONS, Migration, recorded
from .notes import Notes
from .readings import erase_readings
from .records import Records
from .staging import Staging, aside
from .treatments import TREATMENTS


class Store(Staging, Notes):
    """One file's readings, treatments, measurements and notes, by wearer; synchronous.

    Every call belongs to the thread that called open(); another one is refused by sqlite3. Any
    call raises StoreUnavailable when the disk is full, the file locked or not open (nothing is
    half written, and the call may be made again), and StoreDamaged when damage is met: then
    open() again, which checks thoroughly and sets a damaged file aside.
    """

    def __init__(
        self, path: Path, *, clock: Clock, migrations: Sequence[Migration] = MIGRATIONS
    ) -> None:
        super().__init__(path, clock=clock, migrations=migrations)
        self.treatments: Records[Treatment, TreatmentKind] = Records(self, TREATMENTS)
        self.measurements: Records[Measurement, MeasurementKind] = Records(self, MEASUREMENTS)

    def erase(
        self, wearer: str, start: datetime | None = None, end: datetime | None = None
    ) -> Erased:
        """Erase what is kept of a wearer in [start, end), also its bytes on disk.

        Readings, treatments, measurements and the alarms' log; notes stay, and so do the ids of
        records that were deleted before. While another program reads the file the bytes stay,
        until SQLite writes its log back by itself, at the next close at the latest.
        """
        with self.writing() as connection:
            erased = Erased(
                readings=erase_readings(connection, wearer, start, end),
                treatments=records.erase(connection, TREATMENTS.table, wearer, start, end),
                measurements=records.erase(connection, MEASUREMENTS.table, wearer, start, end),
            )
            alarm_log.erase(connection, wearer, start, end)
        self._write_back()
        return erased

    def forget_wearer(self, wearer: str) -> int:
        """Erase all that is kept of a wearer, its bytes as in `erase`; return how many readings.

        Files that were set aside are not looked into.
        """
        with self.writing() as connection:
            erased = erase_readings(connection, wearer, None, None)
            erase_readings(connection, aside(wearer), None, None)
            for table in (TREATMENTS.table, MEASUREMENTS.table):
                records.erase(connection, table, wearer, None, None)
            records.forget(connection, wearer)
            alarm_log.erase(connection, wearer, None, None)
            connection.execute("DELETE FROM notes WHERE wearer = ?", (wearer,))
        self._write_back()
        return erased

    def _write_back(self) -> None:
        # What is committed is gone: that its bytes are not yet must not look like a failure.
        with suppress(StoreUnavailable):
            self.checkpoint()

    def copy_to(self, path: Path) -> None:
        """Write a consistent copy of the whole history to `path`, a private file; see backup.py.

        Opened as a store's file it is the same history, with the same store_id.
        """
        with self.looking() as connection:
            backup.copy(connection, path)

    def health(self) -> Health:
        """Return figures for diagnostics; walks all rows."""
        with self.looking() as connection:
            rows, kept, replaced = connection.execute(
                "SELECT (SELECT count(*) FROM readings),"
                " (SELECT count(*) FROM treatments) + (SELECT count(*) FROM measurements),"
                " (SELECT coalesce(sum(replaced), 0) FROM series)"
                " + (SELECT coalesce(sum(replaced), 0) FROM treatments)"
                " + (SELECT coalesce(sum(replaced), 0) FROM measurements)"
            ).fetchone()
            steps = recorded(connection) or ()
            return Health(int(rows), file_bytes(self._path), int(replaced), steps, int(kept))
