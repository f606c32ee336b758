"""Opens the outbox only when sound; a damaged one is set aside, and its sound rows are saved."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from glucose.errors import StoreDamaged
from glucose.reading import Reading

from .outbox_file import (
    ROWS,
    companion,
    connect_to_sound,
    connected,
    family,
    make_file,
    stored,
    told,
)
from .outbox_streams import Streams

_LOG = logging.getLogger(__name__)

# Each may be as large as the outbox, and a failing card damages it again and again.
MOST_ASIDE = 3


class OpenFile(NamedTuple):
    """A sound outbox, connected; where a damaged one was set aside, and how much of it is in it."""

    connection: sqlite3.Connection
    set_aside: Path | None = None
    saved: int = 0


def open_file(path: Path, now: datetime) -> OpenFile:
    """Connect to the outbox at `path`, made if there is none.

    A damaged one stays in its place until all that is sound in it is in a new one, on disk.
    Raises StoreUnavailable, and StoreTooNew with the file untouched.
    """
    saved: tuple[Reading, ...] = ()
    with told():
        aside = _put_in_place(path, now)
        if not any(part.exists() for part in family(path)):
            make_file(path, lambda _file: None)
        try:
            with told():
                return OpenFile(connect_to_sound(path), aside)
        except StoreDamaged:
            saved = _saved(path)
        make_file(_successor(path), lambda file: _fill(file, saved, now))
        aside = _put_in_place(path, now)
        return OpenFile(connect_to_sound(path), aside, len(saved))


def _fill(file: sqlite3.Connection, saved: tuple[Reading, ...], now: datetime) -> None:
    streams = Streams()
    if news := streams.news(file, saved):
        streams.append(file, news, now)


def _put_in_place(path: Path, now: datetime) -> Path | None:
    """Put the new outbox where the damaged one is, also where we were killed while doing that."""
    successor = _successor(path)
    if not successor.exists():
        return None
    aside = _set_aside(path, now) if any(part.exists() for part in family(path)) else None
    successor.rename(path)
    _let_go_of_old(path, aside)
    return aside


def _successor(path: Path) -> Path:
    return companion(path, ".successor")


def _saved(path: Path) -> tuple[Reading, ...]:
    """Return what a damaged outbox still tells: the rows whose checksum holds, oldest first.

    Read from both ends, as a page that cannot be read stops a walk over the table.
    """
    found: dict[int, Reading] = {}
    with suppress(sqlite3.Error, OSError), closing(connected(path, "ro")) as connection:
        for direction in ("ASC", "DESC"):
            with suppress(sqlite3.Error):
                for columns in connection.execute(f"{ROWS} ORDER BY seq {direction}"):
                    row = stored(columns)
                    if row.seq in found:
                        break
                    if row.reading is not None:
                        found[row.seq] = row.reading
    return tuple(found[seq] for seq in sorted(found))


def _set_aside(path: Path, now: datetime) -> Path:
    """Move the file and its companions to a dated name beside it; return the file's."""
    dated = f"{_beginning(path)}{now.astimezone(UTC):%Y-%m-%dT%H%M%SZ}"
    aside, number = path.with_name(dated), 1
    while any(part.exists() for part in family(aside)):
        number += 1
        aside = path.with_name(f"{dated}-{number}")
    for part, kept in zip(family(path), family(aside), strict=True):
        with suppress(FileNotFoundError):
            part.rename(kept)
    return aside


def _let_go_of_old(path: Path, newest: Path | None) -> None:
    """Keep the newest that were set aside, by the order in which the disk saw them."""
    beginning = _beginning(path)
    with suppress(OSError):
        others = [
            part
            for part in path.parent.iterdir()
            if part.name.startswith(beginning) and part.name.endswith(("Z", *"0123456789"))
        ]
        others = [part for part in others if part != newest]
        others.sort(key=lambda part: part.stat().st_ctime_ns, reverse=True)
        for old in others[MOST_ASIDE - 1 :]:
            for part in family(old):
                part.unlink(missing_ok=True)
            _LOG.error("%s is removed: only %d damaged outboxes are kept", old.name, MOST_ASIDE)


def _beginning(path: Path) -> str:
    return f"{path.name}.damaged-"
