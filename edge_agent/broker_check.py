"""Tries the broker as the agent would, under another client's name: login, rules, retained ack."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from glucose.wire import Topics, WireError, decode_ack

from .broker import new_client, refusal, why_unreachable

if TYPE_CHECKING:
    from paho.mqtt.client import Client, ConnectFlags, MQTTMessage

    from .settings import Settings

_REFUSED = 128
# A retained message follows the acceptance of a subscription at once.
_RETAINED_WITHIN = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFindings:
    """What the broker said. `acknowledged` is the number in the retained ack, None without one."""

    refusal: str = ""
    denied: tuple[str, ...] = ()
    acknowledged: int | None = None


@dataclass(slots=True)
class _Heard:
    connected: threading.Event = field(default_factory=threading.Event)
    refusal: str = ""
    published: threading.Event = field(default_factory=threading.Event)
    subscribed: threading.Event = field(default_factory=threading.Event)
    acknowledged: threading.Event = field(default_factory=threading.Event)
    seq: int | None = None
    denied: list[str] = field(default_factory=list)


def look_at_broker(settings: Settings, seconds: float) -> BrokerFindings:
    """Log in, publish where nobody listens, subscribe to the ack; blocks up to 3 `seconds`.

    The client's name is its own: that of a running agent would throw the agent out.
    """
    topics = Topics(settings.node)
    heard = _Heard()
    try:
        client = new_client(settings.broker, f"cgm-{settings.node}-doctor")
        _listen(client, heard, topics, settings.pairing_key)
        client.connect(
            settings.broker.host, settings.broker.port, settings.broker.keepalive_seconds
        )
    except OSError as error:
        return BrokerFindings(refusal=why_unreachable(error))
    client.loop_start()
    try:
        if not heard.connected.wait(seconds):
            return BrokerFindings(refusal="the broker did not answer in time")
        if heard.refusal:
            return BrokerFindings(refusal=heard.refusal)
        # Within the agent's own subtree, where nobody takes it for anything.
        client.publish(f"cgm/{topics.node}/doctor", b"", qos=1)
        client.subscribe(topics.ack, qos=1)
        for event, what in ((heard.published, "publishing"), (heard.subscribed, "subscribing")):
            if not event.wait(seconds):
                heard.denied.append(f"{what} (no answer)")
        heard.acknowledged.wait(_RETAINED_WITHIN)
        return BrokerFindings(denied=tuple(heard.denied), acknowledged=heard.seq)
    finally:
        client.disconnect()
        client.loop_stop()


def _listen(client: Client, heard: _Heard, topics: Topics, key: bytes | None) -> None:
    def on_connect(
        _client: Client,
        _userdata: object,
        _flags: ConnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if code.value >= _REFUSED:
            heard.refusal = refusal(code)
        heard.connected.set()

    def on_publish(
        _client: Client, _userdata: object, _mid: int, code: ReasonCode, _properties: Properties
    ) -> None:
        if code.value >= _REFUSED:
            heard.denied.append("publishing")
        heard.published.set()

    def on_subscribe(
        _client: Client,
        _userdata: object,
        _mid: int,
        codes: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        if any(code.value >= _REFUSED for code in codes):
            heard.denied.append("subscribing")
        heard.subscribed.set()

    def on_message(_client: Client, _userdata: object, message: MQTTMessage) -> None:
        try:
            heard.seq = decode_ack(topics.ack, message.payload, key).seq
        except WireError:
            return
        heard.acknowledged.set()

    client.on_connect = on_connect
    client.on_publish = on_publish
    client.on_subscribe = on_subscribe
    client.on_message = on_message
