"""Local clock times of one device, as exports print them, turned into UTC.

A time with an offset beside it needs nothing else. Vendors' exports carry none, so the wearer's
zone is told by the caller, and twice a year it is not enough:

- The repeated hour (autumn) is decided for each device by, in this order: the device's own
  running clock, where the export prints it; a step back in the file, behind which is the second
  pass; crowding, where both passes are sorted into each other (Clarity does so): a time less
  than half a cadence behind the last one of the first pass belongs to the second; the rows
  around: the second pass begins where that leaves the fewest gaps. Where nothing tells, the
  first pass is taken. A file that begins with its newest row is read from its end.
- The skipped hour (spring) does not exist; a clock that shows it was not yet put forward, so it
  is read with the offset before the change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from ..errors import InvalidReadingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from zoneinfo import ZoneInfo

# A file's dates are dates from here on, though a year such as 1 is a slip; far beyond the present
# a zone's arithmetic leaves the calendar.
EARLIEST_YEAR = 1900
LATEST_YEAR = 2200
_DAY = timedelta(days=1)
# A device's usual spacing is looked for this many rows to either side.
_AROUND = 500
# Of what comes as seldom, neither crowding nor a gap says anything about one hour.
_SELDOM = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Stamp:
    """A naive local time; the device's own clock in seconds and the offset where they are known."""

    local: datetime
    clock: int | None = None
    offset: timedelta | None = None


def local_time(  # noqa: PLR0913, PLR0917 - what datetime itself takes
    year: int, month: int, day: int, hour: int, minute: int, second: int = 0, millisecond: int = 0
) -> datetime:
    """Return the naive local time; raises InvalidReadingError where the calendar has no such."""
    try:
        local = datetime(year, month, day, hour, minute, second, millisecond * 1000)  # noqa: DTZ001 - the zone comes later
    except ValueError:
        local = None
    if local is None or not EARLIEST_YEAR <= year <= LATEST_YEAR:
        raise InvalidReadingError("no such date or time")
    return local


class LocalClock:
    """A wearer's clock: the UTC of what it showed; it remembers each day's offset."""

    def __init__(self, zone: ZoneInfo) -> None:
        """Ask the zone nothing yet."""
        self._zone = zone
        self._offsets: dict[date, timedelta | None] = {}

    def utc(self, stamp: Stamp) -> datetime:
        """Return aware UTC, or the naive local time where the clock showed it twice: see settle."""
        local = stamp.local
        offset = stamp.offset if stamp.offset is not None else self._offset(local.date())
        if offset is not None:
            return (local - offset).replace(tzinfo=UTC)
        first, second = (self.in_pass(local, fold) for fold in (0, 1))
        # In the skipped hour the second one is the earlier.
        return local if second > first else first

    def is_plain(self, day: date) -> bool:
        """Say whether one offset held for the whole day."""
        return self._offset(day) is not None

    def in_pass(self, local: datetime, fold: int) -> datetime:
        """Return aware UTC in the first (0) or second (1) pass of a repeated hour."""
        return local.replace(tzinfo=self._zone, fold=fold).astimezone(UTC)

    def _offset(self, day: date) -> timedelta | None:
        """Return the offset of a whole day; None where it changes within."""
        try:
            return self._offsets[day]
        except KeyError:
            edges = {
                datetime.combine(midnight, time(), self._zone).replace(fold=fold).utcoffset()
                for midnight in (day, day + _DAY)
                for fold in (0, 1)
            }
            offset = edges.pop() if len(edges) == 1 else None
            self._offsets[day] = offset
            return offset


def utc_times(stamps: Sequence[Stamp], zone: ZoneInfo) -> list[datetime]:
    """Return aware UTC for each stamp of one device, in the given (file) order."""
    clock = LocalClock(zone)
    times = [clock.utc(stamp) for stamp in stamps]
    settle(times, lambda index: stamps[index].clock, clock)
    return times


def settle(
    times: list[datetime], own_clock: Callable[[int], int | None], clock: LocalClock
) -> None:
    """Put UTC in the place of every naive time of one device, in the file's order.

    `own_clock` tells a row's seconds by the device's running clock, None where it has none.
    """
    repeated = {index for index, time in enumerate(times) if time.tzinfo is None}
    if not repeated:
        return
    shown = {index: times[index] for index in sorted(repeated)}
    anchors = _anchors(list(shown), own_clock, times, repeated)
    unknown: list[int] = []
    for index, anchor in anchors.items():
        seconds = own_clock(index)
        first, second = clock.in_pass(shown[index], 0), clock.in_pass(shown[index], 1)
        times[index] = first
        if anchor is None or seconds is None:
            unknown.append(index)
            continue
        certain, origin = anchor
        then = certain + timedelta(seconds=seconds - origin)
        if abs(second - then) < abs(first - then):
            times[index] = second
    passes = {index: (times[index], clock.in_pass(shown[index], 1)) for index in unknown}
    for index in _second_passes(passes, shown, times, repeated):
        _, times[index] = passes[index]


def _anchors(
    indices: Sequence[int],
    own_clock: Callable[[int], int | None],
    times: Sequence[datetime],
    repeated: set[int],
) -> dict[int, tuple[datetime, int] | None]:
    """Return for each of `indices` the nearest certain row before it, else the first behind.

    Such a row is the UTC and the device's own clock at one moment. Every row is looked at once at
    most, however many hours are repeated.
    """

    def first_certain(among: Iterable[int]) -> tuple[datetime, int] | None:
        for index in among:
            origin = own_clock(index) if index not in repeated else None
            if origin is not None:
                return times[index], origin
        return None

    found: dict[int, tuple[datetime, int] | None] = {}
    anchor: tuple[datetime, int] | None = None
    done = -1
    for index in indices:
        anchor = first_certain(range(index - 1, done, -1)) or anchor
        found[index], done = anchor, index
    if None in found.values():
        behind = first_certain(range(len(times)))
        found = {index: anchor or behind for index, anchor in found.items()}
    return found


def _second_passes(
    passes: Mapping[int, tuple[datetime, datetime]],
    shown: Mapping[int, datetime],
    times: Sequence[datetime],
    repeated: set[int],
) -> list[int]:
    """Return which rows belong to the second pass of each repeated hour, by the rows around.

    `passes` has the rows that no clock told: their UTC in either pass.
    """
    days: dict[date, list[int]] = {}
    for index in passes:
        # The two passes of one change lie within hours; two changes lie months apart.
        days.setdefault(shown[index].date(), []).append(index)
    found: list[int] = []
    for indices in days.values():
        near = range(max(0, indices[0] - _AROUND), min(len(times), indices[-1] + _AROUND))
        certain = [index for index in near if index not in repeated]
        around = [times[index] for index in certain]
        before = [times[index] for index in certain if index < indices[0]][-1:]
        behind = [times[index] for index in certain if index > indices[-1]][:1]
        if _newest_first(around):
            indices.reverse()
            before, behind = behind, before
        cadence = _cadence(around)
        back = [at for at, (a, b) in enumerate(pairwise(indices), 1) if shown[b] < shown[a]]
        if back:
            found += indices[back[0] :]
        elif cadence < _SELDOM:
            crowded = _crowded([shown[index] for index in indices], cadence)
            begins = _begins([passes[index] for index in indices], before, behind, cadence)
            found += [indices[at] for at in crowded] or indices[begins:]
    return found


def _newest_first(times: Sequence[datetime]) -> bool:
    return sum((b > a) - (b < a) for a, b in pairwise(times)) < 0


def _crowded(shown: Sequence[datetime], cadence: timedelta) -> list[int]:
    """Return the places of the times that follow the last one of the first pass too closely."""
    found: list[int] = []
    last: datetime | None = None
    for at, local in enumerate(shown):
        if last is not None and local - last < cadence / 2:
            found.append(at)
        else:
            last = local
    return found


def _begins(
    passes: Sequence[tuple[datetime, datetime]],
    before: Sequence[datetime],
    behind: Sequence[datetime],
    cadence: timedelta,
) -> int:
    """Return at which row the second pass begins such that fewest gaps are left.

    It is the number of rows where it never begins, and the latest where several would do.
    `before` and `behind` hold the certain row next to these, if there is one.
    """

    def gaps(earlier: Sequence[datetime], later: Sequence[datetime]) -> int:
        return sum(b - a > cadence * 1.5 for a, b in zip(earlier, later, strict=False))

    first, second = [one for one, _ in passes], [two for _, two in passes]
    inside = [gaps([a], [b]) for a, b in pairwise(first)]
    whole = sum(inside)
    enters, leaves = gaps(before, first[:1]), gaps(second[-1:], behind)
    left = [gaps(before, second[:1]) + whole + leaves]
    left += [
        enters + whole - inside[at - 1] + gaps([first[at - 1]], [second[at]]) + leaves
        for at in range(1, len(passes))
    ]
    left.append(enters + whole + gaps(first[-1:], behind))
    return max(range(len(left)), key=lambda at: (-left[at], at))


def _cadence(times: Sequence[datetime]) -> timedelta:
    """Return the usual spacing; zero where there are too few to tell."""
    gaps = sorted(abs(b - a) for a, b in pairwise(times) if b != a)
    return gaps[len(gaps) // 2] if gaps else timedelta(0)
