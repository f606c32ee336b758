"""A consistent copy of the history in a file of its own, for a backup to take along."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from .file import PRIVATE_FILE, make_place


def copy(connection: sqlite3.Connection, path: Path) -> None:
    """Copy all that is committed to a new private file at `path`, which no one else has yet.

    SQLite copies page by page within one look, so that writers before and after it are whole in
    the copy or not in it. An earlier copy is replaced when the new one is whole.
    """
    make_place(path)
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)  # an earlier copy that did not end
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE))
    try:
        with closing(sqlite3.connect(new)) as target:
            connection.backup(target)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
