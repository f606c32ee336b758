"""What a wearer's feeds have learned, kept in the history over restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .const import LOGGER
from .shared.glucose.errors import StoreError

if TYPE_CHECKING:
    from datetime import datetime

    from .history import History


class FeedMemory:
    """What the feeds of one wearer recall when they start, and have kept when they stop."""

    def __init__(self, history: History, wearer: str) -> None:
        """Belong to one wearer; nothing is read yet."""
        self._history = history
        self._wearer = wearer

    async def async_recall(self, source: str) -> tuple[datetime | None, str | None]:
        """Return the newest reading's time of a source and what its feed had learned.

        Raises StoreError.
        """
        return await self._history.async_do(
            lambda store: (
                store.newest_of_source(self._wearer, source),
                store.recall(self._wearer, _key(source)),
            )
        )

    async def async_keep(self, source: str, learned: str) -> None:
        """Keep what a feed has learned; without it the feed learns again."""
        try:
            await self._history.async_do(
                lambda store: store.note(self._wearer, _key(source), learned)
            )
        except StoreError as error:
            LOGGER.debug("What a feed learned was not kept: %s", error)


def _key(source: str) -> str:
    return f"cadence {source}"
