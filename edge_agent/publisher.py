"""Delivers the outbox over MQTT on a thread of its own, and never gives up."""

from __future__ import annotations

import logging
import random
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from glucose.errors import GlucoseError, StoreError
from glucose.wire import (
    MOST_BYTES,
    OFFLINE,
    ONLINE,
    Announce,
    Health,
    Rows,
    Topics,
    WireError,
    decode_ack,
)

from .broker import BrokerSettings, why_unreachable
from .connection import Connection, Heard, Refused
from .delivery import Delivery, Sending
from .outbox import Outbox, Outcome

_LOG = logging.getLogger(__name__)

HOME_STATUS = "homeassistant/status"
LIVE_EXPIRY_SECONDS = 900
LEAST_PAUSE_SECONDS = 1.0
MOST_PAUSE_SECONDS = 60.0
# A connection that held this long was a good one: after it, trying again begins briskly.
GOOD_SECONDS = 30.0
FAREWELL_SECONDS = 3.0
_ANSWER_SECONDS = 15.0
_TURN_SECONDS = 5.0
_HOME_JITTER_SECONDS = 3.0
_STORE_PAUSE_SECONDS = 5.0
_QUICK_ENDS_TO_ASK = 3


@dataclass(frozen=True, slots=True)
class PublisherCounters:
    """What has happened since start()."""

    connections: int = 0
    failures: int = 0
    acks: int = 0
    foreign_acks: int = 0
    unreadable: int = 0
    refused: int = 0
    resends: int = 0
    faults: int = 0


class Publisher:
    """The agent's side of MQTT. Every method may be called from any thread.

    `announce` may be exchanged by announce_as(). `on_home_online` is called on the publisher's
    thread when Home Assistant says that it is online; what it raises is logged and passed over.
    """

    def __init__(  # noqa: PLR0913 - what a thread needs, it must be given
        self,
        broker: BrokerSettings,
        topics: Topics,
        outbox: Outbox,
        *,
        announce: Announce,
        key: bytes | None = None,
        on_home_online: Callable[[], None] | None = None,
        home_status_topic: str = HOME_STATUS,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._broker = broker
        self._topics = topics
        self._outbox = outbox
        self._announce = announce
        self._key = key
        self._on_home_online = on_home_online
        self._home_status = home_status_topic
        self._clock = clock
        self._jitter = jitter
        self._delivery = Delivery(outbox, jitter=jitter)
        self._kept: dict[str, bytes] = {}
        self._unsent: dict[str, bytes] = {}
        self._health: Health | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.settimeout(0)
        self._wake_out.settimeout(0)
        self._connected = False
        self._last_progress = time.monotonic()
        self._announce_at: float | None = None
        self._pause_until = 0.0
        self._problem: str | None = None
        self._refusal: str | None = None
        self._said: set[str] = set()
        self._quick_ends = 0
        self._counters = PublisherCounters()

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us and has not gone since."""
        return self._connected

    @property
    def last_progress(self) -> float:
        """When the thread last went round, monotonic seconds: connected, or trying to be."""
        return self._last_progress

    @property
    def problem(self) -> str | None:
        """Why there is no connection, in words; None while there is one."""
        return self._problem

    @property
    def refusal(self) -> str | None:
        """What the broker refused last on this connection, in words; None if nothing."""
        return self._refusal

    @property
    def counters(self) -> PublisherCounters:
        """What has happened since start()."""
        return replace(self._counters, resends=self._delivery.resends)

    def start(self) -> None:
        """Begin to connect; returns at once. A publisher is started once."""
        if self._thread is not None:
            raise RuntimeError("a publisher is started once")
        self._thread = threading.Thread(target=self._run, name="cgm-publisher", daemon=True)
        self._thread.start()

    def stop(self, seconds: float = 20.0) -> None:
        """Say `offline`, disconnect, and wait for the thread to end; harmless when not started."""
        self._stopping.set()
        self.wake()
        if self._thread is not None:
            self._thread.join(seconds)
            if self._thread.is_alive():
                _LOG.error("The publisher did not end in time")
                return
        self._wake_in.close()
        self._wake_out.close()

    def wake(self) -> None:
        """Have the outbox looked at now; costs a byte to a socket."""
        # Full is as good as one byte; closed is after stop().
        with suppress(OSError):
            self._wake_in.send(b"\0")

    def announce_as(self, announce: Announce) -> None:
        """Announce something else from now on."""
        with self._lock:
            self._announce = announce
        self._announce_at = time.monotonic()
        self.wake()

    def keep(self, topic: str, payload: bytes) -> None:
        """Publish a retained message now, and again whenever the broker may have lost it."""
        with self._lock:
            self._kept[topic] = payload
            self._unsent[topic] = payload
        self.wake()

    def publish_health(self, health: Health) -> None:
        """Publish how the agent stands; dropped while there is no connection, or by a newer one."""
        with self._lock:
            self._health = health
        self.wake()

    def _run(self) -> None:
        pause = LEAST_PAUSE_SECONDS
        while not self._stopping.is_set():
            began = self._progress()
            try:
                self._one_connection()
            except Exception as error:  # noqa: BLE001 - the thread must not end before stop()
                self._fault("publisher", error)
            self._connected = False
            if self._progress() - began >= GOOD_SECONDS:
                pause = LEAST_PAUSE_SECONDS
            self._rest(pause * (0.5 + 0.5 * self._jitter()))
            pause = min(pause * 2, MOST_PAUSE_SECONDS)

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - self._progress()) > 0:
            if self._stopping.wait(min(left, _TURN_SECONDS)):
                return

    def _one_connection(self) -> None:
        """Connect, and deliver until the connection ends or stop() is called."""
        connection = None
        try:
            connection = Connection(
                self._broker, f"cgm-{self._topics.node}", self._topics.availability
            )
            connection.begin()
            self._wait_for_answer(connection)
        except (OSError, ValueError) as error:
            self._failed(why_unreachable(error))
            if connection is not None:
                connection.cut()
            return
        began = self._progress()
        try:
            if connection.accepted and self._greeted(connection):
                self._deliver(connection)
            if self._stopping.is_set() and connection.accepted and connection.ended is None:
                connection.publish(self._topics.availability, OFFLINE, retain=True)
                connection.end(FAREWELL_SECONDS, self._wake_out)
                return
            self._hear_all(connection)
            quick = connection.accepted and self._progress() - began < GOOD_SECONDS
            self._quick_ends = self._quick_ends + 1 if quick else 0
            self._failed(self._why(connection))
        finally:
            self._connected = False
            connection.cut()

    def _why(self, connection: Connection) -> str:
        if self._refusal is not None:
            return self._refusal
        if self._quick_ends >= _QUICK_ENDS_TO_ASK:
            return "connections end again and again: does another agent bear this node's name?"
        return connection.ended or "the broker did not answer in time"

    def _wait_for_answer(self, connection: Connection) -> None:
        until = time.monotonic() + _ANSWER_SECONDS
        while connection.accepted is None and time.monotonic() < until:
            if self._stopping.is_set() or not connection.turn(0.5, self._wake_out):
                return
            self._progress()

    def _greeted(self, connection: Connection) -> bool:
        """Say that we are here; subscribed first, so that no acknowledgement is missed.

        Nothing else is sent until the broker has confirmed it: one that closes a connection after
        a refusal takes the refusal with it when more is under way.
        """
        self._refusal = None
        connection.subscribe(self._topics.ack)
        connection.subscribe(self._home_status)
        connection.publish(self._topics.availability, ONLINE, retain=True)
        if not self._settled(connection):
            return False
        with self._lock:
            self._health = None
        self._problem = None
        self._connected = True
        self._count(connections=1)
        if self._quick_ends == 0:
            self._said.clear()
        self._introduce()
        _LOG.info("Connected to the broker")
        return True

    def _settled(self, connection: Connection) -> bool:
        """Wait until the broker has answered everything; False where it does not."""
        until = time.monotonic() + _ANSWER_SECONDS
        while connection.unconfirmed and time.monotonic() < until:
            if self._stopping.is_set() or not connection.turn(0.5, self._wake_out):
                return False
            self._progress()
        return connection.unconfirmed == 0

    def _publish(
        self,
        connection: Connection,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        expiry_seconds: int | None = None,
    ) -> None:
        connection.publish(topic, payload, retain=retain, expiry_seconds=expiry_seconds)
        if self._quick_ends:
            # Something ends our connections: one by one, to see what.
            self._settled(connection)

    def _introduce(self, seconds: float = 0.0) -> None:
        """Have all that is retained sent again, and the newest reading with the backlog."""
        self._announce_at = time.monotonic() + seconds

    def _deliver(self, connection: Connection) -> None:
        seconds, began = 0.0, self._progress()
        while not self._stopping.is_set() and connection.turn(seconds, self._wake_out):
            now = self._progress()
            if now - began >= GOOD_SECONDS:
                self._quick_ends = 0
            self._hear_all(connection)
            self._send_retained(connection, now)
            seconds = self._send_rows(connection, now)

    def _send_retained(self, connection: Connection, now: float) -> None:
        with self._lock:
            announce, health, self._health = self._announce, self._health, None
            introducing = self._announce_at is not None and self._announce_at <= now
            kept = dict(self._kept) if introducing else dict(self._unsent)
            self._unsent.clear()
        if introducing:
            self._announce_at = None
            self._delivery.restart()
            payload = announce.encode(self._topics.announce, self._key)
            self._publish(connection, self._topics.announce, payload, retain=True)
        for topic, retained in kept.items():
            self._publish(connection, topic, retained, retain=True)
        if health is not None:
            self._publish(
                connection, self._topics.health, health.encode(self._topics.health, self._key)
            )

    def _send_rows(self, connection: Connection, now: float) -> float:
        """Send what is due; return how many seconds may pass before looking again."""
        if now >= self._pause_until:
            try:
                for sending in self._delivery.due(now):
                    self._send(connection, sending)
            except StoreError as error:
                self._pause_until = now + _STORE_PAUSE_SECONDS
                self._say("outbox", "The outbox cannot be read now: %s", error)
        # Twice within a keepalive, so that silence is noticed in time.
        turn = min(_TURN_SECONDS, self._broker.keepalive_seconds / 2)
        waits = [turn, self._delivery.wait(now)]
        waits += [None if self._announce_at is None else max(0.0, self._announce_at - now)]
        return min(wait for wait in waits if wait is not None)

    def _send(self, connection: Connection, sending: Sending) -> None:
        if sending.live:
            left = LIVE_EXPIRY_SECONDS - self._age(sending.rows)
            payload = sending.rows.encode(self._topics.reading, self._key)
            # An old value must not begin to look new because a connection came back.
            self._publish(
                connection,
                self._topics.reading,
                payload,
                retain=left > 0,
                expiry_seconds=left if left > 0 else None,
            )
        else:
            for rows in _within_bytes(sending.rows):
                payload = rows.encode(self._topics.backfill, self._key)
                self._publish(connection, self._topics.backfill, payload)

    def _age(self, rows: Rows) -> int:
        """Return how old the newest row is in seconds; never negative, as clocks differ."""
        return max(0, int((self._clock() - rows.rows[-1].reading.time).total_seconds()))

    def _hear_all(self, connection: Connection) -> None:
        while connection.events:
            self._hear(connection.events.popleft())

    def _hear(self, event: Heard | Refused) -> None:
        try:
            match event:
                case Refused():
                    self._count(refused=1)
                    what = "subscription to" if event.subscription else "publishing to"
                    self._refusal = f"{what} {event.topic}: {event.why}"
                    self._say(self._refusal, "The broker refuses %s", self._refusal)
                case Heard(topic=self._topics.ack):
                    self._take_ack(event)
                case Heard(topic=self._home_status):
                    self._home_said(event)
        except Exception as error:  # noqa: BLE001 - no message may end the thread
            self._fault("message", error)

    def _take_ack(self, event: Heard) -> None:
        if not event.payload:
            return  # somebody has taken the retained message away
        try:
            ack = decode_ack(event.topic, event.payload, self._key)
        except WireError as error:
            self._count(unreadable=1)
            self._say(f"ack {error}", "An acknowledgement is ignored: %s", error)
            return
        outcome = self._outbox.acked(ack)
        if outcome in {Outcome.FOREIGN_EPOCH, Outcome.AHEAD, Outcome.OTHER_STORE}:
            self._count(foreign_acks=1)
            if not event.retained:  # an old one retained is met at every start
                self._say(outcome, "An acknowledgement is ignored: %s", outcome)
        else:
            self._count(acks=1)

    def _home_said(self, event: Heard) -> None:
        if event.payload != ONLINE or event.retained:
            return  # retained, it is old: we have just introduced ourselves
        # All agents of a home hear it at once.
        self._introduce(self._jitter() * _HOME_JITTER_SECONDS)
        if self._on_home_online is not None:
            self._on_home_online()

    def _failed(self, why: str) -> None:
        if self._stopping.is_set():
            return
        self._problem = why
        self._count(failures=1)
        self._say(f"connection {why}", "No connection to the broker: %s; trying again", why)

    def _fault(self, where: str, error: Exception) -> None:
        self._count(faults=1)
        # A traceback may carry what must not be in a log.
        told = str(error) if isinstance(error, GlucoseError) else ""
        self._say(f"{where} {type(error)}", "A fault in the %s: %s %s", where, type(error), told)

    def _say(self, once: str, message: str, *values: object) -> None:
        """Log a warning, each once until the next good connection."""
        if once not in self._said:
            self._said.add(once)
            _LOG.warning(message, *values)

    def _progress(self) -> float:
        self._last_progress = time.monotonic()
        return self._last_progress

    def _count(self, **more: int) -> None:
        counts = {name: getattr(self._counters, name) + count for name, count in more.items()}
        self._counters = replace(self._counters, **counts)


def _within_bytes(rows: Rows) -> list[Rows]:
    """Cut a batch that would be refused for its size; names of sources may be long."""
    if len(rows.rows) == 1 or len(rows.encode("")) < MOST_BYTES - 128:
        return [rows]
    half = len(rows.rows) // 2
    first = replace(rows, rows=rows.rows[:half])
    second = replace(rows, rows=rows.rows[half:], after=first.last)
    return [*_within_bytes(first), *_within_bytes(second)]
