"""Gathers the entries of one answer: every moment once, whichever uploader wrote it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from ..errors import InvalidReadingError
from ..nightscout_entry import entry_id, entry_reading
from ..reading import Kind, Reading
from .source import Answer


class Entries:
    """Takes rows in any order and gives an Answer: every moment once, oldest first.

    Two uploaders may have written the same millisecond; a reading's identity has room for one.
    The row with the higher id wins (Mongo's ids grow), so that every poll gives the same one.
    """

    def __init__(self, source: str, since: datetime, *, phone: bool = False) -> None:
        """Make readings with the id `source`, from `since` (aware UTC) on."""
        self._source = source
        self._since = since
        self._phone = phone
        self._kept: dict[Kind, dict[datetime, tuple[str, Reading]]] = {kind: {} for kind in Kind}
        self._refused = 0

    def take(self, rows: Iterable[object]) -> None:
        """Read rows; those that cannot be readings are counted, those of no glucose left out."""
        for row in rows:
            try:
                reading = entry_reading(row, self._source, phone=self._phone)
            except InvalidReadingError:
                self._refused += 1
                continue
            if reading is None or reading.time < self._since:
                continue
            kept, candidate = self._kept[reading.kind], (entry_id(row), reading)
            held = kept.get(reading.time)
            if held is None or held[0] <= candidate[0]:
                kept[reading.time] = candidate

    def answer(self, clock_offset: timedelta | None) -> Answer:
        """Return what was taken so far."""
        readings = [reading for kept in self._kept.values() for _, reading in kept.values()]
        readings.sort(key=lambda reading: (reading.time, reading.kind))
        return Answer(readings=tuple(readings), refused=self._refused, clock_offset=clock_offset)
