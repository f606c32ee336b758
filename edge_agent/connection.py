"""One MQTT connection, from CONNECT to its end: what it hears is queued, nothing is decided."""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paho.mqtt.client import MQTT_ERR_SUCCESS, MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from glucose.wire import OFFLINE

from .broker import BrokerSettings, new_client, refusal

if TYPE_CHECKING:
    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
    from paho.mqtt.reasoncodes import ReasonCode

# The broker keeps from us what nobody of ours would send.
MOST_PACKET_BYTES = 131_072
_REFUSED = 128


@dataclass(frozen=True, slots=True)
class Heard:
    """A message somebody published."""

    topic: str
    payload: bytes
    retained: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """The broker would not take a publication, or a subscription, to a topic."""

    topic: str
    why: str
    subscription: bool


class Connection:
    """A client, its will, and its socket, driven by turn(); of one thread.

    `accepted` is None until the broker has answered; `ended` says why, once it has ended.
    """

    def __init__(self, settings: BrokerSettings, client_id: str, availability: str) -> None:
        """Read the certificate files; raises OSError for those that cannot be used."""
        self._settings = settings
        self._client: Client = new_client(settings, client_id)
        self._client.will_set(availability, OFFLINE, qos=1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = self._on_subscribe
        self._topics: dict[int, str] = {}
        self.accepted: bool | None = None
        self.ended: str | None = None
        self.events: deque[Heard | Refused] = deque()

    @property
    def unconfirmed(self) -> int:
        """How many publications and subscriptions the broker has not answered yet."""
        return len(self._topics)

    def begin(self) -> None:
        """Connect and send CONNECT, blocking for some seconds at most; raises OSError."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's
        properties.MaximumPacketSize = MOST_PACKET_BYTES
        self._client.connect(
            self._settings.host,
            self._settings.port,
            keepalive=self._settings.keepalive_seconds,
            clean_start=True,
            properties=properties,
        )
        plug = self._client.socket()
        if isinstance(plug, socket.socket):
            # Else a second small message waits 40 ms for the peer's delayed ACK of the first.
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _acknowledge_at_once(plug)

    def turn(self, seconds: float, wake: socket.socket) -> bool:
        """Wait for traffic, for a byte at `wake`, or for `seconds`; handle it; False at the end."""
        plug = self._client.socket()
        if plug is None:
            return False
        # TLS may hold bytes back that the socket no longer shows.
        pending = getattr(plug, "pending", None)
        buffered = pending is not None and pending() > 0
        poll = select.poll()
        writing = select.POLLOUT if self._client.want_write() else 0
        poll.register(plug, select.POLLIN | writing)
        poll.register(wake, select.POLLIN)
        ready = dict(poll.poll(0 if buffered else max(0, int(seconds * 1000) + 1)))
        if wake.fileno() in ready:
            with suppress(BlockingIOError):
                wake.recv(4096)
        happened = ready.get(plug.fileno(), 0)
        result = MQTT_ERR_SUCCESS
        if buffered or happened & ~select.POLLOUT:
            result = self._client.loop_read()
            _acknowledge_at_once(self._client.socket())
        if result == MQTT_ERR_SUCCESS and happened & select.POLLOUT:
            result = self._client.loop_write()
        if result == MQTT_ERR_SUCCESS:
            result = self._client.loop_misc()
        return result == MQTT_ERR_SUCCESS and self.ended is None

    def subscribe(self, topic: str) -> None:
        """Ask for a topic's messages."""
        _, mid = self._client.subscribe(topic, qos=1)
        if mid is not None:
            self._topics[mid] = topic

    def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, expiry_seconds: int | None = None
    ) -> None:
        """Send a message with QoS 1, at the latest with the next turn."""
        properties = None
        if expiry_seconds is not None:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's
            properties.MessageExpiryInterval = expiry_seconds
        sent = self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        self._topics[sent.mid] = topic

    def end(self, seconds: float, wake: socket.socket) -> bool:
        """Wait until all is confirmed, then disconnect; return whether it was within `seconds`."""
        until = time.monotonic() + seconds
        alive = True
        while self._topics and alive and time.monotonic() < until:
            alive = self.turn(0.1, wake)
        confirmed = not self._topics
        self.cut()
        return confirmed

    def cut(self) -> None:
        """Disconnect at once; harmless when already disconnected."""
        with suppress(OSError, ValueError):
            self._client.disconnect()
        plug = self._client.socket()
        if plug is not None:
            with suppress(OSError):
                plug.close()

    def _on_connect(
        self,
        _client: Client,
        _userdata: object,
        _flags: ConnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self.accepted = code.value < _REFUSED
        if not self.accepted:
            self.ended = refusal(code)

    def _on_disconnect(
        self,
        _client: Client,
        _userdata: object,
        flags: DisconnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if self.ended is None:
            if not flags.is_disconnect_packet_from_server:
                self.ended = "the connection was lost"
            elif code.value < _REFUSED:
                self.ended = "the broker ended the connection"
            else:
                self.ended = refusal(code)

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        self.events.append(Heard(message.topic, message.payload, message.retain))

    def _on_publish(
        self,
        _client: Client,
        _userdata: object,
        mid: int,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        topic = self._topics.pop(mid, "")
        if code.value >= _REFUSED:
            self.events.append(Refused(topic, refusal(code), subscription=False))

    def _on_subscribe(
        self,
        _client: Client,
        _userdata: object,
        mid: int,
        codes: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        topic = self._topics.pop(mid, "")
        for code in codes:
            if code.value >= _REFUSED:
                self.events.append(Refused(topic, refusal(code), subscription=True))


def _acknowledge_at_once(plug: object) -> None:
    """Spare a broker with Nagle's algorithm the wait for our delayed ACK; Linux forgets it."""
    if isinstance(plug, socket.socket) and hasattr(socket, "TCP_QUICKACK"):
        with suppress(OSError):
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
