"""Tries the broker as the agent would, under another client's name: login, each topic, the ack."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from glucose.wire import Announce, Topics, WireError, decode_ack

from .broker import why_unreachable
from .connection import Connection, Heard, Refused
from .home_discovery import HomeDiscovery
from .settings import Settings

# What is retained, or comes back to its sender, follows at once.
_FOLLOWS_WITHIN = 1.0
_NO_ANSWER = "the broker did not answer in time"


class AckReading(Enum):
    """Whether the agent would hear an acknowledgement."""

    HEARD = "heard"
    DENIED = "denied"
    # Only Home Assistant may write there, and it has not: the rest of the subtree was tried.
    UNTRIED_REST_HEARD = "the rest is heard"
    UNTRIED = "untried"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFindings:
    """What the broker said. `unwritable` are topics with why they cannot be written.

    `acknowledged` is the number in the retained ack, None without one; `ack_refused` says why it
    is not believed.
    """

    refusal: str = ""
    unwritable: tuple[tuple[str, str], ...] = ()
    ack: AckReading = AckReading.UNTRIED
    acknowledged: int | None = None
    ack_refused: str = ""


def look_at_broker(settings: Settings, announce: Announce, seconds: float) -> BrokerFindings:
    """Log in, listen for the ack, publish on each topic; each step blocks for up to `seconds`.

    Nothing that Home Assistant goes by is changed: a topic is tried with an empty message that is
    not retained, which both sides pass over, or with what the agent itself says there. The
    client's name is its own: that of a running agent would throw the agent out.
    """
    visitor = _Visitor(settings, seconds)
    try:
        refused = visitor.enter()
        if refused:
            return BrokerFindings(refusal=refused)
        ack, payload = _ack_reading(visitor)
        unwritable = [
            (topic, why)
            for topic, tried in _what_the_agent_says(settings, announce)
            if (why := visitor.denied(topic, tried)) is not None
        ]
    except OSError as error:
        return BrokerFindings(refusal=why_unreachable(error))
    finally:
        visitor.leave()
    acknowledged, ack_refused = None, ""
    if payload:
        try:
            acknowledged = decode_ack(visitor.topics.ack, payload, settings.pairing_key).seq
        except WireError as error:
            ack_refused = str(error)
    return BrokerFindings(
        unwritable=tuple(unwritable), ack=ack, acknowledged=acknowledged, ack_refused=ack_refused
    )


def _what_the_agent_says(settings: Settings, announce: Announce) -> Iterator[tuple[str, bytes]]:
    topics = Topics(settings.node)
    # An empty announcement would take the agent back from those that Home Assistant offers.
    yield topics.announce, announce.encode(topics.announce, settings.pairing_key)
    for topic in (topics.availability, topics.reading, topics.backfill, topics.health):
        yield topic, b""
    if settings.discovery_prefix is not None:
        discovery = HomeDiscovery(settings.discovery_prefix, announce, topics)
        yield discovery.topic, discovery.description()


def _ack_reading(visitor: _Visitor) -> tuple[AckReading, bytes]:
    """Find out whether the ack can be read; returns the retained one, empty without.

    A broker may accept a subscription and then deliver nothing, as mosquitto does. So what would
    be delivered is sent, where the rules let the agent write there.
    """
    ack, trial = visitor.topics.ack, f"cgm/{visitor.topics.node}/doctor"
    if visitor.subscribed(ack) is not None:
        return AckReading.DENIED, b""
    retained = visitor.heard(ack)
    if retained is not None:
        return AckReading.HEARD, retained
    if visitor.denied(ack, b"") is None:
        found = AckReading.DENIED if visitor.heard(ack) is None else AckReading.HEARD
        return found, b""
    echoes = (
        visitor.subscribed(trial) is None
        and visitor.denied(trial, b"") is None
        and visitor.heard(trial) is not None
    )
    return (AckReading.UNTRIED_REST_HEARD if echoes else AckReading.UNTRIED), b""


class _Visitor:
    """A client that comes back where the broker threw it out, as some do for one denied topic."""

    def __init__(self, settings: Settings, seconds: float) -> None:
        self.topics = Topics(settings.node)
        self._settings = settings
        self._seconds = seconds
        self._connection: Connection | None = None
        self._heard: list[Heard] = []

    def enter(self) -> str:
        """Connect, unless connected; returns why the broker refuses. Raises OSError."""
        if self._connection is not None and self._connection.ended is None:
            return ""
        self.leave()
        connection = Connection(self._settings.broker, f"cgm-{self.topics.node}-doctor")
        self._connection = connection
        connection.begin()
        self._turn_until(connection, lambda: connection.accepted is not None)
        return "" if connection.accepted else connection.ended or _NO_ANSWER

    def leave(self) -> None:
        """Disconnect."""
        if self._connection is not None:
            self._connection.cut()

    def denied(self, topic: str, payload: bytes) -> str | None:
        """Publish; returns why the broker does not take it, None where it does."""
        return self._answer(topic, lambda connection: connection.publish(topic, payload))

    def subscribed(self, topic: str) -> str | None:
        """Subscribe; returns why the broker does not take it, None where it does."""
        return self._answer(topic, lambda connection: connection.subscribe(topic))

    def heard(self, topic: str) -> bytes | None:
        """Wait for a message on a topic that was subscribed to; None where none comes."""
        connection = self._connection
        if connection is None:
            return None

        def came() -> Heard | None:
            self._sort(connection)
            return next((one for one in self._heard if one.topic == topic), None)

        self._turn_until(connection, lambda: came() is not None, _FOLLOWS_WITHIN)
        found = came()
        return None if found is None else found.payload

    def _answer(self, topic: str, ask: Callable[[Connection], None]) -> str | None:
        # An end without a word may be chance: it is tried twice.
        for _ in range(2):
            refused = self.enter()
            if refused or self._connection is None:
                return refused
            answer = self._asked(self._connection, topic, ask)
            if answer is not None:
                return answer or None
        return "the broker ends the connection because of it"

    def _asked(
        self, connection: Connection, topic: str, ask: Callable[[Connection], None]
    ) -> str | None:
        """Return why not, empty where it was taken, None where the connection ended."""
        ask(connection)
        self._turn_until(connection, lambda: connection.unconfirmed == 0)
        refusals = self._sort(connection)
        if topic in refusals:
            return refusals[topic]
        if topic in connection.confirmed:
            return ""
        return None if connection.ended is not None else _NO_ANSWER

    def _sort(self, connection: Connection) -> dict[str, str]:
        """Keep the messages among the events; return the refusals by topic."""
        refusals: dict[str, str] = {}
        while connection.events:
            event = connection.events.popleft()
            if isinstance(event, Refused):
                refusals[event.topic] = event.why
            else:
                self._heard.append(event)
        return refusals

    def _turn_until(
        self, connection: Connection, true: Callable[[], bool], seconds: float | None = None
    ) -> None:
        until = time.monotonic() + (self._seconds if seconds is None else seconds)
        while not true() and time.monotonic() < until and connection.turn(0.1):
            pass
