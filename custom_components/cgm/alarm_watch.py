"""A wearer's alarms at run time: judged whenever something may have changed, told, and kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from homeassistant.core import CALLBACK_TYPE, HassJob, callback
from homeassistant.helpers.event import async_call_later

from .alarm_audience import Audience
from .alarm_keeping import AlarmKeeping
from .alarm_log import logged
from .alarm_quiet import quiet_until
from .alarm_settings import usable_alarm_rules
from .alarm_silencing import silenced_by_hand
from .alarm_told import Told
from .const import CONF_ALARMS, CONF_TIME_ZONE, LOGGER, RECENT
from .feed_status import FeedState
from .shared.glucose.alarms.engine import advance, found_late, next_look
from .shared.glucose.alarms.keeping import AlarmsDamaged, read_back
from .shared.glucose.alarms.kinds import STANDING, AlarmKind
from .shared.glucose.alarms.replay import rebuilt
from .shared.glucose.alarms.rules import AlarmRules
from .shared.glucose.alarms.state import Alarms, Happening, What
from .shared.glucose.alarms.view import View, view
from .shared.glucose.merge import parted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .shared.glucose.reading import Reading
    from .shared.glucose.store import LoggedAlarm
    from .wearer import Wearer

# The sources have this long to answer for the first time before their silence is an alarm.
SETTLES_WITHIN = timedelta(minutes=2)
_LOOK_EVERY = timedelta(minutes=1)
_DRIFT = timedelta(seconds=30)


class AlarmWatch:
    """The alarms of one wearer; whoever listens is told what happens, in order, at once."""

    def __init__(self, wearer: Wearer) -> None:
        """Stand clear; async_load takes up where the last run ended."""
        self._wearer = wearer
        self._begun = monotonic()
        self._looked = self._begun
        self.alarms = Alarms()
        self.view: View = self._seen()
        self._away = timedelta()
        self._listeners: list[Callable[[Happening], None]] = []
        self._untold: list[Happening] = []
        self._keeping = AlarmKeeping(wearer)
        self._rules: tuple[Mapping[str, Any], AlarmRules] | None = None
        self.settings_usable = True
        self._silent: dict[AlarmKind, datetime] = {}
        # The newest reading that was known before the ones that have just come.
        self._heard: datetime | None = None
        self.told = Told(self)
        self.audience = Audience(wearer)
        self._cancel: CALLBACK_TYPE | None = None

    @property
    def rules(self) -> AlarmRules:
        """The rules the user chose; the defaults where the entry holds what cannot be meant."""
        options = self._wearer.entry.options
        if self._rules is None or self._rules[0] is not options:
            # The entry's options are replaced as a whole whenever they change.
            self._rules = options, self._meant(options)
        return self._rules[1]

    def _meant(self, options: Mapping[str, Any]) -> AlarmRules:
        zone = ZoneInfo(options.get(CONF_TIME_ZONE, "UTC"))
        rules, self.settings_usable = usable_alarm_rules(options.get(CONF_ALARMS, {}), zone)
        return rules

    @property
    def shown(self) -> object:
        """What entities show of the alarms; it changes when they have to show something else."""
        states = self.alarms.states.items()
        standing = tuple((kind, s.phase, s.since, s.reading) for kind, s in states)
        return standing, self.view.quiet_until, self.rules.part(self.view.now)

    def silenced_until(self, kind: AlarmKind) -> datetime | None:
        """Return when an alarm's silence ends by the clock, None where it is not silenced."""
        left = self.alarms[kind].silence_left
        if left is None:
            self._silent.pop(kind, None)
            return None
        end = self.view.now + left
        # Elapsed time and the clock drift apart by milliseconds: no reason to show another time.
        shown = self._silent.get(kind)
        if shown is None or abs(end - shown) > _DRIFT:
            shown = self._silent[kind] = end
        return shown

    async def async_load(self) -> None:
        """Take up the kept states; work them out from the readings where they are damaged.

        Raises StoreError.
        """
        wearer = self._wearer
        text, heard = await wearer.history.async_do(
            lambda store: (
                store.alarm_states(wearer.id),
                [store.newest_of_source(wearer.id, source) for source in wearer.chosen.order],
            )
        )
        self._heard = max((time for time in heard if time is not None), default=None)
        self._looked = monotonic()
        if text is None:
            return
        try:
            self.alarms, self._away = read_back(text, wearer.now())
        except AlarmsDamaged:
            LOGGER.error("What was kept of the alarms is damaged; it is worked out anew")
            now = wearer.now()
            counting, _held = parted(wearer.recent, now)
            self.alarms = rebuilt(
                sorted(counting, key=lambda row: row.time),
                order=wearer.chosen.order,
                cadences=wearer.cadences,
                rules=self.rules,
                now=now,
                withdrawn_at_least=wearer.chosen.withdrawn_after,
            )

    @callback
    def async_start(self) -> None:
        """Note who is told, from now on."""
        self.told.async_start(self._wearer.hass)

    @callback
    def async_stop(self) -> None:
        """Look no more, and note no more who is told."""
        self._cancel_timer()
        self.told.async_stop()

    def _cancel_timer(self) -> None:
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    @callback
    def async_add_listener(self, listener: Callable[[Happening], None]) -> CALLBACK_TYPE:
        """Call `listener` with whatever happens; returns how to stop."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def async_look(self, come: Iterable[Reading] = ()) -> None:
        """Judge all alarms as things are now; `come` are readings that were not known before.

        What happened is told by async_speak, once the entities show it.
        """
        self.view = self._seen()
        elapsed = self._elapsed()
        rules = self.rules
        late = found_late(self._missed(come), self.view, rules)
        self.alarms, happenings = advance(self.alarms, self.view, rules, elapsed)
        self._untold += [*late, *happenings]
        self._schedule(rules)

    @callback
    def async_speak(self) -> None:
        """Tell whoever listens what has happened since they were told last."""
        untold, self._untold = self._untold, []
        self._tell(untold)

    async def async_silence(
        self,
        kind: AlarmKind | None = None,
        length: timedelta | None = None,
        *,
        usual: bool = False,
    ) -> None:
        """Silence an alarm, or all that are on; without a length they are acknowledged.

        With `usual` each is silenced for its own usual length. All or none. Raises
        ServiceValidationError: nothing is on, or `length` is too long.
        """
        self._wearer.async_refresh()
        language = self._wearer.hass.config.language
        kinds = self.alarms.on if kind is None else (kind,)
        wanted = {one: STANDING[one].silence if usual else length for one in kinds}
        alarms, happenings = silenced_by_hand(self.alarms, wanted, self.view, language)
        self.alarms = alarms
        self._schedule(self.rules)
        self._wearer.async_tell()
        self._tell(happenings)
        # Who silences an alarm and restarts at once must not be woken by it.
        await self.async_keep()

    async def async_test(self, kind: AlarmKind) -> None:
        """Have listeners hear of a test; no alarm changes."""
        self._tell((Happening(kind=kind, what=What.TESTED, at=self._wearer.now()),))
        await self.async_keep()

    @callback
    def async_note_told(self, row: LoggedAlarm) -> None:
        """Have a row about who was told wait for the next time the alarms are written down."""
        self._keeping.note(row)

    async def async_log(self, start: datetime | None = None) -> list[LoggedAlarm]:
        """Return what happened since `start`, oldest first. Raises StoreError."""
        wearer = self._wearer
        return await wearer.history.async_do(lambda store: store.alarm_log(wearer.id, start))

    async def async_keep(self) -> None:
        """Write down where the alarms stand and what happened, where that has changed."""
        # As of the last look, to which what is left of a silence belongs.
        await self._keeping.async_keep(lambda: (self.alarms, self.view.now))

    def _missed(self, come: Iterable[Reading]) -> list[Reading]:
        """Return those of the new readings that can tell of a time of which nothing was known.

        What has left the memory and is offered once more, as LibreLinkUp's graph of 12 hours is
        with each answer, is no news.
        """
        heard, now = self._heard, self.view.now
        times = [row.time for row in self._wearer.recent if row.time <= now]
        self._heard = max(times if heard is None else [*times, heard], default=None)
        if heard is None:
            # Nobody watched before the first reading.
            return []
        oldest = now - RECENT
        return [row for row in come if row.time > heard or row.time >= oldest]

    def _seen(self) -> View:
        wearer = self._wearer
        now = wearer.now()
        return view(
            wearer.recent,
            order=wearer.chosen.order,
            cadences=wearer.cadences,
            now=now,
            withdrawn_at_least=wearer.chosen.withdrawn_after,
            quiet_until=quiet_until(wearer, now),
            settling=self._settling(),
        )

    def _settling(self) -> bool:
        if monotonic() - self._begun >= SETTLES_WITHIN.total_seconds():
            return False
        feeds = self._wearer.feeds.values()
        return any(feed.status.state is FeedState.STARTING for feed in feeds)

    def _elapsed(self) -> timedelta:
        now = monotonic()
        elapsed = timedelta(seconds=now - self._looked) + self._away
        self._looked, self._away = now, timedelta()
        return elapsed

    def _tell(self, happenings: Iterable[Happening]) -> None:
        for happening in happenings:
            self._keeping.note(logged(happening))
            self.told.async_begin(happening)
            for listener in list(self._listeners):
                listener(happening)

    def _schedule(self, rules: AlarmRules) -> None:
        self._cancel_timer()
        if not self._wearer.feeds:
            return
        # In elapsed time. Once a minute at least: a machine may sleep, its clock be set, and what
        # is held back now, such as by sources that have just begun, must not be forgotten.
        wait = next_look(self.alarms, self.view, rules)
        self._cancel = async_call_later(
            self._wearer.hass,
            _LOOK_EVERY if wait is None else min(wait, _LOOK_EVERY),
            HassJob(self._async_due, cancel_on_shutdown=True),
        )

    async def _async_due(self, _now: datetime) -> None:
        self._cancel = None
        await self._wearer.async_look_again()
