"""A wearer's alarms since some time, from when to when each was on, out of the alarm log."""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from .shared.glucose.alarms.kinds import STANDING, AlarmKind, Side
from .shared.glucose.alarms.state import What
from .shared.glucose.pictures.marks import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .shared.glucose.alarms.state import Alarms
    from .shared.glucose.store import LoggedAlarm
    from .wearer import Wearer

_LOW: Mapping[Side, bool | None] = MappingProxyType(
    {Side.LOW: True, Side.HIGH: False, Side.NEITHER: None}
)


async def async_spans(wearer: Wearer, start: datetime) -> list[Span]:
    """Return the alarms that were on at `start` or later, milder first. Raises StoreError."""
    # What has just happened may still wait for the disk.
    await wearer.alarms.async_keep()
    return spans(await wearer.alarms.async_log(start), wearer.alarms.alarms)


def spans(log: Iterable[LoggedAlarm], now: Alarms) -> list[Span]:
    """Return when the alarms that a log tells of were on, and those that are on by `now`.

    A row that tells of an end tells of the beginning as well, however long ago that was.
    """
    found = [
        (AlarmKind(row.kind), datetime.fromisoformat(began), row.at)
        for row in log
        if row.what == What.CLEARED and isinstance(began := row.about.get("began"), str)
    ]
    running = [(kind, now[kind].since or now[kind].fired) for kind in now.on]
    return [
        Span(start=start, end=end, low=_LOW[STANDING[kind].side])
        for kind, start, end in sorted(
            [*found, *((kind, start, None) for kind, start in running if start is not None)],
            key=lambda one: STANDING[one[0]].severity,
        )
    ]
