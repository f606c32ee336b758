"""Readings on their way to disk: they wait in memory while ahead of the clock, or refused."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from homeassistant.core import callback

from .const import LOGGER
from .shared.glucose.errors import StoreError
from .shared.glucose.merge import parted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .history import History
    from .shared.glucose.reading import Kind, Reading

type Identity = tuple[str, Kind, str, datetime]

# How many readings wait in memory while the disk refuses them: three months of five-minute ones.
_MOST_WAITING = 25_920


class Writing:
    """One wearer's readings that are not on disk yet; `error` is set while the disk refuses."""

    def __init__(self, history: History, wearer: str) -> None:
        """Begin with nothing waiting."""
        self.error: StoreError | None = None
        self._history = history
        self._history_id: str | None = None
        self._wearer = wearer
        self._waiting: dict[Identity, Reading] = {}

    def begin(self) -> None:
        """Note which history was opened, to notice when a new one is begun."""
        self._history_id = self._history.id

    @callback
    def put(self, readings: Iterable[Reading]) -> None:
        """Have readings wait for the next write."""
        self._waiting.update({reading.identity: reading for reading in readings})

    @callback
    def drop(self, reading: Reading) -> None:
        """Have a reading wait no more, where it did."""
        self._waiting.pop(reading.identity, None)

    @callback
    def waiting(self, readings: Iterable[Reading]) -> set[Reading]:
        """Return which of these readings are not on disk yet; all while it refuses them."""
        given = set(readings)
        if self.error is not None:
            return given
        return {reading for reading in given if reading.identity in self._waiting}

    async def async_write(
        self, now: datetime, recent: Mapping[Identity, Reading]
    ) -> datetime | None:
        """Put on disk what waits, but for readings ahead of `now`: those are held.

        Returns the time of the oldest reading that changed the history, None if none did.
        `recent` goes to disk again where a new history was begun.
        """
        if self._history.id not in {self._history_id, None}:
            self._history_id = self._history.id
            self._waiting = {**recent, **self._waiting}
        due, _held = parted(self._waiting.values(), now)
        if not due:
            return None
        try:
            added = await self._history.async_do(lambda store: store.add(self._wearer, due))
        except StoreError as error:
            if self.error is None:
                LOGGER.error("Readings cannot be written: %s", error)
            self.error = error
            for identity in list(self._waiting)[: -_MOST_WAITING or None]:
                del self._waiting[identity]
            return None
        for reading in due:
            if self._waiting.get(reading.identity) is reading:
                del self._waiting[reading.identity]
        if self.error is not None:
            LOGGER.info("Readings are written again")
            self.error = None
        return added.earliest_change
