"""When one polled source is asked next: due time, learned delay, back-off, lock-out."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING
from zlib import crc32

from .cadence_learning import Learned, plan_asks
from .errors import (
    AccountLocked,
    ClientVersionRefused,
    CredentialsRejected,
    SharingDisabled,
    SourceUnreachable,
    TermsNotAccepted,
)
from .reading import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from .errors import GlucoseError
    from .reading import Reading

# Bounds of every wait in seconds, whatever clocks, vendors and readings say.
SHORTEST = 1.0
LONGEST = 24 * 3600.0
# A silent source is asked once an interval, slowing down to this.
SLOWEST = 300.0
# A request that neither was answered nor failed (cancelled) is repeated after this.
UNANSWERED = 30.0
# Requests that can be saved up, and how many an interval adds: normal is 1.3 an interval.
SAVED = 20.0
ADDED = 2.0
# After so many finds in a row later than the second ask, older delays are forgotten.
SURPRISES = 4
# How much the first and the later asks vary, because always asking at one moment would
# never tell where between two asks a reading came.
VARY_FIRST, VARY_LATER = 0.07, 0.02

FIRST_RETRY = 10.0
SLOWEST_OF_MINUTES = 120.0
FIRST_BAN = 300.0
LONGEST_BAN = 2 * 3600.0
CONFIRM_LOGIN = 600.0
REPEAT_LOGIN = 6 * 3600.0
USER_ACTS = 3600.0
LOCKED_FOR = 1800.0
# Back-offs are up to this share longer, so that many homes do not return in one second.
SPREAD = 0.1

# A reading further ahead of the corrected clock does not tell when the next is due.
AHEAD = timedelta(minutes=2)
REACH = timedelta(hours=24)
TRAILING = timedelta(hours=3)
OVERLAP = timedelta(minutes=15)
REREAD_EVERY = 3600.0


class Cadence:
    """Tells how long to wait, from what one source answered and how it failed; holds no clock.

    `elapsed` is monotonic seconds. `now` is aware UTC, corrected by the vendor's clock offset
    where that is known. Call `asked` before each request, and `answered` or `failed` after it.
    `seed` is any stable id of the source, it spreads back-offs. Plans are kept in elapsed
    seconds: a clock set back or forward spoils at most one of them, and every wait lies within
    SHORTEST and LONGEST. In any span of n intervals at most SAVED + ADDED * n + 1 requests go out.
    """

    def __init__(self, declared: timedelta, seed: str, learned: Learned | None = None) -> None:
        """Begin with the vendor's own interval, or with what was learned before a restart."""
        self._declared = declared.total_seconds()
        self._seed = seed
        self._learned = learned or Learned()
        self._interval = 0.0
        self._plan: tuple[float, ...] = ()
        self._end = 0.0
        self._turn = 0
        # The newest reading's own time, and when the next one's is: in elapsed seconds.
        self._newest: datetime | None = None
        self._due = 0.0
        # Elapsed seconds of the latest request, the latest that was answered, the latest find.
        self._asked = 0.0
        self._answered = 0.0
        self._found = 0.0
        self._next: float | None = None
        self._requests = 0
        self._failures = 0
        self._surprises = 0
        self._saved = SAVED
        self._reread_at = 0.0
        self._hole: tuple[datetime, float] | None = None
        self._plan_anew()

    @property
    def learned(self) -> Learned:
        """What to keep over a restart."""
        return self._learned

    @property
    def interval(self) -> timedelta:
        """How often a reading is due, as learned."""
        return timedelta(seconds=self._interval)

    def wait(self, elapsed: float) -> timedelta:
        """Return how long to wait until the next request."""
        if self._next is None:
            return timedelta(seconds=SHORTEST)
        for_one = (1 - self._saved_at(elapsed)) * self._interval / ADDED
        return timedelta(seconds=min(max(SHORTEST, self._next - elapsed, for_one), LONGEST))

    def since(self, now: datetime, elapsed: float) -> datetime:
        """Return how far back the next request reaches.

        The whole reach at first; then a little, but three hours before the newest once an hour
        and after failures, and for an hour the whole of a hole that has just ended, because
        phones deliver the newest reading first and the older ones later.
        """
        if self._newest is None:
            return now - REACH
        since = self._newest - (TRAILING if elapsed >= self._reread_at else OVERLAP)
        if self._hole is not None and elapsed < self._hole[1]:
            since = min(since, self._hole[0] - OVERLAP)
        return max(since, now - REACH)

    def asked(self, elapsed: float) -> None:
        """Note that a request goes out."""
        if self._next is None:
            self._found = elapsed
        self._saved = max(0.0, self._saved_at(elapsed) - 1)
        self._asked = elapsed
        self._next = elapsed + UNANSWERED

    def answered(self, now: datetime, elapsed: float, readings: Sequence[Reading]) -> None:
        """Learn from an answer (any order, known readings among them) and plan the next request."""
        self._failures = 0
        self._requests += 1
        if elapsed >= self._reread_at:
            self._reread_at = elapsed + REREAD_EVERY
        sent = now - timedelta(seconds=elapsed - self._asked)
        if self._newest is not None and self._newest > sent + AHEAD:
            self._newest = None
        fresh = [
            time
            for time in _leading_times(readings, sent + AHEAD)
            if self._newest is None or time > self._newest
        ]
        if fresh:
            self._learn(sent, fresh)
            self._newest = fresh[-1]
            self._found = self._asked
            age = max((sent - fresh[-1]).total_seconds(), 0.0)
            self._due = self._asked - age + self._interval
        self._answered = self._asked
        self._next = self._following(elapsed)

    def failed(self, now: datetime, elapsed: float, error: GlucoseError) -> None:
        """Stay away as long as the error demands."""
        self._failures += 1
        self._reread_at = elapsed
        self._next = elapsed + min(self._hold(now, error), LONGEST)

    def _learn(self, sent: datetime, fresh: Sequence[datetime]) -> None:
        """Learn from readings never seen before, ascending; `sent` is when the request went out."""
        known = fresh if self._newest is None else (self._newest, *fresh)
        learned = self._learned.with_times([(t - known[0]).total_seconds() for t in known])
        if self._newest is not None:
            learned = learned.with_spent(self._requests, len(fresh))
            own = self._asked - (sent - fresh[0]).total_seconds()
            # After missing readings, and with a new sensor's phase, its own time counts.
            on_time = abs(own - self._due) <= self._interval / 4
            origin = self._due if on_time else own
            learned = learned.with_delay(self._answered - origin, self._asked - origin)
            late = self._answered - origin >= self._end
            self._surprises = self._surprises + 1 if late else 0
            if self._surprises >= SURPRISES:
                learned = learned.with_latest_delays(SURPRISES)
                self._surprises = 0
            if fresh[-1] - self._newest > 2.2 * self.interval:
                self._hole = (self._newest, self._asked + REREAD_EVERY)
        self._requests = 0
        self._learned = learned
        self._plan_anew()

    def _plan_anew(self) -> None:
        """Plan the next reading from what was learned, each time a little different."""
        self._interval = self._learned.interval(self._declared)
        self._turn += 1
        first, *later = plan_asks(self._learned, self._interval)
        # Multiples of an irrational number fill 0 to 1 evenly (Weyl), so nothing is random.
        first *= 1 + VARY_FIRST * (2 * (self._turn * 0.618034 % 1) - 1)
        varied = 1 + VARY_LATER * (2 * (self._turn * 0.414214 % 1) - 1)
        self._plan = (first, *(ask * varied for ask in later if ask * varied > first))
        # By then nearly all readings are there: what is still missing is asked for at this moment
        # of the readings that follow.
        self._end = self._plan[:2][-1]

    def _following(self, elapsed: float) -> float:
        """Return the next moment to ask: the plan, then once an interval and ever slower."""
        silent = elapsed - self._found
        pace = min(max(self._interval, silent / 5), max(self._interval, SLOWEST))
        if self._newest is None:
            return elapsed + pace
        reached = elapsed - self._due
        for offset in self._plan:
            if offset > reached + SHORTEST:
                return self._due + offset
        turns = max(1, ceil((reached + pace - self._end) / self._interval - 0.75))
        return self._due + self._end + turns * self._interval

    def _hold(self, now: datetime, error: GlucoseError) -> float:
        """Return for how many seconds not to ask: never less than the vendor said."""
        seconds = self._outage(error)
        if isinstance(error, AccountLocked):
            until = error.until
            lasting = LOCKED_FOR if until is None else (until - now).total_seconds()
            seconds = max(lasting, FIRST_BAN)
        elif isinstance(error, CredentialsRejected):
            seconds = REPEAT_LOGIN if error.confirmed else CONFIRM_LOGIN
        elif isinstance(error, TermsNotAccepted | SharingDisabled | ClientVersionRefused):
            seconds = USER_ACTS
        elif isinstance(error, SourceUnreachable) and error.retry_after is not None:
            return max(error.retry_after.total_seconds(), seconds)
        return seconds * (1 + SPREAD * crc32(f"{self._seed}:{self._failures}".encode()) / 2**32)

    def _outage(self, error: GlucoseError) -> float:
        """Return the exponential back-off: some minutes at most, hours where we are banned."""
        doubled = 2.0 ** min(self._failures - 1, 20)
        if isinstance(error, SourceUnreachable) and error.banned and error.retry_after is None:
            return min(FIRST_BAN * doubled, LONGEST_BAN)
        # After an outage the first value is to come within about one interval.
        slowest = min(max(self._interval, SLOWEST_OF_MINUTES), SLOWEST) / (1 + SPREAD)
        return min(FIRST_RETRY * doubled, slowest)

    def _saved_at(self, elapsed: float) -> float:
        """Return how many requests are saved up."""
        return min(SAVED, self._saved + max(0.0, elapsed - self._asked) * ADDED / self._interval)


def _leading_times(readings: Sequence[Reading], latest: datetime) -> list[datetime]:
    """Return the distinct CGM times of the series with the newest one up to `latest`, ascending."""
    usable = [r for r in readings if r.kind is Kind.CGM and r.time <= latest]
    if not usable:
        return []
    leading = max(usable, key=lambda reading: reading.time).series
    return sorted({reading.time for reading in usable if reading.series == leading})
