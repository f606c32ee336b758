"""One wearer at run time: feeds in, readings kept, what is true now out, listeners told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry
from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.event import async_track_point_in_utc_time
from homeassistant.util import dt as dt_util

from .const import (
    CONF_RANK,
    CONF_REFUSED,
    CONF_STALE,
    CONF_TARGETS,
    CONF_UNIT,
    CONF_WITHDRAWN_AFTER_MINUTES,
    DOMAIN,
    LOGGER,
    RECENT,
)
from .feed import Feed
from .feed_status import FeedState
from .history import async_history
from .issues import Issue, async_update_issues, async_withdraw_issues
from .shared.glucose.clock_offset import ClockOffsets
from .shared.glucose.errors import StoreError
from .shared.glucose.merge import parted
from .shared.glucose.present import Present, present
from .shared.glucose.targets import Targets
from .shared.glucose.units import Unit
from .statistics import HourlyStatistics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from homeassistant.core import HomeAssistant

    from .shared.glucose.reading import Kind, Reading
    from .shared.glucose.sources.source import Answer

type CgmConfigEntry = ConfigEntry[Wearer]

type Identity = tuple[str, Kind, str, datetime]

# How many readings wait in memory while the disk refuses them: three months of five-minute ones.
_MOST_WAITING = 25_920


class Wearer:
    """Whose glucose it is, while Home Assistant runs."""

    def __init__(self, hass: HomeAssistant, entry: CgmConfigEntry) -> None:
        """Build without I/O; async_load opens the history."""
        self.hass = hass
        self.entry = entry
        self.history = async_history(hass)
        self.feeds: dict[str, Feed] = {}
        self.clock = ClockOffsets()
        self.history_error: StoreError | None = None
        self.statistics = HourlyStatistics(self)
        self.issues: dict[str, Issue] = {}
        self.present: Present
        self._recent: dict[Identity, Reading] = {}
        # Not on disk yet: ahead of the clock, or the disk refused them.
        self._waiting: dict[Identity, Reading] = {}
        self._listeners: list[CALLBACK_TYPE] = []
        self._cancel_until: CALLBACK_TYPE | None = None
        self._refresh()

    # What the user chose.

    @property
    def id(self) -> str:
        """The stable id everything of this wearer is kept under."""
        return self.entry.entry_id

    @property
    def unit(self) -> Unit:
        """The unit this wearer reads glucose in."""
        return Unit(self.entry.options[CONF_UNIT])

    @property
    def targets(self) -> Targets:
        """The limits between low, in range and high, whole mg/dL."""
        return Targets(**self.entry.options.get(CONF_TARGETS, {}))

    @property
    def order(self) -> list[str]:
        """The sources in the order in which they lead."""
        sources = self.entry.subentries.values()
        return [s.subentry_id for s in sorted(sources, key=lambda s: s.data.get(CONF_RANK, 0.0))]

    @property
    def cadences(self) -> dict[str, timedelta]:
        """How often a reading of each source is due."""
        return {key: feed.source.cadence for key, feed in self.feeds.items()}

    @property
    def withdrawn_after(self) -> timedelta:
        """The least age at which a value is withdrawn."""
        stale = self.entry.options.get(CONF_STALE, {})
        return timedelta(minutes=stale.get(CONF_WITHDRAWN_AFTER_MINUTES, 11))

    def now(self) -> datetime:
        """Return the time, by the vendors' clocks where ours is clearly off; aware UTC."""
        return dt_util.utcnow() + self.clock.correction

    # Life.

    async def async_load(self) -> None:
        """Open the history and take up the last hours. Raises StoreError."""
        await self.history.async_hold(self.id)
        since = self.now() - RECENT
        readings = await self.history.async_do(lambda store: store.readings(self.id, since))
        self._remember(readings)
        await self.statistics.async_load()
        self._refresh()

    @callback
    def async_follow(self) -> None:
        """Make what runs match the entry and its subentries; safe to call at any time."""
        self.async_register_devices()
        wanted = self.entry.subentries
        for gone in self.feeds.keys() - wanted.keys():
            self.feeds.pop(gone).async_stop()
            self.clock.forget(gone)
        for key, subentry in wanted.items():
            feed = self.feeds.get(key)
            if feed is not None and feed.serves(subentry.data):
                feed.settings = subentry.data
                feed.title = subentry.title
                continue
            if feed is not None:
                feed.async_stop()
            feed = self.feeds[key] = Feed(self, subentry)
            feed.async_start()
        self._ask_for_login()
        self.async_refresh()

    async def async_stop(self) -> None:
        """Stop feeds and timers and let the history go; nothing is left behind."""
        for feed in self.feeds.values():
            feed.async_stop()
            await self.async_keep_feed(feed.id, feed.learned)
        self.feeds.clear()
        self.statistics.async_stop()
        if self._cancel_until is not None:
            self._cancel_until()
            self._cancel_until = None
        async_withdraw_issues(self)
        await self.history.async_let_go(self.id)

    # Readings in.

    async def async_receive(self, feed: Feed, answer: Answer) -> None:
        """Show what came, keep it, and have the statistics follow."""
        self._remember(answer.readings)
        self._waiting.update({r.identity: r for r in answer.readings})
        self.async_refresh()
        await self._async_write()
        self.async_feed_changed(feed)

    async def _async_write(self) -> None:
        """Put on disk what waits, but for readings ahead of the clock: those are held.

        While the disk refuses, readings go on waiting in memory and the user is told.
        """
        due, _held = parted(self._waiting.values(), self.now())
        if not due:
            return
        try:
            added = await self.history.async_do(lambda store: store.add(self.id, due))
        except StoreError as error:
            if self.history_error is None:
                LOGGER.error("Readings cannot be written: %s", error)
            self.history_error = error
            for identity in list(self._waiting)[: -_MOST_WAITING or None]:
                del self._waiting[identity]
            return
        for reading in due:
            if self._waiting.get(reading.identity) is reading:
                del self._waiting[reading.identity]
        if self.history_error is not None:
            LOGGER.info("Readings are written again")
            self.history_error = None
        if added.earliest_change is not None:
            await self.statistics.async_changed(added.earliest_change)

    @callback
    def async_note_clock(self, source: str, offset: timedelta | None) -> None:
        """Take one more estimate of a vendor's clock minus ours."""
        if offset is not None:
            self.clock.note(source, offset)

    # Feeds' own affairs.

    @callback
    def async_feed_changed(self, feed: Feed) -> None:
        """Tell listeners, raise or clear repairs, and ask for a login where one is refused."""
        if self.feeds.get(feed.id) is not feed:
            return
        async_update_issues(self)
        self._tell()
        if feed.status.state is FeedState.WAITING_FOR_LOGIN:
            self._mark_refused(feed.id)

    async def async_recall_feed(self, source: str) -> tuple[datetime | None, str | None]:
        """Return the newest reading's time of a source and what its feed had learned."""
        try:
            return await self.history.async_do(
                lambda store: (
                    store.newest_of_source(self.id, source),
                    store.recall(self.id, f"cadence {source}"),
                )
            )
        except StoreError:
            return None, None

    async def async_keep_feed(self, source: str, learned: str) -> None:
        """Keep what a feed has learned."""
        try:
            await self.history.async_do(
                lambda store: store.note(self.id, f"cadence {source}", learned)
            )
        except StoreError as error:
            LOGGER.debug("What a feed learned was not kept: %s", error)

    async def async_history_facts(self) -> dict[str, float]:
        """Return how large the history is: counts only."""
        try:
            health = await self.history.async_do(lambda store: store.health())
        except StoreError:
            return {}
        return {"readings": health.rows, "megabytes": round(health.file_bytes / 1e6, 1)}

    @callback
    def async_try_again(self, source: str, issue: str) -> None:
        """Ask a source now because the user says that the cause of `issue` is gone."""
        self.issues.pop(issue, None)
        if (feed := self.feeds.get(source)) is not None:
            feed.async_ask_now()

    def _mark_refused(self, source: str) -> None:
        subentry = self.entry.subentries.get(source)
        if subentry is None or subentry.data.get(CONF_REFUSED):
            return
        self.hass.config_entries.async_update_subentry(
            self.entry, subentry, data={**subentry.data, CONF_REFUSED: True}
        )

    def _ask_for_login(self) -> None:
        """Have one reauth flow open while any source is refused, and none otherwise."""
        refused = [s for s in self.entry.subentries.values() if s.data.get(CONF_REFUSED)]
        if refused:
            self.entry.async_start_reauth(
                self.hass,
                context={"title_placeholders": {"name": f"{self.entry.title}: {refused[0].title}"}},
            )
            return
        for flow in list(self.entry.async_get_active_flows(self.hass, {SOURCE_REAUTH})):
            self.hass.config_entries.flow.async_abort(flow["flow_id"])

    # What is true now, out.

    @callback
    def async_add_listener(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call `listener` whenever anything shown may have changed; returns how to stop."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def async_refresh(self) -> None:
        """Compute anew what is true now and tell everybody."""
        self._refresh()
        async_update_issues(self)
        self._tell()

    def _tell(self) -> None:
        for listener in list(self._listeners):
            listener()

    def _refresh(self) -> None:
        now = self.now()
        oldest = now - RECENT
        self._recent = {k: r for k, r in self._recent.items() if r.time >= oldest}
        self.present = present(
            list(self._recent.values()),
            order=self.order,
            cadences=self.cadences,
            targets=self.targets,
            now=now,
            withdrawn_at_least=self.withdrawn_after,
        )
        if self._cancel_until is not None:
            self._cancel_until()
            self._cancel_until = None
        if self.present.until is not None and self.feeds:
            self._cancel_until = async_track_point_in_utc_time(
                self.hass, self._async_time_came, self.present.until - self.clock.correction
            )

    async def _async_time_came(self, _now: datetime) -> None:
        """Show that a value was withdrawn or that a held reading's time came, and keep that one."""
        self._cancel_until = None
        self.async_refresh()
        await self._async_write()

    def _remember(self, readings: Iterable[Reading]) -> None:
        oldest = self.now() - RECENT
        self._recent.update({r.identity: r for r in readings if r.time >= oldest})

    @callback
    def async_register_devices(self) -> None:
        """Make the devices that entities name, and have them bear today's names."""
        devices = dr.async_get(self.hass)
        wearer = devices.async_get_or_create(
            config_entry_id=self.entry.entry_id,
            identifiers={(DOMAIN, self.id)},
            entry_type=dr.DeviceEntryType.SERVICE,
            name=self.entry.title,
        )
        for subentry in self.entry.subentries.values():
            devices.async_get_or_create(
                config_entry_id=self.entry.entry_id,
                config_subentry_id=subentry.subentry_id,
                identifiers={(DOMAIN, subentry.subentry_id)},
                entry_type=dr.DeviceEntryType.SERVICE,
                name=f"{self.entry.title} {subentry.title}",
                via_device_id=wearer.id,
            )
