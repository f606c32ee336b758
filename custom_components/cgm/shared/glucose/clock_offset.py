"""How far our clock is off, judged by what the vendors' answers say the time is."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

# An HTTP Date has whole seconds and a few seconds of latency in it; below this, our clock is right.
TOLERANCE = timedelta(minutes=2)
# Between two looks at both clocks they drift by less, unless ours was set.
_DRIFT = timedelta(seconds=1)
_NONE = timedelta(0)
# One odd answer (a proxy's cached page) must not move the clock: the median of this many does.
_ANSWERS = 3


class ClockOffsets:
    """Estimates of vendor clock minus ours, by source; remembers the last few of each.

    `clock` is ours (aware UTC) and `elapsed` monotonic seconds. Side by side they show when ours
    was set. Set back, the vendors are ahead of it by that much more, at once and without another
    answer. Forward, it may be right now, or the machine slept meanwhile: then nothing is known
    until the next answer, and a value rather looks too old than too new.
    """

    def __init__(self, clock: Callable[[], datetime], elapsed: Callable[[], float]) -> None:
        """Begin believing our own clock."""
        self._clock = clock
        self._elapsed = elapsed
        self._seen: dict[str, deque[timedelta]] = {}
        self._looked = clock(), elapsed()

    def note(self, source: str, offset: timedelta) -> None:
        """Add one answer's offset (vendor minus ours)."""
        self._look()
        self._seen.setdefault(source, deque(maxlen=_ANSWERS)).append(offset)

    def forget(self, source: str) -> None:
        """Drop a source that was removed."""
        self._seen.pop(source, None)

    def now(self) -> datetime:
        """Return the time, aware UTC: by the vendors' clocks where ours is clearly off."""
        correction = self.correction
        return self._looked[0] + correction

    @property
    def estimate(self) -> timedelta | None:
        """The offset believed, None while nobody has told.

        Where vendors disagree, the one nearest to our own clock is believed: two clocks that
        agree are more likely right than one that does not.
        """
        self._look()
        return min((_middle(seen) for seen in self._seen.values()), key=abs, default=None)

    @property
    def correction(self) -> timedelta:
        """What to add to our clock: nothing while it is within two minutes of the vendors'."""
        estimate = self.estimate
        if estimate is None or abs(estimate) <= TOLERANCE:
            return _NONE
        return estimate

    def _look(self) -> None:
        """Look at both clocks and take account of ours having been set since the last look."""
        ours, elapsed = self._clock(), self._elapsed()
        before, then = self._looked
        self._looked = ours, elapsed
        step = ours - before - timedelta(seconds=elapsed - then)
        if step < -_DRIFT:
            for source, seen in self._seen.items():
                self._seen[source] = deque((offset - step for offset in seen), maxlen=_ANSWERS)
        elif step > TOLERANCE:
            self._seen.clear()


def _middle(seen: Iterable[timedelta]) -> timedelta:
    """Return the median; of two in the middle, the one nearer to our own clock."""
    ordered = sorted(seen)
    return min(ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2], key=abs)
