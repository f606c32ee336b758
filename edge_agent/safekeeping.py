"""Puts one source's readings on disk; what cannot go there yet waits in memory."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta

from glucose.clock_offset import ClockOffsets
from glucose.errors import GlucoseError
from glucose.merge import parted
from glucose.reading import Kind, Reading

_LOGGER = logging.getLogger(__name__)

# How many readings wait in memory while the disk refuses them: three months of five-minute ones.
MOST_WAITING = 25_920
# Home Assistant acknowledges nothing behind a reading that lies ahead of its clock, so one dated
# next year (a phone set wrong) would stop all that follow. A little ahead does no harm.
FAR_AHEAD = timedelta(hours=1)

Identity = tuple[str, Kind, str, datetime]
# Puts readings on disk and returns how many were new; raises GlucoseError or OSError.
Keep = Callable[[Sequence[Reading]], Awaitable[int]]


class Safekeeping:
    """Holds each reading until it is on disk; `title` says whose they are in the log.

    `newest` is the time of the newest reading that is safe. `offsets` corrects our clock;
    `synchronised` tells whether it is right, None where nobody can tell.
    """

    def __init__(
        self,
        title: str,
        keep: Keep,
        *,
        offsets: ClockOffsets,
        synchronised: Callable[[], bool | None],
        newest: datetime | None,
    ) -> None:
        self.newest = newest
        self._title = title
        self._keep = keep
        self._offsets = offsets
        self._synchronised = synchronised
        self._waiting: dict[Identity, Reading] = {}

    @property
    def waiting(self) -> int:
        """How many readings are in memory only: the disk refuses them, or their time is to come."""
        return len(self._waiting)

    async def put_away(self, readings: Sequence[Reading], *, refusal_is_known: bool) -> bool:
        """Put readings on disk, and what waits; tell whether that went, and say so where not."""
        now = self._offsets.now()
        given: Iterable[Reading] = readings
        if self._waiting:
            given = {**self._waiting, **{one.identity: one for one in readings}}.values()
        ahead: list[Reading] = []
        ready: list[Reading] = []
        for reading in given:
            (ahead if self._is_far_ahead(reading.time, now) else ready).append(reading)
        try:
            added = await self._keep(ready) if ready else 0
        except (GlucoseError, OSError, asyncio.CancelledError) as error:
            self._waiting.update((reading.identity, reading) for reading in readings)
            if isinstance(error, asyncio.CancelledError):
                raise
            if not refusal_is_known:
                _LOGGER.error(
                    "Readings of %s cannot be written, %d wait in memory: %s",
                    self._title,
                    len(self._waiting),
                    type(error).__name__,
                )
            self._let_go_of_oldest()
            return False
        self._waiting = {reading.identity: reading for reading in ahead}
        self._let_go_of_oldest()
        self.newest = self._newest_after(ready, now)
        if added:
            _LOGGER.debug("%s: %d new readings", self._title, added)
        return True

    def _is_far_ahead(self, time: datetime, now: datetime) -> bool:
        """Tell whether a reading's time is still to come; nobody knows while no clock is right."""
        if time <= now + FAR_AHEAD:
            return False
        return self._offsets.estimate is not None or self._synchronised() is True

    def _newest_after(self, kept: Sequence[Reading], now: datetime) -> datetime | None:
        """Return how far we are, None where that has to be found out from the beginning.

        A reading ahead of the clock is kept like any other, but does not say how far we are: else
        nothing before it would be asked for any more.
        """
        known = self.newest
        if known is not None and self._is_far_ahead(known, now):
            return None
        times = [reading.time for reading in parted(kept, now)[0]]
        return max(times if known is None else [*times, known], default=None)

    def _let_go_of_oldest(self) -> None:
        """Keep no more in memory than a small machine has room for."""
        lost = list(self._waiting)[: max(0, len(self._waiting) - MOST_WAITING)]
        for identity in lost:
            del self._waiting[identity]
        if lost:
            _LOGGER.error(
                "%d readings of %s are LOST: they cannot be written, and the memory is full",
                len(lost),
                self._title,
            )
