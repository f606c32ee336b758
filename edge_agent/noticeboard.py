"""What is to be said beside readings: handed in by any thread, taken by the publisher's."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import NamedTuple

from glucose.wire import Announce, Health


class Notices(NamedTuple):
    """What to publish now; absent is None."""

    announce: Announce | None
    kept: Mapping[str, bytes]
    health: Health | None


class Noticeboard:
    """The announcement, retained messages by topic, and the newest word of health."""

    def __init__(self, announce: Announce) -> None:
        self._lock = threading.Lock()
        self._announce = announce
        self._kept: dict[str, bytes] = {}
        self._unsent: dict[str, bytes] = {}
        self._health: Health | None = None

    def announce_as(self, announce: Announce) -> None:
        """Announce something else from the next introduction on."""
        with self._lock:
            self._announce = announce

    def keep(self, topic: str, payload: bytes) -> None:
        """Have a retained message sent, and again at each introduction."""
        with self._lock:
            self._kept[topic] = payload
            self._unsent[topic] = payload

    def put_health(self, health: Health) -> None:
        """Replace the word of health that waits."""
        with self._lock:
            self._health = health

    def drop_health(self) -> None:
        """Forget the word of health that waits: it is from before this connection."""
        with self._lock:
            self._health = None

    def take(self, *, introducing: bool) -> Notices:
        """Return what has not been sent; all that is retained, where it introduces us."""
        with self._lock:
            kept = dict(self._kept if introducing else self._unsent)
            self._unsent.clear()
            health, self._health = self._health, None
            return Notices(self._announce if introducing else None, kept, health)
