"""Several sources, one series: what folds, who leads, and from whom history takes its rows."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from operator import attrgetter, eq
from typing import TYPE_CHECKING

from .reading import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from .reading import Reading

# Phone and watch upload one Dexcom reading 9 to 10 s apart (LoopFollow#661, pydexcom#95).
FOLD_WITHIN = timedelta(seconds=30)
# A reading up to this far ahead of `now` is taken as just made: HTTP dates have whole
# seconds, and phones and vendors do not agree to the second.
AHEAD_TOLERANCE = timedelta(seconds=60)
# Smoothed afterwards and late by up to half an hour (LibreLinkUp's graph, LibreView's export).
BACKGROUND_SERIES = frozenset({"graph", "historic"})
USUAL_CADENCE = timedelta(minutes=5)
GAP_CADENCES = 1.5
WITHDRAWN_AT_LEAST = timedelta(minutes=11)
WITHDRAWN_CADENCES = 2.2
_time = attrgetter("time")


def withdrawn_after(cadence: timedelta, at_least: timedelta = WITHDRAWN_AT_LEAST) -> timedelta:
    """Return the age at which a value of such a source is no longer shown as now."""
    return max(at_least, cadence * WITHDRAWN_CADENCES)


@dataclass(frozen=True, slots=True)
class Stream:
    """One source's CGM readings, live or background, folded, oldest first, never empty.

    `limit` is the age at which its newest reading is withdrawn. `listed` tells whether the
    wearer has this source now; what a removed one left behind is history and never leads.
    """

    source: str
    cadence: timedelta
    limit: timedelta
    live: bool
    listed: bool
    readings: Sequence[Reading]

    @property
    def newest(self) -> Reading:
        """The last reading."""
        return self.readings[-1]

    @property
    def withdrawn_at(self) -> datetime:
        """The moment from which the newest reading is not shown as now."""
        return self.newest.time + self.limit

    @property
    def current_since(self) -> datetime:
        """The time of the first of the readings without a gap long enough to be withdrawn."""
        since = self.newest.time
        for reading in reversed(self.readings):
            if since - reading.time > self.limit:
                break
            since = reading.time
        return since

    def current(self, now: datetime) -> bool:
        """Tell whether the newest reading may be shown at `now`."""
        return self.listed and now < self.withdrawn_at


def fold(readings: Iterable[Reading]) -> list[Reading]:
    """Return the readings oldest first, two uploads of one reading folded into one.

    Uploads of one reading have source, series, kind, number and bound in common and lie
    within 30 s. The earlier stays: the sensor measured before either upload, so the value
    never looks younger than it is, and the copy, when it comes, changes nothing. What is
    left lies more than 30 s from its equals, so folding again changes nothing. Copies at
    two sources do not fold: one source leads, and history takes one of them (`merged`).

    Of two different values under one identity, which no store holds, the lower stays.
    """
    rows = [row for series in _by_series(readings).values() for row in _folded(series)]
    rows.sort(key=lambda row: (row.time, row.source, row.kind, row.series))
    return rows


def meter_readings(readings: Iterable[Reading]) -> list[Reading]:
    """Return what meters measured, folded, oldest first: beside the series, never in it."""
    return fold(reading for reading in readings if reading.kind is Kind.METER)


def parted(readings: Iterable[Reading], now: datetime) -> tuple[list[Reading], list[Reading]]:
    """Return what counts at `now`, and what lies ahead of it and is held until its time."""
    latest = now + AHEAD_TOLERANCE
    counting: list[Reading] = []
    held: list[Reading] = []
    for reading in readings:
        (counting if reading.time <= latest else held).append(reading)
    return counting, held


def streams(
    readings: Iterable[Reading],
    order: Sequence[str],
    cadences: Mapping[str, timedelta],
    withdrawn_at_least: timedelta = WITHDRAWN_AT_LEAST,
) -> list[Stream]:
    """Return the CGM readings by source, highest first.

    Live series come in the wearer's order, then background series in the same order, since
    a graph smoothed afterwards is worth less than what any sensor said at the time. Sources
    that are not in `order` come after those that are, by name. A source without a cadence
    is taken to have one of 5 minutes.
    """
    rows: dict[tuple[str, bool], list[Reading]] = {}
    for (source, series, kind), found in _by_series(readings).items():
        if kind is Kind.CGM:
            live = series not in BACKGROUND_SERIES
            rows.setdefault((source, live), []).extend(_folded(found))
    place = {source: place for place, source in enumerate(order)}
    ranked = sorted(rows, key=lambda key: (not key[1], place.get(key[0], len(order)), key[0]))
    return [
        Stream(
            source=source,
            cadence=(cadence := cadences.get(source, USUAL_CADENCE)),
            limit=withdrawn_after(cadence, withdrawn_at_least),
            live=live,
            listed=source in place,
            readings=sorted(rows[source, live], key=lambda row: (row.time, row.series)),
        )
        for source, live in ranked
    ]


def leading(ranked: Sequence[Stream], now: datetime) -> Stream | None:
    """Return the stream that leads at `now`, of streams that hold nothing ahead of `now`.

    The highest current one leads. One that came back while a lower one was leading needs two
    readings first: with a single reading in its run it yields to every lower current source
    that was there before it. Background streams lead only where no live one is current.
    """
    for live in (True, False):
        current = [stream for stream in ranked if stream.live is live and stream.current(now)]
        for place, stream in enumerate(current):
            came = stream.current_since
            settled = stream.newest.time - came > FOLD_WITHIN
            if settled or all(came <= lower.current_since for lower in current[place + 1 :]):
                return stream
    return None


def leader(
    readings: Iterable[Reading],
    order: Sequence[str],
    cadences: Mapping[str, timedelta],
    now: datetime,
) -> str | None:
    """Return the source whose value is true at `now`, None where none is current."""
    counting, _ = parted(readings, now)
    stream = leading(streams(counting, order, cadences), now)
    return None if stream is None else stream.source


def merged(
    readings: Iterable[Reading], order: Sequence[str], cadences: Mapping[str, timedelta]
) -> list[Reading]:
    """Return the history of CGM readings, oldest first, in O(n log n).

    The highest stream's rows, then from each lower one those in a gap of more than 1.5
    cadences between the rows taken so far (the longer cadence of the two neighbours; before
    the first row and after the last is a gap too). A row within half a cadence of a
    neighbour, the shorter of both cadences and at least 30 s, stands in the neighbour's
    place and is left out: it is the same reading by another way, or would be a jump between
    two sensors.
    """
    taken: list[Reading] = []
    for stream in streams(readings, order, cadences):
        taken += list(_filling(taken, stream, cadences))
        taken.sort(key=_time)
    return taken


def _filling(
    taken: Sequence[Reading], stream: Stream, cadences: Mapping[str, timedelta]
) -> Iterator[Reading]:
    """Yield the rows of `stream` that lie in gaps between the rows taken so far."""
    if not taken:
        yield from stream.readings
        return

    rows = stream.readings
    times = [row.time for row in rows]
    usual = {row.source: cadences.get(row.source, USUAL_CADENCE) for row in taken}
    longest = {source: cadence * GAP_CADENCES for source, cadence in usual.items()}
    shortest = min(longest.values())
    apart = {
        source: max(FOLD_WITHIN, min(cadence, stream.cadence) / 2)
        for source, cadence in usual.items()
    }
    yield from rows[: bisect_left(times, taken[0].time - apart[taken[0].source])]
    for before, after in pairwise(taken):
        gap = after.time - before.time
        if gap > shortest and gap > max(longest[before.source], longest[after.source]):
            first = bisect_right(times, before.time + apart[before.source])
            last = bisect_left(times, after.time - apart[after.source], first)
            yield from rows[first:last]
    yield from rows[bisect_right(times, taken[-1].time + apart[taken[-1].source]) :]


def _by_series(readings: Iterable[Reading]) -> dict[tuple[str, str, Kind], list[Reading]]:
    """Part the readings by source, series and kind."""
    parts: dict[tuple[str, str, Kind], list[Reading]] = {}
    for reading in readings:
        key = reading.source, reading.series, reading.kind
        rows = parts.get(key)
        if rows is None:
            parts[key] = rows = []
        rows.append(reading)
    return parts


def _folded(rows: list[Reading]) -> list[Reading]:
    """Fold the rows of one source, series and kind; oldest first."""
    rows = sorted(rows, key=_time)
    times = [row.time for row in rows]
    if any(map(eq, times, times[1:])):
        rows = _one_each(rows)
    kept: list[Reading] = []
    for row in rows:
        if not kept or row.time - kept[-1].time > FOLD_WITHIN or not _copies(row, kept):
            kept.append(row)
    return kept


def _copies(row: Reading, kept: Sequence[Reading]) -> bool:
    """Tell whether `row` says again what one of the rows of the 30 s before it said."""
    for earlier in reversed(kept):
        if row.time - earlier.time > FOLD_WITHIN:
            return False
        if (row.mg_dl, row.bound) == (earlier.mg_dl, earlier.bound):
            return True
    return False


def _one_each(rows: Iterable[Reading]) -> list[Reading]:
    """Return one row an instant: the lowest value, with a bound and a trend where one has them."""
    rows = sorted(
        rows,
        key=lambda row: (
            row.time,
            row.mg_dl,
            row.bound is None,
            row.bound or "",
            row.trend is None,
            row.trend or "",
        ),
    )
    return [rows[0], *(row for before, row in pairwise(rows) if row.time != before.time)]
