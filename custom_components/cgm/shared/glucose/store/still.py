"""Keeps the history's file byte for byte as it is while it is copied; its writers go on."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def still(path: Path) -> sqlite3.Connection:
    """Return a reader of a file whose log is empty; until it is closed the file does not change.

    SQLite writes a log back only where no reader still needs the file as it was ("Write-Ahead
    Logging", section 2.2), and one that began when the log was empty needs all of it. Commits
    are appended to the log meanwhile, and of a log that is cut short, SQLite replays what is
    whole. Raises sqlite3.Error.
    """
    # Closed by whichever thread closes the history.
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None
    )
    try:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM meta").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection
