"""A dry run: the sources are asked for real, and what came is counted, not kept and not sent."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence

from glucose.reading import Reading

from .assembly import pollers_of
from .memory import Memory
from .settings import Settings
from .source_accounts import accounts

_LOGGER = logging.getLogger(__name__)


async def rehearse(settings: Settings, stop: asyncio.Event | None) -> int:
    """Ask each source once, or, with `stop`, until it is set; returns how many answered last.

    Nothing is written, and the broker hears nothing. Says counts, never values.
    """
    titles = {source.name: source.title for source in settings.sources}

    async def keep(readings: Sequence[Reading]) -> int:
        for name, count in Counter(reading.source for reading in readings).items():
            _LOGGER.info("%s: %d readings would be delivered", titles[name].capitalize(), count)
        return len(readings)

    memory = Memory(None)
    async with accounts(settings, memory) as found:
        pollers = pollers_of(settings, found, memory, keep, {})
        if stop is None:
            return sum(await asyncio.gather(*(poller.ask() for poller in pollers)))
        tasks = [asyncio.create_task(poller.run()) for poller in pollers]
        await stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return len(pollers)
