"""The wearer's wall clock as milliseconds, from UTC and back, whole arrays at a time.

A wall time is milliseconds since 1970-01-01 00:00 on that clock, whatever its offset. Only the
days on which a zone changes its offset are worked out one by one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

import numpy as np

from .number import BoolArray, IntArray

DAY_MS = 86_400_000
MINUTE_MS = 60_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def epoch_ms(time: datetime) -> int:
    """Return an aware time as whole milliseconds since 1970, UTC."""
    return (time - _EPOCH) // _MS


def utc_time(ms: int) -> datetime:
    """Return the aware UTC time of epoch milliseconds."""
    return _EPOCH + timedelta(milliseconds=ms)


def wall_of(times: IntArray, zone: tzinfo) -> IntArray:
    """Return the wall times of UTC epoch milliseconds."""
    days, place = np.unique(times // DAY_MS, return_inverse=True)
    starts = [_offset_at(int(day) * DAY_MS, zone) for day in days]
    ends = [_offset_at(int(day + 1) * DAY_MS, zone) for day in days]
    offsets = np.array(starts, dtype=np.int64)[place]
    changing = (np.array(starts) != np.array(ends))[place]
    for at in np.flatnonzero(changing):
        offsets[at] = _offset_at(int(times[at]), zone)
    return times + offsets


def utc_of(walls: IntArray, zone: tzinfo) -> tuple[IntArray, BoolArray]:
    """Return UTC epoch milliseconds of wall times, and which of them the clock ever shows.

    Of a repeated hour the first pass is meant.
    """
    days, place = np.unique(walls // DAY_MS, return_inverse=True)
    starts = [_offset_of_wall(int(day) * DAY_MS, zone) for day in days]
    ends = [_offset_of_wall(int(day + 1) * DAY_MS, zone) for day in days]
    times = walls - np.array(starts, dtype=np.int64)[place]
    changing = (np.array(starts) != np.array(ends))[place]
    exists = np.ones(len(walls), dtype=np.bool_)
    for at in np.flatnonzero(changing):
        wall = int(walls[at])
        time = wall - _offset_of_wall(wall, zone)
        times[at] = time
        exists[at] = time + _offset_at(time, zone) == wall
    return times, exists


def _offset_at(ms: int, zone: tzinfo) -> int:
    """Return how far the wall clock is ahead of UTC at an instant, in milliseconds."""
    offset = utc_time(ms).astimezone(zone).utcoffset()
    return 0 if offset is None else offset // _MS


def _offset_of_wall(ms: int, zone: tzinfo) -> int:
    """Return the offset that belongs to a wall time, of two the earlier pass's."""
    offset = utc_time(ms).replace(tzinfo=zone).utcoffset()
    return 0 if offset is None else offset // _MS
