"""Times that begin with the year, with an offset from UTC or without one."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from ..errors import InvalidReadingError
from .local_time import Stamp, local_time
from .moments import milliseconds

if TYPE_CHECKING:
    from datetime import datetime

_WHEN = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?"
    r" ?(?:(Z)|([+-])(\d{2}):?(\d{2}))?",
    re.ASCII,
)
_LONGEST_OFFSET_MINUTES = 15 * 60


def stamp_of(cell: str) -> Stamp:
    """Read a time as YYYY-MM-DD hh:mm:ss, with an offset or without; raises InvalidReadingError."""
    match = _WHEN.fullmatch(cell)
    if match is None:
        raise InvalidReadingError("not a time as YYYY-MM-DD hh:mm:ss" if cell else "no time")
    *parts, fraction, utc, sign, hours, minutes = match.groups()
    year, month, day, hour, minute, second = (int(part or 0) for part in parts)
    local = local_time(year, month, day, hour, minute, second, milliseconds(fraction))
    if utc:
        return Stamp(local, offset=timedelta())
    if sign is None:
        return Stamp(local)
    ahead = int(hours) * 60 + int(minutes)
    if ahead > _LONGEST_OFFSET_MINUTES:
        raise InvalidReadingError("no such offset from UTC")
    return Stamp(local, offset=timedelta(minutes=-ahead if sign == "-" else ahead))


def utc_text(time: datetime) -> str:
    """Write an aware UTC time as YYYY-MM-DDThh:mm:ssZ, with milliseconds where it has some."""
    spec = "milliseconds" if time.microsecond // 1000 else "seconds"
    return time.replace(tzinfo=None).isoformat(timespec=spec) + "Z"
