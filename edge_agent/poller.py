"""One source at run time: asked at the moments cadence.py plans; what came goes in the outbox."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from glucose.cadence import Cadence
from glucose.clock_offset import ClockOffsets
from glucose.errors import CredentialsRejected, GlucoseError, UnexpectedAnswer
from glucose.merge import parted
from glucose.reading import Kind, Reading
from glucose.sources.source import Account, Answer, VisibleWearer

from .memory import Memory
from .settings import SourceSettings
from .source_state import PatientNeededError, SourceState, next_step, state_of
from .turns import Turns

_LOGGER = logging.getLogger(__name__)

# A new source is asked for all that Home Assistant would ask it for.
FIRST_REACH = timedelta(days=14)
# A login that works and brings nothing for this long, as in the integration.
SILENT_AFTER = timedelta(hours=24)
# Every source ends its own requests long before; this is for what nobody thought of.
LONGEST_ASK = 300.0
# A poller that is later than this at its own appointment hangs.
LATE = 120.0
KEEP_EVERY = 3600.0
# A clock that moved so much more, or less, than the time that went by was set.
CLOCK_SET = timedelta(minutes=2)
# How many readings wait in memory while the disk refuses them: three months of five-minute ones.
MOST_WAITING = 25_920
# Home Assistant acknowledges nothing behind a reading that lies ahead of its clock, so one dated
# next year (a phone set wrong) would stop all that follow. A little ahead does no harm.
FAR_AHEAD = timedelta(hours=1)

Identity = tuple[str, Kind, str, datetime]
# Puts readings on disk and returns how many were new; raises GlucoseError or OSError.
Keep = Callable[[Sequence[Reading]], Awaitable[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """How a source stands. `newest` is the newest reading that is safe in the outbox."""

    state: SourceState = SourceState.STARTING
    newest: datetime | None = None
    refused_rows: int = 0
    kept: int = 0


class Poller:
    """Runs one source of one wearer and never ends by itself, whatever goes wrong.

    `account` may be shared with other pollers. `offsets` corrects the clock by what vendors say;
    `elapsed` is monotonic seconds, in which everything is planned: a clock that is set moves none
    of it. `synchronised` tells whether our clock is right, None where nobody can tell. `newest` is
    the newest reading of this source already in the outbox. `turns` is shared with the pollers
    that may bring their first answers beside this one.
    """

    def __init__(  # noqa: PLR0913 - what it asks, where that goes, and what the world is to it
        self,
        settings: SourceSettings,
        account: Account,
        *,
        keep: Keep,
        memory: Memory,
        offsets: ClockOffsets,
        elapsed: Callable[[], float],
        synchronised: Callable[[], bool | None],
        newest: datetime | None = None,
        turns: Turns | None = None,
    ) -> None:
        """Take up what was learned before; no I/O."""
        self.settings = settings
        self.status = SourceStatus(newest=newest)
        self._account = account
        self._keep = keep
        self._memory = memory
        self.offsets = offsets
        self._elapsed = elapsed
        self._synchronised = synchronised
        self.cadence = Cadence(account.cadence, settings.name, memory.learned(settings.name))
        self._turns = turns or Turns()
        self._patient_id: str | None = None
        self._waiting: dict[Identity, Reading] = {}
        self._started: float = elapsed()
        self._saved = elapsed()
        self._appointment = elapsed() + LATE
        self._failing = False
        self._looked = offsets.now(), elapsed()

    @property
    def waiting(self) -> int:
        """How many readings are in memory only: the disk refuses them, or their time is to come."""
        return len(self._waiting)

    @property
    def on_time(self) -> bool:
        """Whether it keeps its own appointments; one that does not hangs."""
        return self._elapsed() <= self._appointment

    async def run(self) -> None:
        """Ask for ever; only a cancellation ends it."""
        while True:
            await self.ask()
            wait = self.cadence.wait(self._elapsed()).total_seconds()
            self._appointment = self._elapsed() + wait + LATE
            await asyncio.sleep(wait)

    async def ask(self) -> bool:
        """Ask once, put away what came, plan the next time; tells whether the source answered."""
        self._appointment = self._elapsed() + LONGEST_ASK + LATE
        if self.status.newest is not None:
            return await self._ask()
        async with self._turns.mine():
            return await self._ask()

    async def _ask(self) -> bool:
        try:
            self._look_at_clock()
            self.cadence.asked(self._elapsed())
            try:
                async with asyncio.timeout(LONGEST_ASK):
                    answer = await self._account.readings(
                        await self._patient(), self.settings.name, self._since()
                    )
            except GlucoseError as error:
                await self._failed(error)
                return False
            await self._answered(answer)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end the watch
            # The traceback might carry readings or names; the type says enough to look for it.
            _LOGGER.error(
                "Asking %s failed in the agent itself, please report: %r",
                self.settings.title,
                type(error),
            )
            await self._failed(UnexpectedAnswer("a fault in the agent itself"))
            return False
        return True

    async def close(self) -> None:
        """Put away what still waits and what was learned."""
        await self._put_away(())
        if self._waiting:
            _LOGGER.warning(
                "%d readings of %s were in memory only; the source is asked for them again",
                len(self._waiting),
                self.settings.title,
            )
        await self._remember()

    def _look_at_clock(self) -> None:
        """Where the clock was set, unlearn how late readings seemed to be by the wrong one."""
        now, elapsed = self.offsets.now(), self._elapsed()
        before, then = self._looked
        self._looked = now, elapsed
        if abs(now - before - timedelta(seconds=elapsed - then)) <= CLOCK_SET:
            return
        learned, longest = self.cadence.learned, 2 * self.cadence.interval.total_seconds()
        credible = tuple(delay for delay in learned.delays if delay[0] <= longest)
        if credible != learned.delays:
            learned = replace(learned, delays=credible)
            self.cadence = Cadence(self._account.cadence, self.settings.name, learned)

    async def _answered(self, answer: Answer) -> None:
        if answer.clock_offset is not None:
            self.offsets.note(self.settings.name, answer.clock_offset)
        now, elapsed = self.offsets.now(), self._elapsed()
        written = await self._put_away(answer.readings)
        # Learning takes milliseconds, for which no reading should have to wait.
        self.cadence.answered(now, elapsed, answer.readings)
        if self._memory.note_accepted(self.settings.name):
            await self._remember()
        self.status = replace(
            self.status,
            state=self._state_after(now) if written else SourceState.DISK_REFUSES,
            refused_rows=self.status.refused_rows + answer.refused,
        )
        if self._failing:
            self._failing = False
            _LOGGER.info("%s answers again", self.settings.title.capitalize())
        if self._elapsed() - self._saved >= KEEP_EVERY:
            await self._remember()

    def _state_after(self, now: datetime) -> SourceState:
        newest = self.status.newest
        if newest is None:
            quiet = self._elapsed() - self._started
            silent = quiet > SILENT_AFTER.total_seconds()
        else:
            silent = now - newest > SILENT_AFTER
        return SourceState.NO_READINGS if silent else SourceState.OK

    async def _put_away(self, readings: Sequence[Reading]) -> bool:
        """Put readings in the outbox; while the disk refuses they wait in memory."""
        now = self.offsets.now()
        given: Iterable[Reading] = readings
        if self._waiting:
            given = {**self._waiting, **{one.identity: one for one in readings}}.values()
        ahead: list[Reading] = []
        ready: list[Reading] = []
        for reading in given:
            (ahead if self._is_far_ahead(reading.time, now) else ready).append(reading)
        try:
            added = await self._keep(ready) if ready else 0
        except (GlucoseError, OSError, asyncio.CancelledError) as error:
            self._waiting.update((reading.identity, reading) for reading in readings)
            if isinstance(error, asyncio.CancelledError):
                raise
            if self.status.state is not SourceState.DISK_REFUSES:
                _LOGGER.error(
                    "Readings of %s cannot be written, %d wait in memory: %s",
                    self.settings.title,
                    len(self._waiting),
                    type(error).__name__,
                )
            self._let_go_of_oldest()
            return False
        self._waiting = {reading.identity: reading for reading in ahead}
        self._let_go_of_oldest()
        self.status = replace(
            self.status, newest=self._newest_after(ready, now), kept=self.status.kept + added
        )
        if added:
            _LOGGER.debug("%s: %d new readings", self.settings.title, added)
        return True

    def _is_far_ahead(self, time: datetime, now: datetime) -> bool:
        """Tell whether a reading's time is still to come; nobody knows while no clock is right."""
        if time <= now + FAR_AHEAD:
            return False
        return self.offsets.estimate is not None or self._synchronised() is True

    def _newest_after(self, kept: Sequence[Reading], now: datetime) -> datetime | None:
        """Return how far we are, None where that has to be found out from the beginning.

        A reading ahead of the clock is kept like any other, but does not say how far we are: else
        nothing before it would be asked for any more.
        """
        known = self.status.newest
        if known is not None and self._is_far_ahead(known, now):
            return None
        times = [reading.time for reading in parted(kept, now)[0]]
        return max(times if known is None else [*times, known], default=None)

    def _let_go_of_oldest(self) -> None:
        """Keep no more in memory than a small machine has room for."""
        lost = list(self._waiting)[: max(0, len(self._waiting) - MOST_WAITING)]
        for identity in lost:
            del self._waiting[identity]
        if lost:
            _LOGGER.error(
                "%d readings of %s are LOST: they cannot be written, and the memory is full",
                len(lost),
                self.settings.title,
            )

    async def _failed(self, error: GlucoseError) -> None:
        """Back off as long as the error demands."""
        self.cadence.failed(self.offsets.now(), self._elapsed(), error)
        self.status = replace(self.status, state=state_of(error))
        if not self._failing:
            self._failing = True
            _LOGGER.warning(
                "%s cannot be read: %s (%s). Next: %s",
                self.settings.title.capitalize(),
                type(error).__name__,
                error,
                next_step(error),
            )
        if isinstance(error, CredentialsRejected) and error.confirmed:
            await asyncio.to_thread(
                self._memory.note_refused, self.settings.name, self.settings.account
            )
            await self._remember()

    async def _patient(self) -> str:
        """Return whom to ask for; logs in to learn it where it is not yet known."""
        if self._patient_id is None:
            seen = await self._account.wearers()
            self._patient_id = chosen(self.settings.patient, seen).id
        return self._patient_id

    def _since(self) -> datetime:
        """Ask for the trailing window; for all there is where the source is new."""
        now = self.offsets.now()
        if self.status.newest is None:
            return now - FIRST_REACH
        return min(self.cadence.since(now, self._elapsed()), self.status.newest)

    async def _remember(self) -> None:
        self._saved = self._elapsed()
        self._memory.note_learned(self.settings.name, self.cadence.learned)
        await asyncio.to_thread(self._memory.save)


def chosen(patient: str | None, seen: Sequence[VisibleWearer]) -> VisibleWearer:
    """Return the person that the settings mean; raises PatientNeededError."""
    if patient is None and len(seen) == 1:
        return seen[0]
    for wearer in seen:
        if wearer.id == patient:
            return wearer
    raise PatientNeededError(f"the account sees {len(seen)} people, none of them chosen")
