"""One edge agent as seen from here: its topics listened to, each message given to who needs it."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

from homeassistant.components import mqtt
from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_track_time_interval

from .const import LOGGER
from .edge_acknowledgement import Acknowledgement
from .edge_clock import AgentClock
from .edge_gate import Gate
from .edge_intake import Intake
from .edge_last_seen import LastSeen
from .edge_presence import Presence
from .edge_rivals import Rivals
from .feed_status import AgentStatus
from .history import async_history
from .shared.glucose.wire import (
    OFFLINE,
    ONLINE,
    Topics,
    decode_announce,
    decode_health,
    decode_rows,
)

if TYPE_CHECKING:
    from asyncio import Task

    from homeassistant.components.mqtt import ReceiveMessage
    from homeassistant.core import HomeAssistant

    from .edge_feed import EdgeFeed

_LOOK_EVERY = timedelta(seconds=20)


class EdgeNode:
    """What one agent sends, for all wearers who take readings from it."""

    def __init__(self, hass: HomeAssistant, node: str) -> None:
        """Build without I/O. Raises WireError for what cannot be a node's name."""
        self.node = node
        self.feeds: dict[str, EdgeFeed] = {}
        self.presence = Presence()
        self._hass = hass
        self._topics = Topics(node)
        self._gate = Gate()
        self._clock = AgentClock()
        self._rivals = Rivals()
        history = async_history(hass)
        self._last_seen = LastSeen(history, node, self.presence)
        self._acknowledgement = Acknowledgement(hass, history, self._topics, self._gate)
        self._intake = Intake(hass, history, node, self.feeds, self._acknowledgement)
        self._keeping: Task[None] | None = None
        self._subscribing: Task[None] | None = None
        self._subscriptions: list[CALLBACK_TYPE] = []
        self._cancel_look: CALLBACK_TYPE | None = None
        self._closed = False

    # Who listens.

    @callback
    def async_join(self, feed: EdgeFeed) -> None:
        """Hand the readings of one of the agent's sources to a feed from now on."""
        self.feeds[feed.carried] = feed
        self._gate.key = None if feed.pairing_key is None else feed.pairing_key.encode()
        if self._cancel_look is None:
            self._cancel_look = async_track_time_interval(
                self._hass, self._async_look, _LOOK_EVERY, cancel_on_shutdown=True
            )
            self._async_keep_last_seen()

    @callback
    def async_leave(self, feed: EdgeFeed) -> bool:
        """Hand a feed no more; tells whether nobody listens now, and the node is closed."""
        if self.feeds.get(feed.carried) is feed:
            del self.feeds[feed.carried]
        if self.feeds:
            return False
        self._closed = True
        self._intake.async_close()
        self._acknowledgement.async_close()
        for task in (self._keeping, self._subscribing):
            if task is not None:
                task.cancel()
        for unsubscribe in self._subscriptions:
            # A client that was set up anew meanwhile does not know the old one's subscriptions.
            unsubscribe()
        self._subscriptions.clear()
        if self._cancel_look is not None:
            self._cancel_look()
        return True

    # How it stands.

    @property
    def agent(self) -> AgentStatus:
        """How the agent stands."""
        return AgentStatus(
            node=self.node,
            connected=self.presence.connected,
            outbox=self.presence.outbox,
            last_seen=self.presence.shown_last_seen,
            missing_since=self.presence.missing_since,
            shares_its_name=self._rivals.stand(monotonic()),
            denied=self.presence.denied,
        )

    @property
    def refused(self) -> int:
        """How many messages, and rows the agent has not heard of yet, cannot be readings."""
        return self._gate.refused + self._acknowledgement.rejected

    def _tell_feeds(self) -> None:
        for feed in list(self.feeds.values()):
            feed.async_update()

    @callback
    def _async_look(self, _now: datetime) -> None:
        """Notice silence, and try again what could not be stored."""
        self._intake.async_retry()
        self._async_keep_last_seen()
        self._tell_feeds()

    @callback
    def _async_keep_last_seen(self) -> None:
        if self._keeping is None or self._keeping.done():
            self._keeping = self._hass.async_create_background_task(
                self._last_seen.async_keep(), "cgm edge last seen"
            )

    # The connection.

    @callback
    def async_connection(self, *, connected: bool) -> None:
        """Follow the broker's coming and going."""
        self.presence.broker(connected=connected)
        if connected:
            under_way = self._subscribing is not None and not self._subscribing.done()
            if not self._subscriptions and not under_way:
                self._subscribing = self._hass.async_create_background_task(
                    self._async_subscribe(), "cgm edge subscribe"
                )
            # An agent that believes more than a restored history has learns it here.
            self._intake.async_work()
        self._acknowledgement.async_connection(connected=connected)
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

    # What comes.

    @callback
    def _async_announced(self, message: ReceiveMessage) -> None:
        if self._closed:
            return
        announce = self._gate.let_in(message, decode_announce)
        if announce is not None:
            self.presence.announced(announce, retained=message.retain)
        self._tell_feeds()

    @callback
    def _async_available(self, message: ReceiveMessage) -> None:
        """Hear the agent come, or its will."""
        if self._closed or message.payload not in {ONLINE, OFFLINE}:
            return
        self.presence.available(online=message.payload == ONLINE, retained=message.retain)
        self._tell_feeds()

    @callback
    def _async_health(self, message: ReceiveMessage) -> None:
        if self._closed or not message.payload:
            return
        health = self._gate.let_in(message, decode_health)
        if health is not None:
            self.presence.well(health, retained=message.retain)
            offset = self._clock.offset(health)
            for feed in list(self.feeds.values()):
                feed.async_note_clock(offset)
        self._tell_feeds()

    @callback
    def _async_rows(self, message: ReceiveMessage) -> None:
        if self._closed:
            return
        received = self._gate.let_in(message, decode_rows)
        if received is None:
            self._tell_feeds()
            return
        self.presence.sign(retained=message.retain)
        if not message.retain:
            self._rivals.heard(received.epoch, monotonic())
        live = message.topic == self._topics.reading
        self._intake.async_put(received, live=live, retained=message.retain)
