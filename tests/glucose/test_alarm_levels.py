"""Low and high: at which number each alarm fires, waits, says it again and clears."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fakes.rows import at
from fakes.watch import Watch, by_day, told
from glucose.alarms.kinds import STANDING, AlarmKind
from glucose.alarms.rules import Rule
from glucose.alarms.state import Mark, Phase, What
from glucose.reading import Bound

SILENT = Rule(on=False, delay=timedelta(minutes=20))


@pytest.mark.parametrize(
    ("kind", "inside", "out"),
    [("urgent_low", 54, 53), ("low", 70, 69), ("urgent_high", 300, 301)],
)
def test_it_fires_beyond_its_threshold_at_once(kind: str, inside: int, out: int) -> None:
    watch = Watch()
    assert f"{kind} fired" not in watch.come(0, inside)
    assert f"{kind} fired" in watch.come(5, out)
    fired = watch.last(kind, What.FIRED)
    assert (fired.at, fired.began, fired.extreme_mg_dl) == (at(5), at(5), out)
    assert watch[kind].phase is Phase.ACTIVE


@pytest.mark.parametrize(
    ("kind", "out", "still", "clear"),
    [
        ("urgent_low", 50, 59, 60),
        ("low", 65, 74, 75),
        ("urgent_high", 320, 291, 290),
        ("high", 255, 241, 240),
        ("sustained_high", 200, 181, 180),
    ],
)
def test_it_clears_behind_its_margin(kind: str, out: int, still: int, clear: int) -> None:
    watch = Watch()
    watch.run([out] * 30)
    assert kind in watch.on
    assert f"{kind} cleared" not in watch.come(150, still)
    assert kind in watch.on
    assert f"{kind} cleared" in watch.come(155, clear)
    cleared = watch.last(kind, What.CLEARED)
    assert cleared.reading is not None
    assert (cleared.reading.mg_dl, cleared.extreme_mg_dl) == (clear, out)
    assert kind not in watch.on


def test_between_threshold_and_margin_nothing_begins() -> None:
    assert Watch().run([74, 72, 71, 70, 71]) == []
    assert Watch().run([241, 250, 245, 250, 250, 250]) == []
    assert Watch().run([291, 300, 295]) == []


@pytest.mark.parametrize(
    ("bound", "mg_dl", "on"),
    [
        (Bound.LOW, 39, {"urgent_low", "low"}),
        # Nightscout's 39 is no error code.
        (None, 39, {"urgent_low", "low"}),
        # A sensor whose range ends above a threshold still says LOW.
        (Bound.LOW, 70, {"urgent_low", "low"}),
        (Bound.HIGH, 401, {"urgent_high"}),
        (Bound.HIGH, 240, {"urgent_high"}),
    ],
)
def test_low_and_high_are_beyond_every_threshold(
    bound: Bound | None, mg_dl: int, on: set[str]
) -> None:
    watch = Watch()
    watch.come(0, mg_dl, bound=bound)
    assert watch.on == on


def test_the_milder_one_is_covered() -> None:
    watch = Watch()
    assert watch.come(0, 50) == ["urgent_low fired", "low fired"]
    assert Mark.COVERED not in watch.last("urgent_low", What.FIRED).marks
    assert Mark.COVERED in watch.last("low", What.FIRED).marks


def test_high_waits_15_minutes_and_a_value_back_inside_cancels() -> None:
    watch = Watch()
    assert watch.run([255, 255, 255]) == []
    assert str(watch["high"].phase) == "pending"
    # Not out, though not behind the margin either: the condition does not hold.
    assert watch.come(15, 250) == []
    assert watch["high"].phase is Phase.CLEAR
    assert watch.run([255, 255, 255], 20) == []
    assert watch.come(35, 255) == ["high fired"]
    assert watch.last("high", What.FIRED).began == at(20)


def test_a_delay_ends_between_two_readings() -> None:
    watch = Watch(cadence=15)
    watch.come(0, 255)
    assert watch.look(14) == []
    assert watch.look(15) == ["high fired"]


@pytest.mark.parametrize("looks", [(), (25,), (25, 26, 31, 36, 39)])
def test_a_delay_stands_still_while_nothing_is_known(looks: tuple[int, ...]) -> None:
    watch = Watch(by_day(high=Rule(threshold=250, delay=timedelta(minutes=30)), stale=SILENT))
    watch.play((0, 255), (5, 255), (10, 255))
    for minutes in looks:
        watch.look(minutes)
    # Known from 0 until 21, and from 40 on: 21 minutes so far, however often it was looked.
    assert watch.come(40, 255) == []
    assert watch["high"].waited == timedelta(minutes=21)
    assert watch.come(45, 255) == []
    assert watch.come(50, 255) == ["high fired"]


@pytest.mark.parametrize(
    ("kind", "mg_dl", "every"), [("urgent_low", 50, 5), ("low", 65, 15), ("urgent_high", 320, 30)]
)
def test_it_is_said_again_as_the_table_says(kind: str, mg_dl: int, every: int) -> None:
    watch = Watch(cadence=1)
    watch.run([mg_dl] * 95, every=1)
    said = [one.at for one in watch.said if one.kind == kind and one.what is What.REPEATED]
    assert said == [at(minutes) for minutes in range(every, 95, every)]
    assert sum(one.kind == kind and one.what is What.FIRED for one in watch.said) == 1


def test_high_and_sustained_high_are_said_again_each_hour() -> None:
    watch = Watch()
    watch.run([260] * 50)
    again = [one for one in watch.said if one.what is What.REPEATED]
    assert [(str(one.kind), one.at) for one in again] == [
        ("high", at(75)),
        ("high", at(135)),
        ("high", at(195)),
    ]
    # High speaks for it.
    assert Mark.COVERED in watch.last("sustained_high", What.FIRED).marks
    assert watch["sustained_high"].quiet == timedelta(minutes=125)


def test_a_low_inside_its_margin_is_still_said_again() -> None:
    watch = Watch()
    watch.run([65, 72, 72])
    assert watch.come(15, 72) == ["low repeated"]


def test_the_milder_one_speaks_once_the_worse_is_over() -> None:
    watch = Watch()
    watch.run([50, 50, 50, 50])
    assert "low repeated" not in told(watch.said)
    assert watch.come(20, 62) == ["urgent_low cleared", "low repeated"]


@pytest.mark.parametrize(
    ("values", "muted"),
    [
        ((60, 63, 66), True),
        ((60, 63, 65), False),
        ((60, 62, 66), False),
        ((66, 63, 66), False),
    ],
)
def test_two_rises_of_three_mute_a_repeat(values: tuple[int, int, int], muted: bool) -> None:
    watch = Watch()
    watch.come(0, 60)
    assert watch.play((5, values[0]), (10, values[1])) == []
    assert (watch.come(15, values[2]) == []) is muted
    if muted:
        assert watch.come(20, values[2]) == ["low repeated"]


def test_rises_over_more_than_a_step_and_a_half_are_no_recovery() -> None:
    watch = Watch()
    watch.play((0, 60), (8, 64))
    assert watch.come(16, 68) == ["low repeated"]
    near = Watch()
    near.play((0, 60), (7.5, 64))
    assert near.come(15, 68) == []


def test_urgent_low_below_54_is_never_muted_and_no_first_firing_is() -> None:
    watch = Watch()
    assert watch.run([42, 46, 50]) == [
        *("urgent_low fired", "low fired"),
        *("urgent_low repeated", "urgent_low repeated"),
    ]
    # Inside the margin it is.
    assert watch.come(15, 55) == []
    # The low itself begins while the value rises.
    rising = Watch(
        by_day(urgent_low=Rule(on=False, threshold=54), low=Rule(on=False, threshold=70))
    )
    rising.run([50, 55])
    rising.rules = by_day()
    assert rising.come(10, 60) == ["low fired"]


def test_two_falls_of_three_mute_a_high() -> None:
    watch = Watch()
    watch.run([330, 330, 330, 330, 330, 326])
    assert "urgent_high repeated" not in watch.come(30, 322)
    assert "urgent_high repeated" in watch.come(35, 322)


def test_recovery_of_a_one_minute_source_is_measured_over_five_minutes() -> None:
    watch = Watch(cadence=1)
    # A rise of one a minute: five over each five minutes, though no two readings differ by 3.
    watch.run([60] * 5 + list(range(56, 70)), every=1)
    assert "low repeated" not in told(watch.said)


def test_an_alarm_switched_off_clears_and_says_why() -> None:
    watch = Watch()
    watch.come(0, 65)
    watch.rules = by_day(low=Rule(on=False, threshold=70))
    assert watch.look(1) == ["low cleared"]
    assert watch.last("low", What.CLEARED).marks == {Mark.SWITCHED_OFF}
    assert "low fired" not in watch.come(5, 60)


def test_an_alarm_switched_off_while_it_waits_says_nothing() -> None:
    watch = Watch()
    watch.come(0, 255)
    watch.rules = by_day(high=Rule(on=False, threshold=250))
    assert watch.come(20, 255) == []
    assert watch["high"].phase is Phase.CLEAR


def test_the_extreme_is_the_worst_of_the_episode() -> None:
    watch = Watch()
    watch.run([65, 58, 66, 80])
    assert watch.last("low", What.CLEARED).extreme_mg_dl == 58
    watch.run([310, 330, 280], 20)
    assert watch.last("urgent_high", What.CLEARED).extreme_mg_dl == 330


def test_the_table_of_the_issue() -> None:
    """Repeats, silence, longest silence in minutes."""
    minute = timedelta(minutes=1)
    table = {
        str(kind): (
            None if one.repeats is None else one.repeats / minute,
            one.silence / minute,
            one.longest_silence / minute,
        )
        for kind, one in STANDING.items()
    }
    assert table == {
        "urgent_low": (5, 15, 30),
        "low": (15, 30, 60),
        "high": (60, 60, 240),
        "urgent_high": (30, 60, 120),
        "sustained_high": (60, 120, 240),
        "predicted_low": (None, 30, 60),
        "falling_fast": (None, 30, 60),
        "rising_fast": (None, 30, 60),
        "stale": (30, 60, 120),
        "sensor_fault_suspected": (None, 60, 120),
    }
    assert set(STANDING) == set(AlarmKind)
