"""One edge agent as seen from here: its messages checked, stored, and only then acknowledged."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from itertools import groupby
from time import monotonic
from typing import TYPE_CHECKING

from homeassistant.components import mqtt
from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util import dt as dt_util

from .const import LOGGER
from .edge_ledger import Ledger
from .feed_status import AgentStatus, FeedState
from .history import async_history
from .shared.glucose.errors import StoreError
from .shared.glucose.merge import parted
from .shared.glucose.wire import (
    OFFLINE,
    ONLINE,
    Ack,
    Announce,
    Health,
    Received,
    Row,
    Topics,
    WireError,
    decode_announce,
    decode_health,
    decode_rows,
)

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Callable

    from homeassistant.components.mqtt import ReceiveMessage
    from homeassistant.core import HomeAssistant

    from .edge_feed import EdgeFeed

# Health comes each minute: one may be lost, two are a silence.
SILENT_AFTER = timedelta(minutes=2)
_LOOK_EVERY = timedelta(seconds=20)
# An agent has two batches and the newest reading under way; beyond, somebody else talks. What
# is dropped here is not acknowledged, so it comes again.
_MOST_WAITING = 100
_MOST_HELD = 8
# How far the steps of both clocks may differ between two messages of health that went straight
# from hand to hand; one that lay somewhere tells nothing about the agent's clock.
_STRAIGHT = timedelta(seconds=5)

# Of the words in health, those that are no fault. Whether readings are missing is seen here.
_STATES = {
    "ok": FeedState.OK,
    "no_readings": FeedState.OK,
    "starting": FeedState.STARTING,
    "retrying": FeedState.RETRYING,
}


def kept_under(node: str) -> str:
    """Return the key in the history for a node's notes, and readings nobody has taken over."""
    return f"edge {node}"


class EdgeNode:
    """What one agent sends, for all wearers who take readings from it."""

    def __init__(self, hass: HomeAssistant, node: str) -> None:
        """Build without I/O. Raises WireError for what cannot be a node's name."""
        self.node = node
        self.feeds: dict[str, EdgeFeed] = {}
        self.refused = 0
        self._hass = hass
        self._history = async_history(hass)
        self._topics = Topics(node)
        self._key_text: str | None = None
        self._announce: Announce | None = None
        self._health: Health | None = None
        self._broker = False
        self._offline = False
        self._last_seen: datetime | None = None
        # Elapsed seconds when something was last heard, or the waiting for it began.
        self._heard = monotonic()
        self._clock: tuple[datetime, float] | None = None
        self._live: deque[tuple[Received, bool]] = deque()
        self._backlog: deque[tuple[Received, bool]] = deque()
        self._held: list[tuple[Received, bool]] = []
        self._ledger: Ledger | None = None
        self._ledger_of: str | None = None
        self._to_tell = False
        self._working: Task[None] | None = None
        self._telling: Task[None] | None = None
        self._subscribing: Task[None] | None = None
        self._subscriptions: list[CALLBACK_TYPE] = []
        self._cancel_look: CALLBACK_TYPE | None = None
        self._closed = False

    # Who listens.

    @callback
    def async_join(self, feed: EdgeFeed) -> None:
        """Hand the readings of one of the agent's sources to a feed from now on."""
        self.feeds[feed.carried] = feed
        self._key_text = feed.pairing_key
        if self._cancel_look is None:
            self._cancel_look = async_track_time_interval(
                self._hass, self._async_look, _LOOK_EVERY, cancel_on_shutdown=True
            )

    @callback
    def async_leave(self, feed: EdgeFeed) -> bool:
        """Hand a feed no more; tells whether nobody listens now, and the node is closed."""
        if self.feeds.get(feed.carried) is feed:
            del self.feeds[feed.carried]
        if self.feeds:
            return False
        self._closed = True
        for task in (self._working, self._telling, self._subscribing):
            if task is not None:
                task.cancel()
        for unsubscribe in self._subscriptions:
            # A client that was set up anew meanwhile does not know the old one's subscriptions.
            unsubscribe()
        self._subscriptions.clear()
        if self._cancel_look is not None:
            self._cancel_look()
        return True

    @property
    def key(self) -> bytes | None:
        """The pairing key; with it, unsigned messages are refused."""
        return None if self._key_text is None else self._key_text.encode()

    # How it stands.

    @property
    def agent(self) -> AgentStatus:
        """How the agent stands."""
        state = self._state
        return AgentStatus(
            connected=None if state is FeedState.STARTING else state is FeedState.OK,
            outbox=None if self._health is None else self._health.depth,
            last_seen=self._last_seen,
        )

    @property
    def _state(self) -> FeedState:
        if not self._broker:
            return FeedState.NO_BROKER
        if self._offline or monotonic() - self._heard > SILENT_AFTER.total_seconds():
            return FeedState.OFFLINE
        return FeedState.STARTING if self._last_seen is None else FeedState.OK

    def state_of(self, carried: str) -> FeedState:
        """Return what one of the agent's sources does."""
        state = self._state
        if state is not FeedState.OK or self._health is None:
            return state
        words = [one.state for one in self._health.sources if one.source == carried]
        return _STATES.get(words[0], FeedState.FAULT_AT_AGENT) if words else FeedState.OK

    def cadence_of(self, carried: str) -> timedelta | None:
        """Return how often the agent says a reading of this source is due."""
        carries = () if self._announce is None else self._announce.carries
        seconds = [one.cadence_seconds for one in carries if one.source == carried]
        return timedelta(seconds=seconds[0]) if seconds else None

    def _tell_feeds(self) -> None:
        for feed in list(self.feeds.values()):
            feed.async_update()

    # The connection.

    @callback
    def async_connection(self, *, connected: bool) -> None:
        """Follow the broker's coming and going."""
        if connected and not self._broker:
            self._heard = monotonic()
        self._broker = connected
        if connected:
            under_way = self._subscribing is not None and not self._subscribing.done()
            if not self._subscriptions and not under_way:
                self._subscribing = self._hass.async_create_background_task(
                    self._async_subscribe(), "cgm edge subscribe"
                )
            # A broker that lost its retained messages has lost this one too; and an agent that
            # believes more than a restored history has learns it here.
            self._async_work()
            self._async_tell()
        self._tell_feeds()

    async def _async_subscribe(self) -> None:
        topics = self._topics
        try:
            for topic, listener in (
                (topics.announce, self._async_announced),
                (topics.availability, self._async_available),
                (topics.health, self._async_health),
                (topics.reading, self._async_rows),
                (topics.backfill, self._async_rows),
            ):
                self._subscriptions.append(
                    await mqtt.async_subscribe(self._hass, topic, listener, qos=1, encoding=None)
                )
        except HomeAssistantError as error:
            LOGGER.debug("An edge agent cannot be listened to yet: %s", type(error).__name__)

    @callback
    def _async_announced(self, message: ReceiveMessage) -> None:
        if not message.payload:
            return
        announce = self._read(message, decode_announce)
        if announce is not None:
            self._announce = announce
            self._seen(message)
            self._tell_feeds()

    @callback
    def _async_available(self, message: ReceiveMessage) -> None:
        """Hear the agent come, or its will."""
        if self._closed or message.payload not in {ONLINE, OFFLINE}:
            return
        self._offline = message.payload == OFFLINE
        if not self._offline:
            self._seen(message)
        self._tell_feeds()

    @callback
    def _async_health(self, message: ReceiveMessage) -> None:
        health = self._read(message, decode_health)
        if health is None:
            return
        self._health = health
        self._offline = False
        self._seen(message)
        offset = self._clock_offset(health)
        for feed in list(self.feeds.values()):
            feed.async_note_clock(offset)
        self._tell_feeds()

    def _clock_offset(self, health: Health) -> timedelta | None:
        """Return the agent's clock minus ours, where it is synchronised and came straight."""
        before, now = self._clock, monotonic()
        self._clock = health.sent_at, now
        if before is None or not health.clock_synchronised:
            return None
        step = health.sent_at - before[0] - timedelta(seconds=now - before[1])
        return health.sent_at - dt_util.utcnow() if abs(step) <= _STRAIGHT else None

    def _seen(self, message: ReceiveMessage) -> None:
        """Note a sign of life; a retained message may be old."""
        if not message.retain:
            self._heard = monotonic()
            self._last_seen = dt_util.utcnow()

    def _read[T](
        self, message: ReceiveMessage, decode: Callable[[str, bytes, bytes | None], T]
    ) -> T | None:
        """Decode a message; refuse, count and go on where it does not fit the contract."""
        payload = message.payload
        if self._closed or not isinstance(payload, bytes):
            return None
        try:
            return decode(message.topic, payload, self.key)
        except WireError as error:
            self.refused += 1
            if self.refused == 1:
                LOGGER.warning("Messages of an edge agent are refused: %s", error)
            return None

    # Readings in, acknowledgements out.

    @callback
    def _async_rows(self, message: ReceiveMessage) -> None:
        if not message.payload:
            return
        received = self._read(message, decode_rows)
        if received is None:
            return
        self._offline = self._offline and message.retain
        self._seen(message)
        queue = self._live if message.topic == self._topics.reading else self._backlog
        if len(queue) < _MOST_WAITING:
            queue.append((received, message.retain))
        self._async_work()

    @callback
    def _async_look(self, _now: datetime) -> None:
        """Notice silence, and try again what could not be stored."""
        self._backlog.extend(self._held)
        self._held.clear()
        self._async_work()
        self._tell_feeds()

    @callback
    def _async_work(self) -> None:
        if not self._closed and (self._working is None or self._working.done()):
            self._working = self._hass.async_create_background_task(
                self._async_store_all(), "cgm edge store"
            )

    async def _async_store_all(self) -> None:
        """Store what waits, the newest readings first."""
        try:
            await self._async_know_ledger()
        except StoreError:
            LOGGER.debug("What was acknowledged to an edge agent cannot be read now")
        while self._live or self._backlog:
            waiting = (self._live or self._backlog).popleft()
            try:
                await self._async_store(*waiting)
            except StoreError as error:
                LOGGER.debug("Readings of an edge agent wait for the history: %s", error)
                self._hold(waiting)
            except Exception as error:  # noqa: BLE001 - one message must not end the others
                # The traceback might carry readings; the type says enough to look for it.
                LOGGER.error("A fault in CGM itself, please report: %r", type(error))

    def _hold(self, waiting: tuple[Received, bool]) -> None:
        """Try again later; where there are too many the agent sends them again."""
        if waiting not in self._held and len(self._held) < _MOST_HELD:
            self._held.append(waiting)

    async def _async_store(self, received: Received, retained: bool) -> None:  # noqa: FBT001 - as queued
        left: set[int] = set()
        rows = sorted(received.rows, key=lambda row: row.reading.source)
        for source, of_source in groupby(rows, key=lambda row: row.reading.source):
            feed = self.feeds.get(source)
            one = list(of_source)
            left |= await (self._async_keep(one) if feed is None else feed.async_receive(one))
        if left:
            self._hold((received, retained))
        ledger = await self._async_know_ledger()
        if retained and ledger.is_old(received):
            return
        before = ledger.note()
        ledger.take(received, min(left) - 1 if left else received.last, monotonic())
        if (note := ledger.note()) != before:
            await self._async_note(note)
        for feed in list(self.feeds.values()):
            feed.refused_rows = self.refused + len(ledger.rejected)
        self._async_tell()

    async def _async_keep(self, rows: list[Row]) -> set[int]:
        """Keep rows of a source nobody has taken over; returns the numbers not kept."""
        due, _held = parted([row.reading for row in rows], dt_util.utcnow())
        kept = {id(reading) for reading in due}
        await self._history.async_do(lambda store: store.add(kept_under(self.node), due))
        return {row.seq for row in rows if id(row.reading) not in kept}

    async def _async_know_ledger(self) -> Ledger:
        """Return what is acknowledged by the history that is open. Raises StoreError."""
        if self._ledger is None or self._ledger_of != self._history.id:
            key = kept_under(self.node)
            noted = await self._history.async_do(lambda store: store.recall(key, "ack"))
            self._ledger, self._ledger_of = Ledger(noted), self._history.id
            self._async_tell()
        return self._ledger

    async def _async_note(self, note: str) -> None:
        key = kept_under(self.node)
        await self._history.async_do(lambda store: store.note(key, "ack", note))

    @callback
    def _async_tell(self) -> None:
        """Have the acknowledgement sent; one under way is followed by the newest."""
        self._to_tell = True
        if not self._closed and (self._telling is None or self._telling.done()):
            self._telling = self._hass.async_create_background_task(
                self._async_tell_agent(), "cgm edge acknowledge"
            )

    async def _async_tell_agent(self) -> None:
        while self._to_tell and self._broker:
            self._to_tell = False
            ledger, store_id = self._ledger, self._ledger_of
            if ledger is None or ledger.epoch is None or store_id is None:
                return
            topic = self._topics.ack
            ack = Ack(
                store_id=store_id,
                epoch=ledger.epoch,
                seq=ledger.acked,
                rejected=tuple(seq for seq in ledger.rejected if seq <= ledger.acked),
            )
            try:
                await mqtt.async_publish(
                    self._hass, topic, ack.encode(topic, self.key), qos=1, retain=True
                )
            except HomeAssistantError as error:
                # Told again when the broker is back.
                LOGGER.debug("An edge agent could not be told: %s", type(error).__name__)
                return
            ledger.told(monotonic())
