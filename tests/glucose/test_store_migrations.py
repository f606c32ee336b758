"""The schema's steps: all or none, once, recorded with their effect; never against a newer file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from glucose.errors import StoreTooNew
from glucose.reading import Reading
from glucose.store import Store
from glucose.store.migrations import MIGRATIONS, Migration

if TYPE_CHECKING:
    from sqlite_utils import Database

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
READING = Reading(time=NOW, mg_dl=104, source="dexcom", series="share")
READINGS = [replace(READING, time=NOW + timedelta(minutes=5 * step)) for step in range(500)]


def doses(db: Database) -> None:
    db.create_table("doses", {"id": int, "units": float}, pk="id")
    db.execute("UPDATE readings SET mg_dl = 222")


def broken_halfway(db: Database) -> None:
    db.create_table("alarms", {"id": int}, pk="id")
    db.execute("DELETE FROM readings")
    raise RuntimeError("the step broke")


def committing(db: Database) -> None:
    db["alarms"].insert({"id": 1})  # type: ignore[union-attr]  # it is a table, no view


def alarms(db: Database) -> None:
    db.create_table("alarms", {"id": int}, pk="id")


def store_at(path: Path, *further: Migration) -> Store:
    return Store(path, clock=lambda: NOW, migrations=(*MIGRATIONS, *further))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of a closed history with readings in it."""
    path = tmp_path / "cgm.db"
    store = store_at(path)
    store.open()
    store.add("anna", READINGS)
    store.close()
    return path


def names_in(path: Path, table: str, column: str) -> list[str]:
    connection = sqlite3.connect(path)
    rows = connection.execute(f"SELECT {column} FROM {table}").fetchall()  # noqa: S608 - ours
    connection.close()
    return [row[0] for row in rows]


def bytes_of_all(folder: Path) -> dict[str, bytes]:
    return {part.name: part.read_bytes() for part in folder.iterdir()}


def test_steps_are_recorded_in_their_order_with_their_time(path: Path) -> None:
    assert names_in(path, "migrations", "name") == [step.__name__ for step in MIGRATIONS]
    assert set(names_in(path, "migrations", "applied_at")) == {NOW.isoformat()}


def test_released_steps_are_never_renamed_or_reordered() -> None:
    released = [
        *("store_identity", "readings_by_series", "notes_of_wearers", "alarm_log"),
        "records_of_wearers",
    ]

    assert [step.__name__ for step in MIGRATIONS][: len(released)] == released


def test_a_new_step_keeps_what_is_there_and_is_taken_once(path: Path) -> None:
    newer = store_at(path, doses)
    opened = newer.open()
    newer.add("anna", READINGS[:1])
    newer.close()
    newer.open()

    assert not opened.begun_anew
    assert [reading.mg_dl for reading in newer.readings("anna")] == [104] + [222] * 499
    assert newer.health().steps[-1] == "doses"
    newer.close()


def test_a_failure_in_the_second_step_leaves_schema_and_data_as_they_were(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(RuntimeError, match="the step broke"):
        store_at(path, doses, broken_halfway).open()

    assert bytes_of_all(path.parent) == {path.name: before}
    old = store_at(path)
    assert not old.open().begun_anew
    assert old.readings("anna") == READINGS
    old.close()
    repaired = store_at(path, doses, alarms)
    repaired.open()
    assert repaired.health().steps[-2:] == ("doses", "alarms")
    repaired.close()


def test_a_failure_while_beginning_leaves_no_history_behind(tmp_path: Path) -> None:
    path = tmp_path / "cgm.db"
    with pytest.raises(RuntimeError, match="the step broke"):
        store_at(path, broken_halfway).open()

    assert not path.exists()
    store = store_at(path)
    assert store.open().begun_anew
    store.close()
    assert list(tmp_path.iterdir()) == [path]


def test_a_step_that_commits_by_itself_is_caught(path: Path) -> None:
    with pytest.raises(AssertionError, match="committing committed by itself"):
        store_at(path, committing).open()


def test_two_histories_migrate_to_the_same_schema(path: Path, tmp_path: Path) -> None:
    upgraded, fresh = store_at(path, alarms), store_at(tmp_path / "fresh.db", alarms)
    for store in (upgraded, fresh):
        store.open()
        store.close()

    assert names_in(path, "sqlite_master", "sql") == names_in(
        tmp_path / "fresh.db", "sqlite_master", "sql"
    )


def after_a_clean_end(store: Store) -> None:
    store.close()


def in_use_meanwhile(store: Store) -> None:
    """Leave the log full and the file open, as a killed process would."""


@pytest.mark.parametrize("end", [after_a_clean_end, in_use_meanwhile])
def test_a_file_of_a_newer_release_is_refused_and_not_touched(
    path: Path, end: Callable[[Store], None]
) -> None:
    newer = store_at(path, doses)
    newer.open()
    newer.add("anna", READINGS)
    end(newer)
    before = bytes_of_all(path.parent)

    with pytest.raises(StoreTooNew, match=r"newer release .*doses"):
        store_at(path).open()

    after = bytes_of_all(path.parent)
    # SQLite's index of the log (-shm) is shared memory on disk: it holds locks, no readings.
    assert {**after, "cgm.db-shm": b""} == {**before, "cgm.db-shm": b""}
    newer.close()
    assert newer.open().set_aside is None
    assert newer.readings("anna") == READINGS
    newer.close()


def test_a_refused_newer_file_keeps_its_mode(path: Path) -> None:
    newer = store_at(path, doses)
    newer.open()
    newer.close()
    path.chmod(0o644)

    with pytest.raises(StoreTooNew):
        store_at(path).open()

    assert path.stat().st_mode & 0o777 == 0o644
