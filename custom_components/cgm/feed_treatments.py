"""Treatments of one source: asked for beside its readings, never in their way."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

from homeassistant.core import callback

from .const import FIRST_REACH, LOGGER
from .shared.glucose.errors import GlucoseError

if TYPE_CHECKING:
    from .shared.glucose.sources.source import Source, TreatmentAnswer
    from .wearer import Wearer

ASK_EVERY = timedelta(minutes=5)
# A secret that may not read treatments, or a site that cannot be read, is left alone for longer.
AFTER_FAILURE = timedelta(minutes=15)
# Treatments are written down late: a little late mostly, and sometimes in the evening.
_TRAILING = timedelta(hours=3)
_LOOK_BACK = timedelta(hours=24)
_LOOK_BACK_EVERY = timedelta(hours=1)
# Shorter than the time to the next reading, which an account asks for only when it is free.
_LONGEST_SECONDS = 60


class FeedTreatments:
    """Asks a source that knows treatments for them at most every five minutes."""

    def __init__(self, wearer: Wearer, source: Source) -> None:
        """Ask nothing yet."""
        self._wearer = wearer
        self._source = source
        self._knows = True
        self._due = 0.0
        self._look_back_due = 0.0
        self._asked_all_of: str | None = None
        self._until: datetime | None = None
        self._failing = False
        self._task: asyncio.Task[None] | None = None

    @callback
    def async_ask(self) -> None:
        """Ask in the background if it is time to."""
        asking = self._task is not None and not self._task.done()
        if self._knows and not asking and monotonic() >= self._due:
            self._due = monotonic() + ASK_EVERY.total_seconds()
            self._task = self._wearer.entry.async_create_background_task(
                self._wearer.hass, self._async_asked(), f"cgm treatments {self._source.id}"
            )

    @callback
    def async_stop(self) -> None:
        """Ask no more; what is under way is given up."""
        self._knows = False
        if self._task is not None:
            self._task.cancel()

    async def _async_asked(self) -> None:
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                await self._async_ask()
        except (GlucoseError, TimeoutError) as error:
            self._failed(type(error).__name__, str(error))
        except Exception as error:  # noqa: BLE001 - a fault of ours must not be in a log with data
            # The traceback might carry treatments; the type says enough to look for it.
            self._failed("CGM itself, please report", repr(type(error)))
        else:
            if self._failing:
                self._failing = False
                LOGGER.info("Treatments of a source are read again")

    async def _async_ask(self) -> None:
        wearer = self._wearer
        now, elapsed, history = wearer.now(), monotonic(), wearer.history.id
        looks_back = elapsed >= self._look_back_due
        if self._until is None or self._asked_all_of != history:
            since = now - FIRST_REACH
        else:
            since = min(self._until, now) - (_LOOK_BACK if looks_back else _TRAILING)
        answer = await self._source.treatments(since)
        if answer is None:
            self._knows = False
            return
        await self._async_take(answer)
        self._until, self._asked_all_of = now, history
        if looks_back:
            self._look_back_due = elapsed + _LOOK_BACK_EVERY.total_seconds()

    async def _async_take(self, answer: TreatmentAnswer) -> None:
        if answer.refused:
            LOGGER.debug("A source told %s treatments that cannot be", answer.refused)
        await self._wearer.records.async_take(answer.treatments)
        if answer.finger_sticks:
            await self._wearer.async_take(answer.finger_sticks)

    def _failed(self, what: str, why: str) -> None:
        self._due = monotonic() + AFTER_FAILURE.total_seconds()
        if not self._failing:
            self._failing = True
            LOGGER.info("Treatments of a source cannot be read: %s (%s)", what, why)
