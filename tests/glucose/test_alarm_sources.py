"""Who may raise an alarm beside the leading value, and what comes too late to raise any."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fakes.rows import at, row
from fakes.watch import DEFAULTS, Watch, by_day, told
from glucose.alarms.engine import found_late, next_look
from glucose.alarms.rules import Rule
from glucose.alarms.state import Mark, Phase, What
from glucose.alarms.view import View
from glucose.reading import Bound, Kind, Reading

METER = Kind.METER
HISTORY = "graph"


def late(watch: Watch, *come: Reading) -> list[tuple[str, int]]:
    """Return what is found late when these readings come."""
    watch.readings += come
    found = found_late(come, watch.view, watch.rules)
    assert all(one.what is What.FOUND_LATE and one.at == watch.now for one in found)
    return [(str(one.kind), one.extreme_mg_dl or 0) for one in found]


def test_another_current_source_under_54_raises_and_is_named() -> None:
    watch = Watch(order=("a", "b"))
    watch.come(0, 120)
    assert watch.come(1, 53, "b") == ["urgent_low fired"]
    fired = watch.last("urgent_low", What.FIRED)
    assert fired.marks == {Mark.OTHER_SOURCE}
    assert fired.reading == watch.readings[-1]


def test_another_source_raises_nothing_milder() -> None:
    watch = Watch(order=("a", "b"))
    watch.come(0, 120)
    assert watch.come(1, 54, "b") == []
    assert watch.come(5, 400, "b") == []


def test_what_another_raised_clears_when_both_are_back() -> None:
    watch = Watch(order=("a", "b"))
    watch.play((0, 120), (5, 120))
    watch.come(6, 50, "b")
    watch.come(10, 120)
    assert watch.come(11, 59, "b") == ["urgent_low repeated"]
    assert watch.come(12, 60, "b") == ["urgent_low cleared"]


def test_what_another_raised_clears_when_that_one_is_withdrawn() -> None:
    watch = Watch(order=("a", "b"))
    watch.come(0, 120)
    watch.come(1, 50, "b")
    watch.play((5, 120), (10, 120))
    assert "urgent_low" in watch.on
    assert watch.look(12) == ["urgent_low cleared"]


def test_another_that_never_was_under_54_does_not_hold_it() -> None:
    watch = Watch(order=("a", "b"))
    watch.come(0, 50)
    watch.come(1, 57, "b")
    assert "urgent_low cleared" in watch.come(5, 60)


def test_the_recovery_of_the_leader_does_not_mute_another_sources_low() -> None:
    watch = Watch(order=("a", "b"))
    watch.run([100, 104, 108])
    watch.come(11, 50, "b")
    assert watch.come(15, 112) == []
    assert watch.come(16, 50, "b") == ["urgent_low repeated"]


def test_a_smoothed_graph_and_a_source_that_was_removed_raise_nothing() -> None:
    watch = Watch(order=("a",))
    watch.come(0, 120)
    watch.readings += [row(0, 45, "gone"), row(0, 45, series=HISTORY)]
    assert watch.look(1) == []


def test_when_the_lead_changes_the_low_of_the_other_goes_on() -> None:
    watch = Watch(order=("a", "b"))
    watch.play((0, 50), (5, 50))
    watch.order = ("b", "a")
    watch.play((6, 120), (8, 120), source="b")
    assert "urgent_low" in watch.on
    assert told(watch.said).count("urgent_low fired") == 1


@pytest.mark.parametrize(("mg_dl", "on"), [(70, set()), (69, {"low"}), (53, {"low", "urgent_low"})])
def test_a_finger_stick_may_raise(mg_dl: int, on: set[str]) -> None:
    watch = Watch()
    watch.come(0, 120)
    watch.come(2, mg_dl, kind=METER)
    assert watch.on == on
    if on:
        assert Mark.METER in watch.last("low", What.FIRED).marks


def test_a_finger_stick_may_raise_where_nothing_is_current() -> None:
    watch = Watch()
    assert watch.come(0, 60, kind=METER) == ["low fired"]
    watch.look(60)
    assert "low" in watch.on
    assert "low cleared" in watch.come(61, 80)


def test_a_finger_stick_never_clears() -> None:
    watch = Watch()
    watch.come(0, 65)
    assert watch.come(1, 150, kind=METER) == []
    watch.look(12)
    assert watch.come(13, 150, kind=METER) == []
    assert "low" in watch.on


def test_what_a_finger_stick_raised_clears_with_the_leaders_next_reading() -> None:
    watch = Watch()
    watch.come(0, 80)
    watch.come(2, 60, kind=METER)
    watch.look(4)
    assert "low" in watch.on
    assert watch.come(5, 74) == []
    assert watch.come(10, 75) == ["low cleared"]


def test_a_finger_stick_raises_once() -> None:
    watch = Watch()
    watch.come(0, 120)
    watch.come(2, 60, kind=METER)
    watch.come(5, 120)
    assert watch.on == set()
    assert watch.look(6) == []
    # Another one is another.
    assert watch.come(7, 60, kind=METER) == ["low fired"]


def test_a_finger_stick_waits_for_no_delay() -> None:
    watch = Watch(by_day(low=Rule(threshold=70, delay=timedelta(minutes=20))))
    watch.come(0, 120)
    assert watch.come(2, 60, kind=METER) == ["low fired"]


def test_a_finger_stick_counts_for_eleven_minutes() -> None:
    watch = Watch()
    watch.come(0, 120)
    watch.come(11, 120)
    assert watch.come(0.5, 60, kind=METER, seen=11.5) == []
    assert watch.come(0.6, 61, kind=METER, seen=11.5) == ["low fired"]


def test_a_finger_stick_that_is_high_raises_nothing() -> None:
    watch = Watch()
    watch.come(0, 120)
    assert watch.come(1, 500, kind=METER) == []


def test_one_that_says_low_is_low() -> None:
    watch = Watch()
    watch.come(0, 120)
    watch.come(1, 20, kind=METER, bound=Bound.LOW)
    assert watch.on == {"low", "urgent_low"}


def test_a_clock_that_was_ahead_does_not_hold_what_a_finger_stick_raised() -> None:
    watch = Watch()
    watch.come(600, 120)
    watch.come(601, 60, kind=METER)
    assert watch.on == {"low"}
    watch.readings.clear()
    watch.come(0, 120)
    assert watch.on == set()
    # Nor does it hide the next one.
    assert watch.come(1, 60, kind=METER) == ["low fired"]


def test_an_older_finger_stick_does_not_raise_after_a_newer_one() -> None:
    watch = Watch()
    watch.come(0, 120)
    watch.come(1, 60, kind=METER)
    watch.come(3, 61, kind=METER)
    watch.come(5, 120)
    assert watch.on == set()
    del watch.readings[2]
    assert watch.look(6) == []


def test_lows_that_come_late_are_logged_and_not_fired() -> None:
    watch = Watch()
    watch.come(0, 120)
    watch.come(60, 120)
    found = late(watch, row(30, 66), row(35, 50), row(40, 48), row(45, 68), row(50, 90))
    assert found == [("low", 66), ("urgent_low", 48)]
    assert "low fired" not in watch.look(60)
    assert watch.on == set()


def test_what_is_late_where_nothing_is_current() -> None:
    watch = Watch()
    watch.look(60)
    assert late(watch, row(49.1, 50)) == []
    other = Watch()
    other.look(60)
    assert late(other, row(49, 50), row(30, 39, bound=Bound.LOW)) == [("urgent_low", 39)]


def test_the_current_value_is_not_late_nor_is_another_sources() -> None:
    watch = Watch(order=("a", "b"))
    watch.play((0, 60), (5, 50))
    assert late(watch, row(4, 50, "b")) == []
    assert late(watch, row(5.2, 50)) == []
    # Also where the leader has nothing near it.
    sparse = Watch(order=("a", "b"))
    sparse.play((0, 120), (10, 120))
    assert late(sparse, row(5, 50, "b")) == []


def test_a_copy_or_a_graph_of_what_was_known_is_not_found_late() -> None:
    watch = Watch(order=("a", "b"))
    watch.play((0, 60), (5, 60), (10, 60))
    assert late(watch, row(5, 60, series=HISTORY), row(0.1, 61, "b")) == []
    assert late(watch, row(-20, 60, series=HISTORY)) == [("low", 60)]


def test_meters_highs_and_alarms_that_are_off_are_not_found_late() -> None:
    watch = Watch(by_day(low=Rule(on=False, threshold=70)))
    watch.come(60, 120)
    assert late(watch, row(30, 50, kind=METER), row(35, 65), row(40, 400)) == []


def waits(watch: Watch) -> float | None:
    """Return the minutes until the next look."""
    wait = next_look(watch.alarms, watch.view, watch.rules)
    return None if wait is None else wait / timedelta(minutes=1)


def test_it_is_looked_again_when_time_alone_may_change_something() -> None:
    watch = Watch()
    assert waits(watch) is None
    watch.come(0, 120)
    assert waits(watch) == 11
    watch.look(11)
    assert waits(watch) == 4
    watch.look(15)
    assert waits(watch) == 5
    watch.look(20)
    assert waits(watch) == 30
    watch.silence("stale")
    assert waits(watch) == 60
    watch.quiet_until = at(50)
    assert waits(watch) == 30


def test_it_is_looked_again_when_an_alarm_is_due() -> None:
    watch = Watch()
    watch.come(0, 50)
    assert waits(watch) == 5
    waiting = Watch(cadence=15)
    waiting.come(0, 260)
    assert waits(waiting) == 15
    steep = Watch()
    steep.run([100, 100, 66])
    assert steep["low"].phase is Phase.PENDING
    assert waits(steep) == 6


def test_a_view_of_nothing_knows_nothing() -> None:
    nothing = View(now=at(0), stream=None, last=None)
    assert nothing.reading is None
    assert nothing.last_known is None
    assert nothing.rate_mg_dl_per_minute is None
    assert nothing.forecast_mg_dl is None
    assert nothing.recovering_mg_dl is None
    assert not nothing.dropped_steeply
    assert not nothing.was_falling
    assert nothing.above_since(100) is None
    assert nothing.flat_since is None
    assert nothing.leading_since(at(0)) == []
    assert found_late([row(0, 50)], nothing, DEFAULTS) != ()
