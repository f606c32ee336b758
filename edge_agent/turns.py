"""Lets first answers come one after another: each is two weeks of readings in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

# Nobody waits longer for another's answer: its vendor may hang.
PATIENCE = 20.0


class Turns:
    """One at a time, as long as that one does not take too long."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def mine(self) -> AsyncIterator[None]:
        """Wait for one's turn, PATIENCE seconds at most, and give it back at the end."""
        has_it = False
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                has_it = await self._turn.acquire()
        try:
            yield
        finally:
            if has_it:
                self._turn.release()
