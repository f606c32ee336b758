"""When an agent was last heard, kept over a restart of Home Assistant."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .const import LOGGER, kept_under
from .feed_status import FeedState
from .shared.glucose.errors import StoreError

if TYPE_CHECKING:
    from .edge_presence import Presence
    from .history import History

_KEY = "last seen"
# A sign of life comes each minute; this is as exact as "since when is it away" need be.
_KEEP_EVERY = timedelta(minutes=5)


class LastSeen:
    """The note in the history behind a Presence: read once, then written now and then."""

    def __init__(self, history: History, node: str, presence: Presence) -> None:
        """Build without I/O."""
        self._history = history
        self._key = kept_under(node)
        self._presence = presence
        self._known = False
        self._kept: datetime | None = None

    async def async_keep(self) -> None:
        """Take up what was kept, or keep what is newer; a history that refuses is asked again."""
        try:
            if not self._known:
                await self._async_recall()
            if self._due():
                await self._async_note()
        except StoreError as error:
            LOGGER.debug("When an edge agent was last seen is not kept: %s", error)

    async def _async_recall(self) -> None:
        noted = await self._history.async_do(lambda store: store.recall(self._key, _KEY))
        self._known = True
        if noted is None:
            await self._async_note()
            return
        kept = {key: datetime.fromisoformat(time) for key, time in json.loads(noted).items()}
        self._kept = kept.get("seen")
        self._presence.recall(last_seen=self._kept, awaited=kept["awaited"])

    def _due(self) -> bool:
        """Tell whether there is news worth a write: now and then, and once when the agent goes."""
        seen, kept = self._presence.last_seen, self._kept
        if seen is None or seen == kept:
            return False
        gone = self._presence.state is FeedState.OFFLINE
        return gone or kept is None or abs(seen - kept) >= _KEEP_EVERY

    async def _async_note(self) -> None:
        seen = self._presence.last_seen
        times = {"awaited": self._presence.awaited, "seen": seen}
        note = json.dumps({k: time.isoformat() for k, time in times.items() if time is not None})
        await self._history.async_do(lambda store: store.note(self._key, _KEY, note))
        self._kept = seen
