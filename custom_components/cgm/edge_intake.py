"""Rows of one agent on their way into the history: queued, stored, held, and then acknowledged."""

from __future__ import annotations

from collections import deque
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from homeassistant.core import callback
from homeassistant.util import dt as dt_util

from .const import LOGGER, kept_under
from .shared.glucose.errors import StoreError
from .shared.glucose.merge import parted
from .shared.glucose.wire import Received

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Mapping

    from homeassistant.core import HomeAssistant

    from .edge_acknowledgement import Acknowledgement
    from .edge_feed import EdgeFeed
    from .history import History
    from .shared.glucose.wire import Row

# An agent has two batches and the newest reading under way; beyond, somebody else talks. What
# is dropped here is not acknowledged, so it comes again.
_MOST_WAITING = 100
_MOST_HELD = 8


class _Message(NamedTuple):
    received: Received
    retained: bool


class Intake:
    """Stores what came, the newest readings first; what the history refuses is tried again."""

    def __init__(
        self,
        hass: HomeAssistant,
        history: History,
        node: str,
        feeds: Mapping[str, EdgeFeed],
        acknowledgement: Acknowledgement,
    ) -> None:
        """Build without I/O; `feeds` are those who take readings, by the agent's source."""
        self._hass = hass
        self._history = history
        self._key = kept_under(node)
        self._feeds = feeds
        self._acknowledgement = acknowledgement
        self._live: deque[_Message] = deque()
        self._backlog: deque[_Message] = deque()
        self._held: list[_Message] = []
        self._working: Task[None] | None = None
        self._closed = False

    @callback
    def async_put(self, received: Received, *, live: bool, retained: bool) -> None:
        """Take rows in; beyond what may wait they are dropped, and the agent sends them again."""
        queue = self._live if live else self._backlog
        if len(queue) < _MOST_WAITING:
            queue.append(_Message(received, retained))
        self.async_work()

    @callback
    def async_retry(self) -> None:
        """Try again what could not be stored."""
        self._backlog.extend(self._held)
        self._held.clear()
        self.async_work()

    @callback
    def async_work(self) -> None:
        """Store what waits; without anything, find out what is acknowledged and say it."""
        if not self._closed and (self._working is None or self._working.done()):
            self._working = self._hass.async_create_background_task(
                self._async_store_all(), "cgm edge store"
            )

    @callback
    def async_close(self) -> None:
        """Store no more; what is not stored is not acknowledged either."""
        self._closed = True
        if self._working is not None:
            self._working.cancel()

    async def _async_store_all(self) -> None:
        try:
            await self._acknowledgement.async_know()
        except StoreError:
            LOGGER.debug("What was acknowledged to an edge agent cannot be read now")
        while self._live or self._backlog:
            message = (self._live or self._backlog).popleft()
            try:
                await self._async_store(message)
            except StoreError as error:
                LOGGER.debug("Readings of an edge agent wait for the history: %s", error)
                self._hold(message)
            except Exception as error:  # noqa: BLE001 - one message must not end the others
                # The traceback might carry readings; the type says enough to look for it.
                LOGGER.error("A fault in CGM itself, please report: %r", type(error))

    def _hold(self, message: _Message) -> None:
        """Try again later; where there are too many the agent sends them again."""
        if message not in self._held and len(self._held) < _MOST_HELD:
            self._held.append(message)

    async def _async_store(self, message: _Message) -> None:
        received, store_id = message.received, self._history.id
        left: set[int] = set()
        rows = sorted(received.rows, key=lambda row: row.reading.source)
        for source, of_source in groupby(rows, key=lambda row: row.reading.source):
            feed = self._feeds.get(source)
            one = list(of_source)
            left |= await (self._async_keep(one) if feed is None else feed.async_receive(one))
        if self._history.id != store_id:
            # A history begun anew half-way has some of the rows only.
            left = {row.seq for row in rows}
        if left:
            self._hold(message)
        stored_to = min(left) - 1 if left else received.last
        await self._acknowledgement.async_take(received, stored_to, retained=message.retained)
        for feed in list(self._feeds.values()):
            feed.async_update()

    async def _async_keep(self, rows: list[Row]) -> set[int]:
        """Keep rows of a source nobody has taken over; returns the numbers not kept."""
        due, _held = parted([row.reading for row in rows], dt_util.utcnow())
        kept = {id(reading) for reading in due}
        await self._history.async_do(lambda store: store.add(self._key, due))
        return {row.seq for row in rows if id(row.reading) not in kept}
