"""Whose clock is believed: the vendors' where ours is clearly off, and what ours being set does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from glucose.clock_offset import TOLERANCE, ClockOffsets

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NONE = timedelta(0)


@dataclass
class Clocks:
    """Our wall clock, the seconds since the start, and the true time."""

    wall: datetime = START
    seconds: float = 50.0
    true: datetime = START

    def go(self, by: timedelta) -> None:
        self.wall += by
        self.true += by
        self.seconds += by.total_seconds()

    def sleep(self, by: timedelta) -> None:
        """Elapsed time does not count while a machine sleeps."""
        self.wall += by
        self.true += by

    @property
    def off(self) -> timedelta:
        return self.true - self.wall

    def offsets(self) -> ClockOffsets:
        return ClockOffsets(lambda: self.wall, lambda: self.seconds)


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


def test_while_nobody_tells_our_clock_is_believed(clocks: Clocks) -> None:
    offsets = clocks.offsets()
    assert offsets.estimate is None
    assert offsets.correction == NONE
    clocks.go(HOUR)
    assert offsets.now() == clocks.wall


@pytest.mark.parametrize("off", [-HOUR, HOUR, TOLERANCE + timedelta(seconds=1)])
def test_the_first_answer_is_enough(clocks: Clocks, off: timedelta) -> None:
    clocks.wall -= off
    offsets = clocks.offsets()
    offsets.note("a", off)
    assert offsets.correction == off
    assert offsets.now() == clocks.true
    clocks.go(HOUR)
    assert offsets.now() == clocks.true


@pytest.mark.parametrize("off", [NONE, TOLERANCE, -TOLERANCE, timedelta(seconds=5)])
def test_within_two_minutes_our_clock_is_right(clocks: Clocks, off: timedelta) -> None:
    offsets = clocks.offsets()
    offsets.note("a", off)
    assert offsets.estimate == off
    assert offsets.correction == NONE


@pytest.mark.parametrize(
    ("answers", "estimate"),
    [
        ([NONE, HOUR], NONE),
        ([HOUR, NONE], NONE),
        ([-HOUR, NONE], NONE),
        ([NONE, HOUR, NONE], NONE),
        ([NONE, NONE, HOUR], NONE),
        ([NONE, HOUR, HOUR], HOUR),
        ([NONE, NONE, NONE, -HOUR, -HOUR], -HOUR),
    ],
)
def test_one_odd_answer_among_others_moves_nothing(
    clocks: Clocks, answers: list[timedelta], estimate: timedelta
) -> None:
    offsets = clocks.offsets()
    for answer in answers:
        offsets.note("a", answer)
    assert offsets.estimate == estimate


def test_the_vendor_nearest_to_our_clock_is_believed_and_a_removed_one_forgotten(
    clocks: Clocks,
) -> None:
    offsets = clocks.offsets()
    offsets.note("wrong", HOUR)
    offsets.note("right", timedelta(seconds=3))
    assert offsets.correction == NONE
    offsets.forget("right")
    assert offsets.correction == HOUR
    offsets.forget("wrong")
    offsets.forget("never there")
    assert offsets.estimate is None


def test_a_clock_set_back_is_seen_through_at_once_without_an_answer(clocks: Clocks) -> None:
    offsets = clocks.offsets()
    offsets.note("a", NONE)
    clocks.go(timedelta(minutes=5))
    clocks.wall -= HOUR
    assert offsets.now() == clocks.true
    clocks.go(timedelta(minutes=5))
    assert offsets.now() == clocks.true
    offsets.note("a", clocks.off)
    assert offsets.now() == clocks.true


def test_a_fast_clock_set_right_is_believed_at_once(clocks: Clocks) -> None:
    clocks.wall += HOUR
    offsets = clocks.offsets()
    offsets.note("a", -HOUR)
    clocks.wall -= HOUR
    assert offsets.now() == clocks.true
    assert offsets.correction == NONE


def test_a_slow_clock_set_right_is_believed_at_once(clocks: Clocks) -> None:
    clocks.wall -= HOUR
    offsets = clocks.offsets()
    offsets.note("a", HOUR)
    clocks.wall += HOUR
    assert offsets.now() == clocks.true
    assert offsets.estimate is None


def test_a_clock_set_forward_makes_values_older_until_the_next_answer(clocks: Clocks) -> None:
    offsets = clocks.offsets()
    offsets.note("a", NONE)
    clocks.wall += HOUR
    assert offsets.now() == clocks.wall
    offsets.note("a", clocks.off)
    assert offsets.now() == clocks.true


def test_a_machine_that_slept_does_not_think_it_is_earlier(clocks: Clocks) -> None:
    offsets = clocks.offsets()
    for _ in range(3):
        offsets.note("a", NONE)
    clocks.sleep(HOUR)
    assert offsets.now() == clocks.true


def test_an_answer_after_the_clock_was_set_back_counts_as_it_is(clocks: Clocks) -> None:
    offsets = clocks.offsets()
    offsets.note("a", NONE)
    clocks.wall -= HOUR
    offsets.note("a", HOUR)
    assert offsets.correction == HOUR
    assert offsets.now() == clocks.true


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["go", "back", "answer"]),
            st.integers(2, 7200).map(lambda seconds: timedelta(seconds=seconds)),
        ),
        max_size=20,
    )
)
def test_however_often_the_clock_is_set_back_the_time_is_right(
    steps: list[tuple[str, timedelta]],
) -> None:
    clocks = Clocks()
    offsets = clocks.offsets()
    offsets.note("a", clocks.off)
    doings: dict[str, Callable[[timedelta], None]] = {
        "go": clocks.go,
        "back": lambda by: setattr(clocks, "wall", clocks.wall - by),
        "answer": lambda _by: offsets.note("a", clocks.off),
    }
    for doing, by in steps:
        doings[doing](by)
        assert abs(offsets.now() - clocks.true) <= TOLERANCE
