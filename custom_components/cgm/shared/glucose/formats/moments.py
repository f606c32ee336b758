"""The times of a long file, an hour at a time: each hour and each rest of one is judged once."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .local_time import LocalClock, Stamp

# Where the T and the hour end in a text such as 2024-05-01T10:05:00.
_DAY_ENDS = 11
HOUR_ENDS = 13
_USUAL = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?", re.ASCII)
_MILLISECOND_DIGITS = 3


class Moments:
    """What is known of a file's texts: `hours[text[:13]] + rest[text[13:]]` is aware UTC.

    A year has 105,000 times in 8,760 hours. A KeyError says that a text was not yet seen, is
    unusual, or lies on a day on which the clocks change: read it as any other, and let it be
    learnt.
    """

    def __init__(self, clock: LocalClock, *, suffix: str = "") -> None:
        """Know nothing; `suffix` is what follows every usual time, such as Z."""
        self.hours: dict[str, datetime] = {}
        self.rest: dict[str, timedelta] = {}
        self._clock = clock
        self._suffix = suffix

    def learn(self, text: str, stamp: Stamp) -> None:
        """Keep what `text` teaches, which was read as `stamp`."""
        if not text.endswith(self._suffix) or not _USUAL.fullmatch(text.removesuffix(self._suffix)):
            return
        local, day = stamp.local, stamp.local.replace(hour=0, minute=0, second=0, microsecond=0)
        if stamp.offset is None and not self._clock.is_plain(local.date()):
            return
        midnight = self._clock.utc(replace(stamp, local=day))
        for hour in range(24):
            self.hours[f"{text[:_DAY_ENDS]}{hour:02}"] = midnight + timedelta(hours=hour)
        self.rest[text[HOUR_ENDS:]] = local - local.replace(minute=0, second=0, microsecond=0)


def milliseconds(fraction: str | None) -> int:
    """Return the whole milliseconds of a second's decimals: what the history keeps of a time."""
    return int((fraction or "0")[:_MILLISECOND_DIGITS].ljust(_MILLISECOND_DIGITS, "0"))
