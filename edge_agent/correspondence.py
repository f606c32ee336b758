"""What is said and heard on a connection: the greeting, notices, rows, and what is refused."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from glucose.errors import StoreError
from glucose.wire import OFFLINE, ONLINE, Topics

from .connection import Connection, Heard, Refused
from .delivery import Delivery
from .denials import Denials
from .home_voice import HomeVoice, Word
from .noticeboard import Noticeboard
from .publication import Publication, publications
from .record import Record

_LOG = logging.getLogger(__name__)

_ANSWER_SECONDS = 15.0
_HOME_JITTER_SECONDS = 3.0
_STORE_PAUSE_SECONDS = 5.0


@dataclass(slots=True, kw_only=True)
class Correspondence:
    """One agent's with its home, over one connection after another; of one thread.

    `turn` has a connection wait so many seconds for traffic, and is False where it has ended or
    is to end. `careful` sends one message at a time, to see what the broker ends connections for.
    `on_home_online` is called when Home Assistant says that it is online.
    """

    topics: Topics
    key: bytes | None
    board: Noticeboard
    home: HomeVoice
    delivery: Delivery
    record: Record
    turn: Callable[[Connection, float], bool]
    on_home_online: Callable[[], None] | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    jitter: Callable[[], float] = random.random
    denials: Denials = field(default_factory=Denials)
    careful: bool = False
    # Whether this connection was denied a publication.
    denied_here: bool = False
    # Whether the last word of health on this connection said that readings wait.
    told_waiting: bool | None = None
    # The topics that the last word of health named as denied.
    told_denied: frozenset[str] = frozenset()
    _introduce_at: float | None = None
    _pause_until: float = 0.0

    def greet(self, connection: Connection) -> bool:
        """Say that we are here; tells whether the broker took it.

        Subscribed first, so that no acknowledgement is missed. Nothing else is sent until the
        broker has answered: one that closes a connection after a refusal takes the refusal with
        it when more is under way.
        """
        self.denied_here = False
        self.told_waiting = None
        for topic in self.home.topics:
            connection.subscribe(topic)
        self._say_here(connection)
        if not self._settled(connection):
            return False
        self.board.drop_health()
        self.introduce()
        return True

    def introduce(self, seconds: float = 0.0) -> None:
        """Have all that is retained sent again, and the newest reading with the backlog."""
        self._introduce_at = time.monotonic() + seconds

    def step(self, connection: Connection, now: float) -> float:
        """Take what was heard and send what is due; return the seconds until more may be due."""
        self.hear_all(connection)
        self._try_again(connection, now)
        self._send_notices(connection, now)
        return self._send_rows(connection, now)

    def take_leave(self, connection: Connection) -> None:
        """Say that we go, also where the will was denied or comes too late."""
        if not self.denials.forbids(self.topics.availability, time.monotonic()):
            connection.publish(self.topics.availability, OFFLINE, retain=True)

    def hear_all(self, connection: Connection) -> None:
        """Take everything that was heard."""
        while connection.events:
            self._hear(connection.events.popleft())
        for topic in self.denials.topics & connection.confirmed:
            self.denials.forgive(topic)
            _LOG.info("The broker no longer refuses %s", topic)
        connection.confirmed.clear()

    def denied(self, topic: str, why: str, *, subscription: bool = False) -> None:
        """Note that the broker's rules keep a topic from us."""
        self.denied_here = self.denied_here or not subscription
        news = self.denials.note(topic, why, time.monotonic(), subscription=subscription)
        if news is not None:
            _LOG.warning("%s; `doctor` shows the rule it needs", f"T{news[1:]}")

    def _say_here(self, connection: Connection) -> None:
        here = Publication(topic=self.topics.availability, payload=ONLINE, retain=True)
        self._publish(connection, here)

    def _try_again(self, connection: Connection, now: float) -> None:
        """Try what is denied and would not be sent again by itself."""
        for topic in self.home.topics:
            if self.denials.worth_trying(topic, now):
                connection.subscribe(topic)
                self._settled(connection)
        if self.denials.worth_trying(self.topics.availability, now):
            self._say_here(connection)
        if self.denials.worth_trying(self.topics.announce, now) and self._introduce_at is None:
            self.introduce()

    def _publish(self, connection: Connection, said: Publication) -> None:
        if self.denials.forbids(said.topic, time.monotonic()):
            return
        connection.publish(
            said.topic, said.payload, retain=said.retain, expiry_seconds=said.expiry_seconds
        )
        if self.careful or said.topic in self.denials.topics:
            self._settled(connection)

    def _settled(self, connection: Connection) -> bool:
        """Wait until the broker has answered everything; False where it does not."""
        until = time.monotonic() + _ANSWER_SECONDS
        while connection.unconfirmed and time.monotonic() < until:
            if not self.turn(connection, 0.5):
                return False
        return connection.unconfirmed == 0

    def _send_notices(self, connection: Connection, now: float) -> None:
        introducing = self._introduce_at is not None and self._introduce_at <= now
        announce, kept, health = self.board.take(introducing=introducing)
        if introducing:
            self._introduce_at = None
            self.delivery.restart()
        if announce is not None:
            topic = self.topics.announce
            payload = announce.encode(topic, self.key)
            self._publish(connection, Publication(topic=topic, payload=payload, retain=True))
        for topic, retained in kept.items():
            self._publish(connection, Publication(topic=topic, payload=retained, retain=True))
        if health is not None:
            topic = self.topics.health
            payload = health.encode(topic, self.key)
            self._publish(connection, Publication(topic=topic, payload=payload))
            self.told_waiting = health.depth > 0
            self.told_denied = frozenset(health.denied)

    def _send_rows(self, connection: Connection, now: float) -> float:
        if now >= self._pause_until:
            live = not self.denials.forbids(self.topics.reading, now)
            try:
                for sending in self.delivery.due(now, live_allowed=live):
                    for said in publications(sending, self.topics, self.key, self.clock()):
                        self._publish(connection, said)
            except StoreError as error:
                self._pause_until = now + _STORE_PAUSE_SECONDS
                self.record.say("outbox", "The outbox cannot be read now: %s", error)
        waits = [_STORE_PAUSE_SECONDS, self.delivery.wait(now)]
        waits += [None if self._introduce_at is None else max(0.0, self._introduce_at - now)]
        return min(wait for wait in waits if wait is not None)

    def _hear(self, event: Heard | Refused) -> None:
        try:
            match event:
                case Refused():
                    self.record.count(refused=1)
                    self.denied(event.topic, event.why, subscription=event.subscription)
                case Heard():
                    self._heard(self.home.hear(event))
        except Exception as error:  # noqa: BLE001 - no message may end the thread
            self.record.fault("message", error)

    def _heard(self, word: Word) -> None:
        if word is Word.ONLINE:
            # All agents of a home hear it at once.
            self.introduce(self.jitter() * _HOME_JITTER_SECONDS)
            if self.on_home_online is not None:
                self.on_home_online()
        elif word is not Word.NOTHING:
            self.record.count(**{word.value: 1})
