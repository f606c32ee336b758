"""Whatever a vendor answers and clocks do: no hammering, no silence, no lock broken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from glucose.cadence import ADDED, LONGEST, SAVED, SHORTEST, Cadence
from glucose.cadence_learning import SHORTEST_INTERVAL
from glucose.errors import (
    AccountLocked,
    CredentialsRejected,
    GlucoseError,
    SharingDisabled,
    SourceUnreachable,
    UnexpectedAnswer,
)
from glucose.reading import Reading

EPOCH = datetime(2026, 10, 25, tzinfo=UTC)
MOST_AN_HOUR = SAVED + ADDED * 3600 / SHORTEST_INTERVAL + 1
MINUTES = st.integers(0, 1440).map(lambda minutes: timedelta(minutes=minutes))

plain_errors = st.sampled_from(
    [
        SourceUnreachable("x"),
        SourceUnreachable("x", banned=True),
        UnexpectedAnswer("x"),
        SharingDisabled("x"),
        CredentialsRejected("x"),
        CredentialsRejected("x", confirmed=True),
        AccountLocked("x"),
    ]
)


def readings(times: list[float]) -> list[Reading]:
    return [
        Reading(time=EPOCH + timedelta(seconds=time), mg_dl=100, source="a", series="b")
        for time in times
    ]


class Vendor(RuleBasedStateMachine):
    """A vendor that means no good, and a wall clock that jumps."""

    @initialize(declared=st.sampled_from([60, 300, 900]), elapsed=st.floats(0, 1e6))
    def begin(self, declared: float, elapsed: float) -> None:
        self.cadence = Cadence(timedelta(seconds=declared), "seed")
        self.elapsed = elapsed
        self.truth = 1e6
        self.ahead = 0.0
        self.forbidden_until = elapsed
        self.asked: list[float] = []

    @property
    def wall(self) -> float:
        return self.truth + self.elapsed + self.ahead

    @property
    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.wall)

    def ask(self) -> None:
        wait = self.cadence.wait(self.elapsed).total_seconds()
        assert SHORTEST <= wait <= LONGEST
        assert self.cadence.since(self.now, self.elapsed) >= self.now - timedelta(hours=24)
        self.elapsed += wait
        assert self.elapsed >= self.forbidden_until - 1e-6
        self.asked = [sent for sent in self.asked if sent > self.elapsed - 3600]
        self.asked.append(self.elapsed)
        assert len(self.asked) <= MOST_AN_HOUR
        self.cadence.asked(self.elapsed)

    @rule(ages=st.lists(st.floats(-7200, 90000), max_size=6), took=st.floats(0, 60))
    def answer(self, ages: list[float], took: float) -> None:
        self.ask()
        self.elapsed += took
        self.cadence.answered(self.now, self.elapsed, readings([self.wall - a for a in ages]))

    @rule(age=st.floats(0, 900), times=st.integers(1, 30))
    def always_give_something_new(self, age: float, times: int) -> None:
        for _ in range(times):
            self.ask()
            self.cadence.answered(self.now, self.elapsed, readings([self.wall - age]))

    @rule(times=st.integers(1, 60))
    def always_make_the_next_one_due(self, times: int) -> None:
        for _ in range(times):
            self.ask()
            due = self.cadence.interval.total_seconds() + 20
            self.cadence.answered(self.now, self.elapsed, readings([self.wall - due]))

    @rule(error=plain_errors, times=st.integers(1, 30), took=st.floats(0, 60))
    def refuse(self, error: GlucoseError, times: int, took: float) -> None:
        for _ in range(times):
            self.ask()
            self.elapsed += took
            self.cadence.failed(self.now, self.elapsed, error)

    @rule(lasting=MINUTES, banned=st.booleans())
    def ask_to_wait(self, lasting: timedelta, banned: bool) -> None:
        self.ask()
        error = SourceUnreachable("x", retry_after=lasting, banned=banned)
        self.cadence.failed(self.now, self.elapsed, error)
        self.forbidden_until = self.elapsed + lasting.total_seconds()

    @rule(lasting=MINUTES)
    def lock(self, lasting: timedelta) -> None:
        self.ask()
        self.cadence.failed(self.now, self.elapsed, AccountLocked("x", until=self.now + lasting))
        self.forbidden_until = self.elapsed + lasting.total_seconds()

    @rule(times=st.integers(1, 60))
    def cancel(self, times: int) -> None:
        for _ in range(times):
            self.ask()

    @rule(seconds=st.floats(-3600, 3600))
    def set_the_clock(self, seconds: float) -> None:
        self.ahead += seconds

    def teardown(self) -> None:
        """Let the vendor be good and the clock right: it is followed again."""
        if not hasattr(self, "cadence"):
            return
        self.ahead = 0.0
        for _ in range(60):
            self.ask()
            newest = (self.wall - 10) // 300 * 300
            times = [newest - 300 * n for n in range(36)]
            self.cadence.answered(self.now, self.elapsed, readings(times))
            assert self.cadence.wait(self.elapsed) <= timedelta(seconds=1860)
        assert self.cadence.interval == timedelta(seconds=300)


TestVendor = Vendor.TestCase
TestVendor.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
