"""The accounts behind the sources, one a login, with a session and threads of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from time import monotonic
from typing import TypeVar

import aiohttp

from glucose.sources.catalogue import Tools, build_account
from glucose.sources.source import Account, Run

from .clock import utc_now
from .memory import Memory
from .settings import Settings, SettingsError

# Of one answer: the 1,000 that a site could give would be 1 MB of memory, of which much stays.
MOST_ROWS = 200

T = TypeVar("T")


@asynccontextmanager
async def accounts(settings: Settings, memory: Memory) -> AsyncIterator[list[Account]]:
    """Give the account of each source, in their order; equal logins share one.

    Raises SettingsError for what only the vendor's own settings can tell.
    """
    async with aiohttp.ClientSession() as session, _threads(2 * len(settings.sources)) as run:
        tools = Tools(
            session=session, run=run, clock=utc_now, elapsed=monotonic, most_rows=MOST_ROWS
        )
        built: dict[frozenset[tuple[str, object]], Account] = {}
        found: list[Account] = []
        for source in settings.sources:
            login = frozenset(source.account.items())
            if login not in built:
                refused = await asyncio.to_thread(memory.was_refused, source.name, source.account)
                try:
                    built[login] = build_account(source.account, tools, refused=refused)
                except ValueError:
                    raise SettingsError(
                        [f"sources[{source.number}]: its settings cannot be used together"]
                    ) from None
            found.append(built[login])
        yield found


@asynccontextmanager
async def _threads(most: int) -> AsyncIterator[Run]:
    """Give threads for the sources alone: one that hangs must not keep the outbox waiting."""
    threads = ThreadPoolExecutor(max_workers=most, thread_name_prefix="cgm-source")

    async def in_thread(work: Callable[[], T], /) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, work)

    try:
        yield in_thread
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
