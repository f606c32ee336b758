"""Delivers the outbox over MQTT on a thread of its own, and never gives up."""

from __future__ import annotations

import logging
import random
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from glucose.wire import Announce, Health, Topics

from .broker import BrokerSettings, why_unreachable
from .connection import Connection
from .correspondence import Correspondence
from .delivery import Delivery
from .home_voice import HomeVoice
from .noticeboard import Noticeboard
from .outbox import Outbox
from .reconnection import End, Reconnection
from .record import PublisherCounters, Record

_LOG = logging.getLogger(__name__)

HOME_STATUS = "homeassistant/status"
# Health is told at most this often, where what was told last no longer holds.
LEAST_HEALTH_SECONDS = 5.0
_FAREWELL_SECONDS = 3.0
_ANSWER_SECONDS = 15.0
_TURN_SECONDS = 5.0
_CONTESTED = "another program {} under this node's name: give each agent a node of its own"


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
        self._board = Noticeboard(announce)
        self._home = HomeVoice(topics, outbox, key=key, status_topic=home_status_topic)
        self._delivery = Delivery(outbox, jitter=jitter)
        self._record = Record()
        self._correspondence = Correspondence(
            topics=topics,
            key=key,
            board=self._board,
            home=self._home,
            delivery=self._delivery,
            record=self._record,
            turn=self._turn,
            on_home_online=on_home_online,
            clock=clock,
            jitter=jitter,
        )
        self._reconnection = Reconnection(jitter=jitter)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.settimeout(0)
        self._wake_out.settimeout(0)
        self._connected = False
        self._last_progress = time.monotonic()
        self._problem: str | None = None
        self._contested: str | None = None

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us and has not gone since."""
        return self._connected

    @property
    def home_reached(self) -> bool:
        """Whether there is a connection, and Home Assistant has not said that it goes offline."""
        return self._connected and not self._home.offline

    @property
    def last_progress(self) -> float:
        """When the thread last went round, monotonic seconds: connected, or trying to be."""
        return self._last_progress

    @property
    def problem(self) -> str | None:
        """Why there is no connection, in words; None while there is one."""
        return self._problem

    @property
    def troubles(self) -> tuple[str, ...]:
        """What somebody has to put right at the broker, a sentence each."""
        contested = () if self._contested is None else (self._contested,)
        return (*contested, *self._correspondence.denials.sentences)

    @property
    def denied(self) -> tuple[str, ...]:
        """The topics that the broker's rules keep from us."""
        return tuple(sorted(self._correspondence.denials.topics))

    @property
    def counters(self) -> PublisherCounters:
        """What has happened since start()."""
        return replace(self._record.counters, resends=self._delivery.resends)

    def health_after(self, seconds: float) -> float:
        """Return how long after the last word of health another is due: `seconds`, or sooner.

        Sooner where readings have begun or ceased to wait since, where the broker denies other
        topics than then, or where this connection had no word.
        """
        said = self._correspondence
        same = said.told_waiting is self._delivery.waiting
        same = same and said.told_denied == said.denials.topics
        return seconds if same else LEAST_HEALTH_SECONDS

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
        self._board.announce_as(announce)
        self._correspondence.introduce()
        self.wake()

    def keep(self, topic: str, payload: bytes) -> None:
        """Publish a retained message now, and again whenever the broker may have lost it."""
        self._board.keep(topic, payload)
        self.wake()

    def publish_health(self, health: Health) -> None:
        """Publish how the agent stands; dropped while there is no connection, or by a newer one."""
        self._board.put_health(health)
        self.wake()

    def _run(self) -> None:
        while not self._stopping.is_set():
            began = self._progress()
            end = End.UNREACHED
            try:
                end = self._one_connection()
            except Exception as error:  # noqa: BLE001 - the thread must not end before stop()
                self._record.fault("publisher", error)
            self._connected = False
            held = self._progress() - began
            if end is End.LOST and held >= self._reconnection.good_after:
                self._correspondence.denials.try_all_again()
            pause = self._reconnection.pause_after(held, end)
            if self._reconnection.contested:
                self._is_contested("seems to be connected")
            self._rest(pause)

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - self._progress()) > 0:
            if self._stopping.wait(min(left, _TURN_SECONDS)):
                return

    def _one_connection(self) -> End:
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
            return End.UNREACHED
        try:
            self._correspondence.careful = self._reconnection.short_ones > 0
            if connection.accepted and self._correspondence.greet(connection):
                self._deliver(connection)
            if self._stopping.is_set() and connection.accepted and connection.ended is None:
                self._correspondence.take_leave(connection)
                connection.end(_FAREWELL_SECONDS, self._wake_out)
                return End.LOST
            self._correspondence.hear_all(connection)
            return self._end_of(connection)
        finally:
            self._connected = False
            connection.cut()

    def _end_of(self, connection: Connection) -> End:
        end = self._why_ended(connection)
        # What is denied was said already, and the next connection does without it.
        if end is not End.DENIED:
            self._failed(connection.ended or "the broker did not answer in time")
        return end

    def _why_ended(self, connection: Connection) -> End:
        if not connection.accepted:
            return End.UNREACHED
        if connection.taken_over:
            self._is_contested("is connected")
            return End.TAKEN_OVER
        if self._correspondence.denied_here:
            return End.DENIED
        topic = connection.in_question
        believed = self._correspondence.denials.suspect(topic)
        if topic is not None and (believed or connection.forbidden):
            self._correspondence.denied(topic, "the broker ends the connection because of it")
            return End.DENIED
        return End.LOST

    def _wait_for_answer(self, connection: Connection) -> None:
        until = time.monotonic() + _ANSWER_SECONDS
        while connection.accepted is None and time.monotonic() < until:
            if not self._turn(connection, 0.5):
                return

    def _turn(self, connection: Connection, seconds: float) -> bool:
        # Twice within a keepalive, so that silence is noticed in time.
        most = min(_TURN_SECONDS, self._broker.keepalive_seconds / 2)
        goes_on = connection.turn(min(seconds, most), self._wake_out)
        self._progress()
        return goes_on and not self._stopping.is_set()

    def _deliver(self, connection: Connection) -> None:
        began = self._progress()
        self._problem = None
        self._connected = True
        self._record.count(connections=1)
        if not self._correspondence.careful and not self._reconnection.contested:
            self._record.forget()
            self._home.forget()
        _LOG.info("Connected to the broker")
        seconds = 0.0
        while self._turn(connection, seconds):
            now = time.monotonic()
            if now - began >= self._reconnection.good_after:
                self._held_well()
            seconds = self._correspondence.step(connection, now)

    def _held_well(self) -> None:
        self._reconnection.good()
        self._correspondence.careful = False
        self._correspondence.denials.suspect(None)
        if self._contested is not None:
            self._contested = None
            _LOG.info("No other program is connected under this node's name any more")

    def _is_contested(self, how: str) -> None:
        if self._contested is None:
            self._contested = _CONTESTED.format(how)
            _LOG.warning("%s", f"A{self._contested[1:]}")

    def _failed(self, why: str) -> None:
        if self._stopping.is_set():
            return
        self._problem = why
        self._record.count(failures=1)
        self._record.say(f"connection {why}", "No connection to the broker: %s; trying again", why)

    def _progress(self) -> float:
        self._last_progress = time.monotonic()
        return self._last_progress
