"""What to send next, and what again: the live row first, two batches behind it, then patience."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from glucose.wire import Rows

from .outbox import Outbox

BATCHES_IN_FLIGHT = 2
# How long an acknowledgement is waited for before what is unacknowledged is sent again.
PATIENCE_SECONDS = 10.0
MOST_PATIENCE_SECONDS = 300.0


class Sending(NamedTuple):
    """Rows to publish: on the live topic, or as a batch of the backlog."""

    rows: Rows
    live: bool


class _Flight(NamedTuple):
    last: int
    sent_at: float


class Delivery:
    """The window over one outbox; times are monotonic seconds, `jitter` gives 0..1."""

    def __init__(self, outbox: Outbox, *, jitter: Callable[[], float] = random.random) -> None:
        self._outbox = outbox
        self._jitter = jitter
        self._flights: deque[_Flight] = deque()
        self._epoch = ""
        self._done = 0
        self._answers = 0
        self._sent_to = 0
        self._tries = 0
        self._patience = PATIENCE_SECONDS
        self._live: int | None = None
        self.resends = 0
        # Whether something was sent and is not acknowledged, when one last looked.
        self.waiting = False

    def restart(self) -> None:
        """Forget what is in flight: the connection is new, or Home Assistant is."""
        self._flights.clear()
        self._sent_to = 0
        self._tries = 0
        self._live = None

    def due(self, now: float, *, live_allowed: bool = True) -> list[Sending]:
        """Return what is to be sent now, in order; it counts as sent from then on.

        Where nothing may be sent on the live topic, all goes with the backlog. Raises
        StoreUnavailable where the outbox cannot be read.
        """
        self._look_at_acknowledgements(now)
        sendings = self._live_due(now) if live_allowed else []
        while len(self._flights) < BATCHES_IN_FLIGHT:
            rows = self._outbox.batch(self._sent_to)
            if rows is None:
                break
            newer = self._live_due(now) if live_allowed else []
            if newer:
                # It came while we looked: it goes first, and may be all that there is.
                sendings += newer
                continue
            sendings.append(Sending(rows, live=False))
            self._sent(rows, now)
        self.waiting = bool(self._flights)
        return sendings

    def _live_due(self, now: float) -> list[Sending]:
        """Return the newest reading where it has not been sent on the live topic."""
        live = self._outbox.live()
        if live is None or live.last == self._live:
            return []
        self._live = live.last
        if live.after <= self._sent_to < live.last:
            # Nothing lies between: it needs no batch of its own.
            self._sent(live, now)
        return [Sending(live, live=True)]

    def wait(self, now: float) -> float | None:
        """Return the seconds until something may have to be sent again, None without any."""
        if not self._flights:
            return None
        return max(0.0, self._flights[0].sent_at + self._patience - now)

    def _look_at_acknowledgements(self, now: float) -> None:
        done = self._outbox.done
        if self._outbox.epoch != self._epoch or done < self._done:
            self.restart()
        elif done > self._done:
            self._tries = 0
        elif self._outbox.answers > self._answers and self._tries:
            # Home Assistant listens again, or for the first time, and has not got what was sent.
            self.restart()
        self._epoch, self._done, self._answers = self._outbox.epoch, done, self._outbox.answers
        while self._flights and self._flights[0].last <= done:
            self._flights.popleft()
        if self._flights and now - self._flights[0].sent_at >= self._patience:
            # The broker's queue may have lost any of it, so all of it goes again.
            self._flights.clear()
            self._sent_to = 0
            self._live = None
            self._tries += 1
            self.resends += 1
        self._sent_to = max(self._sent_to, done)

    def _sent(self, rows: Rows, now: float) -> None:
        if not self._flights:
            longest = min(PATIENCE_SECONDS * 2.0**self._tries, MOST_PATIENCE_SECONDS)
            self._patience = longest * (0.8 + 0.4 * self._jitter())
        self._sent_to = rows.last
        self._flights.append(_Flight(rows.last, now))
