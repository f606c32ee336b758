"""A file that stands still while it is copied: whole, and let go of where it is no history."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from glucose.errors import StoreUnavailable
from glucose.store import Store
from glucose.store.still import still


def test_while_a_reader_holds_it_the_file_does_not_change(tmp_path: Path) -> None:
    store = Store(tmp_path / "cgm.db", clock=lambda: datetime(2026, 11, 20, tzinfo=UTC))
    store.open()
    store.checkpoint()
    before = (tmp_path / "cgm.db").read_bytes()
    with closing(still(tmp_path / "cgm.db")):
        # More than the thousand pages after which SQLite writes its log back by itself.
        for number in range(200):
            store.note("alex", f"key {number}", "x" * 40_000)
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


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "cgm.db", clock=lambda: datetime(2026, 11, 20, tzinfo=UTC))
    store.open()
    store.note("alex", "before", "words of before")
    yield store
    store.close()


def test_what_was_in_the_log_is_in_the_file_that_stands_still(store: Store, tmp_path: Path) -> None:
    store.hold_still()
    before = (tmp_path / "cgm.db").read_bytes()
    assert b"words of before" in before
    for number in range(200):
        store.note("alex", f"key {number}", "x" * 40_000)
    assert (tmp_path / "cgm.db").read_bytes() == before
    store.let_move()
    store.checkpoint()
    assert (tmp_path / "cgm.db").read_bytes() != before


def test_a_backup_whose_end_was_never_told_is_not_in_the_way_of_the_next(
    store: Store, tmp_path: Path
) -> None:
    store.hold_still()
    store.note("alex", "later", "words of later")
    store.hold_still()
    assert b"words of later" in (tmp_path / "cgm.db").read_bytes()


def test_a_history_that_is_closed_meanwhile_is_written_back(store: Store, tmp_path: Path) -> None:
    store.hold_still()
    store.note("alex", "later", "words of later")
    store.close()
    assert [file.name for file in tmp_path.iterdir()] == ["cgm.db"]
    assert b"words of later" in (tmp_path / "cgm.db").read_bytes()


def test_what_cannot_stand_still_is_said(store: Store, tmp_path: Path) -> None:
    (tmp_path / "cgm.db").rename(tmp_path / "away.db")
    with pytest.raises(StoreUnavailable):
        store.hold_still()
    (tmp_path / "away.db").rename(tmp_path / "cgm.db")
    store.hold_still()


def test_a_closed_history_says_so_until_it_is_opened(store: Store) -> None:
    store.close()
    with pytest.raises(StoreUnavailable, match="not open"):
        store.hold_still()
    store.open()
    store.hold_still()
