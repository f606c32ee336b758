"""The agent at work: pollers fill the outbox, the publisher empties it, and somebody looks on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING

from glucose.errors import GlucoseError
from glucose.wire import Health

from . import __version__
from .clock import is_synchronised, utc_now
from .condition import Condition, source_health
from .healthz import serving
from .machine import disk_free_mb, temperature_c
from .notifier import Notifier
from .outbox import Outbox
from .poller import Poller
from .publisher import Publisher
from .settings import Settings
from .speech import where

if TYPE_CHECKING:
    from .stand_in import StandIn

_LOGGER = logging.getLogger(__name__)

SOFTWARE = f"cgm-edge-agent {__version__}"
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
        while (left := await self._depth()) and monotonic() < give_up:  # noqa: ASYNC110 - see above
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
