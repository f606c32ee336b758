"""The outbox: every reading on disk, under a number, until Home Assistant's store has it."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import RLock

from glucose.errors import StoreDamaged, StoreError, StoreUnavailable
from glucose.reading import Reading
from glucose.wire import Ack, Row, Rows

from . import outbox_waiting as waiting
from .outbox_acknowledgement import Outcome, Standing
from .outbox_counters import OutboxCounters
from .outbox_file import committed, told
from .outbox_listing import State, listed
from .outbox_note import Notebook, Noted, noted
from .outbox_ownership import OwnedFile
from .outbox_retention import make_room, prune
from .outbox_salvage import OpenFile
from .outbox_streams import News, Streams

_LOG = logging.getLogger(__name__)

_ADDS_BETWEEN_PRUNINGS = 288
# How many readings one commit keeps at most: two weeks at once would take 2 MB of memory.
_AT_ONCE = 300
_MB = 1_000_000


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
        clock: Callable[[], datetime],
        most_mb: float = 32,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._file = OwnedFile(path, clock=clock, begun=self._take_up)
        self._clock = clock
        self._most_bytes = int(most_mb * _MB)
        self._elapsed = elapsed
        self._lock = RLock()
        self._standing = Standing(Noted())
        self._notebook = Notebook(Noted())
        self._streams = Streams()
        self._live_seq: int | None = None
        self._adds = 0
        self._counters = OutboxCounters()

    @property
    def epoch(self) -> str:
        """The random name under which the numbers hold now."""
        return self._standing.epoch

    @property
    def done(self) -> int:
        """Every row up to this number is in Home Assistant's store, or was rejected by it."""
        return self._standing.done

    @property
    def store_id(self) -> str | None:
        """The store that acknowledged last, None before the first."""
        return self._standing.store_id

    @property
    def answers(self) -> int:
        """How many acknowledgements were believed since the process started."""
        return self._standing.answers

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
            return self._file.open()

    def close(self) -> None:
        """Save what is acknowledged and let go of the file; harmless when not open."""
        with self._lock:
            try:
                if self._file.connection is not None:
                    with suppress(StoreDamaged):  # found at the next opening, and repaired
                        self._save_done(self._file.connection)
            finally:
                self._file.close()

    def add(self, readings: Iterable[Reading]) -> int:
        """Keep readings, and return how many were new.

        A reading known by (source, kind, series, time) is passed over; where it differs it is
        a row of its own, after the first. Returns after the commit; of very many there are several
        in order, so that where one fails the first of them may be kept.
        """
        given = list(readings)
        # The later of two clocks: ours may be wrong at boot.
        now = max([self._clock(), *(reading.time for reading in given)])
        with self._lock:
            return sum(
                self._add_repairing(given[first : first + _AT_ONCE], now)
                for first in range(0, len(given), _AT_ONCE)
            )

    def live(self) -> Rows | None:
        """Return the newest reading, by its time, as a message of its own; None without any."""
        with self._repairing() as file:
            found = waiting.Found(())
            if self._live_seq is not None:
                found = self._counted(waiting.one(file, self._live_seq))
            if not found.rows:
                found = self._counted(waiting.newest(file))
                self._live_seq = found.rows[0].seq if found.rows else None
            return self._message(file, found.rows, found.rows[0].seq - 1) if found.rows else None

    def batch(self, after_sent: int) -> Rows | None:
        """Return up to 100 rows in order, not yet done and above `after_sent`; None without any."""
        with self._repairing() as file:
            start = max(after_sent, self._standing.done)
            found = self._counted(waiting.following(file, start))
            return self._message(file, found.rows, start) if found.rows else None

    def acked(self, ack: Ack) -> Outcome:
        """Take an acknowledgement for what it is worth; never raises for a full disk.

        What cannot be written down then is sent again after the next start.
        """
        with self._repairing() as file:
            outcome = self._standing.take(ack, self._elapsed())
            self._counters = self._counters.after(outcome)
            if outcome is Outcome.NEW_STORE:
                _LOG.warning("Another store of Home Assistant answers: sending it all that is kept")
            elif outcome is Outcome.REWOUND:
                # The store was restored from an older backup: what it lost is sent again.
                _LOG.warning("Home Assistant's store went back: sending again from there")
            if ack.rejected and not outcome.ignored and outcome is not Outcome.NEW_STORE:
                self._reject(file, [seq for seq in ack.rejected if seq <= ack.seq])
            if not outcome.ignored and self._notebook.is_behind(self._standing.noted):
                self._save_done(file)
            return outcome

    def depth(self) -> int:
        """Count the rows not yet acknowledged."""
        with self._repairing() as file:
            return waiting.depth(file, self._standing.done)

    def oldest(self) -> datetime | None:
        """Return the time of the oldest reading not yet acknowledged, None without any."""
        with self._repairing() as file:
            found = self._counted(waiting.oldest(file, self._standing.done))
            return found.rows[0].reading.time if found.rows else None

    def newest_time(self, source: str | None = None) -> datetime | None:
        """Return the time of the newest reading kept, of one source if named, None without any."""
        with self._lock:
            return self._streams.newest_time(source)

    def is_taken(self, reading: Reading) -> bool:
        """Tell whether Home Assistant's store has this very reading."""
        with self._repairing() as file:
            number = waiting.number(file, reading)
            return number is not None and number <= self._standing.done

    def rejected(self) -> int:
        """Count the rows kept that Home Assistant could not read."""
        with self._repairing() as file:
            return waiting.rejected(file)

    def export(self) -> Iterator[tuple[Row, State]]:
        """Yield every sound row in order with its state; needs no open(), disturbs no agent."""
        return listed(self._path)

    def _take_up(self, found: OpenFile) -> None:
        """Go on from what stands in a file just opened."""
        known = noted(found.connection)
        self._streams = Streams.of(found.connection)
        self._standing = Standing(known)
        self._notebook = Notebook(known)
        self._live_seq = None
        if found.set_aside is not None:
            self._counters = replace(self._counters, set_aside=self._counters.set_aside + 1)
            _LOG.error(
                "The outbox was damaged: it is kept as %s, and a new one begun with %d readings"
                " that could be saved",
                found.set_aside.name,
                found.saved,
            )
        self._prune(found.connection)

    @contextmanager
    def _repairing(self) -> Iterator[sqlite3.Connection]:
        """Lend the file under the lock; damage is repaired, and told as StoreUnavailable."""
        with self._lock, self._file.repaired() as file:
            yield file

    def _add_repairing(self, readings: list[Reading], now: datetime) -> int:
        try:
            return self._add(readings, now)
        except StoreDamaged:
            self._file.begin_anew()
            return self._add(readings, now)

    def _add(self, readings: list[Reading], now: datetime) -> int:
        file = self._file.lent()
        with told():
            news = self._streams.news(file, readings)
        if news:
            gone = make_room(file, self._most_bytes, self._standing.done)
            if gone.done or gone.lost:
                self._live_seq = None
                dropped = self._counters.dropped + gone.lost
                self._counters = replace(self._counters, dropped=dropped)
            self._insert(file, news, now)
            self._adds += 1
            if self._adds % _ADDS_BETWEEN_PRUNINGS == 0:
                self._prune(file)
        return len(news)

    def _insert(self, file: sqlite3.Connection, news: News, now: datetime) -> None:
        streams, before = self._streams.copy(), self._streams.newest_time()
        with committed(file):
            last = streams.append(file, news, now)
        self._streams = streams
        # A later row of the same time is the better one.
        newest, place = max((value.time, place) for place, (_, value) in enumerate(news, 1))
        if before is None or newest >= before:
            self._live_seq = last - len(news) + place

    def _message(self, file: sqlite3.Connection, rows: tuple[Row, ...], start: int) -> Rows:
        self._standing.sent(rows[-1].seq)
        after = waiting.last_up_to(file, start)
        return Rows(epoch=self._standing.epoch, done=self._standing.done, after=after, rows=rows)

    def _counted(self, found: waiting.Found) -> waiting.Found:
        if found.damaged:
            damaged = self._counters.damaged_rows + found.damaged
            self._counters = replace(self._counters, damaged_rows=damaged)
        return found

    def _reject(self, file: sqlite3.Connection, numbers: list[int]) -> None:
        if marked := waiting.reject(file, numbers):
            self._counters = replace(self._counters, rejected=self._counters.rejected + marked)

    def _save_done(self, file: sqlite3.Connection) -> None:
        """Write down what is acknowledged; where that fails, an older number stands, or none."""
        # By the later of two clocks, so that nothing looks long done that is not.
        now = max(self._clock(), self._streams.newest_time() or self._clock())
        try:
            self._notebook.write(file, self._standing.noted, now)
        except StoreUnavailable as error:
            _LOG.warning("What Home Assistant has could not be noted: %s", error)

    def _prune(self, file: sqlite3.Connection) -> None:
        """Let go of what was done long ago."""
        newest = self._streams.newest_time()
        if newest is None:
            return
        try:
            # By the earlier of two clocks: ours may be wrong at boot, the vendor's is not ours.
            prune(file, min(self._clock(), newest), self._standing.done)
        except StoreError as error:
            _LOG.warning("Old rows of the outbox stay: %s", error)
