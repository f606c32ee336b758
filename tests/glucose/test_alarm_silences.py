"""Seen, silenced, broken, over: a silence is elapsed time and never longer than was asked."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from fakes.rows import at, row
from fakes.watch import Watch, by_day, told
from glucose.alarms.engine import AlarmNotActive, SilenceTooLong
from glucose.alarms.kinds import STANDING, AlarmKind
from glucose.alarms.rules import AlarmRules, Rule
from glucose.alarms.state import Mark, Phase, What
from glucose.reading import Kind

HOUR = timedelta(hours=1)


def low(**more: float) -> Watch:
    """A low of 65 at 0."""
    watch = Watch(**more)  # type: ignore[arg-type]  # of several types
    watch.come(0, 65)
    return watch


def test_seen_is_a_silence_of_the_usual_length() -> None:
    watch = low()
    happening = watch.silence("low")
    assert happening.what is What.ACKNOWLEDGED
    assert happening.silence == timedelta(minutes=30)
    assert watch["low"].phase is Phase.SILENCED
    assert "low" in watch.on


@pytest.mark.parametrize("kind", list(AlarmKind))
def test_nothing_that_is_not_on_can_be_silenced(kind: AlarmKind) -> None:
    with pytest.raises(AlarmNotActive):
        Watch().silence(kind)
    waiting = Watch()
    waiting.come(0, 255)
    with pytest.raises(AlarmNotActive):
        waiting.silence("high")


@pytest.mark.parametrize(("kind", "longest"), [("urgent_low", 30), ("low", 60)])
def test_no_silence_is_longer_than_the_longest(kind: str, longest: float) -> None:
    watch = Watch()
    watch.come(0, 50)
    watch.silence(kind, longest)
    for refused in (longest + 0.1, 0, -1):
        with pytest.raises(SilenceTooLong) as caught:
            watch.silence(kind, refused)
        assert caught.value.longest == timedelta(minutes=longest)
        assert str(longest) in str(caught.value)
    assert watch[kind].silence_left == timedelta(minutes=longest)


def test_when_it_ends_and_the_value_is_out_it_is_said_again() -> None:
    watch = low()
    watch.silence("low", 20)
    assert watch.run([65, 65, 65], 5) == []
    assert watch.look(19.9) == []
    assert watch.look(20) == ["low repeated"]
    again = watch.last("low", What.REPEATED)
    assert again.marks == {Mark.AFTER_SILENCE}
    assert watch["low"].phase is Phase.ACTIVE
    assert watch.run([65, 65, 65, 65], 20) == ["low repeated"]
    assert watch.last("low", What.REPEATED).marks == frozenset()


def test_when_it_ends_and_the_value_recovers_it_waits_for_the_recovery_to_end() -> None:
    watch = low()
    watch.silence("low", 15)
    assert watch.play((5, 58), (10, 62), (15, 66)) == []
    assert watch["low"].owed
    assert watch.come(20, 66) == ["low repeated"]
    assert Mark.AFTER_SILENCE in watch.last("low", What.REPEATED).marks
    assert not watch["low"].owed


def test_when_the_value_is_back_meanwhile_it_clears() -> None:
    watch = low()
    watch.silence("low")
    assert watch.come(5, 75) == ["low cleared"]
    assert watch.come(10, 65) == ["low fired"]


def test_a_silence_is_of_one_alarm() -> None:
    watch = Watch()
    watch.come(0, 50)
    watch.silence("low")
    assert watch.come(5, 50) == ["urgent_low repeated"]
    assert watch["low"].phase is Phase.SILENCED


def test_a_worse_alarm_breaks_it() -> None:
    watch = low()
    watch.silence("low")
    assert watch.come(5, 53) == ["urgent_low fired", "low unsilenced"]
    assert watch["low"].phase is Phase.ACTIVE
    # The worse one speaks for both; then the milder one for itself again.
    assert watch.come(10, 62) == ["urgent_low cleared"]
    assert watch.come(15, 62) == []
    assert watch.come(20, 62) == ["low repeated"]


def test_a_milder_alarm_does_not_break_it() -> None:
    watch = Watch(by_day(low=Rule(on=False, threshold=70)))
    watch.come(0, 50)
    watch.silence("urgent_low")
    watch.rules = by_day()
    assert watch.look(1) == ["low fired"]
    assert watch["urgent_low"].phase is Phase.SILENCED


def test_a_worse_alarm_that_is_on_already_does_not_break_it() -> None:
    watch = Watch()
    watch.come(0, 50)
    watch.silence("low")
    watch.come(5, 50)
    assert watch["low"].phase is Phase.SILENCED


def test_an_opposite_alarm_breaks_it() -> None:
    watch = Watch()
    watch.run([260] * 4)
    watch.silence("high", 240)
    watch.come(20, 60, kind=Kind.METER)
    assert watch.said[-1].what is What.UNSILENCED
    assert told(watch.said)[-2:] == ["low fired", "high unsilenced"]
    assert watch["high"].phase is Phase.ACTIVE


def test_missing_data_neither_break_nor_are_broken() -> None:
    watch = low()
    watch.silence("low", 60)
    assert watch.look(15) == ["stale fired"]
    assert watch["low"].phase is Phase.SILENCED
    watch.silence("stale", 60)
    watch.come(20, 50, kind=Kind.METER)
    assert told(watch.said)[-2:] == ["urgent_low fired", "low unsilenced"]
    assert watch["stale"].phase is Phase.SILENCED


def test_ending_without_data_it_says_what_was_known_last() -> None:
    watch = Watch()
    watch.run([58, 54, 51])
    watch.silence("urgent_low", 18)
    watch.look(27.9)
    before = len(watch.said)
    watch.look(28)
    assert told(watch.said[before:]) == ["urgent_low repeated"]
    again = watch.last("urgent_low", What.REPEATED)
    assert again.marks == {Mark.LAST_KNOWN, Mark.AFTER_SILENCE}
    assert again.reading is not None
    assert again.reading.mg_dl == 51
    assert again.at - again.reading.time == timedelta(minutes=18)


@pytest.mark.parametrize("jump", [-30 * 24 * 60, -60, -1, 1, 60, 30 * 24 * 60])
def test_a_clock_that_is_set_neither_lengthens_nor_shortens_it(jump: float) -> None:
    watch = low()
    watch.silence("low", 30)
    watch.look(10)
    watch.look(20 + jump, elapsed=10)
    assert watch["low"].silence_left == timedelta(minutes=10)
    assert "low repeated" in watch.look(30 + jump, elapsed=10)


@pytest.mark.parametrize("change", ["2026-03-29T01:00+00:00", "2026-10-25T01:00+00:00"])
def test_summer_time_neither_lengthens_nor_shortens_it(change: str) -> None:
    # Ten minutes before the clocks of the zone are changed.
    begin = (datetime.fromisoformat(change) - at(10)) / timedelta(minutes=1)
    zone = ZoneInfo("Europe/Berlin")
    watch = Watch(AlarmRules(zone=zone))
    watch.look(begin)
    watch.come(begin, 65)
    assert watch.now.astimezone(zone).utcoffset() != (
        (watch.now + timedelta(minutes=20)).astimezone(zone).utcoffset()
    )
    watch.silence("low", 30)
    for minutes in (10, 20, 29.9):
        assert "low repeated" not in watch.look(begin + minutes)
    assert "low repeated" in watch.look(begin + 30)


def test_time_never_runs_backwards() -> None:
    watch = low()
    watch.silence("low", 30)
    watch.look(5, elapsed=-100)
    assert watch["low"].silence_left == timedelta(minutes=30)


def test_a_silence_goes_on_over_a_restart() -> None:
    watch = low()
    watch.silence("low", 30)
    away = watch.restart(20)
    assert away == timedelta(minutes=20)
    watch.readings.append(row(20, 65))
    assert watch.look(20, elapsed=20) == []
    assert watch["low"].silence_left == timedelta(minutes=10)
    assert watch.look(30) == ["low repeated"]


def test_a_silence_that_ended_while_nobody_looked_is_over() -> None:
    watch = low()
    watch.silence("low", 30)
    watch.restart(40)
    assert "low repeated" in watch.look(40, elapsed=40)


def test_a_clock_set_back_while_nobody_looked_ends_it() -> None:
    watch = low()
    watch.silence("low", 30)
    away = watch.restart(-60)
    assert away == timedelta()
    assert watch["low"].silence_left == timedelta()
    assert watch.look(-60) == ["low repeated"]


def test_a_clock_set_back_while_nobody_looked_changes_nothing_else() -> None:
    watch = low()
    before = watch.alarms
    watch.restart(-60)
    assert watch.alarms == before


def test_a_longer_silence_may_be_asked_for_again_and_a_shorter_one_too() -> None:
    watch = low()
    watch.silence("low", 30)
    watch.look(10)
    watch.silence("low", 60)
    assert watch["low"].silence_left == timedelta(minutes=60)
    watch.silence("low", 5)
    assert "low repeated" in watch.look(15)


def test_what_is_said_once_is_said_again_after_a_silence() -> None:
    watch = Watch(by_day(low=Rule(on=False, threshold=70)))
    watch.run([121, 106, 91])
    assert "predicted_low" in watch.on
    watch.silence("predicted_low", 5)
    assert "predicted_low repeated" in watch.come(15, 76)


@pytest.mark.parametrize("kind", list(AlarmKind))
def test_the_usual_silence_is_no_longer_than_the_longest(kind: AlarmKind) -> None:
    assert timedelta() < STANDING[kind].silence <= STANDING[kind].longest_silence <= 4 * HOUR
