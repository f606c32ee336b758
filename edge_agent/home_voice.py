"""What Home Assistant says to the agent: acknowledgements, and that it has come online."""

from __future__ import annotations

import logging
from enum import Enum

from glucose.wire import OFFLINE, ONLINE, Topics, WireError, decode_ack

from .connection import Heard
from .outbox import Outbox
from .outbox_acknowledgement import Outcome

_LOG = logging.getLogger(__name__)
_IGNORED = {Outcome.FOREIGN_EPOCH, Outcome.AHEAD, Outcome.OTHER_STORE}


class Word(Enum):
    """What a message was; the value is the counter it belongs to."""

    ACKNOWLEDGED = "acks"
    IGNORED = "foreign_acks"
    UNREADABLE = "unreadable"
    ONLINE = "online"
    NOTHING = ""


class HomeVoice:
    """Hears for one outbox. What is wrong again and again is said once until forget() is called."""

    def __init__(
        self, topics: Topics, outbox: Outbox, *, key: bytes | None, status_topic: str
    ) -> None:
        self._topics = topics
        self._outbox = outbox
        self._key = key
        self._status_topic = status_topic
        self._said: set[str] = set()
        # Whether Home Assistant has said good-bye, or its will for it, and was not heard since.
        self.offline = False

    @property
    def topics(self) -> tuple[str, str]:
        """What to subscribe to."""
        return self._topics.ack, self._status_topic

    def hear(self, event: Heard) -> Word:
        """Take one message. Raises StoreError where the outbox cannot be used."""
        if event.topic == self._topics.ack:
            return self._take_ack(event)
        if event.topic == self._status_topic and event.payload in {ONLINE, OFFLINE}:
            self.offline = event.payload == OFFLINE
        if event.topic == self._status_topic and event.payload == ONLINE and not event.retained:
            return Word.ONLINE
        # A retained "online" is old, and we have just introduced ourselves.
        return Word.NOTHING

    def forget(self) -> None:
        """Say again what was said before."""
        self._said.clear()

    def _take_ack(self, event: Heard) -> Word:
        if not event.payload:
            return Word.NOTHING  # the retained one was taken away, or `doctor` tries the topic
        try:
            ack = decode_ack(event.topic, event.payload, self._key)
        except WireError as error:
            self._ignored(str(error))
            return Word.UNREADABLE
        outcome = self._outbox.acked(ack)
        if outcome not in _IGNORED:
            self.offline = self.offline and event.retained
            return Word.ACKNOWLEDGED
        if not event.retained:  # an old one retained is met at every start
            self._ignored(outcome)
        return Word.IGNORED

    def _ignored(self, why: str) -> None:
        if why not in self._said:
            self._said.add(why)
            _LOG.warning("An acknowledgement is ignored: %s", why)
