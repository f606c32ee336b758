"""Puts an agent together from its settings: accounts, pollers, outbox, publisher, stand-in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING

from glucose.clock_offset import ClockOffsets
from glucose.reading import Reading
from glucose.sources.source import Account
from glucose.wire import Announce, Carried, Topics

from .agent import SOFTWARE, Agent
from .clock import is_synchronised, utc_now
from .home_discovery import HomeDiscovery
from .memory import Memory
from .outbox import Outbox
from .poller import Poller
from .publisher import HOME_STATUS, Publisher
from .safekeeping import Keep
from .settings import Settings
from .source_accounts import accounts
from .turns import Turns

if TYPE_CHECKING:
    from .stand_in import StandIn

OUTBOX_FILE = "outbox.db"
MEMORY_FILE = "sources.json"


@asynccontextmanager
async def assembled(settings: Settings) -> AsyncIterator[Agent]:
    """Give an agent with its outbox open and its publisher started; close both at the end.

    Raises StoreError where the outbox cannot be used, SettingsError as accounts().
    """
    outbox = Outbox(settings.state_dir / OUTBOX_FILE, clock=utc_now, most_mb=settings.most_mb)
    await asyncio.to_thread(outbox.open)
    try:
        memory = Memory(settings.state_dir / MEMORY_FILE)
        await asyncio.to_thread(memory.load)
        async with accounts(settings, memory) as found:
            topics, announce = Topics(settings.node), announcement(settings, found)
            prefix = settings.discovery_prefix
            discovery = None if prefix is None else HomeDiscovery(prefix, announce, topics)
            publisher = Publisher(
                settings.broker,
                topics,
                outbox,
                announce=announce,
                key=settings.pairing_key,
                home_status_topic=discovery.status_topic if discovery else HOME_STATUS,
            )
            if discovery is not None:
                publisher.keep(discovery.topic, discovery.description())

            stand_in: StandIn | None = None

            async def keep(readings: Sequence[Reading]) -> int:
                if stand_in is not None:
                    # First: a low counts although the disk is full.
                    stand_in.heard(readings)
                added = await asyncio.to_thread(outbox.add, readings)
                if discovery is not None:
                    for topic, value in discovery.values(readings).items():
                        publisher.keep(topic, value)
                publisher.wake()
                return added

            newest = {one.name: outbox.newest_time(one.name) for one in settings.sources}
            pollers = pollers_of(settings, found, memory, keep, newest)
            stand_in = _stand_in(settings, pollers, outbox, publisher)
            await asyncio.to_thread(publisher.start)
            try:
                yield Agent(settings, pollers, outbox, publisher, stand_in)
            finally:
                await asyncio.to_thread(publisher.stop)
    finally:
        await asyncio.to_thread(outbox.close)


def _stand_in(
    settings: Settings, pollers: Sequence[Poller], outbox: Outbox, publisher: Publisher
) -> StandIn | None:
    if settings.call is None:
        return None
    # Who wants no calls pays no memory for them.
    from .stand_in import Home, StandIn  # noqa: PLC0415 - see above

    return StandIn(
        settings.call,
        settings.sources,
        settings.state_dir,
        home=Home(is_reached=lambda: publisher.home_reached, has=outbox.is_taken),
        cadences=lambda: {one.settings.name: one.cadence.interval for one in pollers},
        clock=pollers[0].offsets.now,
    )


def announcement(settings: Settings, found: Sequence[Account]) -> Announce:
    """Return what the agent says of itself."""
    return Announce(
        node=settings.node,
        software=SOFTWARE,
        carries=tuple(
            Carried(
                source=source.name,
                wearer=source.wearer,
                kind=source.kind,
                cadence_seconds=max(1, round(account.cadence.total_seconds())),
            )
            for source, account in zip(settings.sources, found, strict=True)
        ),
    )


def pollers_of(
    settings: Settings,
    found: Sequence[Account],
    memory: Memory,
    keep: Keep,
    newest: Mapping[str, datetime | None],
) -> list[Poller]:
    """Return a poller for each source; they share what the vendors say of our clock."""
    offsets, turns = ClockOffsets(utc_now, monotonic), Turns()
    return [
        Poller(
            source,
            account,
            keep=keep,
            memory=memory,
            offsets=offsets,
            elapsed=monotonic,
            synchronised=is_synchronised,
            newest=newest.get(source.name),
            turns=turns,
        )
        for source, account in zip(settings.sources, found, strict=True)
    ]
