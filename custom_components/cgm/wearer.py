"""One wearer at run time: feeds in, readings kept, what is true now out, listeners told."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HassJob, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .alarm_watch import AlarmWatch
from .chosen import Chosen
from .const import (
    RECENT,
    kept_under,
)
from .devices import async_register_devices
from .diary import Diary
from .feed_memory import FeedMemory
from .feeds import async_follow_sources
from .heartbeat import Heartbeat
from .history import async_history
from .issues import Issue, async_update_issues, async_withdraw_issues
from .listeners import Listeners
from .logins import async_ask_for_login, async_note_login
from .measures import Measures
from .on_board import OnBoard
from .records import WearerRecords
from .scheduled_export import ScheduledExport
from .shared.glucose.clock_offset import ClockOffsets
from .shared.glucose.present import Present, present
from .statistics import HourlyStatistics
from .wearer_pictures import Pictures
from .writing import Identity, Writing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from homeassistant.core import HomeAssistant

    from .feeds import AnyFeed
    from .shared.glucose.reading import Reading
    from .shared.glucose.sources.source import Answer

type CgmConfigEntry = ConfigEntry[Wearer]

# A machine that slept, or whose clock was set, is noticed this long after at the latest.
_LOOK_EVERY = timedelta(minutes=1)


class Wearer:
    """Whose glucose it is, while Home Assistant runs."""

    def __init__(self, hass: HomeAssistant, entry: CgmConfigEntry) -> None:
        """Build without I/O; async_load opens the history."""
        self.hass = hass
        self.entry = entry
        self.chosen = Chosen(entry)
        self.history = async_history(hass)
        self.feeds: dict[str, AnyFeed] = {}
        self.clock = ClockOffsets(dt_util.utcnow, monotonic)
        self.memory = FeedMemory(self.history, self.id)
        self.writing = Writing(self.history, self.id)
        self.statistics = HourlyStatistics(self)
        self.records = WearerRecords(self)
        self.measures = Measures(self)
        self.on_board = OnBoard(self)
        self.diary = Diary(self)
        self.issues: dict[str, Issue] = {}
        # One more whenever history of long ago was imported or erased.
        self.edition = 0
        self.present: Present
        self._recent: dict[Identity, Reading] = {}
        self.listeners = Listeners(hass)
        self._cancel_look: CALLBACK_TYPE | None = None
        self._refresh()
        self.alarms = AlarmWatch(self)
        self.heartbeat = Heartbeat(self)
        self.exports = ScheduledExport(self)
        self.pictures = Pictures(self)

    @property
    def id(self) -> str:
        """The stable id everything of this wearer is kept under."""
        return self.entry.entry_id

    @property
    def cadences(self) -> dict[str, timedelta]:
        """How often a reading of each source is due, as its feed has learned."""
        return {key: feed.cadence.interval for key, feed in self.feeds.items()}

    @property
    def recent(self) -> list[Reading]:
        """The readings of the last hours, of all sources, in no order."""
        return list(self._recent.values())

    def now(self) -> datetime:
        """Return the time, by the vendors' clocks where ours is clearly off; aware UTC."""
        return self.clock.now()

    # Life.

    async def async_load(self) -> None:
        """Open the history and take up the last hours. Raises StoreError."""
        await self.history.async_hold(self.id)
        try:
            since = self.now() - RECENT
            readings = await self.history.async_do(lambda store: store.readings(self.id, since))
            await self.statistics.async_load()
            await self.records.async_load()
            await self.on_board.async_load()
            self._remember(readings)
            self._refresh()
            await self.alarms.async_load()
        except BaseException:
            await self.history.async_let_go(self.id)
            raise
        self.writing.begin()
        self.alarms.async_start()
        self.measures.async_start()

    @callback
    def async_follow(self) -> None:
        """Make what runs match the entry and its subentries; safe to call at any time."""
        async_register_devices(self)
        async_follow_sources(self)
        self.statistics.async_schedule()
        self.measures.async_follow()
        async_ask_for_login(self)
        self.async_refresh()
        self.heartbeat.async_follow()
        self.exports.async_follow()

    async def async_stop(self) -> None:
        """Stop feeds and timers and let the history go; nothing is left behind."""
        feeds = list(self.feeds.values())
        self.feeds.clear()
        for feed in feeds:
            feed.async_stop()
        self.statistics.async_stop()
        self.measures.async_stop()
        self._cancel_timer()
        self.listeners.async_stop()
        self.alarms.async_stop()
        self.heartbeat.async_stop()
        self.exports.async_stop()
        async_withdraw_issues(self)
        await self._async_write()
        for feed in feeds:
            await feed.async_keep()
        await self.history.async_let_go(self.id)

    # Readings in.

    async def async_receive(self, feed: AnyFeed, answer: Answer) -> None:
        """Take what a feed brought, and how the feed is."""
        await self.async_take(answer.readings)
        self.async_feed_changed(feed)

    async def async_take(self, readings: Collection[Reading]) -> None:
        """Show what came, keep it, and have the statistics follow."""
        come = [r for r in readings if r.identity not in self._recent]
        self._remember(readings)
        self.writing.put(readings)
        self.async_refresh(come)
        await self._async_write()

    async def async_drop(self, reading: Reading) -> None:
        """Take back a finger-stick, as if it had never been. Raises StoreError."""
        await self.history.async_do(lambda store: store.remove(self.id, reading))
        self.writing.drop(reading)
        self._recent.pop(reading.identity, None)
        self.async_refresh()

    async def _async_write(self) -> None:
        changed = await self.writing.async_write(self.now(), self._recent)
        if changed is not None:
            self.measures.async_changed(changed)
            await self.statistics.async_changed(changed)
        await self.alarms.async_keep()

    async def async_take_over(self, source: str, node: str, carried: str) -> None:
        """Take what an edge agent brought while no wearer took it. Raises StoreError."""
        key, since = kept_under(node), self.now() - RECENT
        moved, readings = await self.history.async_do(
            lambda store: (
                store.move(key, carried, to_wearer=self.id, to_source=source),
                store.readings(self.id, since),
            )
        )
        if moved.earliest_change is not None:
            self._remember(readings)
            self.async_refresh()
            self.measures.async_changed(moved.earliest_change)
            await self.statistics.async_changed(moved.earliest_change)

    async def async_take_up_history(self, earliest: datetime) -> None:
        """Show what the history holds after an import or an erasure from `earliest` on.

        Raises StoreError.
        """
        since = self.now() - RECENT
        readings = await self.history.async_do(lambda store: store.readings(self.id, since))
        waiting = self.writing.waiting(self.recent)
        self._recent.clear()
        self._remember([*readings, *waiting])
        await self.records.async_load()
        await self.on_board.async_load()
        self.measures.async_changed(earliest)
        self.edition += 1
        self.async_refresh()

    @callback
    def async_note_clock(self, source: str, offset: timedelta | None) -> None:
        """Take one more estimate of a vendor's clock minus ours."""
        if offset is not None:
            self.clock.note(source, offset)

    # Feeds' own affairs.

    @callback
    def async_feed_changed(self, feed: AnyFeed) -> None:
        """Tell listeners, raise or clear repairs, and ask for a login where one is refused."""
        if self.feeds.get(feed.id) is not feed:
            return
        async_update_issues(self)
        self.async_tell()
        async_note_login(self, feed)

    @callback
    def async_try_again(self, source: str) -> None:
        """Ask a source now because the user says that the cause of a repair is gone."""
        if (feed := self.feeds.get(source)) is not None:
            feed.async_ask_now()

    # What is true now, out.

    @callback
    def async_refresh(self, come: Iterable[Reading] = ()) -> None:
        """Compute anew what is true now and tell everybody; `come` are readings that are new."""
        self._refresh()
        self.alarms.async_look(come)
        self._show()

    def _show(self) -> None:
        # The states first: who is told of an alarm reads the value that it is about.
        self.async_tell()
        self.alarms.async_speak()
        async_update_issues(self)

    @callback
    def async_tell(self) -> None:
        """Tell everybody that something shown may have changed."""
        self.listeners.async_tell()

    def _refresh(self) -> None:
        now = self.now()
        oldest = now - RECENT
        self._recent = {k: r for k, r in self._recent.items() if r.time >= oldest}
        self.present = present(
            self.recent,
            order=self.chosen.order,
            cadences=self.cadences,
            targets=self.chosen.targets,
            now=now,
            withdrawn_at_least=self.chosen.withdrawn_after,
        )
        self._cancel_timer()
        if self.present.until is not None and self.feeds:
            # In elapsed time, which nobody sets back; but not much of it without a look at the
            # clock, for it does not count while a machine sleeps.
            wait = min(max(self.present.until - now, timedelta()), _LOOK_EVERY)
            self._cancel_look = async_call_later(
                self.hass, wait, HassJob(self._async_look, cancel_on_shutdown=True)
            )

    def _cancel_timer(self) -> None:
        if self._cancel_look is not None:
            self._cancel_look()
            self._cancel_look = None

    async def _async_look(self, _now: datetime) -> None:
        self._cancel_look = None
        await self.async_look_again()

    async def async_look_again(self) -> None:
        """Show what time alone has changed: a value withdrawn, a held reading's time, an alarm."""
        before = self.present, self.alarms.shown
        self._refresh()
        self.alarms.async_look()
        if (self.present, self.alarms.shown) != before:
            self._show()
        self.alarms.async_speak()
        await self._async_write()
        if self.feeds:
            async_update_issues(self)

    def _remember(self, readings: Iterable[Reading]) -> None:
        oldest = self.now() - RECENT
        self._recent.update({r.identity: r for r in readings if r.time >= oldest})
