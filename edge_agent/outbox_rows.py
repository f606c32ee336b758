"""Turns readings into rows of the outbox's file and back, each under its own checksum."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from glucose.disk_codes import BOUND_CODES, BOUNDS, TREND_CODES, TRENDS
from glucose.errors import InvalidReadingError
from glucose.reading import Kind, Reading

_EPOCH = datetime.fromtimestamp(0, UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Stream(NamedTuple):
    """Whose readings follow each other: a source's one series of one kind."""

    source: str
    kind: Kind
    series: str


class Value(NamedTuple):
    """What a row says beside its stream: ms since 1970, mg/dL, codes of bound and trend."""

    time_ms: int
    mg_dl: int
    bound: int | None
    trend: int | None

    @property
    def time(self) -> datetime:
        """The aware UTC time."""
        return time_of(self.time_ms)

    def says_nothing_beside(self, known: Value) -> bool:
        """Say whether `known`, of the same identity, already tells it.

        As in Home Assistant's history: an absent trend beside the same value erases none.
        """
        return self == known or (self.trend is None and self[:3] == known[:3])


def stream_of(reading: Reading) -> Stream:
    """Return the stream a reading belongs to."""
    return Stream(reading.source, reading.kind, reading.series)


def value_of(reading: Reading) -> Value:
    """Return a reading's value; its time is cut to whole milliseconds, as on the wire."""
    return Value(
        ms_of(reading.time), reading.mg_dl, BOUND_CODES[reading.bound], TREND_CODES[reading.trend]
    )


def ms_of(time: datetime) -> int:
    """Return a row's time for an aware one, in whole milliseconds since 1970."""
    return (time - _EPOCH) // _MILLISECOND


def time_of(time_ms: int) -> datetime:
    """Return the aware UTC time of a row."""
    return _EPOCH + timedelta(milliseconds=time_ms)


def checksum(seq: int, stream: Stream, value: Value) -> int:
    """Return what tells a row from one that a failing card has changed."""
    return zlib.crc32(repr((seq, *(str(part) for part in stream), *value)).encode())


def reading_of(seq: int, stream: Stream, value: Value, stored: object) -> Reading | None:
    """Make the reading of a row; None where its checksum or its content tells of damage."""
    if stored != checksum(seq, stream, value):
        return None
    try:
        return Reading(
            time=time_of(value.time_ms),
            mg_dl=value.mg_dl,
            source=stream.source,
            series=stream.series,
            kind=Kind(stream.kind),
            bound=BOUNDS[value.bound],
            trend=TRENDS[value.trend],
        )
    except (InvalidReadingError, KeyError, OverflowError, TypeError, ValueError):
        return None
