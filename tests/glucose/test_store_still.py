"""A file that stands still while it is copied: whole, and let go of where it is no history."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from glucose.store import Store
from glucose.store.still import still


def test_while_a_reader_holds_it_the_file_does_not_change(tmp_path: Path) -> None:
    store = Store(tmp_path / "cgm.db", clock=lambda: datetime(2026, 11, 20, tzinfo=UTC))
    store.open()
    store.checkpoint()
    before = (tmp_path / "cgm.db").read_bytes()
    with closing(still(tmp_path / "cgm.db")):
        for number in range(200):
            store.note("alex", f"key {number}", "x" * 4000)
        assert (tmp_path / "cgm.db").read_bytes() == before
    store.close()
    assert (tmp_path / "cgm.db").read_bytes() != before


def test_a_file_that_is_no_history_is_let_go_of(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE t (a)")
    with pytest.raises(sqlite3.OperationalError, match="meta"):
        still(file)
    file.unlink()
