"""The agent at work: pollers fill the outbox, the publisher empties it, and somebody looks on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING

from glucose.clock_offset import ClockOffsets
from glucose.errors import GlucoseError
from glucose.reading import Reading
from glucose.sources.source import Account
from glucose.wire import Announce, Carried, Health, Topics

from . import __version__
from .clock import is_synchronised, utc_now
from .condition import Condition, source_health
from .healthz import serving
from .home_discovery import HomeDiscovery
from .machine import disk_free_mb, temperature_c
from .memory import Memory
from .notifier import Notifier
from .outbox import Outbox
from .poller import Keep, Poller
from .publisher import HOME_STATUS, Publisher
from .settings import Settings
from .source_accounts import accounts
from .speech import where
from .turns import Turns

if TYPE_CHECKING:
    from .stand_in import StandIn

_LOGGER = logging.getLogger(__name__)

SOFTWARE = f"cgm-edge-agent {__version__}"
OUTBOX_FILE = "outbox.db"
MEMORY_FILE = "sources.json"
HEALTH_EVERY = 60.0
# How often one looks whether the broker has come, who is told of health at once.
CONNECTED_EVERY = 2.0
# A publisher whose thread has not turned for this long hangs.
DELIVERY_LATE = 120.0
# The watchdog is fed so many times in the span it allows.
FEEDS = 4
# How often one looks whether everything was delivered.
LOOK_EVERY = 0.1


class Agent:
    """Everything that runs while the agent does; `run` and `once` are the two ways to use it."""

    def __init__(
        self,
        settings: Settings,
        pollers: Sequence[Poller],
        outbox: Outbox,
        publisher: Publisher,
        stand_in: StandIn | None = None,
    ) -> None:
        """Hold what was made for it; nothing is started."""
        self.pollers = pollers
        self._settings = settings
        self._outbox = outbox
        self._publisher = publisher
        self._stand_in = stand_in

    async def run(self, notifier: Notifier, stop: asyncio.Event) -> None:
        """Poll and deliver until `stop`; whatever of it fails is repeated, not given up."""
        tasks = [
            asyncio.create_task(poller.run(), name=poller.settings.title) for poller in self.pollers
        ]
        tasks.append(
            asyncio.create_task(self._again_and_again(CONNECTED_EVERY, self._health_in_time()))
        )
        if self._stand_in is not None:
            tasks.append(asyncio.create_task(self._stand_in.run(), name="stand-in"))
        feed_every = (notifier.watchdog_seconds or HEALTH_EVERY) / FEEDS
        try:
            async with serving(self._settings.health_port, self.condition):
                notifier.ready()
                # Only now: what feeds before it is ready has two first words.
                tasks.append(
                    asyncio.create_task(self._again_and_again(feed_every, self._feeding(notifier)))
                )
                _LOGGER.info("Running: %d sources, %s", len(self.pollers), SOFTWARE)
                await stop.wait()
                _LOGGER.info("Stopping")
        finally:
            notifier.stopping()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for poller in self.pollers:
                await poller.close()

    async def once(self, seconds: float) -> tuple[int, int]:
        """Ask each source once and wait at most `seconds` until all is acknowledged.

        Returns how many sources answered, and how many readings are still in the outbox.
        """
        answered = await asyncio.gather(*(poller.ask() for poller in self.pollers))
        await self._tell_health()
        give_up = monotonic() + seconds
        # Acknowledgements come in on the publisher's thread, which knows no event of ours.
        while (left := await self._depth()) and monotonic() < give_up:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_EVERY)
        for poller in self.pollers:
            await poller.close()
        return sum(answered), left

    async def condition(self) -> Condition:
        """Return how everything stands."""
        return await asyncio.to_thread(self._condition)

    def _condition(self) -> Condition:
        publisher, stand_in = self._publisher, self._stand_in
        try:
            depth, oldest = self._outbox.depth(), self._outbox.oldest()
        except GlucoseError:
            depth, oldest = 0, None
        return Condition(
            health=Health(
                sent_at=utc_now(),
                clock_synchronised=is_synchronised(),
                depth=depth,
                oldest=oldest,
                refused=publisher.counters.refused,
                sources=source_health(self.pollers),
                disk_free_mb=disk_free_mb(self._settings.state_dir),
                temperature_c=temperature_c(),
                denied=publisher.denied,
            ),
            clock_offset=self.pollers[0].offsets.estimate if self.pollers else None,
            connected=publisher.connected,
            delivering=monotonic() - publisher.last_progress < DELIVERY_LATE,
            late=tuple(poller.settings.title for poller in self.pollers if not poller.on_time),
            waiting=sum(poller.waiting for poller in self.pollers),
            problem=publisher.problem,
            troubles=publisher.troubles,
            calling=None if stand_in is None else stand_in.calling,
            call_problems=() if stand_in is None else stand_in.problems,
        )

    async def _depth(self) -> int:
        return await asyncio.to_thread(self._outbox.depth)

    async def _tell_health(self) -> None:
        condition = await self.condition()
        await asyncio.to_thread(self._publisher.publish_health, condition.health)

    def _health_in_time(self) -> Callable[[], Awaitable[None]]:
        """Return what tells health each minute, and at once where a connection came about."""
        told: float | None = None

        async def tell_if_due() -> None:
            nonlocal told
            if not self._publisher.connected:
                told = None
            elif told is None or monotonic() - told >= self._publisher.health_after(HEALTH_EVERY):
                told = monotonic()
                await self._tell_health()

        return tell_if_due

    def _feeding(self, notifier: Notifier) -> Callable[[], Awaitable[None]]:
        async def feed() -> None:
            condition = await self.condition()
            if condition.alive:
                notifier.alive(condition.line)
                return
            notifier.status(f"hangs: {', '.join(condition.late) or 'delivery'}")
            _LOGGER.error(
                "The agent hangs (%s)", ", ".join(condition.late) or "delivery to the broker"
            )

        return feed

    async def _again_and_again(self, seconds: float, what: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await what()
            except Exception as error:  # noqa: BLE001 - health must not end because of one look
                _LOGGER.error("The agent failed in itself, please report: %s", where(error))
            await asyncio.sleep(seconds)


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


@contextlib.contextmanager
def told_to_stop() -> Iterator[asyncio.Event]:
    """Give an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
