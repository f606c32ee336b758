"""What happened to a wearer's alarms, row by row: who was told, what was done, and when."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ..errors import StoreDamaged
from .rows import first_ms_at_or_after, milliseconds, time_of

# As the readings' statistics do, a log of two years answers every question that was asked of one.
KEPT_FOR = timedelta(days=730)
# However far the clock is off, and however often it is set, so many are left: months of a bad year.
KEPT_AT_LEAST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedAlarm:
    """One row: `what` happened to the alarm `kind` at `at` (aware UTC); `about` is plain JSON."""

    at: datetime
    kind: str
    what: str
    about: Mapping[str, object] = field(default_factory=dict)


def write(
    connection: sqlite3.Connection, wearer: str, rows: Iterable[LoggedAlarm], now: datetime
) -> None:
    """Add rows, and let go of those two years off `now` (aware), save the last 10,000 written.

    A clock that is wrong by years makes old rows of new ones, or dates one ahead of all others:
    what was written last is no matter of dates and is kept either way.
    """
    values = [
        (wearer, first_ms_at_or_after(row.at), row.kind, row.what, json.dumps(dict(row.about)))
        for row in rows
    ]
    if not values:
        return
    connection.executemany("INSERT INTO alarm_log VALUES (?, ?, ?, ?, ?)", values)
    connection.execute(
        "DELETE FROM alarm_log WHERE wearer = :wearer"
        " AND (at_ms < :now - :kept OR at_ms > :now + :kept)"
        " AND rowid <= (SELECT rowid FROM alarm_log WHERE wearer = :wearer"
        " ORDER BY rowid DESC LIMIT 1 OFFSET :least)",
        {
            "wearer": wearer,
            "now": first_ms_at_or_after(now),
            "kept": KEPT_FOR // timedelta(milliseconds=1),
            "least": KEPT_AT_LEAST,
        },
    )


def read(
    connection: sqlite3.Connection, wearer: str, start: datetime | None, end: datetime | None
) -> list[LoggedAlarm]:
    """Return the rows in [start, end), oldest first, as they were written."""
    found = connection.execute(
        "SELECT at_ms, kind, what, about FROM alarm_log"
        " WHERE wearer = ? AND at_ms >= ? AND at_ms < ? ORDER BY at_ms, rowid",
        (wearer, *milliseconds(start, end)),
    )
    return [
        LoggedAlarm(at=time_of(at_ms), kind=kind, what=what, about=_about(about))
        for at_ms, kind, what, about in found
    ]


def erase(
    connection: sqlite3.Connection, wearer: str, start: datetime | None, end: datetime | None
) -> None:
    """Erase a wearer's rows in [start, end)."""
    connection.execute(
        "DELETE FROM alarm_log WHERE wearer = ? AND at_ms >= ? AND at_ms < ?",
        (wearer, *milliseconds(start, end)),
    )


def _about(text: str) -> Mapping[str, object]:
    try:
        about = json.loads(text)
    except ValueError as error:
        raise StoreDamaged("a row of the alarm log is not what was written") from error
    if not isinstance(about, dict):
        raise StoreDamaged("a row of the alarm log is not what was written")
    return about
