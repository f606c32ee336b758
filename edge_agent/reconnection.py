"""When to connect again: soon after a good connection, ever later after bad ones."""

from __future__ import annotations

import random
from collections.abc import Callable
from enum import Enum

LEAST_PAUSE_SECONDS = 1.0
MOST_PAUSE_SECONDS = 60.0
# Where another program bears our name, each connection of ours ends one of its.
LEAST_CONTESTED_SECONDS = 30.0
MOST_CONTESTED_SECONDS = 300.0
# A connection that held this long, and twice the last pause, was a good one.
GOOD_SECONDS = 30.0
# So many short connections in a row, which nothing else explains, are another program's doing.
SHORT_ONES_TO_SUSPECT = 3


class End(Enum):
    """How a try to be connected ended."""

    UNREACHED = "there was no connection"
    LOST = "the connection was lost"
    DENIED = "the broker denied a topic, and will not be asked for it again"
    TAKEN_OVER = "another program has connected under our name"


class Reconnection:
    """Counts how connections ended; `jitter` gives 0..1. Seconds are elapsed time."""

    def __init__(self, *, jitter: Callable[[], float] = random.random) -> None:
        self._jitter = jitter
        self._pause = 0.0
        self.short_ones = 0
        self.contested = False

    @property
    def good_after(self) -> float:
        """How long a connection must hold so that all before it is forgotten."""
        return max(GOOD_SECONDS, 2 * self._pause)

    def good(self) -> None:
        """Forget all bad ends: the connection has held for `good_after`."""
        self._pause = 0.0
        self.short_ones = 0
        self.contested = False

    def pause_after(self, held: float, end: End) -> float:
        """Note an end after `held` seconds; return how long to wait now."""
        if held >= self.good_after:
            self.good()
        elif end is End.LOST:
            self.short_ones += 1
        elif end is End.UNREACHED:
            self.short_ones = 0
        elif end is End.DENIED:
            # What ended those before it may be known now; the next may be denied as well.
            self.short_ones = min(self.short_ones, 1)
        if end is End.TAKEN_OVER or self.short_ones >= SHORT_ONES_TO_SUSPECT:
            self.contested = True
        if end is End.DENIED:
            # There are few topics, and each ends a connection once.
            return self._spread(LEAST_PAUSE_SECONDS)
        least, most = LEAST_PAUSE_SECONDS, MOST_PAUSE_SECONDS
        if self.contested and end is not End.UNREACHED:
            least, most = LEAST_CONTESTED_SECONDS, MOST_CONTESTED_SECONDS
        self._pause = min(max(least, self._pause * 2), most)
        return self._spread(self._pause)

    def _spread(self, seconds: float) -> float:
        return seconds * (0.5 + 0.5 * self._jitter())
