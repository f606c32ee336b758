"""A locked, full, read-only or served place: said plainly, nothing half written, and it heals."""

from __future__ import annotations

import os
import resource
import sqlite3
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from glucose.errors import StoreUnavailable
from glucose.reading import Reading
from glucose.store import Added, Store, file
from glucose.store.faults import told

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
READING = Reading(time=NOW, mg_dl=104, source="dexcom", series="share")


def readings(rows: int, *, source: str = "dexcom") -> list[Reading]:
    return [
        replace(READING, source=source, time=NOW + timedelta(minutes=5 * step))
        for step in range(rows)
    ]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait a moment only for a lock that will not be given."""
    monkeypatch.setattr(file, "BUSY_SECONDS", 0.1)


@contextmanager
def opened(path: Path) -> Iterator[Store]:
    store = Store(path, clock=lambda: NOW)
    store.open()
    yield store
    store.close()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the exclusive lock on a file, as another program would."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    yield
    other.close()


@contextmanager
def taken(path: Path) -> Iterator[None]:
    """Hold a file for oneself, readers shut out too, as a program in exclusive mode does."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    other.execute("COMMIT")
    yield
    other.close()


@contextmanager
def file_size_limited(most_bytes: int) -> Iterator[None]:
    """Let no file of this process grow past a size: a real refusal to write, for any user."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of one megabyte."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(  # noqa: S603 - fixed words
        ["/bin/mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a file system needs root; the limit on file size covers the same")
    yield place
    subprocess.run(["/bin/umount", "--lazy", str(place)], check=True)  # noqa: S603 - fixed words


def test_a_locked_history_is_unavailable_and_heals(tmp_path: Path, impatient: None) -> None:
    path = tmp_path / "cgm.db"
    with opened(path) as store:
        store.add("anna", readings(3))
        with locked(path):
            with pytest.raises(StoreUnavailable, match="locked"):
                store.add("anna", readings(10))
            with pytest.raises(StoreUnavailable, match="locked"):
                store.note("anna", "delay", "12")
            assert store.readings("anna") == readings(3)

        assert store.add("anna", readings(10)).new == 7
        assert store.recall("anna", "delay") is None


def test_a_history_that_another_holds_cannot_be_opened_and_later_can(
    tmp_path: Path, impatient: None
) -> None:
    path = tmp_path / "cgm.db"
    with opened(path) as store:
        store.add("anna", readings(3))
    with taken(path), pytest.raises(StoreUnavailable, match="locked"):
        Store(path, clock=lambda: NOW).open()

    with opened(path) as store:
        assert store.readings("anna") == readings(3)
    assert list(tmp_path.iterdir()) == [path]


def test_a_short_lock_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "cgm.db"
    with opened(path) as store:
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN EXCLUSIVE")
        release = threading.Timer(0.3, other.rollback)
        release.start()

        assert store.add("anna", readings(3)).new == 3
        release.join()
        other.close()


def test_a_checkpoint_in_a_readers_way_says_so_and_works_later(
    tmp_path: Path, impatient: None
) -> None:
    path = tmp_path / "cgm.db"
    with opened(path) as store:
        store.add("anna", readings(3))
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM readings").fetchone()
        store.add("anna", readings(10))

        with pytest.raises(StoreUnavailable, match="another program"):
            store.checkpoint()
        reader.close()
        store.checkpoint()
        assert path.with_name("cgm.db-wal").stat().st_size == 0


def test_a_full_disk_loses_nothing_and_a_later_add_succeeds(small_disk: Path) -> None:
    with opened(small_disk / "cgm.db") as store:
        store.add("anna", readings(500))
        filler = small_disk / "filler"
        filler.write_bytes(bytes(os.statvfs(small_disk).f_bavail * 4096 - 40_000))

        with pytest.raises(StoreUnavailable, match="full"):
            store.add("anna", readings(8_000))
        assert store.readings("anna") == readings(500)
        assert store.health().replaced == 0

        filler.unlink()
        assert store.add("anna", readings(8_000)) == Added(
            new=7_500, unchanged=500, earliest_change=readings(501)[-1].time
        )
    with opened(small_disk / "cgm.db") as store:
        assert store.readings("anna") == readings(8_000)


def test_a_disk_full_from_the_start_is_unavailable_and_heals(small_disk: Path) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(bytes(os.statvfs(small_disk).f_bavail * 4096 - 8_192))
    store = Store(small_disk / "cgm.db", clock=lambda: NOW)
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="full"):
            store.open()

    filler.unlink()
    found = store.open()
    assert found.begun_anew
    assert found.set_aside is None
    assert store.add("anna", readings(3)).new == 3
    store.close()


def test_closing_on_a_full_disk_keeps_what_was_acknowledged(small_disk: Path) -> None:
    with opened(small_disk / "cgm.db") as store:
        store.add("anna", readings(4_000))
        filler = small_disk / "filler"
        filler.write_bytes(bytes(os.statvfs(small_disk).f_bavail * 4096))
    filler.unlink()

    with opened(small_disk / "cgm.db") as store:
        assert store.readings("anna") == readings(4_000)


def test_news_of_damage_survives_a_disk_too_full_for_a_new_history(small_disk: Path) -> None:
    path = small_disk / "cgm.db"
    path.write_bytes(b"no history" * 1000)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(os.statvfs(small_disk).f_bavail * 4096))
    store = Store(path, clock=lambda: NOW)
    with pytest.raises(StoreUnavailable):
        store.open()

    filler.unlink()
    set_aside = store.open().set_aside
    store.close()
    assert set_aside is not None
    assert set_aside.read_bytes() == b"no history" * 1000


def test_a_refused_write_loses_nothing_and_a_later_add_succeeds(tmp_path: Path) -> None:
    with opened(tmp_path / "cgm.db") as store:
        store.add("anna", readings(500))
        with file_size_limited(100_000), pytest.raises(StoreUnavailable):
            store.add("anna", readings(20_000))
        assert store.readings("anna") == readings(500)

        assert store.add("anna", readings(20_000)).new == 19_500
    with opened(tmp_path / "cgm.db") as store:
        assert store.readings("anna") == readings(20_000)


def test_a_refused_write_leaves_no_series_behind(tmp_path: Path) -> None:
    path = tmp_path / "cgm.db"
    with opened(path) as store:
        with file_size_limited(100_000), pytest.raises(StoreUnavailable):
            store.add("anna", [*readings(10, source="libre"), *readings(20_000)])
        other = sqlite3.connect(path)
        assert other.execute("SELECT count(*) FROM series").fetchone() == (0,)
        other.close()


def test_a_read_only_disk_is_unavailable_and_heals(small_disk: Path) -> None:
    path = small_disk / "cgm.db"
    with opened(path) as store:
        store.add("anna", readings(3))
    remount = ["/bin/mount", "-o", "remount,ro", str(small_disk)]
    subprocess.run(remount, check=True)  # noqa: S603 - fixed words
    store = Store(path, clock=lambda: NOW)
    with pytest.raises(StoreUnavailable):
        store.open()

    remount[2] = "remount,rw"
    subprocess.run(remount, check=True)  # noqa: S603 - fixed words
    assert store.open().set_aside is None
    assert store.readings("anna") == readings(3)
    store.close()


def test_a_refusal_to_write_into_a_readable_file_is_unavailable(tmp_path: Path) -> None:
    with opened(tmp_path / "cgm.db"):
        pass
    connection = sqlite3.connect(f"{(tmp_path / 'cgm.db').as_uri()}?mode=ro", uri=True)

    with pytest.raises(StoreUnavailable, match="READONLY"), told():
        connection.execute("DELETE FROM notes")
    connection.close()


def test_a_mistake_of_ours_is_not_blamed_on_the_disk() -> None:
    connection = sqlite3.connect(":memory:")

    with pytest.raises(sqlite3.OperationalError, match="no such table"), told():
        connection.execute("SELECT * FROM nowhere")
    connection.close()


def test_a_folder_in_the_files_place_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "cgm.db").mkdir()

    with pytest.raises(StoreUnavailable):
        Store(tmp_path / "cgm.db", clock=lambda: NOW).open()


def test_a_file_in_the_folders_place_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "cgm").write_text("")

    with pytest.raises(StoreUnavailable):
        Store(tmp_path / "cgm" / "cgm.db", clock=lambda: NOW).open()


@pytest.mark.parametrize("below", ["www", "www/deeper", "WWW"])
def test_a_place_served_without_login_is_refused(tmp_path: Path, below: str) -> None:
    path = tmp_path / below / "cgm.db"

    with pytest.raises(StoreUnavailable, match="served without login"):
        Store(path, clock=lambda: NOW).open()
    assert list(tmp_path.iterdir()) == []


def test_a_link_into_a_served_place_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / "www").mkdir()
    (tmp_path / "private").symlink_to(tmp_path / "www", target_is_directory=True)

    with pytest.raises(StoreUnavailable, match="served without login"):
        Store(tmp_path / "private" / "cgm.db", clock=lambda: NOW).open()


def test_a_name_that_only_contains_www_is_fine(tmp_path: Path) -> None:
    with opened(tmp_path / "www-backup" / "cgm.db") as store:
        assert store.count("anna") == 0


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def modes_of(folder: Path) -> dict[str, int]:
    return {part.name: stat.S_IMODE(part.stat().st_mode) for part in folder.iterdir()}


def test_file_and_companions_are_for_their_owner_alone(tmp_path: Path, open_umask: None) -> None:
    path = tmp_path / "cgm" / "cgm.db"
    with opened(path) as store:
        store.add("anna", readings(3))

        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert modes_of(path.parent) == {
            "cgm.db": 0o600,
            "cgm.db-shm": 0o600,
            "cgm.db-wal": 0o600,
        }


def test_a_restored_copy_open_to_others_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "cgm.db"
    with opened(path):
        pass
    path.chmod(0o644)

    with opened(path) as store:
        store.add("anna", readings(3))
        assert set(modes_of(tmp_path).values()) == {0o600}


def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    folder.mkdir(mode=0o755)
    with opened(folder / "cgm.db"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o755


@pytest.mark.parametrize("name", ["what?.db", "100%#.db", "ein Verlauf ü.db"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    with opened(tmp_path / name) as store:
        store.add("anna", readings(3))
    with opened(tmp_path / name) as store:
        assert store.readings("anna") == readings(3)
    assert [part.name for part in tmp_path.iterdir()] == [name]


def test_another_thread_is_refused(tmp_path: Path) -> None:
    refused: list[Exception] = []

    def ask(store: Store) -> None:
        try:
            store.count("anna")
        except sqlite3.ProgrammingError as error:
            refused.append(error)

    with opened(tmp_path / "cgm.db") as store:
        thread = threading.Thread(target=ask, args=(store,))
        thread.start()
        thread.join()

    assert len(refused) == 1
