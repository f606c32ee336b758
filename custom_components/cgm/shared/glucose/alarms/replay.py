"""The alarms over readings that lie in the past, as they would have gone when each came."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING

from ..merge import AHEAD_TOLERANCE, WITHDRAWN_AT_LEAST
from .engine import advance, next_look
from .state import Alarms
from .view import view

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from ..reading import Reading
    from .rules import AlarmRules
    from .state import Happening
    from .view import View

# As far back as a view looks.
RECENT = timedelta(hours=6)
# Between two readings further apart than this nothing new is asked of time.
LONGEST_WATCH = timedelta(hours=24)


def replayed(  # noqa: PLR0913 - what a view is made of, and the rules
    readings: Iterable[Reading],
    *,
    order: Sequence[str],
    cadences: Mapping[str, timedelta],
    rules: AlarmRules,
    until: datetime | None = None,
    withdrawn_at_least: timedelta = WITHDRAWN_AT_LEAST,
) -> Iterator[tuple[Alarms, tuple[Happening, ...]]]:
    """Yield the alarms after each look, and what happened at it.

    `readings` come oldest first, each known from its own time on. Between two of them, and
    after the last until `until`, it is looked when time alone may change something, for a day
    at most: what is silent for longer is not followed any further. The last look is at `until`.
    """
    alarms = Alarms()
    window: deque[Reading] = deque()
    seen: View | None = None

    def looked(now: datetime) -> tuple[View, Alarms, tuple[Happening, ...]]:
        elapsed = timedelta() if seen is None else now - seen.now
        new = view(
            window, order=order, cadences=cadences, now=now, withdrawn_at_least=withdrawn_at_least
        )
        return new, *advance(alarms, new, rules, elapsed)

    def passed(end: datetime) -> Iterator[tuple[Alarms, tuple[Happening, ...]]]:
        nonlocal seen, alarms
        while seen is not None and window:
            wait = next_look(alarms, seen, rules)
            moment = None if wait is None else seen.now + wait
            if moment is None or moment >= min(end, window[-1].time + LONGEST_WATCH):
                return
            seen, alarms, happenings = looked(moment)
            yield alarms, happenings

    for reading in readings:
        yield from passed(reading.time)
        window.append(reading)
        while window[0].time < reading.time - RECENT:
            window.popleft()
        seen, alarms, happenings = looked(reading.time)
        yield alarms, happenings
    if until is not None:
        yield from passed(until)
        if seen is not None and seen.now < until:
            seen, alarms, happenings = looked(until)
            yield alarms, happenings


def rebuilt(  # noqa: PLR0913 - as above
    readings: Iterable[Reading],
    *,
    order: Sequence[str],
    cadences: Mapping[str, timedelta],
    rules: AlarmRules,
    now: datetime,
    withdrawn_at_least: timedelta = WITHDRAWN_AT_LEAST,
) -> Alarms:
    """Return where the alarms stand at `now` by the readings alone, as if all had been said.

    What is ahead of the clock is left out, as it is in a view; no silence is remembered.
    """
    alarms = Alarms()
    for alarms, _ in replayed(  # noqa: B007 - the last one is wanted
        (row for row in readings if row.time <= now + AHEAD_TOLERANCE),
        order=order,
        cadences=cadences,
        rules=rules,
        until=now,
        withdrawn_at_least=withdrawn_at_least,
    ):
        pass
    return alarms
