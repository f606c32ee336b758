"""Writes down where a wearer's alarms stand and what happened, once each, when the disk lets it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .const import LOGGER
from .shared.glucose.alarms.keeping import kept
from .shared.glucose.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from .shared.glucose.alarms.state import Alarms
    from .shared.glucose.store import LoggedAlarm
    from .wearer import Wearer

# What was not written down yet while the disk refuses it: a bad day's worth.
_MOST_UNKEPT = 1_000


class AlarmKeeping:
    """The rows that wait to be written, and what was written last."""

    def __init__(self, wearer: Wearer) -> None:
        """Have nothing written, and nothing to write."""
        self._wearer = wearer
        self._unkept: list[LoggedAlarm] = []
        self._lock = asyncio.Lock()
        self._kept: object = None

    def note(self, row: LoggedAlarm) -> None:
        """Have a row of the log wait for the next time."""
        self._unkept.append(row)

    async def async_keep(self, standing: Callable[[], tuple[Alarms, datetime]]) -> None:
        """Write what has changed: the alarms as they stand at a time, and the rows that wait.

        `standing` is asked when it is this call's turn.
        """
        # One at a time: two at once would write the same rows, and let go of others unwritten.
        async with self._lock:
            await self._async_keep(*standing())

    async def _async_keep(self, alarms: Alarms, at: datetime) -> None:
        wearer, rows = self._wearer, list(self._unkept)
        # A history that was begun anew knows nothing of them.
        state = (
            wearer.history.id,
            {kind: (s.phase, s.reading, s.owed) for kind, s in alarms.states.items()},
        )
        if state == self._kept and not rows:
            return
        text = kept(alarms, at)
        try:
            await wearer.history.async_do(lambda store: store.keep_alarms(wearer.id, text, rows))
        except StoreError as error:
            LOGGER.debug("The alarms were not written down: %s", error)
            del self._unkept[:-_MOST_UNKEPT]
            return
        del self._unkept[: len(rows)]
        self._kept = state
