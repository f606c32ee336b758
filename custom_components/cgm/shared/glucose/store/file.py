"""The history's file on disk: a private place, opened only when sound, else set aside.

Nothing is ever deleted: a damaged file and its companions keep their bytes under a dated name.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from ..errors import StoreDamaged, StoreUnavailable
from .faults import told
from .migrations import Migration, migrate, recorded, refuse_newer
from .wal import hides_commits

BUSY_SECONDS = 3.0
_TAILS = ("", "-wal", "-shm", "-journal")  # SQLite's companions of a file
PRIVATE_FILE = 0o600
_PRIVATE_FOLDER = 0o700


class OpenFile(NamedTuple):
    """A sound history, connected; what had to be set aside for it; whether it begins empty."""

    connection: sqlite3.Connection
    store_id: str
    set_aside: Path | None
    begun_anew: bool


def open_file(
    path: Path, migrations: Sequence[Migration], now: datetime, *, suspect: bool
) -> OpenFile:
    """Connect to the history at `path`, made if there is none, its schema brought up to date.

    `suspect` asks for the long check, after damage was met in use. Raises StoreTooNew with
    the file untouched, and StoreUnavailable.
    """
    with told():
        make_place(path)
        exists = any(part.exists() for part in _family(path))
    if exists:
        with suppress(StoreDamaged), told():
            return _connect_to_sound(path, migrations, now, suspect=suspect)
    with told():
        # Only when the new file is whole does the damaged one move, so that a disk too full
        # for a new one does not swallow the news of the damage.
        new = _make_empty(path, migrations, now)
        set_aside = _set_aside(path, now) if exists else None
        new.rename(path)
        begun = _connect_to_sound(path, migrations, now, suspect=False)
    return begun._replace(set_aside=set_aside, begun_anew=True)


def file_bytes(path: Path) -> int:
    """Return how much room the file and its companions take, in bytes."""
    return sum(part.stat().st_size for part in _family(path) if part.exists())


def make_place(path: Path) -> None:
    """Make the folder, for its owner's eyes; refuse what Home Assistant serves without login."""
    if any(folder.name.lower() == "www" for folder in path.resolve().parents):
        raise StoreUnavailable("a history may not lie below www, which is served without login")
    path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)


def _connect_to_sound(
    path: Path, migrations: Sequence[Migration], now: datetime, *, suspect: bool
) -> OpenFile:
    """Look before touching: all judgement is passed on a read-only connection."""
    if not path.exists() or path.stat().st_size == 0:
        # Our own beginnings appear whole (see _make_empty), and SQLite would take an empty
        # file for a new one and delete the log beside it.
        raise StoreDamaged("history damaged: the file is empty or gone")
    # A log outlives only an unclean end. The check reads the whole file (10 ms for a year of
    # one wearer on a desktop; ten years of three on a Pi: a second or two), so it is not made
    # after a clean end; damage that came while the file lay closed is met in use.
    log = _companion(path, "-wal")
    unclean = log.exists() and log.stat().st_size > 0
    with closing(_connect(path, read_only=True, alone=not log.exists())) as connection:
        seen = recorded(connection)
        if seen is None:
            raise StoreDamaged("history damaged: the file is something else")
        refuse_newer(seen, migrations)
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
        if not unclean and path.stat().st_size % page_bytes:
            # SQLite would read the missing end of a page as zeros. (With a log, that page may
            # lie there whole, and the check tells.)
            raise StoreDamaged("history damaged: the file ends within a page")
        if unclean or suspect:
            _check(connection, "quick_check")
        (store_id,) = connection.execute("SELECT value FROM meta WHERE key = 'store_id'").fetchone()
    set_aside = _set_log_aside(path, now) if unclean else None
    with suppress(OSError):  # some file systems know no modes
        _keep_private(path)
    connection = _connect(path)
    try:
        if suspect:
            # Here, because SQLite looks at a table's own limits only where it may write.
            _check(connection, "integrity_check")
        migrate(connection, migrations, now)
    except BaseException:
        connection.close()
        raise
    return OpenFile(connection, str(store_id), set_aside, begun_anew=False)


def _connect(path: Path, *, read_only: bool = False, alone: bool = False) -> sqlite3.Connection:
    """Connect to an existing file; `alone` leaves no companions behind where there are none."""
    options = f"mode={'ro' if read_only else 'rw'}{'&immutable=1' if alone else ''}"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{options}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,  # transactions are begun and ended in words
    )
    try:
        # NORMAL: a commit outlives our own death, but a power cut may take the last ones with
        # it, never half of one. The sources' trailing windows bring those readings again, and
        # a flash card is spared one synchronisation a reading.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA secure_delete = ON")  # forgotten is erased
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection, check: str) -> None:
    """Have SQLite read every page; raises StoreDamaged."""
    if connection.execute(f"PRAGMA {check}(1)").fetchone() != ("ok",):
        raise StoreDamaged(f"history damaged: found by {check}")


def _make_empty(path: Path, migrations: Sequence[Migration], now: datetime) -> Path:
    """Make an empty history under another name, whole before it is moved into place."""
    new = path.with_name(f"{path.name}.new")
    for part in _family(new):
        part.unlink(missing_ok=True)  # an earlier beginning that did not end: it held nothing
    # SQLite gives its companions the mode of the file, so making it private is enough.
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE))
    with closing(_connect(new)) as connection:
        migrate(connection, migrations, now)
        connection.execute("PRAGMA journal_mode = WAL")  # last: the file alone holds everything
    return new


def _keep_private(path: Path) -> None:
    """Take away what a restored copy may have been given: reading by others."""
    for part in _family(path):
        if part.exists() and part.stat().st_mode & 0o077:
            part.chmod(PRIVATE_FILE)


def _set_log_aside(path: Path, now: datetime) -> Path | None:
    """Keep a copy of a log with damage in it: the file goes on with what SQLite replays."""
    log = _companion(path, "-wal").read_bytes()
    if not hides_commits(log):
        return None
    aside = _companion(_unused(path, now), "-wal")
    private = os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE)
    try:
        with os.fdopen(private, "wb") as copy:
            copy.write(log)
    except OSError:
        aside.unlink()  # half a copy would be taken for a whole one
        raise
    return aside


def _set_aside(path: Path, now: datetime) -> Path:
    """Move the file and its companions to a dated name beside it; return the file's."""
    aside = _unused(path, now)
    for part, kept in zip(_family(path), _family(aside), strict=True):
        with suppress(FileNotFoundError):
            part.rename(kept)
    return aside


def _unused(path: Path, now: datetime) -> Path:
    """Return a dated name under which nothing lies yet."""
    dated = f"{path.name}.damaged-{now.astimezone(UTC):%Y-%m-%dT%H%M%SZ}"
    candidate, number = path.with_name(dated), 1
    while any(part.exists() for part in _family(candidate)):
        number += 1
        candidate = path.with_name(f"{dated}-{number}")
    return candidate


def _family(path: Path) -> list[Path]:
    return [_companion(path, tail) for tail in _TAILS]


def _companion(path: Path, tail: str) -> Path:
    return path.with_name(path.name + tail)
