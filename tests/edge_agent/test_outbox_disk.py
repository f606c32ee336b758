"""The outbox on a disk that fails: killed, damaged, full; and what it writes."""

from __future__ import annotations

import random
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.outbox import Outbox
from edge_agent.outbox_file import PAGE_BYTES
from edge_agent.outbox_salvage import MOST_ASIDE
from glucose.errors import StoreDamaged, StoreTooNew, StoreUnavailable
from glucose.reading import Reading
from glucose.wire import Ack

NOW = datetime(2026, 11, 20, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]


def reading(number: int) -> Reading:
    return Reading(
        time=NOW + timedelta(minutes=5 * number),
        mg_dl=100 + number % 50,
        source="dexcom",
        series="share",
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "outbox.db"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    made = Outbox(path, clock=lambda: NOW)
    made.open()
    yield made
    made.close()


def kept(outbox: Outbox) -> list[Reading]:
    return [row.reading for row, _ in outbox.export()]


WRITER = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from edge_agent.outbox import Outbox
from glucose.reading import Reading
now = datetime(2026, 11, 20, tzinfo=UTC)
outbox = Outbox(Path(sys.argv[1]), clock=lambda: now)
outbox.open()
for number in range(int(sys.argv[2]), 10**6):
    outbox.add([Reading(time=now + timedelta(minutes=5 * number), mg_dl=100 + number % 50,
                        source="dexcom", series="share")])
    print(number, flush=True)
"""


def test_what_was_kept_outlives_being_killed_at_any_moment(path: Path) -> None:
    chance = random.Random(3)
    promised = -1
    for _ in range(8):
        writer = subprocess.Popen(  # noqa: S603 - this Python, a program of ours
            [sys.executable, "-c", WRITER, str(path), str(promised + 1)],
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": f"{ROOT}:{ROOT / 'custom_components/cgm/shared'}"},
        )
        assert writer.stdout is not None
        for _ in range(chance.randrange(1, 400)):
            promised = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split(b"\n")[:-1]
        promised = int(rest[-1]) if rest else promised
        writer.wait()
        writer.stdout.close()
    outbox = Outbox(path, clock=lambda: NOW)
    assert outbox.open() is None
    found = kept(outbox)
    outbox.close()
    # One more may have been committed than there was time to say.
    assert len(found) in {promised + 1, promised + 2}
    assert found == [reading(number) for number in range(len(found))]


def test_a_damaged_file_is_set_aside_and_what_is_sound_in_it_saved(
    outbox: Outbox, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outbox.add(reading(number) for number in range(2000))
    outbox.close()
    content = bytearray(path.read_bytes())
    content[PAGE_BYTES * 40 : PAGE_BYTES * 41] = bytes(PAGE_BYTES)
    path.write_bytes(content)
    aside = outbox.open()
    assert aside is not None
    assert aside.name == "outbox.db.damaged-2026-11-20T000000Z"
    assert aside.read_bytes()[: len(content)] == bytes(content)
    assert "damaged" in caplog.text
    found = kept(outbox)
    assert 1900 < len(found) < 2000
    assert set(found) <= {reading(number) for number in range(2000)}
    assert outbox.add(reading(number) for number in range(2000)) == 2000 - len(found)
    assert outbox.depth() == 2000


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 4096, b"no" * 500], ids=["empty", "zeroes", "words"]
)
def test_a_file_that_is_something_else_is_set_aside(
    outbox: Outbox, path: Path, content: bytes
) -> None:
    outbox.close()
    path.write_bytes(content)
    aside = outbox.open()
    assert aside is not None
    assert aside.read_bytes() == content
    assert outbox.add([reading(0)]) == 1


def test_damage_met_in_use_begins_a_new_file_and_keeps_the_reading(
    outbox: Outbox, path: Path
) -> None:
    outbox.add(reading(number) for number in range(2000))
    epoch = outbox.epoch
    outbox._file.lent().execute("PRAGMA wal_checkpoint(TRUNCATE)")  # noqa: SLF001 - into the file
    with path.open("r+b") as file:
        file.seek(PAGE_BYTES)
        file.write(b"\xff" * (path.stat().st_size - PAGE_BYTES))
    outbox._file.lent().execute("PRAGMA cache_size = 0")  # noqa: SLF001 - nor what it remembers
    assert outbox.add([reading(5000)]) >= 1
    assert reading(5000) in kept(outbox)
    assert outbox.epoch != epoch
    assert outbox.counters.set_aside == 1


def test_any_damage_at_all_neither_invents_a_reading_nor_stops_the_outbox(path: Path) -> None:
    chance = random.Random(7)
    given = [reading(number) for number in range(300)]
    for _ in range(60):
        outbox = Outbox(path, clock=lambda: NOW)
        outbox.open()
        outbox.add(given)
        outbox.close()
        content = bytearray(path.read_bytes())
        for _ in range(chance.randrange(1, 4)):
            start = chance.randrange(len(content))
            content[start] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
        outbox.open()
        assert set(kept(outbox)) <= set(given)
        outbox.add(given)
        sent: set[Reading] = set()
        after = 0
        for _ in range(20):
            rows = outbox.batch(after)
            after = rows.last if rows is not None else after
            sent |= {row.reading for row in rows.rows} if rows is not None else set()
        assert sent == set(given)
        outbox.close()
        for part in path.parent.iterdir():
            part.unlink()


def test_a_newer_agents_outbox_is_left_as_it_is(outbox: Outbox, path: Path) -> None:
    outbox.add([reading(0)])
    outbox.close()
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA user_version = 99")
    file.close()
    before = path.read_bytes()
    with pytest.raises(StoreTooNew):
        outbox.open()
    assert path.read_bytes() == before


@contextmanager
def no_file_may_grow(most: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_told_and_loses_nothing_that_was_kept(outbox: Outbox, path: Path) -> None:
    outbox.add(reading(number) for number in range(50))
    rows = outbox.batch(0)
    assert rows is not None
    log = path.with_name("outbox.db-wal").stat().st_size
    with no_file_may_grow(log):
        with pytest.raises(StoreUnavailable):
            outbox.add([reading(50)])
        # Delivery goes on; what is acknowledged is known, if not on disk.
        outbox.acked(Ack(store_id="s", epoch=outbox.epoch, seq=rows.last))
        assert outbox.depth() == 0
        assert outbox.live() is not None
    assert outbox.add([reading(50)]) == 1
    assert outbox.depth() == 1
    assert kept(outbox) == [reading(number) for number in range(51)]


def written() -> int:
    """Return the bytes this process has handed to the system for files, and otherwise."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(dict(line.split(": ") for line in lines)["wchar"])


def test_seven_days_of_readings_write_two_megabytes_at_most(outbox: Outbox) -> None:
    before = written()
    for number in range(2016):
        outbox.add([reading(number)])
        live = outbox.live()
        assert live is not None
        outbox.acked(Ack(store_id="s", epoch=outbox.epoch, seq=live.last))
    outbox.close()
    assert written() - before < 2_000_000


def spoil(path: Path) -> None:
    """Write over all pages but the first, under a process that has the file open."""
    with path.open("r+b") as file:
        file.seek(PAGE_BYTES)
        file.write(b"\xff" * (path.stat().st_size - PAGE_BYTES))


def with_nothing_remembered(outbox: Outbox) -> None:
    file = outbox._file.lent()  # noqa: SLF001 - all into the file, nothing from memory
    file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file.execute("PRAGMA cache_size = 0")


def test_closing_a_file_damaged_meanwhile_lets_go_of_it(outbox: Outbox, path: Path) -> None:
    outbox.add(reading(number) for number in range(500))
    rows = outbox.batch(0)
    assert rows is not None
    outbox.acked(Ack(store_id="s", epoch=outbox.epoch, seq=rows.rows[0].seq))
    outbox.acked(Ack(store_id="s", epoch=outbox.epoch, seq=rows.rows[1].seq))
    with_nothing_remembered(outbox)
    spoil(path)
    outbox.close()
    other = Outbox(path, clock=lambda: NOW)
    assert other.open() is not None
    assert other.add([reading(0)]) == 1
    other.close()


@pytest.mark.parametrize("word", [b"dexcom", b"a store"])
def test_a_letter_changed_by_the_card_neither_stops_it_nor_goes_unsaid(
    outbox: Outbox, path: Path, word: bytes
) -> None:
    """No longer UTF-8, which SQLite's own check does not look at."""
    outbox.add(reading(number) for number in range(250))
    rows = outbox.batch(0)
    assert rows is not None
    outbox.acked(Ack(store_id="a store", epoch=outbox.epoch, seq=rows.last))
    outbox.close()
    content = bytearray(path.read_bytes())
    content[content.index(word)] ^= 0x80
    path.write_bytes(content)
    outbox.open()
    outbox.add(reading(number) for number in range(250))
    found: list[Reading] = []
    while (rows := outbox.batch(outbox.done)) is not None:
        found += [row.reading for row in rows.rows]
        outbox.acked(Ack(store_id="a store", epoch=outbox.epoch, seq=rows.last))
    assert found == [reading(number) for number in range(250)]
    assert outbox.counters.damaged_rows == (150 if word == b"dexcom" else 0)


def test_a_time_changed_by_the_card_is_not_told_as_the_oldest(outbox: Outbox, path: Path) -> None:
    outbox.add(reading(number) for number in range(3))
    outbox.close()
    with sqlite3.connect(path) as file:
        file.execute("UPDATE row SET time = -time * 100 WHERE seq = (SELECT min(seq) FROM row)")
    file.close()
    outbox.open()
    assert outbox.oldest() == reading(1).time
    assert outbox.depth() == 2
    assert outbox.counters.damaged_rows == 1


def test_sound_rows_behind_a_hundred_damaged_ones_are_sent(outbox: Outbox, path: Path) -> None:
    outbox.add(reading(number) for number in range(250))
    outbox.close()
    with sqlite3.connect(path) as file:
        file.execute("UPDATE row SET mg_dl = 55 WHERE seq < (SELECT min(seq) + 220 FROM row)")
    file.close()
    outbox.open()
    rows = outbox.batch(0)
    assert rows is not None
    assert [row.reading for row in rows.rows] == [reading(number) for number in range(220, 250)]
    assert outbox.counters.damaged_rows == 220


def test_what_is_no_outbox_is_not_listed_but_named(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE something (other)")
    file.close()
    with pytest.raises(StoreDamaged, match="something else"):
        next(Outbox(path, clock=lambda: NOW).export())


def test_of_a_card_that_damages_it_again_and_again_only_some_are_kept(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hours = iter(range(100))
    outbox = Outbox(path, clock=lambda: NOW + timedelta(hours=next(hours) % 24))
    for number in range(MOST_ASIDE + 2):
        outbox.open()
        outbox.add([reading(number)])
        outbox.close()
        path.write_bytes(b"\0" * 4096 + bytes([number]))
    outbox.open()
    outbox.close()
    aside = [part for part in path.parent.iterdir() if ".damaged-" in part.name]
    assert sorted(part.read_bytes()[-1] for part in aside) == [2, 3, 4]
    assert caplog.text.count("is removed") == 2


def test_of_a_damaged_file_on_a_full_disk_nothing_is_lost_that_is_sound(
    outbox: Outbox, path: Path
) -> None:
    outbox.add(reading(number) for number in range(2000))
    outbox.close()
    content = bytearray(path.read_bytes())
    content[PAGE_BYTES * 40 : PAGE_BYTES * 41] = bytes(PAGE_BYTES)
    path.write_bytes(content)
    for most in (PAGE_BYTES, 20 * PAGE_BYTES):
        with no_file_may_grow(most), pytest.raises(StoreUnavailable):
            outbox.open()
    assert outbox.open() is not None
    assert len(kept(outbox)) > 1900


def test_being_killed_while_a_damaged_file_is_exchanged_loses_nothing(
    outbox: Outbox, path: Path
) -> None:
    outbox.add(reading(number) for number in range(500))
    outbox.close()
    sound = path.read_bytes()
    successor = path.with_name("outbox.db.successor")
    for left in (b"damaged" * 1000, None):
        successor.write_bytes(sound)
        path.unlink()
        if left is not None:
            path.write_bytes(left)
        aside = outbox.open()
        assert (aside is not None) == (left is not None)
        assert not successor.exists()
        assert kept(outbox) == [reading(number) for number in range(500)]
        outbox.close()
