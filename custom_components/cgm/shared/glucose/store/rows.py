"""Turns readings into rows of the history and back, and tells which rows change something."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import repeat
from operator import attrgetter, truediv
from typing import NamedTuple

from ..disk_codes import BOUND_CODES, BOUNDS, TREND_CODES, TRENDS
from ..errors import InvalidReadingError, StoreDamaged
from ..reading import Kind, Reading
from ..reading_columns import readings_of_columns

# By identity, since an enum's own hash is a Python function: twice the price of a year's rows.
_BOUND_CODES_BY_ID = {id(bound): code for bound, code in BOUND_CODES.items()}
_TREND_CODES_BY_ID = {id(trend): code for trend, code in TREND_CODES.items()}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
# Until then a double tells seconds to a quarter of a microsecond, and rounds to the right one.
_EXACT_AS_SECONDS_MS = 4_000_000_000_000
EARLIEST_MS = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MS
LATEST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MS


_named = attrgetter("source", "kind._value_", "series")


class SeriesName(NamedTuple):
    """Which series of one wearer a reading belongs to."""

    source: str
    kind: Kind
    series: str


# A reading as the table holds it, without its series: time in ms, mg/dL, codes of bound and trend.
Row = tuple[int, int, int | None, int | None]


def rows_of(readings: Iterable[Reading]) -> dict[SeriesName, list[Row]]:
    """Group readings by series, in the order given; a time is cut to whole milliseconds."""
    listed = list(readings)
    if len(set(map(_named, listed))) == 1:
        return {_series_name(listed[0]): _rows(listed)}
    groups: dict[tuple[str, str, str], list[Reading]] = {}
    for reading in listed:
        groups.setdefault(_named(reading), []).append(reading)
    return {_series_name(group[0]): _rows(group) for group in groups.values()}


def _series_name(reading: Reading) -> SeriesName:
    return SeriesName(reading.source, reading.kind, reading.series)


def _rows(readings: Sequence[Reading]) -> list[Row]:
    """Return the rows of one series' readings; an import has 100,000 of them."""
    rows = []
    for reading in readings:
        since = reading.time - _EPOCH
        time_ms = since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
        bound, trend = _BOUND_CODES_BY_ID[id(reading.bound)], _TREND_CODES_BY_ID[id(reading.trend)]
        rows.append((time_ms, reading.mg_dl, bound, trend))
    return rows


def readings_of(name: SeriesName, rows: Sequence[Row]) -> list[Reading]:
    """Make readings of one series' rows by time; raises StoreDamaged where one cannot be one."""
    if not rows:
        return []
    source, kind, series = name
    times_ms, mg_dl, bounds, trends = zip(*rows, strict=True)
    try:
        return readings_of_columns(
            _times_of(times_ms),
            mg_dl,
            list(map(BOUNDS.__getitem__, bounds)),
            list(map(TRENDS.__getitem__, trends)),
            source=source,
            series=series,
            kind=kind,
        )
    except (InvalidReadingError, KeyError, OverflowError, TypeError) as error:
        raise StoreDamaged("history damaged: a row that cannot be a reading") from error


def _times_of(times_ms: Sequence[int]) -> list[datetime]:
    """Return the times of rows in their order."""
    if times_ms[0] >= 0 and times_ms[-1] <= _EXACT_AS_SECONDS_MS:
        seconds = map(truediv, times_ms, repeat(1000))
        return list(map(datetime.fromtimestamp, seconds, repeat(UTC)))
    return [time_of(time_ms) for time_ms in times_ms]


def time_of(time_ms: int) -> datetime:
    """Return the aware UTC time of a row."""
    return _EPOCH + timedelta(milliseconds=time_ms)


def whole_ms(time: datetime) -> int:
    """Return an aware `time` cut to whole milliseconds, as a row holds it."""
    return (time - _EPOCH) // _MS


def first_ms_at_or_after(time: datetime) -> int:
    """Return the first whole millisecond not before an aware `time`, the edge of a range."""
    return -((_EPOCH - time) // _MS)


def milliseconds(start: datetime | None, end: datetime | None) -> tuple[int, int]:
    """Return [start, end) as the first millisecond and the first beyond; None is no limit."""
    return (
        EARLIEST_MS if start is None else first_ms_at_or_after(start),
        LATEST_MS + 1 if end is None else first_ms_at_or_after(end),
    )


@dataclass(slots=True)
class Changes:
    """What one series' rows do to what is stored, in the order they came."""

    rows: dict[int, Row] = field(default_factory=dict)
    new: int = 0
    replaced: int = 0
    unchanged: int = 0


def changes(rows: Sequence[Row], stored: Mapping[int, Row]) -> Changes:
    """Compare rows with the stored ones at the same times.

    Another value, bound or trend replaces. An absent trend beside the same value says
    nothing, for a vendor's history endpoint often omits what its current value carries:
    it does not erase a known trend. With another value it does, as that arrow is not its own.
    """
    if not stored:
        # What an import mostly brings: nothing to compare, each time once.
        by_time = {row[0]: row for row in rows}
        if len(by_time) == len(rows):
            return Changes(by_time, new=len(by_time))
    found = Changes()
    changed = found.rows
    for row in rows:
        time_ms = row[0]
        before = changed.get(time_ms) or stored.get(time_ms)
        if before is None:
            found.new += 1
        elif before == row or (row[3] is None and before[:3] == row[:3]):
            found.unchanged += 1
            continue
        else:
            found.replaced += 1
        changed[time_ms] = row
    return found
