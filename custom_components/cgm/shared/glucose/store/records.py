"""One shelf of a wearer's records: added, edited, deleted for good, read by period and kind.

A record is found by (wearer, source, id). What the wearer edited here stays as edited, and what
was deleted here does not come back, whatever its vendor tells at the next poll.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from ..errors import InvalidRecordError, StoreDamaged
from ..record import Record
from .answers import Added
from .connection import Connection
from .rows import milliseconds, time_of, whole_ms

R = TypeVar("R", bound=Record)
K = TypeVar("K", bound=StrEnum)
Cells = tuple[object, ...]
# What is stored by source and id, its milliseconds first; None for what shall stay as it is.
Held = dict[tuple[str, str], tuple[int, Cells] | None]

_COMMON = ("wearer", "source", "id", "time_ms", "kind", "note")
_DELETE = "DELETE FROM {table} WHERE (wearer, source, id) = (?, ?, ?)"
_OF_PERIOD = "wearer = ? AND time_ms >= ? AND time_ms < ?"


@dataclass(frozen=True, slots=True)
class Shelf(Generic[R]):
    """How one sort of record lies in its table.

    `columns` are those beside time, kind and note; `cells` returns kind, note and these, and
    `made` takes time, source, id and the same back, raising InvalidRecordError or ValueError.
    """

    table: str
    columns: tuple[str, ...]
    cells: Callable[[R], Cells]
    made: Callable[..., R]

    @property
    def names(self) -> str:
        """The columns as a list for SQL, from `source` on."""
        return ", ".join((*_COMMON[1:], *self.columns))


class Records(Generic[R, K]):
    """The records of one shelf; every call may raise as Store says."""

    def __init__(self, connection: Connection, shelf: Shelf[R]) -> None:
        self._connection = connection
        self._shelf = shelf

    def add(self, wearer: str, records: Iterable[R]) -> Added:
        """Keep every record, all or none; a later different one of the same id replaces.

        Edited and deleted ones count as unchanged. A time is cut to whole milliseconds.
        """
        rows = {(record.source, record.id): record for record in records}
        if not rows:
            return Added()
        with self._connection.writing() as connection:
            held = self._held(connection, wearer, rows)
            return self._write(connection, wearer, list(rows.values()), held)

    def between(
        self,
        wearer: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        kinds: Collection[K] | None = None,
    ) -> list[R]:
        """Return the records in [start, end), by time, then source and id; of some kinds only.

        Nothing is folded here: fold_treatments.py does that.
        """
        asked = "" if kinds is None else " AND kind IN (SELECT value FROM json_each(?))"
        values = () if kinds is None else (json.dumps([kind.value for kind in kinds]),)
        return self._read(
            f"{_OF_PERIOD}{asked} ORDER BY time_ms, source, id",
            (wearer, *milliseconds(start, end), *values),
        )

    def get(self, wearer: str, source: str, id_: str) -> R | None:
        """Return one record, None where there is none (any more)."""
        found = self._read("(wearer, source, id) = (?, ?, ?)", (wearer, source, id_))
        return found[0] if found else None

    def latest(self, wearer: str, kind: K, until: datetime) -> R | None:
        """Return the newest record of a kind at or before `until`, None where there is none."""
        found = self._read(
            "wearer = ? AND kind = ? AND time_ms <= ? ORDER BY time_ms DESC, source, id LIMIT 1",
            (wearer, kind.value, whole_ms(until)),
        )
        return found[0] if found else None

    def edit(self, wearer: str, record: R) -> bool:
        """Put `record` in the place of the one of its source and id; False where there is none."""
        with self._connection.writing() as connection:
            columns = ("time_ms", "kind", "note", *self._shelf.columns)
            values = (whole_ms(record.time), *self._shelf.cells(record))
            settings = ", ".join(f"{column} = ?" for column in columns)
            found = connection.execute(
                f"UPDATE {self._shelf.table} SET {settings}, edited = 1"  # noqa: S608 - our names
                " WHERE (wearer, source, id) = (?, ?, ?)",
                (*values, wearer, record.source, record.id),
            )
            return found.rowcount > 0

    def delete(self, wearer: str, source: str, id_: str) -> bool:
        """Erase one record and keep its id, so that it stays away; False where there is none."""
        named = (wearer, source, id_)
        with self._connection.writing() as connection:
            found = connection.execute(_DELETE.format(table=self._shelf.table), named).rowcount > 0
            if found:
                connection.execute(
                    "REPLACE INTO deleted_records VALUES (?, ?, ?, ?)", (self._shelf.table, *named)
                )
            return found

    def _held(
        self, connection: sqlite3.Connection, wearer: str, named: Iterable[tuple[str, str]]
    ) -> Held:
        """Return what is stored under these ids, None for one that shall stay as it is."""
        asked = json.dumps(list(named))
        key = "value ->> 0 AS asked_source, value ->> 1 AS asked_id FROM json_each(?)"
        rows = connection.execute(
            f"SELECT edited, {self._shelf.names} FROM (SELECT {key}) CROSS JOIN"  # noqa: S608 - our names
            f" {self._shelf.table} ON (wearer, source, id) = (?, asked_source, asked_id)",
            (asked, wearer),
        )
        held: Held = {
            (source, id_): None if edited else (int(time_ms), tuple(cells))
            for edited, source, id_, time_ms, *cells in rows
        }
        deleted = connection.execute(
            f"SELECT source, id FROM (SELECT {key}) CROSS JOIN deleted_records"  # noqa: S608 - our names
            " ON (shelf, wearer, source, id) = (?, ?, asked_source, asked_id)",
            (asked, self._shelf.table, wearer),
        )
        return held | dict.fromkeys(deleted)

    def _write(
        self,
        connection: sqlite3.Connection,
        wearer: str,
        records: Sequence[R],
        held: Held,
    ) -> Added:
        """Write what is new or different, and count."""
        changed: list[Cells] = []
        earliest: int | None = None
        replaced = 0
        for record in records:
            key = record.source, record.id
            time_ms, cells = whole_ms(record.time), self._shelf.cells(record)
            first = time_ms
            if key in held:
                before = held[key]
                if before is None or before == (time_ms, cells):
                    continue
                replaced += 1
                first = min(first, before[0])
            earliest = first if earliest is None else min(earliest, first)
            changed.append((wearer, *key, time_ms, *cells))
        marks = ", ".join("?" for _ in (*_COMMON, *self._shelf.columns))
        updates = ", ".join(
            f"{column} = excluded.{column}" for column in (*_COMMON[3:], *self._shelf.columns)
        )
        connection.executemany(
            f"INSERT INTO {self._shelf.table} (wearer, {self._shelf.names}) VALUES ({marks})"  # noqa: S608 - our names
            f" ON CONFLICT DO UPDATE SET {updates}, replaced = replaced + 1",
            changed,
        )
        return Added(
            new=len(changed) - replaced,
            replaced=replaced,
            unchanged=len(records) - len(changed),
            earliest_change=None if earliest is None else time_of(earliest),
        )

    def _read(self, where: str, values: Cells) -> list[R]:
        with self._connection.looking() as connection:
            rows = connection.execute(
                f"SELECT {self._shelf.names} FROM {self._shelf.table} WHERE {where}",  # noqa: S608 - our names
                values,
            ).fetchall()
            try:
                return [
                    self._shelf.made(time_of(time_ms), source, id_, *cells)
                    for source, id_, time_ms, *cells in rows
                ]
            except (InvalidRecordError, ValueError, OverflowError, TypeError) as error:
                raise StoreDamaged("history damaged: a row that cannot be a record") from error


def erase(
    connection: sqlite3.Connection,
    table: str,
    wearer: str,
    start: datetime | None,
    end: datetime | None,
) -> int:
    """Erase a wearer's rows of one shelf in [start, end); return how many.

    Ids of deleted ones stay while the wearer does, for their vendor may tell them again.
    """
    return connection.execute(
        f"DELETE FROM {table} WHERE {_OF_PERIOD}",  # noqa: S608 - our name
        (wearer, *milliseconds(start, end)),
    ).rowcount


def forget(connection: sqlite3.Connection, wearer: str) -> None:
    """Forget which records of the wearer were deleted."""
    connection.execute("DELETE FROM deleted_records WHERE wearer = ?", (wearer,))
