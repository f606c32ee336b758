"""Local clock times of one device, as exports print them, turned into UTC.

A time with an offset beside it needs nothing else. Vendors' exports carry none, so the wearer's
zone is told by the caller, and twice a year it is not enough:

- The repeated hour (autumn) is decided for each device by, in this order: the device's own
  running clock, where the export prints it; a step back in the file, behind which is the second
  pass; crowding, where both passes are sorted into each other (Clarity does so): a time less
  than half a cadence behind the last one of the first pass belongs to the second. Where nothing
  tells, the first pass is taken.
- The skipped hour (spring) does not exist; a clock that shows it was not yet put forward, so it
  is read with the offset before the change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from ..errors import InvalidReadingError

if TYPE_CHECKING:
    from collections.abc import Sequence, Set as AbstractSet
    from zoneinfo import ZoneInfo


# Beyond these a zone's arithmetic leaves the calendar, and nothing was measured.
EARLIEST_YEAR = 1970
LATEST_YEAR = 2200


@dataclass(frozen=True, slots=True)
class Stamp:
    """A naive local time; the device's own clock in seconds and the offset where they are known."""

    local: datetime
    clock: int | None = None
    offset: timedelta | None = None


def local_time(  # noqa: PLR0913, PLR0917 - what datetime itself takes
    year: int, month: int, day: int, hour: int, minute: int, second: int = 0
) -> datetime:
    """Return the naive local time; raises InvalidReadingError where the calendar has no such."""
    try:
        local = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - the zone comes later
    except ValueError:
        local = None
    if local is None or not EARLIEST_YEAR <= year <= LATEST_YEAR:
        raise InvalidReadingError("no such date or time")
    return local


def utc_times(stamps: Sequence[Stamp], zone: ZoneInfo) -> list[datetime]:
    """Return aware UTC for each stamp of one device, in the given (file) order."""
    first = [_utc(stamp, zone, 0) for stamp in stamps]
    second = [_utc(stamp, zone, 1) for stamp in stamps]
    # In the skipped hour the second reading is the earlier one.
    repeated = {index for index in range(len(stamps)) if second[index] > first[index]}
    times = list(first)
    unknown: list[int] = []
    for index in sorted(repeated):
        then = _by_clock(index, stamps, first, repeated)
        if then is None:
            unknown.append(index)
        elif abs(second[index] - then) < abs(first[index] - then):
            times[index] = second[index]
    if unknown:
        certain = [stamp for index, stamp in enumerate(stamps) if index not in repeated]
        _second_passes(unknown, stamps, times, second, _cadence(certain))
    return times


def _utc(stamp: Stamp, zone: ZoneInfo, fold: int) -> datetime:
    """Return aware UTC by the stamp's own offset, else in this pass of the zone's clock."""
    if stamp.offset is not None:
        return (stamp.local - stamp.offset).replace(tzinfo=UTC)
    return stamp.local.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def _by_clock(
    index: int, stamps: Sequence[Stamp], times: Sequence[datetime], repeated: AbstractSet[int]
) -> datetime | None:
    """Return a row's time by the device's clock and the nearest certain row before, else after."""
    clock = stamps[index].clock
    if clock is None:
        return None
    for other in chain(range(index - 1, -1, -1), range(index + 1, len(stamps))):
        origin = stamps[other].clock
        if origin is not None and other not in repeated:
            return times[other] + timedelta(seconds=clock - origin)
    return None


def _second_passes(
    unknown: Sequence[int],
    stamps: Sequence[Stamp],
    times: list[datetime],
    second: Sequence[datetime],
    cadence: timedelta,
) -> None:
    """Move what belongs to the second pass of each repeated hour, by the file's order."""
    hours: dict[datetime, list[int]] = {}
    for index in unknown:
        # The two passes of one change lie within hours; two changes lie months apart.
        day = stamps[index].local.replace(hour=0, minute=0, second=0, microsecond=0)
        hours.setdefault(day, []).append(index)
    for indices in hours.values():
        back = [b for a, b in pairwise(indices) if stamps[b].local < stamps[a].local]
        moved = [index for index in indices if back and index >= back[0]]
        if not back:
            last: datetime | None = None
            for index in indices:
                if last is not None and stamps[index].local - last < cadence / 2:
                    moved.append(index)
                else:
                    last = stamps[index].local
        for index in moved:
            times[index] = second[index]


def _cadence(stamps: Sequence[Stamp]) -> timedelta:
    """Return the usual spacing of the stamps; zero where there are too few to tell."""
    gaps = sorted(b.local - a.local for a, b in pairwise(stamps) if b.local > a.local)
    return gaps[len(gaps) // 2] if gaps else timedelta(0)
