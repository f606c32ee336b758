"""Whether a file writes the day or the month first, decided by what its dates themselves say.

In this order: a number above twelve; dots, which go with the day first wherever they are written;
which order has the rows run on evenly across midnights; the line that says when the file was made,
as nothing was measured after that. What stays ambiguous is refused: months would be mistaken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from ..errors import AmbiguousDates, InvalidReadingError
from .local_time import local_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

_WHEN = re.compile(
    r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})[ T\u202f]+"
    r"(\d{1,2}):(\d{2})(?::(\d{2}))?[ \u202f]*(?:([AP])\.?M\.?)?",
    re.IGNORECASE | re.ASCII,
)
_YEAR_DIGITS = 4
_MONTHS = 12
_NOON = 12
# A sensor's own rows are this close where nothing is missing between them.
_RUNS_ON = timedelta(hours=1)
# The line that says when is in UTC, the rows are not.
_ZONES = timedelta(hours=14)


@dataclass(frozen=True, slots=True)
class DatedRow:
    """A row's date and time as they stand in the file, and which rows it runs on with."""

    line: int
    text: str
    lane: str


def when(text: str, *, day_first: bool) -> datetime:
    """Read a local date and a 12 h or 24 h time; raises InvalidReadingError."""
    match = _WHEN.fullmatch(text)
    if match is None:
        raise InvalidReadingError("not a date and time" if text else "no time")
    first, middle, last = int(match[1]), int(match[3]), int(match[4])
    if len(match[1]) == _YEAR_DIGITS:
        year, month, day = first, middle, last
    elif day_first:
        year, month, day = last, middle, first
    else:
        year, month, day = last, first, middle
    hour, minute, second = int(match[5]), int(match[6]), int(match[7] or 0)
    if match[8]:
        if not 1 <= hour <= _NOON:
            raise InvalidReadingError("no such date or time")
        hour = hour % _NOON + (_NOON if match[8] in "pP" else 0)
    return local_time(year, month, day, hour, minute, second)


def is_dated(text: str) -> bool:
    """Say whether this is a date and a time, whatever the date begins with."""
    return _WHEN.fullmatch(text) is not None


def day_comes_first(rows: Sequence[DatedRow], generated: str | None = None) -> bool:
    """Decide for a whole file; `generated` is when it says that it was made, in its own order.

    Raises AmbiguousDates where the dates fit both ways or contradict each other.
    """
    day_line, month_line, open_line = _by_twelve(rows)
    if day_line and month_line:
        raise AmbiguousDates(
            f"line {day_line} has the day first and line {month_line} the month: "
            "say which of them the file follows"
        )
    if day_line or month_line or not open_line:
        return month_line is None
    said = _by_midnights(rows)
    if said is None and generated is not None:
        said = _by_generation(rows, generated)
    if said is None:
        raise AmbiguousDates(
            f"every date, such as in line {open_line}, can be read with the day or with the "
            "month first: say which"
        )
    return said


def _by_twelve(rows: Iterable[DatedRow]) -> tuple[int | None, int | None, int | None]:
    """Return a line with the day first, one with the month first, and one that fits both ways."""
    day_line = month_line = open_line = None
    for row in rows:
        match = _WHEN.fullmatch(row.text)
        if match is None or len(match[1]) == _YEAR_DIGITS:
            continue
        first, second = int(match[1]), int(match[3])
        if second <= _MONTHS < first or (match[2] == "." and second <= _MONTHS):
            day_line = day_line or row.line
        elif first <= _MONTHS < second:
            month_line = month_line or row.line
        elif first != second:
            open_line = open_line or row.line
    return day_line, month_line, open_line


def _by_midnights(rows: Iterable[DatedRow]) -> bool | None:
    """Return the order in which rows run on across midnights, where the other has them jump."""
    lanes: dict[str, list[str]] = {}
    for row in rows:
        lanes.setdefault(row.lane, []).append(row.text)
    even = {True: 0, False: 0}
    for texts in lanes.values():
        for earlier, later in pairwise(texts):
            if earlier[:10] == later[:10]:
                continue
            for day_first in even:
                gap = _gap(earlier, later, day_first=day_first)
                even[day_first] += gap is not None and abs(gap) <= _RUNS_ON
    if even[True] == even[False]:
        return None
    return even[True] > even[False]


def _gap(earlier: str, later: str, *, day_first: bool) -> timedelta | None:
    try:
        return when(later, day_first=day_first) - when(earlier, day_first=day_first)
    except InvalidReadingError:
        return None


def _by_generation(rows: Iterable[DatedRow], generated: str) -> bool | None:
    """Return the only order in which no row is later than the file."""
    possible = [
        day_first
        for day_first in (True, False)
        if _nothing_later(rows, generated, day_first=day_first)
    ]
    return possible[0] if len(possible) == 1 else None


def _nothing_later(rows: Iterable[DatedRow], generated: str, *, day_first: bool) -> bool:
    try:
        end = when(generated, day_first=day_first) + _ZONES
    except InvalidReadingError:
        return False
    for row in rows:
        try:
            if when(row.text, day_first=day_first) > end:
                return False
        except InvalidReadingError:
            continue  # that row is refused, whatever the order
    return True
