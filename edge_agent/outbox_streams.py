"""What the outbox has of each stream: its newest value, and so which readings are news."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime

from glucose.reading import Reading

from .outbox_file import ROWS, stored
from .outbox_rows import Stream, Value, checksum, ms_of, stream_of, time_of, value_of

News = list[tuple[Stream, Value]]


class Streams:
    """The streams of one file and the newest value of each, in memory."""

    def __init__(
        self, numbers: dict[Stream, int] | None = None, newest: dict[Stream, Value] | None = None
    ) -> None:
        self._numbers = {} if numbers is None else numbers
        self._newest = {} if newest is None else newest

    @classmethod
    def of(cls, file: sqlite3.Connection) -> Streams:
        """Read each stream's newest sound row; a damaged one must not tell the time."""
        found = cls()
        for number, source, kind, series in file.execute("SELECT * FROM stream").fetchall():
            stream = Stream(source, kind, series)
            found._numbers[stream] = number
            rows = file.execute(f"{ROWS} WHERE stream = ? ORDER BY time DESC, seq DESC", (number,))
            newest = next((row.reading for row in map(stored, rows) if row.reading), None)
            if newest is not None:
                found._newest[stream] = value_of(newest)
        return found

    def copy(self) -> Streams:
        """Return what can be added to in a transaction, and thrown away where that fails."""
        return Streams(dict(self._numbers), dict(self._newest))

    def newest_time(self, source: str | None = None) -> datetime | None:
        """Return the time of the newest reading kept, of one source if named, None without any."""
        times = [
            value.time_ms
            for stream, value in self._newest.items()
            if source in {None, stream.source}
        ]
        return time_of(max(times)) if times else None

    def news(self, file: sqlite3.Connection, readings: Iterable[Reading]) -> News:
        """Return what is not known yet, in the order given."""
        given = [(stream_of(reading), value_of(reading)) for reading in readings]
        earlier: dict[Stream, list[int]] = {}
        for stream, value in given:
            newest = self._newest.get(stream)
            if newest is not None and value.time_ms < newest.time_ms:
                earlier.setdefault(stream, []).append(value.time_ms)
        known = {(stream, value.time_ms): value for stream, value in self._newest.items()}
        for stream, times in earlier.items():
            known.update(self._known(file, stream, min(times), max(times)))
        news: News = []
        for stream, value in given:
            before = known.get((stream, value.time_ms))
            if before is None or not value.says_nothing_beside(before):
                known[stream, value.time_ms] = value
                news.append((stream, value))
        return news

    def append(self, file: sqlite3.Connection, news: News, now: datetime) -> int:
        """Write rows, within the caller's transaction; returns the number of the last.

        A new outbox begins at the second it was made in, above any number an earlier one of this
        node had, so that what Home Assistant noted of that one cannot cover rows of this one. The
        vendors' time counts too, as the clock may be behind at boot.
        """
        (seq,) = file.execute("SELECT max(seq) FROM row").fetchone()
        if seq is None:
            newest = max(value.time for _, value in news)
            seq = max(0, int(max(now, newest).timestamp()))
        for stream, value in news:
            seq += 1
            self._insert(file, seq, stream, value)
        return int(seq)

    def _insert(self, file: sqlite3.Connection, seq: int, stream: Stream, value: Value) -> None:
        number = self._numbers.get(stream)
        if number is None:
            number = self._numbers[stream] = max(self._numbers.values(), default=0) + 1
            file.execute("INSERT INTO stream VALUES (?, ?, ?, ?)", (number, *map(str, stream)))
        file.execute(
            "INSERT INTO row VALUES (?, ?, ?, ?, ?, ?, ?)",
            (seq, number, *value, checksum(seq, stream, value)),
        )
        newest = self._newest.get(stream)
        if newest is None or value.time_ms >= newest.time_ms:
            self._newest[stream] = value

    def _known(
        self, file: sqlite3.Connection, stream: Stream, first: int, last: int
    ) -> dict[tuple[Stream, int], Value]:
        """Read a stream's sound rows within a stretch of time; of one identity the last counts."""
        found = file.execute(
            f"{ROWS} WHERE stream = ? AND time BETWEEN ? AND ? ORDER BY seq",
            (self._numbers[stream], first, last),
        )
        readings = [reading for _, reading in map(stored, found) if reading is not None]
        return {(stream, ms_of(reading.time)): value_of(reading) for reading in readings}
