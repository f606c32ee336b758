"""A damaged file is set aside whole, reported, and a new one begun; nothing is deleted."""

from __future__ import annotations

import resource
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from glucose.errors import StoreDamaged, StoreUnavailable
from glucose.reading import Reading
from glucose.store import Store
from glucose.store.wal import hides_commits

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
DATED = "cgm.db.damaged-2026-11-20T101500Z"
READING = Reading(time=NOW, mg_dl=104, source="dexcom", series="share")
READINGS = [replace(READING, time=NOW + timedelta(minutes=5 * step)) for step in range(5_000)]
# Behind the schema and the small tables, in the midst of some 30 pages.
A_PAGE_OF_READINGS = 4096 * 30
COMMITS = 12


def store_at(path: Path) -> Store:
    return Store(path, clock=lambda: NOW)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of a closed history with readings in it."""
    path = tmp_path / "cgm.db"
    store = store_at(path)
    store.open()
    store.add("anna", READINGS)
    store.close()
    return path


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder as a killed process leaves it: the file, and a log with commits in it."""
    living, folder = tmp_path_factory.mktemp("living"), tmp_path_factory.mktemp("killed")
    store = store_at(living / "cgm.db")
    store.open()
    store.add("anna", READINGS)
    store.checkpoint()
    for commit in range(COMMITS):
        store.add("anna", [replace(READING, time=NOW - timedelta(days=commit), mg_dl=90)])
        store.note("anna", "commits", str(commit + 1))
    for name in ("cgm.db", "cgm.db-wal", "cgm.db-shm"):
        shutil.copy(living / name, folder)
    store.close()
    return folder


def bytes_of_all(folder: Path) -> dict[str, bytes]:
    return {part.name: part.read_bytes() for part in folder.iterdir()}


def spoil(path: Path, offset: int, junk: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(junk)


def cut_to(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)


def something_else(path: Path) -> None:
    path.write_text("This was a diary.\n" * 1000)


def nothing(path: Path) -> None:
    path.write_bytes(b"")


def half(path: Path) -> None:
    cut_to(path, path.stat().st_size // 2)


def a_hundred_bytes(path: Path) -> None:
    cut_to(path, 100)


def an_odd_end(path: Path) -> None:
    cut_to(path, path.stat().st_size - 1000)


def no_header(path: Path) -> None:
    spoil(path, 0, bytes(100))


def no_schema(path: Path) -> None:
    spoil(path, 100, b"\xff" * 3996)


def no_names_of_steps(path: Path) -> None:
    connection = sqlite3.connect(path)
    (page,) = connection.execute(
        "SELECT rootpage FROM sqlite_master WHERE name = 'migrations'"
    ).fetchone()
    connection.close()
    spoil(path, (page - 1) * 4096, b"\xff" * 4096)


def another_database(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE states (state TEXT)")
    connection.close()


@pytest.mark.parametrize(
    "damage",
    [
        something_else,
        nothing,
        half,
        a_hundred_bytes,
        an_odd_end,
        no_header,
        no_schema,
        no_names_of_steps,
        another_database,
    ],
)
def test_a_damaged_file_is_set_aside_and_a_new_history_works(
    path: Path, damage: Callable[[Path], None]
) -> None:
    damage(path)
    damaged = path.read_bytes()
    store = store_at(path)
    opened = store.open()

    assert opened.set_aside == path.with_name(DATED)
    assert opened.begun_anew
    assert store.readings("anna") == []
    assert store.add("anna", READINGS).new == len(READINGS)
    store.close()
    assert bytes_of_all(path.parent)[DATED] == damaged
    assert sorted(part.name for part in path.parent.iterdir()) == ["cgm.db", DATED]
    assert store.open().set_aside is None
    assert store.readings("anna") == READINGS
    store.close()


def test_a_new_history_has_a_new_id(path: Path) -> None:
    store = store_at(path)
    before = store.open().store_id
    store.close()
    nothing(path)

    assert store.open().store_id != before
    store.close()


def test_damage_twice_in_a_second_gets_two_names(path: Path) -> None:
    store = store_at(path)
    kept = []
    for _ in range(3):
        nothing(path)
        kept.append(store.open().set_aside)
        store.close()

    assert kept == [path.with_name(name) for name in (DATED, f"{DATED}-2", f"{DATED}-3")]
    assert all(one is not None and one.exists() for one in kept)


def test_a_damaged_page_is_found_after_an_unclean_end_and_the_log_is_kept_beside(
    killed: Path, tmp_path: Path
) -> None:
    shutil.copytree(killed, tmp_path, dirs_exist_ok=True)
    spoil(tmp_path / "cgm.db", A_PAGE_OF_READINGS, b"\xff" * 4096)
    before = bytes_of_all(tmp_path)
    store = store_at(tmp_path / "cgm.db")
    opened = store.open()
    store.close()

    after = bytes_of_all(tmp_path)
    assert opened.set_aside == tmp_path / DATED
    assert opened.begun_anew
    assert after[DATED] == before["cgm.db"]
    assert after[f"{DATED}-wal"] == before["cgm.db-wal"]
    assert f"{DATED}-shm" in after


def test_a_log_without_its_file_is_kept_too(killed: Path, tmp_path: Path) -> None:
    shutil.copy(killed / "cgm.db-wal", tmp_path)
    before = bytes_of_all(tmp_path)
    store = store_at(tmp_path / "cgm.db")

    assert store.open().set_aside == tmp_path / DATED
    assert bytes_of_all(tmp_path)[f"{DATED}-wal"] == before["cgm.db-wal"]
    store.close()


def test_an_emptied_file_does_not_take_its_log_with_it(killed: Path, tmp_path: Path) -> None:
    shutil.copytree(killed, tmp_path, dirs_exist_ok=True)
    before = bytes_of_all(tmp_path)
    nothing(tmp_path / "cgm.db")
    store = store_at(tmp_path / "cgm.db")

    assert store.open().set_aside == tmp_path / DATED
    assert bytes_of_all(tmp_path)[f"{DATED}-wal"] == before["cgm.db-wal"]
    store.close()


def test_damage_met_in_use_is_told_and_the_next_opening_sets_the_file_aside(path: Path) -> None:
    spoil(path, A_PAGE_OF_READINGS, b"\xff" * 4096)
    damaged = path.read_bytes()
    store = store_at(path)
    assert store.open().set_aside is None

    with pytest.raises(StoreDamaged):
        store.readings("anna")
    opened = store.open()

    assert opened.set_aside == path.with_name(DATED)
    assert path.with_name(DATED).read_bytes() == damaged
    assert store.add("anna", READINGS).new == len(READINGS)
    assert store.readings("anna") == READINGS
    store.close()


def test_damage_met_while_adding_is_told_too(path: Path) -> None:
    spoil(path, A_PAGE_OF_READINGS, b"\xff" * 4096)
    store = store_at(path)
    store.open()

    with pytest.raises(StoreDamaged):
        store.add("anna", [replace(reading, mg_dl=80) for reading in READINGS])
    assert store.open().set_aside == path.with_name(DATED)
    store.close()


@pytest.mark.parametrize("column", ["mg_dl = 5", "trend = 9", "bound = 7"])
def test_a_row_that_cannot_be_a_reading_is_damage(path: Path, column: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    connection.execute(f"UPDATE readings SET {column} WHERE time_ms % 7 = 0")  # noqa: S608 - ours
    connection.close()
    store = store_at(path)
    store.open()

    with pytest.raises(StoreDamaged, match="cannot be a reading"):
        store.readings("anna")
    assert store.open().set_aside == path.with_name(DATED)
    store.close()


def test_a_false_alarm_costs_nothing(path: Path) -> None:
    """A fault of memory or bus may look like damage: the file is judged by its own bytes."""
    sound = path.read_bytes()
    spoil(path, A_PAGE_OF_READINGS, b"\xff" * 4096)
    store = store_at(path)
    store.open()
    with pytest.raises(StoreDamaged):
        store.readings("anna")
    store.close()
    path.write_bytes(sound)

    assert store.open().set_aside is None
    assert store.readings("anna") == READINGS
    store.close()


def test_a_sound_log_is_replayed_without_a_word(killed: Path, tmp_path: Path) -> None:
    shutil.copytree(killed, tmp_path, dirs_exist_ok=True)
    store = store_at(tmp_path / "cgm.db")
    opened = store.open()

    assert opened.set_aside is None
    assert not opened.begun_anew
    assert store.recall("anna", "commits") == str(COMMITS)
    store.close()


@pytest.mark.parametrize("offset", [0, 20, 32 + 10, 32 + 24 + 100, 32 + 3 * 4120 + 24 + 2000])
def test_a_damaged_log_is_kept_and_the_history_goes_on(
    killed: Path, tmp_path: Path, offset: int
) -> None:
    shutil.copytree(killed, tmp_path, dirs_exist_ok=True)
    spoil(tmp_path / "cgm.db-wal", offset, b"\xa5\x5a\xa5")
    damaged = (tmp_path / "cgm.db-wal").read_bytes()
    store = store_at(tmp_path / "cgm.db")
    opened = store.open()

    assert opened.set_aside == tmp_path / f"{DATED}-wal"
    assert opened.set_aside.read_bytes() == damaged
    assert opened.set_aside.stat().st_mode & 0o777 == 0o600
    assert not opened.begun_anew
    assert store.readings("anna", NOW + timedelta(minutes=1)) == READINGS[1:]
    store.close()
    assert store.open().set_aside is None
    store.close()


def test_a_damaged_log_is_left_alone_until_there_is_room_for_its_copy(
    killed: Path, tmp_path: Path
) -> None:
    shutil.copytree(killed, tmp_path, dirs_exist_ok=True)
    spoil(tmp_path / "cgm.db-wal", 32 + 24 + 100, b"\xa5\x5a\xa5")
    damaged = (tmp_path / "cgm.db-wal").read_bytes()
    store = store_at(tmp_path / "cgm.db")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(damaged) // 2, hard))
    with pytest.raises(StoreUnavailable):
        store.open()
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    left = sorted(part.name for part in tmp_path.iterdir())
    set_aside = store.open().set_aside
    store.close()
    assert left == ["cgm.db", "cgm.db-shm", "cgm.db-wal"]
    assert set_aside is not None
    assert set_aside.read_bytes() == damaged


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_wherever_a_log_is_damaged_more_than_one_lost_commit_is_reported(
    killed: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("spoilt")
    shutil.copytree(killed, folder, dirs_exist_ok=True)
    log = (killed / "cgm.db-wal").read_bytes()
    offset = data.draw(st.integers(0, len(log) - 1))
    spoil(folder / "cgm.db-wal", offset, bytes([log[offset] ^ 0xFF]))
    store = store_at(folder / "cgm.db")
    opened = store.open()
    lost = COMMITS - int(store.recall("anna", "commits") or 0)
    added = sum(reading.mg_dl == 90 for reading in store.readings("anna"))
    store.close()
    shutil.rmtree(folder)

    assert lost <= 1 or opened.set_aside is not None
    assert lost >= 1 or opened.set_aside is None
    assert COMMITS - added in {lost, lost - 1}


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_torn_end_of_a_log_is_no_damage(killed: Path, data: st.DataObject) -> None:
    log = (killed / "cgm.db-wal").read_bytes()
    size = data.draw(st.integers(0, len(log)))

    assert not hides_commits(log[:size])


def test_a_frame_of_another_round_amid_the_log_is_damage(killed: Path) -> None:
    log = (killed / "cgm.db-wal").read_bytes()
    frames = range(32, len(log), 4120)

    assert [hides_commits(flipped(log, frame + 8)) for frame in frames] == [
        frame != frames[-1] for frame in frames
    ]


def flipped(log: bytes, offset: int) -> bytes:
    return log[:offset] + bytes([log[offset] ^ 0xFF]) + log[offset + 1 :]


@pytest.mark.parametrize("missing_frames", [0, 1])
def test_a_broken_last_transaction_is_no_damage(tmp_path: Path, missing_frames: int) -> None:
    """SQLite writes frames of an unfinished transaction anew, and mends the sums at its end."""
    store = store_at(tmp_path / "cgm.db")
    store.open()
    store.add("anna", READINGS)
    log = (tmp_path / "cgm.db-wal").read_bytes()
    store.close()
    left = log[: len(log) - 4120 * missing_frames]

    assert len(left) > 20 * 4120
    assert not hides_commits(flipped(left, 32 + 3 * 4120 + 1000))


def test_what_an_earlier_round_left_in_the_log_is_no_damage(tmp_path: Path) -> None:
    store = store_at(tmp_path / "cgm.db")
    store.open()
    store.add("anna", READINGS)
    passive = sqlite3.connect(tmp_path / "cgm.db")
    passive.execute("PRAGMA wal_checkpoint(RESTART)")
    passive.close()
    store.add("anna", [replace(READING, mg_dl=90)])
    log = (tmp_path / "cgm.db-wal").read_bytes()
    store.close()

    frames = [log[start + 8 : start + 16] for start in range(32, len(log), 4120)]
    assert len(set(frames)) == 2  # frames of two rounds, told apart by their salts
    assert not hides_commits(log)
