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
from paho.mqtt.reasoncodes import ReasonCode

from glucose.wire import OFFLINE

from .broker import NOT_AUTHORISED, TAKEN_OVER, BrokerSettings, new_client, refusal

if TYPE_CHECKING:
    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags

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

    `accepted` is None until the broker has answered; `ended` says why, once it has ended, and
    `reason` is the number of MQTT that the broker gave for it. `confirmed` are the topics of the
    publications and subscriptions that it took.
    """

    def __init__(self, settings: BrokerSettings, client_id: str, will: str | None = None) -> None:
        """Read the certificate files; raises OSError for those that cannot be used.

        `will` is the topic of availability that the broker says `offline` on for us.
        """
        self._settings = settings
        self._client: Client = new_client(settings, client_id)
        if will is not None:
            self._client.will_set(will, OFFLINE, qos=1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = self._on_subscribe
        self._topics: dict[int, str] = {}
        self.accepted: bool | None = None
        self.ended: str | None = None
        self.reason: int | None = None
        self.confirmed: set[str] = set()
        self.events: deque[Heard | Refused] = deque()

    @property
    def unconfirmed(self) -> int:
        """How many publications and subscriptions the broker has not answered yet."""
        return len(self._topics)

    @property
    def in_question(self) -> str | None:
        """The topic that alone the broker has not answered for, None where there are several."""
        topics = set(self._topics.values())
        return topics.pop() if len(topics) == 1 else None

    @property
    def taken_over(self) -> bool:
        """Whether the broker says that another client has connected under our name."""
        return self.reason == TAKEN_OVER

    @property
    def forbidden(self) -> bool:
        """Whether the broker ended the connection because of something we may not do."""
        return self.reason == NOT_AUTHORISED

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

    def turn(self, seconds: float, wake: socket.socket | None = None) -> bool:
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
        if wake is not None:
            poll.register(wake, select.POLLIN)
        ready = dict(poll.poll(0 if buffered else max(0, int(seconds * 1000) + 1)))
        if wake is not None and wake.fileno() in ready:
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
        if self.ended is not None:
            return
        if not flags.is_disconnect_packet_from_server:
            self.ended = "the connection was lost"
            return
        reason = _reason(self._client) or code
        self.reason = reason.value
        words = "the broker ended the connection"
        self.ended = words if reason.value < _REFUSED else refusal(reason)

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
        else:
            self.confirmed.add(topic)

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
            else:
                self.confirmed.add(topic)


def _reason(client: Client) -> ReasonCode | None:
    """Return the reason in a DISCONNECT, which paho before 2.2 drops where nothing follows it.

    https://github.com/eclipse-paho/paho.mqtt.python/issues/860: mosquitto sends it so.
    """
    packet = getattr(client, "_in_packet", {}).get("packet", b"")
    if not packet:
        return None
    reason = ReasonCode(PacketTypes.DISCONNECT)
    with suppress(KeyError):  # a number that MQTT does not know
        reason.unpack(packet)  # type: ignore[no-untyped-call]  # paho's
        return reason
    return None


def _acknowledge_at_once(plug: object) -> None:
    """Spare a broker with Nagle's algorithm the wait for our delayed ACK; Linux forgets it."""
    if isinstance(plug, socket.socket) and hasattr(socket, "TCP_QUICKACK"):
        with suppress(OSError):
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
