"""No data: unknown is not clear, and their absence is an alarm of its own."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fakes.rows import at
from fakes.watch import Watch, by_day, told
from glucose.alarms.rules import Rule
from glucose.alarms.state import Mark, Phase, What
from glucose.reading import Bound
from glucose.trend import Trend


def test_a_running_low_stays_as_last_known() -> None:
    watch = Watch()
    watch.come(0, 65)
    watch.look(11)
    assert "low repeated" in watch.look(15)
    again = watch.last("low", What.REPEATED)
    assert again.marks == {Mark.LAST_KNOWN}
    assert again.reading == watch.readings[0]
    watch.look(5 * 60)
    assert "low" in watch.on
    # Back after the gap: above the margin, or not.
    assert "low cleared" in watch.come(301, 80)


def test_a_low_that_lasts_over_a_gap_is_one_episode() -> None:
    watch = Watch()
    watch.come(0, 65)
    for minutes in range(1, 120):
        watch.look(minutes)
    watch.come(120, 66)
    assert told(watch.said).count("low fired") == 1
    assert "low cleared" not in told(watch.said)


def test_nothing_begins_of_what_is_not_current() -> None:
    watch = Watch()
    assert watch.come(0, 45, seen=11) == []
    assert watch.on == set()
    assert "urgent_low fired" in Watch().come(0, 45, seen=10.9)


@pytest.mark.parametrize(
    ("mg_dl", "bound", "trend", "after"),
    [
        (120, None, None, 20),
        (80, None, None, 20),
        (79, None, None, 15),
        (39, Bound.LOW, None, 15),
        (401, Bound.HIGH, None, 20),
        (120, None, Trend.FLAT, 20),
        (120, None, Trend.UP, 20),
        (120, None, Trend.SLIGHT_DOWN, 15),
        (120, None, Trend.DOWN, 15),
        (120, None, Trend.DOUBLE_DOWN, 15),
    ],
)
def test_missing_data_are_told_after(
    mg_dl: int, bound: Bound | None, trend: Trend | None, after: float
) -> None:
    watch = Watch()
    watch.come(0, mg_dl, bound=bound, trend=trend)
    watch.look(11)
    assert "stale fired" not in watch.look(after - 0.1)
    assert "stale fired" in watch.look(after)
    fired = watch.last("stale", What.FIRED)
    assert (fired.began, fired.reading) == (at(0), watch.readings[0])


def test_falling_by_its_rate_they_are_told_earlier_too() -> None:
    watch = Watch()
    watch.run([160, 154, 148])
    assert "stale fired" in watch.look(25)
    level = Watch()
    level.run([160, 155, 150])
    assert level.look(25) == []
    assert level.look(30) == ["stale fired"]


def test_an_earlier_setting_holds_near_a_low_too() -> None:
    watch = Watch(by_day(stale=Rule(delay=timedelta(minutes=12))))
    watch.come(0, 75)
    assert watch.look(11.9) == []
    assert watch.look(12) == ["stale fired"]


def test_they_are_told_each_half_hour_until_any_current_reading() -> None:
    watch = Watch()
    watch.come(0, 120)
    for minutes in range(1, 100):
        watch.look(minutes)
    assert [one.at for one in watch.said] == [at(20), at(50), at(80)]
    assert told(watch.said) == ["stale fired", "stale repeated", "stale repeated"]
    assert watch.come(85, 120, seen=100) == []
    assert watch.come(99, 120, seen=100) == ["stale cleared"]


def test_a_late_reading_that_is_not_current_does_not_end_it() -> None:
    watch = Watch()
    watch.come(0, 120)
    watch.look(20)
    assert watch.come(8, 120, seen=21) == []
    assert "stale" in watch.on


def test_they_are_told_on_when_not_even_the_last_reading_is_remembered() -> None:
    watch = Watch()
    watch.come(0, 120)
    watch.look(20)
    watch.readings.clear()
    assert watch.look(50) == ["stale repeated"]


def test_one_who_never_had_readings_misses_none() -> None:
    watch = Watch()
    assert watch.look(60) == []


def test_a_source_of_15_minutes_is_missed_after_33() -> None:
    watch = Watch(cadence=15)
    watch.come(0, 120)
    assert watch.look(32.9) == []
    assert watch.look(33) == ["stale fired"]


def test_warm_up_quiets_it_and_its_end_does_not() -> None:
    watch = Watch()
    watch.come(0, 120)
    watch.quiet_until = at(120)
    for minutes in (20, 60, 119.9):
        assert watch.look(minutes) == []
    assert watch.look(120) == ["stale fired"]


def test_warm_up_mutes_one_that_runs_and_any_reading_still_ends_it() -> None:
    watch = Watch()
    watch.come(0, 120)
    watch.look(20)
    watch.quiet_until = at(150)
    assert watch.look(60) == []
    assert watch["stale"].phase is Phase.ACTIVE
    assert watch.come(100, 120) == ["stale cleared"]


def test_sources_that_just_began_are_given_time_to_answer() -> None:
    watch = Watch()
    watch.come(0, 65)
    watch.restart(60)
    watch.settling = True
    assert watch.look(60, elapsed=60) == []
    watch.settling = False
    assert watch.look(62) == ["low repeated", "stale fired"]


def test_a_current_value_does_not_wait_for_other_sources_to_answer() -> None:
    watch = Watch()
    watch.come(0, 50)
    watch.settling = True
    assert watch.come(5, 50) == ["urgent_low repeated"]


def test_highs_stay_as_last_known_too() -> None:
    watch = Watch()
    watch.run([320] * 2)
    for minutes in range(6, 60):
        watch.look(minutes)
    assert "urgent_high" in watch.on
    assert Mark.LAST_KNOWN in watch.last("urgent_high", What.REPEATED).marks


def test_the_way_above_is_not_known_while_data_are_missing() -> None:
    watch = Watch()
    watch.run([200] * 25)
    assert "sustained_high" in watch.on
    watch.look(140)
    assert "sustained_high" in watch.on
    assert "sustained_high cleared" in watch.come(300, 170)
