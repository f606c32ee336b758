"""One source at run time: asked at the moments cadence.py plans; what came goes in the outbox."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from glucose.cadence import Cadence
from glucose.clock_offset import ClockOffsets
from glucose.errors import CredentialsRejected, GlucoseError, UnexpectedAnswer
from glucose.reading import Reading
from glucose.sources.source import Account, Answer, VisibleWearer

from .memory import Memory
from .safekeeping import Keep, Safekeeping
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """How a source stands. `newest` is the newest reading that is safe in the outbox."""

    state: SourceState
    newest: datetime | None


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
        self._state = SourceState.STARTING
        self._account = account
        self._memory = memory
        self.offsets = offsets
        self._elapsed = elapsed
        self._safekeeping = Safekeeping(
            settings.title, keep, offsets=offsets, synchronised=synchronised, newest=newest
        )
        self.cadence = Cadence(account.cadence, settings.name, memory.learned(settings.name))
        self._turns = turns or Turns()
        self._patient_id: str | None = None
        self._started: float = elapsed()
        self._saved = elapsed()
        self._appointment = elapsed() + LATE
        self._failing = False
        self._looked = offsets.now(), elapsed()

    @property
    def status(self) -> SourceStatus:
        """How the source stands now."""
        return SourceStatus(state=self._state, newest=self._safekeeping.newest)

    @property
    def waiting(self) -> int:
        """How many readings are in memory only: the disk refuses them, or their time is to come."""
        return self._safekeeping.waiting

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
        if self._safekeeping.newest is not None:
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
        if self.waiting:
            _LOGGER.warning(
                "%d readings of %s were in memory only; the source is asked for them again",
                self.waiting,
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
        self._state = self._state_after(now) if written else SourceState.DISK_REFUSES
        if self._failing:
            self._failing = False
            _LOGGER.info("%s answers again", self.settings.title.capitalize())
        if self._elapsed() - self._saved >= KEEP_EVERY:
            await self._remember()

    def _state_after(self, now: datetime) -> SourceState:
        newest = self._safekeeping.newest
        if newest is None:
            quiet = self._elapsed() - self._started
            silent = quiet > SILENT_AFTER.total_seconds()
        else:
            silent = now - newest > SILENT_AFTER
        return SourceState.NO_READINGS if silent else SourceState.OK

    async def _put_away(self, readings: Sequence[Reading]) -> bool:
        known = self._state is SourceState.DISK_REFUSES
        return await self._safekeeping.put_away(readings, refusal_is_known=known)

    async def _failed(self, error: GlucoseError) -> None:
        """Back off as long as the error demands."""
        self.cadence.failed(self.offsets.now(), self._elapsed(), error)
        self._state = state_of(error)
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
        now, newest = self.offsets.now(), self._safekeeping.newest
        if newest is None:
            return now - FIRST_REACH
        return min(self.cadence.since(now, self._elapsed()), newest)

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
