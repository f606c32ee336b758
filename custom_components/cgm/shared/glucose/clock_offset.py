"""How far our clock is off, judged by what the vendors' answers say the time is."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from statistics import median

# An HTTP Date has whole seconds and a few seconds of latency in it; below this, our clock is right.
TOLERANCE = timedelta(minutes=2)
_NONE = timedelta(0)
# One odd answer (a proxy's cached page) must not move the clock: the median of this many does.
_ANSWERS = 3


class ClockOffsets:
    """Estimates of vendor clock minus ours, by source; remembers the last few of each."""

    def __init__(self) -> None:
        """Begin believing our own clock."""
        self._seen: dict[str, deque[timedelta]] = {}

    def note(self, source: str, offset: timedelta) -> None:
        """Add one answer's offset (vendor minus ours)."""
        self._seen.setdefault(source, deque(maxlen=_ANSWERS)).append(offset)

    def forget(self, source: str) -> None:
        """Drop a source that was removed."""
        self._seen.pop(source, None)

    @property
    def estimate(self) -> timedelta | None:
        """The offset believed, None while nobody has told.

        Where vendors disagree, the one nearest to our own clock is believed: two clocks that
        agree are more likely right than one that does not.
        """
        each = [
            timedelta(seconds=median(offset.total_seconds() for offset in seen))
            for seen in self._seen.values()
        ]
        return min(each, key=abs, default=None)

    @property
    def correction(self) -> timedelta:
        """What to add to our clock: nothing while it is within two minutes of the vendors'."""
        estimate = self.estimate
        if estimate is None or abs(estimate) <= TOLERANCE:
            return _NONE
        return estimate
