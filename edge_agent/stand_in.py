"""Stands in for a Home Assistant that is away: watches for urgent lows, and calls by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic

from glucose.alarms.kinds import STANDING, AlarmKind
from glucose.errors import GlucoseError
from glucose.reading import Reading

from .alarm_watch import AlarmWatch, rules_with
from .call_memory import CallMemory
from .call_plan import CallRules, Plan, Sight, Word, advanced, reached
from .call_words import Person, said, what_of
from .caller import Caller, CallFailedError
from .settings import CallSettings, SourceSettings
from .speech import where

_LOGGER = logging.getLogger(__name__)

CALLS_FILE = "calls.json"
MINUTE = 60.0
# After a start the broker is not reached at once, and nothing is missing yet.
SETTLES_WITHIN = 15.0
LOOK_EVERY = 60.0
LOOK_SOON = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """What can be told of Home Assistant; `has` may raise StoreError, and blocks."""

    is_reached: Callable[[], bool]
    has: Callable[[Reading], bool]


@dataclass(slots=True)
class _Pause:
    """How often one way has failed, and until when it is left alone."""

    tries: int = 0
    until: float = 0.0


class StandIn:
    """All wearers of one agent. `clock` is the vendors' time, `elapsed` monotonic seconds."""

    def __init__(  # noqa: PLR0913 - what it watches, whom it calls, and what the world is to it
        self,
        call: CallSettings,
        sources: Sequence[SourceSettings],
        state_dir: Path,
        *,
        home: Home,
        cadences: Callable[[], Mapping[str, timedelta]],
        clock: Callable[[], datetime],
        elapsed: Callable[[], float] = monotonic,
    ) -> None:
        """Watch each wearer by their sources, in the order of the settings; no I/O."""
        self._call = call
        self._home = home
        self._cadences = cadences
        self._clock = clock
        self._elapsed = elapsed
        self._caller = Caller(call)
        self._memory = CallMemory(state_dir / CALLS_FILE)
        repeats = STANDING[AlarmKind.URGENT_LOW].repeats or timedelta()
        self._rules = CallRules(
            after=call.after_minutes * MINUTE,
            repeats=repeats.total_seconds() / 60 * MINUTE,
            most=call.most_calls,
            ways=self._caller.ways,
        )
        rules = rules_with(call.urgent_low_mg_dl)
        wearers = dict.fromkeys(source.wearer for source in sources)
        self._watches = [
            AlarmWatch(number, wearer, [one.name for one in sources if one.wearer == wearer], rules)
            for number, wearer in enumerate(wearers, 1)
        ]
        self._plans = {watch.wearer: Plan() for watch in self._watches}
        self._pauses: dict[tuple[str, str], _Pause] = {}
        self._problems: dict[str, str] = {}
        self._saved: object = None
        self._looked = elapsed()
        self._away = dict.fromkeys(wearers, timedelta())
        self._woken = asyncio.Event()
        self._unsaved = False

    @property
    def calling(self) -> int:
        """How many wearers somebody is being called for now."""
        return sum(plan.told or plan.word is Word.CALL for plan in self._plans.values())

    @property
    def problems(self) -> tuple[str, ...]:
        """What keeps calls from getting through, a sentence each without any address."""
        return tuple(
            f"nobody can be called by {way}: {why}" for way, why in sorted(self._problems.items())
        )

    def heard(self, readings: Iterable[Reading]) -> None:
        """Take readings as they come, whether or not the disk does."""
        come = list(readings)
        for watch in self._watches:
            if watch.heard(come):
                self._woken.set()

    async def load(self) -> None:
        """Take up where the last run ended."""
        found = await asyncio.to_thread(self._memory.load, self._clock())
        for watch in self._watches:
            if (one := found.get(watch.wearer)) is not None:
                watch.alarms, plan, self._away[watch.wearer] = one
                # While nobody looked, nobody can tell whether Home Assistant was there.
                self._plans[watch.wearer] = replace(
                    plan, since_call=plan.since_call + one.ago.total_seconds()
                )
        self._looked = self._elapsed()

    async def run(self) -> None:
        """Watch for ever; only a cancellation ends it."""
        await self.load()
        await asyncio.sleep(SETTLES_WITHIN)
        while True:
            self._woken.clear()
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - a fault of ours must not end the watch
                _LOGGER.error("The agent failed in itself, please report: %s", where(error))
            soon = any(watch.urgent.on for watch in self._watches) or any(
                plan.owed for plan in self._plans.values()
            )
            try:
                async with asyncio.timeout(LOOK_SOON if soon else LOOK_EVERY):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def look(self) -> None:
        """Judge every wearer's alarms now, say what is owed, and keep where all stands."""
        now, moment = self._clock(), self._elapsed()
        elapsed, self._looked = max(moment - self._looked, 0.0), moment
        cadences = self._cadences()
        reached_home = self._home.is_reached()
        for watch in self._watches:
            away, self._away[watch.wearer] = self._away[watch.wearer], timedelta()
            urgent = watch.look(now, timedelta(seconds=elapsed) + away, cadences)
            there = reached_home and (
                not urgent.on or urgent.reading is None or await self._has(urgent.reading)
            )
            sight = Sight(on=urgent.on, away=not there, held_back=watch.held_back)
            self._plans[watch.wearer] = advanced(
                self._plans[watch.wearer], sight, self._rules, elapsed
            )
        # Before the calls: should the agent die in between, none is made twice as many times.
        await self._save(now)
        await asyncio.gather(
            *(
                self._say(watch, way)
                for watch in self._watches
                for way in sorted(self._plans[watch.wearer].owed)
                if moment >= self._pause(watch, way).until
            )
        )
        await self._save(now)

    async def _has(self, reading: Reading) -> bool:
        try:
            return await asyncio.to_thread(self._home.has, reading)
        except GlucoseError:
            return False  # what cannot be looked up cannot be delivered either

    def _pause(self, watch: AlarmWatch, way: str) -> _Pause:
        return self._pauses.setdefault((watch.wearer, way), _Pause())

    async def _say(self, watch: AlarmWatch, way: str) -> None:
        plan = self._plans[watch.wearer]
        if plan.word is None:
            return
        happening = watch.happening(what_of(plan.word, plan), self._clock())
        person = Person(watch.number, watch.wearer)
        saying = said(happening, plan.word, plan, self._call, person)
        pause = self._pause(watch, way)
        try:
            await self._caller.say(way, saying)
        except CallFailedError as error:
            pause.tries += 1
            pause.until = self._elapsed() + min(
                FIRST_PAUSE * 2 ** min(pause.tries - 1, 10), LONGEST_PAUSE
            )
            if self._problems.get(way) != str(error):
                self._problems[way] = str(error)
                _LOGGER.error("Nobody can be called by %s: %s; trying again", way, error)
            return
        pause.tries, pause.until = 0, 0.0
        self._plans[watch.wearer] = reached(self._plans[watch.wearer], way)
        self._problems.pop(way, None)
        _LOGGER.warning("Urgent low of wearer %d: said %s by %s", watch.number, plan.word, way)

    async def _save(self, now: datetime) -> None:
        """Write down what has changed otherwise than by time alone."""
        standing = {
            watch.wearer: (watch.alarms, self._plans[watch.wearer]) for watch in self._watches
        }
        changed = [
            (
                *(watch.urgent.phase, watch.urgent.reading, plan.calls, plan.told, plan.word),
                *(plan.owed, plan.reached, int(min(plan.away or 0.0, self._rules.after) // MINUTE)),
            )
            for watch in self._watches
            for plan in (self._plans[watch.wearer],)
        ]
        if changed == self._saved:
            return
        try:
            await asyncio.to_thread(self._memory.save, standing, now)
        except OSError as error:
            if not self._unsaved:
                self._unsaved = True
                _LOGGER.error("Where calls stand cannot be kept: %s", type(error).__name__)
            return
        self._saved, self._unsaved = changed, False
