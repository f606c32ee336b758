"""How one agent stands: heard, silent or missing, and what it says of its sources."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

from homeassistant.util import dt as dt_util

from .feed_status import FeedState

if TYPE_CHECKING:
    from .shared.glucose.wire import Announce, Health

# Health comes each minute: one may be lost, two are a silence.
SILENT_AFTER = timedelta(minutes=2)
# A restart or a power cut is over by then; beyond, somebody has to look.
MISSING_AFTER = timedelta(hours=1)
# After the broker has come back, an agent may take this long to find it too.
_FINDS_BROKER_WITHIN = timedelta(minutes=5)

# While the agent is heard, a state each minute would fill logbook and recorder with nothing new.
_SHOWN_EVERY = timedelta(minutes=5)

# Of the words in health, those that are no fault. Whether readings are missing is seen here.
_STATES = {
    "ok": FeedState.OK,
    "no_readings": FeedState.OK,
    "starting": FeedState.STARTING,
    "retrying": FeedState.RETRYING,
}


class Presence:
    """What was heard of an agent, and when; durations are elapsed time while that is known."""

    def __init__(self) -> None:
        """Begin without a broker, and with nothing heard."""
        self.last_seen: datetime | None = None
        # Since when the agent is waited for; older than this run where that is known.
        self.awaited = dt_util.utcnow()
        self._shown: datetime | None = None
        self._announce: Announce | None = None
        self._health: Health | None = None
        self._broker: float | None = None
        self._offline = False
        # Elapsed seconds when something was last heard, and when that or the waiting for it began.
        self._heard: float | None = None
        self._waits = monotonic()

    # What is heard.

    def broker(self, *, connected: bool) -> None:
        """Follow the coming and going of our own connection."""
        if not connected:
            self._broker = None
        elif self._broker is None:
            self._broker = self._waits = monotonic()

    def available(self, *, online: bool, retained: bool) -> None:
        """Hear the agent come, or its will."""
        self._offline = not online
        if online:
            self._seen(retained=retained)

    def announced(self, announce: Announce, *, retained: bool) -> None:
        """Hear whom it carries."""
        self._announce = announce
        self._seen(retained=retained)

    def well(self, health: Health, *, retained: bool) -> None:
        """Hear how it is."""
        self._health = health
        self.sign(retained=retained)

    def sign(self, *, retained: bool) -> None:
        """Hear anything that only a running agent says; a retained message may be old."""
        self._offline = self._offline and retained
        self._seen(retained=retained)

    def _seen(self, *, retained: bool) -> None:
        if not retained:
            self._heard = self._waits = monotonic()
            self.last_seen = dt_util.utcnow()
            if self._shown is None or abs(self.last_seen - self._shown) >= _SHOWN_EVERY:
                self._shown = self.last_seen

    def recall(self, *, last_seen: datetime | None, awaited: datetime) -> None:
        """Take up what was known before a restart, unless the agent was heard meanwhile."""
        self.awaited = awaited
        if self._heard is None:
            self.last_seen = last_seen

    # How it stands.

    @property
    def state(self) -> FeedState:
        """How the agent stands, whatever its sources do."""
        if self._broker is None:
            return FeedState.NO_BROKER
        if self._offline or monotonic() - self._waits > SILENT_AFTER.total_seconds():
            return FeedState.OFFLINE
        return FeedState.STARTING if self._heard is None else FeedState.OK

    @property
    def connected(self) -> bool | None:
        """Whether the agent is heard; None until it was, or could have been."""
        return None if self.state is FeedState.STARTING else self.state is FeedState.OK

    @property
    def shown_last_seen(self) -> datetime | None:
        """When the agent was last heard: to the second once it is gone, before now and then."""
        return self._shown if self.connected else self.last_seen

    @property
    def missing_since(self) -> datetime | None:
        """Since when the agent is away, where that is so long that somebody must look."""
        now, elapsed = dt_util.utcnow(), monotonic()
        if self.state is not FeedState.OFFLINE or self._broker is None:
            return None
        if elapsed - self._broker < _FINDS_BROKER_WITHIN.total_seconds():
            return None
        since = self.awaited if self.last_seen is None else self.last_seen
        away = now - since if self._heard is None else timedelta(seconds=elapsed - self._heard)
        return since if away >= MISSING_AFTER else None

    @property
    def outbox(self) -> int | None:
        """How many readings the agent still holds for us, as far as it has said."""
        return None if self._health is None else self._health.depth

    @property
    def denied(self) -> tuple[str, ...]:
        """The topics that the broker keeps from the agent, as far as it has said."""
        return () if self._health is None else self._health.denied

    def state_of(self, carried: str) -> FeedState:
        """Return what one of the agent's sources does."""
        state = self.state
        if state is not FeedState.OK or self._health is None:
            return state
        words = [one.state for one in self._health.sources if one.source == carried]
        return _STATES.get(words[0], FeedState.FAULT_AT_AGENT) if words else FeedState.OK

    def cadence_of(self, carried: str) -> timedelta | None:
        """Return how often the agent says a reading of this source is due."""
        carries = () if self._announce is None else self._announce.carries
        seconds = [one.cadence_seconds for one in carries if one.source == carried]
        return timedelta(seconds=seconds[0]) if seconds else None
