"""Alarms of the past as episodes: from when to when, whether it fired, and how far it went."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .state import What

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from .kinds import AlarmKind
    from .state import Alarms, Happening


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One alarm from the reading it began with until it cleared, None where it has not.

    `fired` is when it first spoke: later than `start` where the alarm has a delay.
    """

    kind: AlarmKind
    start: datetime
    end: datetime | None
    fired: datetime
    extreme_mg_dl: int | None


def episodes(happenings: Iterable[Happening], now: Alarms) -> list[Episode]:
    """Return the episodes that the happenings tell of, by start; `now` is how it all ended."""
    running: dict[AlarmKind, Happening] = {}
    found: list[Episode] = []
    for one in happenings:
        if one.what is What.FIRED:
            running[one.kind] = one
        elif one.what is What.CLEARED and one.kind in running:
            found.append(_episode(running.pop(one.kind), one))
    found += [
        replace(_episode(first, None), extreme_mg_dl=now[kind].extreme_mg_dl)
        for kind, first in running.items()
    ]
    return sorted(found, key=lambda episode: (episode.start, episode.kind))


def _episode(first: Happening, last: Happening | None) -> Episode:
    return Episode(
        kind=first.kind,
        start=first.began or first.at,
        end=None if last is None else last.at,
        fired=first.at,
        extreme_mg_dl=(last or first).extreme_mg_dl,
    )
