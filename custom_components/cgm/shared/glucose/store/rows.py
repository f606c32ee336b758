"""Turns readings into rows of the history and back, and tells which rows change something."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from ..errors import InvalidReadingError, StoreDamaged
from ..reading import Bound, Kind, Reading
from ..trend import Trend

# Numbers take a quarter less room than words. They are on disk: add to them, never renumber.
_BOUND_CODES: dict[Bound | None, int | None] = {None: None, Bound.LOW: 1, Bound.HIGH: 2}
_TREND_CODES: dict[Trend | None, int | None] = {
    None: None,
    Trend.NONE: 0,
    Trend.DOUBLE_UP: 1,
    Trend.UP: 2,
    Trend.SLIGHT_UP: 3,
    Trend.FLAT: 4,
    Trend.SLIGHT_DOWN: 5,
    Trend.DOWN: 6,
    Trend.DOUBLE_DOWN: 7,
}
_BOUNDS = {code: bound for bound, code in _BOUND_CODES.items()}
_TRENDS = {code: trend for trend, code in _TREND_CODES.items()}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
EARLIEST_MS = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MS
LATEST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MS


class SeriesName(NamedTuple):
    """Which series of one wearer a reading belongs to."""

    source: str
    kind: Kind
    series: str


# A reading as the table holds it, without its series: time in ms, mg/dL, codes of bound and trend.
Row = tuple[int, int, int | None, int | None]


def rows_of(readings: Iterable[Reading]) -> dict[SeriesName, list[Row]]:
    """Group readings by series, in the order given; a time is cut to whole milliseconds."""
    groups: dict[SeriesName, list[Row]] = {}
    name: SeriesName | None = None
    rows: list[Row] = []
    for reading in readings:
        if (
            name is None
            or reading.source != name.source
            or reading.series != name.series
            or reading.kind is not name.kind
        ):
            name = SeriesName(reading.source, reading.kind, reading.series)
            rows = groups.setdefault(name, [])
        since = reading.time - _EPOCH
        time_ms = since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
        bound, trend = _BOUND_CODES[reading.bound], _TREND_CODES[reading.trend]
        rows.append((time_ms, reading.mg_dl, bound, trend))
    return groups


def readings_of(name: SeriesName, rows: Iterable[Row]) -> list[Reading]:
    """Make readings of one series' rows; raises StoreDamaged for a row that cannot be one."""
    source, kind, series = name
    try:
        return [
            Reading(
                time=_EPOCH + timedelta(milliseconds=time_ms),
                mg_dl=mg_dl,
                source=source,
                series=series,
                kind=kind,
                bound=_BOUNDS[bound],
                trend=_TRENDS[trend],
            )
            for time_ms, mg_dl, bound, trend in rows
        ]
    except (InvalidReadingError, KeyError, OverflowError, TypeError) as error:
        raise StoreDamaged("history damaged: a row that cannot be a reading") from error


def time_of(time_ms: int) -> datetime:
    """Return the aware UTC time of a row."""
    return _EPOCH + timedelta(milliseconds=time_ms)


def first_ms_at_or_after(time: datetime) -> int:
    """Return the first whole millisecond not before an aware `time`, the edge of a range."""
    return -((_EPOCH - time) // _MS)


@dataclass(slots=True)
class Changes:
    """What one series' rows do to what is stored, in the order they came."""

    rows: dict[int, Row] = field(default_factory=dict)
    new: int = 0
    replaced: int = 0
    unchanged: int = 0


def changes(rows: Iterable[Row], stored: Mapping[int, Row]) -> Changes:
    """Compare rows with the stored ones at the same times.

    Another value, bound or trend replaces. An absent trend beside the same value says
    nothing, for a vendor's history endpoint often omits what its current value carries:
    it does not erase a known trend. With another value it does, as that arrow is not its own.
    """
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
