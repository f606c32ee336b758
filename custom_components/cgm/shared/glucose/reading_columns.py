"""Makes many readings of one series at once, from columns: every value is judged, none by itself.

A day out of the history shall not cost several times what SQLite needs for it, and a class whose
constructor judges one value at a time does. So here the loops run in C: over a whole column.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from itertools import repeat
from operator import attrgetter
from types import MemberDescriptorType

from .errors import InvalidReadingError
from .reading import HIGHEST_MG_DL, LOWEST_MG_DL, Bound, Kind, Reading
from .trend import Trend

_SLOTS: dict[str, MemberDescriptorType] = {
    field.name: vars(Reading)[field.name] for field in fields(Reading)
}
_zone = attrgetter("tzinfo")


def readings_of_columns(  # noqa: PLR0913 - a reading's fields
    times: Sequence[datetime],
    mg_dl: Sequence[int],
    bounds: Sequence[Bound | None],
    trends: Sequence[Trend | None],
    *,
    source: str,
    series: str,
    kind: Kind,
) -> list[Reading]:
    """Return `Reading(time=..., mg_dl=..., ...)` of each row, in their order.

    Raises InvalidReadingError where one of them would, ValueError where a column is shorter.
    """
    count = len(times)
    if not count:
        return []
    if not count == len(mg_dl) == len(bounds) == len(trends):
        raise ValueError("columns of different lengths")
    # The constructor's own questions, of the first by itself and of all the others together.
    Reading(time=times[0], mg_dl=mg_dl[0], source=source, series=series, kind=kind)
    if any(zone is not UTC for zone in set(map(_zone, times))):
        raise InvalidReadingError("time must be aware UTC")
    if set(map(type, mg_dl)) != {int} or not (
        min(mg_dl) >= LOWEST_MG_DL and max(mg_dl) <= HIGHEST_MG_DL
    ):
        raise InvalidReadingError(f"glucose must be whole mg/dL in {LOWEST_MG_DL}..{HIGHEST_MG_DL}")
    readings = list(map(object.__new__, repeat(Reading, count)))
    columns: dict[str, Iterable[object]] = {
        "time": times,
        "mg_dl": mg_dl,
        "source": repeat(source),
        "series": repeat(series),
        "kind": repeat(kind),
        "bound": bounds,
        "trend": trends,
    }
    for name, slot in _SLOTS.items():
        deque(map(slot.__set__, readings, columns[name]), maxlen=0)
    return readings


def readings_at(times: Sequence[datetime], likes: Sequence[Reading]) -> list[Reading]:
    """Return each of `likes` as measured at its time, in their order: `dataclasses.replace`.

    A year of a file has 105,000 readings and some hundred different values: each of these is
    judged when a reading is first made of it, and here the times are. Raises InvalidReadingError
    for one that is not aware UTC, ValueError where one column is shorter.
    """
    if any(zone is not UTC for zone in set(map(_zone, times))):
        raise InvalidReadingError("time must be aware UTC")
    new = object.__new__
    put_time, *rest = (slot.__set__ for slot in _SLOTS.values())
    put_mg_dl, put_source, put_series, put_kind, put_bound, put_trend = rest
    made: list[Reading] = []
    for time, like in zip(times, likes, strict=True):
        reading = new(Reading)
        put_time(reading, time)
        put_mg_dl(reading, like.mg_dl)
        put_source(reading, like.source)
        put_series(reading, like.series)
        put_kind(reading, like.kind)
        put_bound(reading, like.bound)
        put_trend(reading, like.trend)
        made.append(reading)
    return made
