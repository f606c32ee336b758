"""The command `once`: ask each source once, deliver, and say how far that came."""

from __future__ import annotations

import asyncio

from .assembly import assembled
from .command import DONE, FAILED, NOT_DELIVERED, Arguments, settings_of
from .rehearsal import rehearse
from .settings import Settings


def once(given: Arguments) -> int:
    """Ask, wait as long as was `given`, and end; with `dry_run`, keep and send nothing."""
    settings = settings_of(given)
    return asyncio.run(_one_ask(settings, given))


async def _one_ask(settings: Settings, given: Arguments) -> int:
    count = len(settings.sources)
    if given.dry_run:
        answered = await rehearse(settings, None)
        print(f"{answered} of {count} sources answered; nothing was kept or sent")
        return DONE if answered == count else FAILED
    async with assembled(settings) as agent:
        answered, left = await agent.once(given.wait)
    print(f"{answered} of {count} sources answered; {left} readings are not yet acknowledged")
    if left:
        return NOT_DELIVERED
    return DONE if answered == count else FAILED
