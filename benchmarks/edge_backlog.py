"""How fast an agent delivers what a month away has left, beside paho's own publisher."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from e2e.chain import STRANGER, Chain, Source
from edge_agent.outbox import Outbox
from edge_chain import FIVE, adopted, delivered, serving
from glucose.reading import Reading

BACKLOG = 8_640


@dataclass(frozen=True)
class Backlog:
    """Seconds from the agent's `online` to the last acknowledgement, and of the plain publisher."""

    ours: float
    plain: float
    from_start: float
    stored: int


class Listener:
    """Hears everything of one node's, with the moment it came; stores nothing."""

    def __init__(self, chain: Chain, *topics: str) -> None:
        self.heard: list[tuple[float, str, bytes]] = []
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self.client.username_pw_set(STRANGER, f"the word of {STRANGER}")
        self.client.on_message = self._on_message
        ready = threading.Event()
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.connect(chain.broker.host, chain.broker.port)
        self.client.loop_start()
        if topics:
            self.client.subscribe([(topic, 1) for topic in topics])
            ready.wait(10)

    def close(self) -> None:
        """Leave."""
        self.client.disconnect()
        self.client.loop_stop()

    def _on_message(self, _client: object, _userdata: object, message: paho.MQTTMessage) -> None:
        self.heard.append((time.time(), message.topic, message.payload))


def backlog(chain: Chain, node: str) -> Backlog:
    """Deliver 30 days from an outbox; then the same messages with a plain publisher."""
    source = Source()
    with serving(source):
        with adopted(chain, node, source, {}) as agent:
            delivered(agent)
            agent.stop()
            newest = datetime.now(UTC)
            outbox = Outbox(agent.outbox, clock=lambda: newest)
            outbox.open()
            outbox.add(
                Reading(
                    time=newest - number * FIVE,
                    mg_dl=60 + number % 300,
                    source="site",
                    series="entries",
                )
                for number in reversed(range(BACKLOG))
            )
            outbox.close()
            topics = {name: f"cgm/{node}/{name}" for name in ("ack", "availability", "backfill")}
            listener = Listener(chain, *topics.values())
            began = time.time()
            agent.start()
            delivered(agent)
            heard = list(listener.heard)
            listener.close()
        stored = sum(chain.stored(node).values())
    since = [(at, topic.rpartition("/")[2], said) for at, topic, said in heard if at >= began]
    messages = [said for _, topic, said in since if topic == "backfill"]
    last = json.loads(messages[-1])["rows"][-1]["seq"]
    up = next(at for at, topic, said in since if (topic, said) == ("availability", b"online"))
    acknowledged = next(
        at for at, topic, said in since if topic == "ack" and json.loads(said)["seq"] >= last
    )
    return Backlog(acknowledged - up, plain(chain, messages), acknowledged - began, stored)


def plain(chain: Chain, messages: list[bytes]) -> float:
    """Publish with QoS 1 as paho does by itself, to a subscriber who stores nothing; seconds."""
    topic = "cgm/nobody/backfill"
    hearing, saying = Listener(chain, topic), Listener(chain)
    try:
        began = time.perf_counter()
        sent = [saying.client.publish(topic, message, qos=1) for message in messages]
        for one in sent:
            one.wait_for_publish(30)
        while len(hearing.heard) < len(messages):
            time.sleep(0.001)
        return time.perf_counter() - began
    finally:
        hearing.close()
        saying.close()
