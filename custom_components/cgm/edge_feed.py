"""One source that an edge agent brings, as a feed of one wearer: told, not asking."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

from homeassistant.core import callback

from .const import (
    CONF_CADENCE_SECONDS,
    CONF_CARRIED,
    CONF_NODE,
    CONF_PAIRING_KEY,
    LOGGER,
)
from .edge_nodes import async_nodes
from .feed import SILENT_AFTER
from .feed_status import FeedState, FeedStatus
from .shared.glucose.cadence_learning import Learned
from .shared.glucose.errors import StoreError
from .shared.glucose.merge import parted
from .shared.glucose.reading import Kind
from .shared.glucose.sources.source import Answer
from .shared.glucose.wire import Topics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from homeassistant.config_entries import ConfigSubentry

    from .edge_node import EdgeNode
    from .shared.glucose.reading import Reading
    from .shared.glucose.wire import Row
    from .wearer import Wearer

# What was learned is written at most this often; it changes with every reading.
_KEEP_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a reading is due: as the agent says, until enough of them came."""

    declared: timedelta
    learned: Learned = field(default_factory=Learned)

    @property
    def interval(self) -> timedelta:
        """How often a reading is due."""
        return timedelta(seconds=self.learned.interval(self.declared.total_seconds()))


class EdgeFeed:
    """Takes what a node hands on for one wearer; the face of feed.Feed."""

    def __init__(self, wearer: Wearer, subentry: ConfigSubentry) -> None:
        """Take the settings as they are now. Raises KeyError and ValueError for unusable ones."""
        self._wearer = wearer
        self._hass = wearer.hass
        self.id = subentry.subentry_id
        self.title = subentry.title
        self.settings: Mapping[str, object] = subentry.data
        self.node_name = Topics(str(subentry.data[CONF_NODE])).node
        self.carried = str(subentry.data[CONF_CARRIED])
        self.pairing_key: str | None = subentry.data.get(CONF_PAIRING_KEY)
        self.cadence = Pace(timedelta(seconds=int(subentry.data[CONF_CADENCE_SECONDS])))
        self.status = FeedStatus()
        self._newest: datetime | None = None
        self._started = wearer.now()
        self._node: EdgeNode | None = None
        self._taken_over = False
        self._kept = monotonic()

    def serves(self, data: Mapping[str, object]) -> bool:
        """Tell whether this feed still does what these settings want, or must be made anew."""
        ours = (CONF_NODE, CONF_CARRIED, CONF_PAIRING_KEY)
        return all(data.get(key) == self.settings.get(key) for key in ours)

    @callback
    def async_start(self) -> None:
        """Listen from now on, and take over what came before."""
        self._wearer.entry.async_create_background_task(
            self._hass, self._async_take_over(), f"cgm take over {self.id}"
        )
        self._node = async_nodes(self._hass).async_join(self)
        self.async_update()

    @callback
    def async_stop(self) -> None:
        """Listen no longer."""
        if self._node is not None:
            self._node = None
            async_nodes(self._hass).async_leave(self)

    @callback
    def async_ask_now(self) -> None:
        """Look again; an agent asks by itself as soon as it may."""
        self.async_update()

    @callback
    def async_note_clock(self, offset: timedelta | None) -> None:
        """Take one more estimate of the agent's clock minus ours."""
        if offset is not None:
            self._wearer.async_note_clock(self.id, offset)
            # Every age and a repair hang on it, also where the agent itself has nothing new.
            self._wearer.async_feed_changed(self)

    async def async_receive(self, rows: Sequence[Row]) -> set[int]:
        """Show what came and keep it; returns the numbers of the rows that are not on disk."""
        readings = tuple(replace(row.reading, source=self.id) for row in rows)
        self._learn(readings)
        self.async_update()
        await self._wearer.async_receive(self, Answer(readings=readings))
        waiting = self._wearer.writing.waiting(readings)
        if not self._taken_over:
            await self._async_take_over()
        if monotonic() - self._kept >= _KEEP_EVERY.total_seconds():
            await self.async_keep()
        return {row.seq for row, reading in zip(rows, readings, strict=True) if reading in waiting}

    @callback
    def async_update(self) -> None:
        """Take up how the node stands, and tell the wearer where that is news."""
        if (node := self._node) is None:
            return
        if (declared := node.presence.cadence_of(self.carried)) is not None:
            self.cadence = replace(self.cadence, declared=declared)
        state = node.presence.state_of(self.carried)
        silent = self._wearer.now() - (self._newest or self._started) > SILENT_AFTER
        agent = node.agent
        status = FeedStatus(
            state=FeedState.NO_READINGS if silent and state is FeedState.OK else state,
            answered=agent.last_seen,
            newest=self._newest,
            refused_rows=node.refused,
            agent=agent,
        )
        if status != self.status:
            self.status = status
            self._wearer.async_feed_changed(self)

    async def async_keep(self) -> None:
        """Keep what was learned over a restart; nothing before what was kept is known."""
        if self._taken_over:
            self._kept = monotonic()
            await self._wearer.memory.async_keep(
                self.id, json.dumps(self.cadence.learned.to_dict())
            )

    def _learn(self, readings: Sequence[Reading]) -> None:
        """Learn the interval from readings newer than any before, of the newest one's series."""
        due, _held = parted(readings, self._wearer.now())
        times = {r.time: r.series for r in due if r.kind is Kind.CGM}
        if not times or (self._newest is not None and max(times) <= self._newest):
            return
        series = times[max(times)]
        fresh = sorted(
            time
            for time, of in times.items()
            if of == series and (self._newest is None or time > self._newest)
        )
        known = fresh if self._newest is None else [self._newest, *fresh]
        seconds = [(time - known[0]).total_seconds() for time in known]
        self.cadence = replace(self.cadence, learned=self.cadence.learned.with_times(seconds))
        self._newest = known[-1]

    async def _async_take_over(self) -> None:
        """Take up what was kept of this source and learned before."""
        try:
            await self._wearer.async_take_over(self.id, self.node_name, self.carried)
            newest, learned = await self._wearer.memory.async_recall(self.id)
        except StoreError as error:
            LOGGER.debug("What an edge agent brought before is not taken over yet: %s", error)
            return
        self._taken_over = True
        if newest is not None and (self._newest is None or newest > self._newest):
            self._newest = newest
        if learned is not None:
            self.cadence = replace(self.cadence, learned=Learned.from_dict(json.loads(learned)))
        self.async_update()
