"""The outbox: every reading on disk, under a number, until Home Assistant's store has it."""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from threading import RLock

from glucose.errors import StoreDamaged, StoreUnavailable
from glucose.reading import Reading
from glucose.wire import MOST_ROWS, Ack, Row, Rows

from .outbox_file import (
    PAGE_BYTES,
    ROWS,
    Noted,
    locked,
    note,
    noted,
    open_file,
    read_only,
    stored,
    told,
)
from .outbox_rows import Stream, Value, checksum, ms_of, stream_of, time_of, value_of

_LOG = logging.getLogger(__name__)

KEPT = timedelta(days=30)
# How far the number acknowledged may run ahead of the one on disk: after a power cut these rows
# are sent again, which costs nothing; a commit for each acknowledgement would cost a page.
UNSAVED_ACKS = 12
# Two Home Assistants on one broker would answer by turns; each change sends everything again.
SECONDS_BEFORE_A_KNOWN_STORE_RETURNS = 600.0
_ADDS_BETWEEN_PRUNINGS = 288
_MB = 1_000_000
_NOT_REJECTED = "seq NOT IN (SELECT seq FROM rejected)"
_DELETE_DONE = (
    "DELETE FROM row WHERE seq IN"
    " (SELECT seq FROM row WHERE seq < ? AND seq <= ? ORDER BY seq LIMIT ?)"
)
_DELETE_WAITING = _DELETE_DONE.replace("<=", ">")

Clock = Callable[[], datetime]


class Outcome(StrEnum):
    """What an acknowledgement did."""

    ACCEPTED = "accepted"
    UNCHANGED = "unchanged"
    REWOUND = "rewound"
    NEW_STORE = "new_store"
    FOREIGN_EPOCH = "foreign_epoch"
    AHEAD = "ahead"
    OTHER_STORE = "other_store"


class State(StrEnum):
    """How a row of the outbox stands; `done` may lag by UNSAVED_ACKS in an outbox in use."""

    DONE = "done"
    WAITING = "waiting"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class OutboxCounters:
    """What has happened since the process started; `dropped` readings are lost."""

    foreign_acks: int = 0
    ahead_acks: int = 0
    other_store_acks: int = 0
    rewinds: int = 0
    rejected: int = 0
    dropped: int = 0
    damaged_rows: int = 0
    set_aside: int = 0


class Outbox:
    """Readings with numbers that rise, in one SQLite file; may be used by several threads.

    `epoch` is another one after each open(), and after Home Assistant's store was exchanged. Any
    call raises StoreUnavailable where the disk is full or the outbox not open: then nothing was
    kept, and the call may be made again. Damage met in use is repaired by beginning anew with
    what can be saved. `elapsed` gives monotonic seconds.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        most_mb: float = 32,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._clock = clock
        self._most_bytes = int(most_mb * _MB)
        self._elapsed = elapsed
        self._lock = RLock()
        self._file: sqlite3.Connection | None = None
        self._owned: int | None = None
        self._epoch = secrets.token_hex(8)
        self._done = 0
        self._saved_done = 0
        self._highest_sent = 0
        self._store_id: str | None = None
        self._seen_stores: dict[str, float] = {}
        # Whether the store that acknowledged last has done so under the present epoch: only a
        # real one can, for an epoch is random and began after its first word.
        self._store_proved = False
        self._streams: dict[Stream, int] = {}
        self._newest: dict[Stream, Value] = {}
        self._live_seq: int | None = None
        self._adds = 0
        self._salvage: list[Reading] = []  # of a damaged file, not yet in the new one
        self._counters = OutboxCounters()

    @property
    def epoch(self) -> str:
        """The random name under which the numbers hold now."""
        return self._epoch

    @property
    def done(self) -> int:
        """Every row up to this number is in Home Assistant's store, or was rejected by it."""
        return self._done

    @property
    def store_id(self) -> str | None:
        """The store that acknowledged last, None before the first."""
        return self._store_id

    @property
    def counters(self) -> OutboxCounters:
        """What has happened since the process started."""
        return self._counters

    def open(self) -> Path | None:
        """Take the file, under a new epoch; return where a damaged one was set aside, if one was.

        Raises StoreUnavailable (also where another agent has it open) and StoreTooNew.
        """
        with self._lock:
            self.close()
            self._owned = locked(self._path)
            try:
                return self._open_owned()
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Save what is acknowledged and let go of the file; harmless when not open."""
        with self._lock:
            if self._file is not None:
                self._save_done()
                with suppress(sqlite3.Error):  # a disk too full to write the log back keeps it
                    self._file.close()
                self._file = None
            if self._owned is not None:
                os.close(self._owned)
                self._owned = None

    def add(self, readings: Iterable[Reading]) -> int:
        """Keep readings in one commit, and return how many were new.

        A reading known by (source, kind, series, time) is passed over; where it differs it is
        a row of its own, after the first. Returns after the commit.
        """
        given = list(readings)
        with self._lock:
            try:
                return self._add(given)
            except StoreDamaged:
                self._begin_anew()
                return self._add(given)

    def live(self) -> Rows | None:
        """Return the newest reading, by its time, as a message of its own; None without any."""
        with self._repairing() as file:
            if self._live_seq is None:
                found = file.execute(
                    f"SELECT seq FROM row WHERE {_NOT_REJECTED}"  # noqa: S608 - a constant
                    " ORDER BY time DESC, seq DESC LIMIT 1"
                ).fetchone()
                self._live_seq = None if found is None else found[0]
            if self._live_seq is None:
                return None
            rows = self._sound(f"{ROWS} WHERE seq = ?", self._live_seq)
            if not rows:
                self._live_seq = None
            return self._message(file, self._live_seq - 1, rows) if self._live_seq else None

    def batch(self, after_sent: int) -> Rows | None:
        """Return up to 100 rows in order, not yet done and above `after_sent`; None without any."""
        with self._repairing() as file:
            start = max(after_sent, self._done)
            rows = self._sound(
                f"{ROWS} WHERE seq > ? AND {_NOT_REJECTED} ORDER BY seq LIMIT {MOST_ROWS}", start
            )
            return self._message(file, start, rows)

    def acked(self, ack: Ack) -> Outcome:
        """Take an acknowledgement for what it is worth; never raises for a full disk.

        What cannot be written down then is sent again after the next start.
        """
        with self._repairing() as file:
            if ack.epoch != self._epoch:
                return self._counted(Outcome.FOREIGN_EPOCH, foreign_acks=1)
            # What a message calls done is claimed too: a store may begin there.
            if ack.seq > max(self._highest_sent, self._done):
                return self._counted(Outcome.AHEAD, ahead_acks=1)
            if self._store_id not in {None, ack.store_id}:
                return self._store_changed(ack.store_id)
            known = self._store_id
            self._store_id = ack.store_id
            self._store_proved = True
            if ack.rejected:
                self._reject(file, ack)
            before, self._done = self._done, ack.seq
            if ack.seq < before:
                # The store was restored from an older backup: what it lost is sent again.
                _LOG.warning("Home Assistant's store went back: sending again from there")
                self._save_done()
                return self._counted(Outcome.REWOUND, rewinds=1)
            if known is None or ack.seq - self._saved_done >= UNSAVED_ACKS:
                self._save_done()
            return Outcome.UNCHANGED if ack.seq == before else Outcome.ACCEPTED

    def depth(self) -> int:
        """Count the rows not yet acknowledged."""
        with self._repairing() as file:
            (count,) = file.execute(
                f"SELECT count(*) FROM row WHERE seq > ? AND {_NOT_REJECTED}",  # noqa: S608 - a constant
                (self._done,),
            ).fetchone()
            return int(count)

    def oldest(self) -> datetime | None:
        """Return the time of the oldest reading not yet acknowledged, None without any."""
        with self._repairing() as file:
            (oldest,) = file.execute(
                f"SELECT min(time) FROM row WHERE seq > ? AND {_NOT_REJECTED}",  # noqa: S608 - a constant
                (self._done,),
            ).fetchone()
            return None if oldest is None else time_of(oldest)

    def newest_time(self, source: str | None = None) -> datetime | None:
        """Return the time of the newest reading kept, of one source if named, None without any."""
        with self._lock:
            times = [
                value.time_ms
                for stream, value in self._newest.items()
                if source in {None, stream.source}
            ]
            return time_of(max(times)) if times else None

    def rejected(self) -> int:
        """Count the rows kept that Home Assistant could not read."""
        with self._repairing() as file:
            (count,) = file.execute("SELECT count(*) FROM rejected").fetchone()
            return int(count)

    def export(self) -> Iterator[tuple[Row, State]]:
        """Yield every sound row in order with its state; needs no open(), disturbs no agent."""
        with told(), closing(read_only(self._path)) as file:
            done = noted(file).done
            refused = {seq for (seq,) in file.execute("SELECT seq FROM rejected")}
            for columns in file.execute(f"{ROWS} ORDER BY seq"):
                seq, reading = stored(columns)
                if reading is not None:
                    waiting = State.DONE if seq <= done else State.WAITING
                    yield Row(seq, reading), State.REJECTED if seq in refused else waiting

    def _open_owned(self) -> Path | None:
        found = open_file(self._path, self._clock())
        self._salvage = [*found.saved, *self._salvage]
        try:
            with told():
                known = noted(found.connection)
                self._read_newest(found.connection)
        except BaseException:
            found.connection.close()
            raise
        self._file = found.connection
        self._epoch = secrets.token_hex(8)
        self._highest_sent = 0
        self._seen_stores.clear()
        self._done = self._saved_done = known.done
        self._store_id = known.store_id
        if found.set_aside is not None:
            self._counted(set_aside=1)
            _LOG.error(
                "The outbox was damaged: it is kept as %s, and a new one begun with %d readings"
                " that could be saved",
                found.set_aside.name,
                len(found.saved),
            )
        with suppress(StoreUnavailable):  # kept in memory until there is room
            self._add([])
        self._prune()
        return found.set_aside

    def _begin_anew(self) -> None:
        if self._file is not None:
            with suppress(sqlite3.Error):
                self._file.close()
            self._file = None
        self._open_owned()

    @contextmanager
    def _repairing(self) -> Iterator[sqlite3.Connection]:
        """Lend the file under the lock; damage is repaired, and told as StoreUnavailable."""
        with self._lock:
            try:
                with told():
                    yield self._connection()
            except StoreDamaged as error:
                self._begin_anew()
                raise StoreUnavailable("the outbox was damaged and begun anew: go on") from error

    def _connection(self) -> sqlite3.Connection:
        if self._file is None and self._owned is not None:
            self._open_owned()  # a repair had no room for a new file then
        if self._file is None:
            raise StoreUnavailable("outbox cannot be used now: it is not open")
        return self._file

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Commit all that is written within, or none of it."""
        file = self._connection()
        with told():
            file.execute("BEGIN IMMEDIATE")
            try:
                yield file
                file.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a failed commit may have rolled back by itself
                    file.execute("ROLLBACK")
                raise

    def _add(self, readings: list[Reading]) -> int:
        self._connection()
        news = self._news([*self._salvage, *readings])
        if not news:
            self._salvage = []
            return 0
        self._make_room()
        streams, newest, live_seq = self._streams, self._newest, self._live_seq
        live_ms = max((value.time_ms for value in newest.values()), default=None)
        try:
            self._streams, self._newest = dict(streams), dict(newest)
            with self._writing() as file:
                seq = self._last(file)
                for stream, value in news:
                    seq += 1
                    self._insert(file, seq, stream, value)
                    # A later row of the same time is the better one.
                    if live_ms is None or value.time_ms >= live_ms:
                        live_ms, self._live_seq = value.time_ms, seq
        except BaseException:
            self._streams, self._newest, self._live_seq = streams, newest, live_seq
            raise
        self._salvage = []
        self._adds += 1
        if self._adds % _ADDS_BETWEEN_PRUNINGS == 0:
            self._prune()
        return len(news)

    def _insert(self, file: sqlite3.Connection, seq: int, stream: Stream, value: Value) -> None:
        number = self._streams.get(stream)
        if number is None:
            number = self._streams[stream] = len(self._streams) + 1
            file.execute("INSERT INTO stream VALUES (?, ?, ?, ?)", (number, *map(str, stream)))
        file.execute(
            "INSERT INTO row VALUES (?, ?, ?, ?, ?, ?, ?)",
            (seq, number, *value, checksum(seq, stream, value)),
        )
        newest = self._newest.get(stream)
        if newest is None or value.time_ms >= newest.time_ms:
            self._newest[stream] = value

    def _last(self, file: sqlite3.Connection) -> int:
        """Return the highest number there is; the row that bears it is never pruned.

        A new outbox begins at the second it was made in, above any number an earlier one of this
        node had, so that what Home Assistant noted of that one cannot cover rows of this one.
        """
        (last,) = file.execute("SELECT max(seq) FROM row").fetchone()
        return int(last) if last is not None else max(0, int(self._clock().timestamp()))

    def _news(self, readings: list[Reading]) -> list[tuple[Stream, Value]]:
        """Return what is not known yet, in the order given."""
        given = [(stream_of(reading), value_of(reading)) for reading in readings]
        earlier: dict[Stream, list[int]] = {}
        for stream, value in given:
            newest = self._newest.get(stream)
            if newest is not None and value.time_ms < newest.time_ms:
                earlier.setdefault(stream, []).append(value.time_ms)
        known = {(stream, value.time_ms): value for stream, value in self._newest.items()}
        for stream, times in earlier.items():
            known.update(self._known(stream, min(times), max(times)))
        news: list[tuple[Stream, Value]] = []
        for stream, value in given:
            before = known.get((stream, value.time_ms))
            if before is None or not value.says_nothing_beside(before):
                known[stream, value.time_ms] = value
                news.append((stream, value))
        return news

    def _known(self, stream: Stream, first: int, last: int) -> dict[tuple[Stream, int], Value]:
        """Read a stream's sound rows within a stretch of time; of one identity the last counts."""
        with told():
            found = self._connection().execute(
                f"{ROWS} WHERE stream = ? AND time BETWEEN ? AND ? ORDER BY seq",
                (self._streams[stream], first, last),
            )
            readings = [reading for _, reading in map(stored, found) if reading is not None]
        return {(stream, ms_of(reading.time)): value_of(reading) for reading in readings}

    def _read_newest(self, file: sqlite3.Connection) -> None:
        """Read each stream's newest sound row; a damaged one must not tell the time."""
        self._streams, self._newest, self._live_seq = {}, {}, None
        for number, source, kind, series in file.execute("SELECT * FROM stream").fetchall():
            stream = Stream(source, kind, series)
            self._streams[stream] = number
            rows = file.execute(f"{ROWS} WHERE stream = ? ORDER BY time DESC, seq DESC", (number,))
            newest = next((row.reading for row in map(stored, rows) if row.reading), None)
            if newest is not None:
                self._newest[stream] = value_of(newest)

    def _sound(self, query: str, *values: int) -> tuple[Row, ...]:
        """Return the sound rows a query finds; damaged ones are marked, and not met again."""
        rows: list[Row] = []
        damaged: list[int] = []
        for columns in self._connection().execute(query, values):
            seq, reading = stored(columns)
            if reading is None:
                damaged.append(seq)
            else:
                rows.append(Row(seq, reading))
        if damaged:
            _LOG.error("%d rows of the outbox are damaged and cannot be sent", len(damaged))
            self._counted(damaged_rows=len(damaged))
            self._mark(damaged)
        return tuple(rows)

    def _message(self, file: sqlite3.Connection, start: int, rows: tuple[Row, ...]) -> Rows | None:
        if not rows:
            return None
        # Numbers between are of rows that no longer exist, or that nobody will ever have.
        found = file.execute(
            f"SELECT seq FROM row WHERE seq <= ? AND {_NOT_REJECTED}"  # noqa: S608 - a constant
            " ORDER BY seq DESC LIMIT 1",
            (start,),
        ).fetchone()
        self._highest_sent = max(self._highest_sent, rows[-1].seq)
        after = 0 if found is None else found[0]
        return Rows(epoch=self._epoch, done=self._done, after=after, rows=rows)

    def _store_changed(self, store_id: str) -> Outcome:
        """Send everything kept to a store not known; under another epoch.

        The new store may already hold numbers of this epoch for acknowledged, only because
        messages said that they were done, elsewhere.
        """
        now = self._elapsed()
        just_left = now - self._seen_stores.get(store_id, -1e9)
        if self._store_proved and just_left < SECONDS_BEFORE_A_KNOWN_STORE_RETURNS:
            return self._counted(Outcome.OTHER_STORE, other_store_acks=1)
        if self._store_id is not None:
            self._seen_stores[self._store_id] = now
        _LOG.warning("Another store of Home Assistant answers: sending all that is kept to it")
        self._epoch = secrets.token_hex(8)
        self._store_id = store_id
        self._store_proved = False
        self._done = self._highest_sent = 0
        self._save_done()
        return self._counted(Outcome.NEW_STORE, rewinds=1)

    def _reject(self, file: sqlite3.Connection, ack: Ack) -> None:
        marked = {seq for (seq,) in file.execute("SELECT seq FROM rejected")}
        exist = [
            seq
            for seq in sorted({seq for seq in ack.rejected if seq <= ack.seq} - marked)
            if file.execute("SELECT 1 FROM row WHERE seq = ?", (seq,)).fetchone()
        ]
        if exist:
            _LOG.error("Home Assistant cannot read %d rows of the outbox: kept, marked", len(exist))
            self._counted(rejected=len(exist))
            self._mark(exist)

    def _mark(self, numbers: list[int]) -> None:
        try:
            with self._writing() as file:
                file.executemany(
                    "INSERT OR IGNORE INTO rejected VALUES (?)", ((seq,) for seq in numbers)
                )
        except StoreUnavailable as error:  # met, or said by Home Assistant, again
            _LOG.warning("Rows that cannot be delivered could not be marked: %s", error)
        self._live_seq = None

    def _save_done(self) -> None:
        """Write down what is acknowledged; where that fails, an older number stands, or none."""
        try:
            with self._writing() as file:
                note(file, Noted(self._done, self._store_id))
        except StoreUnavailable as error:
            _LOG.warning("What Home Assistant has could not be noted: %s", error)
        else:
            self._saved_done = self._done

    def _prune(self) -> None:
        """Let go of rows done and 30 days old, but never of the last."""
        newest = max((value.time_ms for value in self._newest.values()), default=None)
        if newest is None:
            return
        # By the older of two clocks: ours may be wrong at boot, and the vendor's is not ours.
        oldest_kept = min(self._clock(), time_of(newest)) - KEPT
        try:
            with self._writing() as file:
                file.execute(
                    "DELETE FROM row WHERE seq <= ? AND time < ? AND seq < ?",
                    (self._done, ms_of(oldest_kept), self._last(file)),
                )
                file.execute("DELETE FROM rejected WHERE seq NOT IN (SELECT seq FROM row)")
        except StoreUnavailable as error:
            _LOG.warning("Old rows of the outbox stay: %s", error)

    def _make_room(self) -> None:
        """Keep the file within its size: oldest done rows go first, said loudly."""
        with told():
            file = self._connection()
            (pages,) = file.execute("PRAGMA page_count").fetchone()
            (free,) = file.execute("PRAGMA freelist_count").fetchone()
            if (pages - free) * PAGE_BYTES < self._most_bytes:
                return
            (rows,) = file.execute("SELECT count(*) FROM row").fetchone()
        chunk = max(1, rows // 20)
        with self._writing() as file:
            last = self._last(file)
            limits = (last, self._done, chunk)
            gone = file.execute(_DELETE_DONE, limits)
            done = gone.rowcount
            lost = 0
            if not done:
                gone = file.execute(_DELETE_WAITING, limits)
                lost = gone.rowcount
            file.execute("DELETE FROM rejected WHERE seq NOT IN (SELECT seq FROM row)")
        self._live_seq = None
        if done:
            _LOG.warning("The outbox is at its size: %d delivered rows were let go early", done)
        if lost:
            _LOG.error("The outbox is at its size: %d readings never delivered are LOST", lost)
            self._counted(dropped=lost)

    def _counted(self, outcome: Outcome = Outcome.UNCHANGED, **more: int) -> Outcome:
        counts = {name: getattr(self._counters, name) + count for name, count in more.items()}
        self._counters = replace(self._counters, **counts)
        return outcome
