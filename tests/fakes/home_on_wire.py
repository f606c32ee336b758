"""What Home Assistant does with an agent's wire: hears all, stores readings, acknowledges them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from glucose.wire import Ack, Topics, decode_rows

from .broker import HOME_ASSISTANT, NODE, PASSWORDS, Broker

TOPICS = Topics(NODE)


class HomeOnWire:
    """Keeps identities in `stored` and payloads by topic in `said`; no ack while it is `silent`.

    `heard` is set by the first readings, also while silent.
    """

    def __init__(self, broker: Broker) -> None:
        self.stored: set[tuple[object, ...]] = set()
        self.said: dict[str, list[bytes]] = {}
        self.silent = False
        self.heard = threading.Event()
        self._epoch, self._acked = "", 0
        self._lock = threading.Lock()
        self._client = Client(
            CallbackAPIVersion.VERSION2, "home", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.username_pw_set(HOME_ASSISTANT, PASSWORDS[HOME_ASSISTANT])
        self._client.on_message = self._hear
        self._client.connect(broker.host, broker.port)
        self._client.subscribe([("cgm/#", 1), ("homeassistant/#", 1)])
        self._client.loop_start()

    @property
    def counts(self) -> Counter[object]:
        """How many readings are stored, by their source."""
        with self._lock:
            return Counter(identity[0] for identity in self.stored)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, word: str) -> None:
        """Say "online", after which what is due is sent again, or "offline"."""
        self._client.publish("homeassistant/status", word, qos=1)

    def last(self, topic: str) -> bytes:
        return self.said.get(topic, [b""])[-1]

    def _hear(self, client: Client, _userdata: object, message: MQTTMessage) -> None:
        self.said.setdefault(message.topic, []).append(message.payload)
        if message.topic not in {TOPICS.reading, TOPICS.backfill} or not message.payload:
            return
        self.heard.set()
        if self.silent:
            return
        received = decode_rows(message.topic, message.payload)
        if received.epoch != self._epoch:
            self._epoch, self._acked = received.epoch, received.done
        with self._lock:
            self.stored |= {row.reading.identity for row in received.rows}
        if received.after <= self._acked:
            self._acked = max(self._acked, received.last)
        ack = Ack(store_id="home", epoch=self._epoch, seq=self._acked)
        client.publish(TOPICS.ack, ack.encode(TOPICS.ack), qos=1, retain=True)


@contextmanager
def at_home(broker: Broker) -> Iterator[HomeOnWire]:
    """Give a home that listens, and let it hang up afterwards."""
    home = HomeOnWire(broker)
    try:
        yield home
    finally:
        home.close()
