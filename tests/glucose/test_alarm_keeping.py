"""What a restart remembers, what is refused as damaged, and what readings alone bring back."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta

import pytest

from fakes.rows import at, row
from fakes.watch import DEFAULTS, Watch, told
from glucose.alarms.episodes import episodes
from glucose.alarms.keeping import AlarmsDamaged, kept, read_back
from glucose.alarms.kinds import AlarmKind
from glucose.alarms.replay import rebuilt, replayed
from glucose.alarms.state import CLEAR, Alarms, AlarmState, Phase, What
from glucose.reading import Bound, Kind, Reading
from glucose.trend import Trend

FIVE = {"a": timedelta(minutes=5)}


def busy() -> Watch:
    """Alarms in every phase, one raised by a finger-stick."""
    watch = Watch()
    watch.come(0, 260)
    watch.come(3, 50, kind=Kind.METER, trend=Trend.DOWN)
    watch.silence("urgent_low", 12.5)
    assert {str(watch[kind].phase) for kind in AlarmKind} == {
        *("clear", "pending", "active", "silenced"),
    }
    return watch


def test_what_was_kept_is_read_back() -> None:
    watch = busy()
    text = kept(watch.alarms, watch.now)
    assert "\n" not in text
    assert read_back(text, at(10)) == (watch.alarms, timedelta(minutes=7))


def test_clear_alarms_take_no_room() -> None:
    assert json.loads(kept(Alarms(), at(0))) == {
        "version": 1,
        "at": "2026-11-20T12:00:00+00:00",
        "alarms": {},
    }
    assert read_back(kept(Alarms(), at(0)), at(0)) == (Alarms(), timedelta())


def test_a_restart_neither_forgets_nor_repeats() -> None:
    watch = Watch()
    watch.come(0, 65)
    watch.restart(4)
    assert watch.look(4, elapsed=4) == []
    assert watch.come(5, 65) == []
    assert watch.on == {"low"}
    assert watch.come(15, 65) == ["low repeated"]


def test_a_restart_after_a_gap_says_again_what_was_due() -> None:
    watch = Watch()
    watch.come(0, 65)
    watch.restart(60)
    assert watch.look(60, elapsed=60) == ["low repeated", "stale fired"]


def test_a_delay_goes_on_after_a_restart_by_what_was_known() -> None:
    watch = Watch()
    watch.come(0, 260)
    watch.restart(60)
    watch.readings.append(row(60, 260))
    assert watch.look(60, elapsed=60) == []
    assert watch["high"].waited == timedelta(minutes=11)


def test_a_state_that_knows_no_reading_waits_as_told() -> None:
    watch = Watch()
    waiting = AlarmState(phase=Phase.PENDING, since=at(0))
    watch.alarms = Alarms(states={AlarmKind.HIGH: waiting})
    watch.now = at(0)
    assert watch.come(15, 260) == ["high fired"]


def damaged(change: object, *path: str) -> str:
    """Return kept states with one value changed, or taken out where `change` is ..."""
    whole = json.loads(kept(busy().alarms, at(3)))
    place = whole
    for name in path[:-1]:
        place = place[name]
    if change is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = change
    return json.dumps(whole)


LOW = ("alarms", "low")
URGENT = ("alarms", "urgent_low")
HIGH = ("alarms", "high")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "7",
        "{}",
        '{"version":1}',
        '{"version":1,"at":"2026-11-20T12:00:00+00:00","alarms":[]}',
        "[" * 100_000,
        damaged(2, "version"),
        damaged(7, "at"),
        damaged("yesterday", "at"),
        damaged("2026-11-20T12:00:00", "at"),
        damaged("2026-11-20T12:00:00+01:00", "at"),
        damaged({}, "alarms", "boredom"),
        damaged(7, *LOW),
        damaged("asleep", *LOW, "phase"),
        damaged(1, *LOW, "colour"),
        damaged(..., *LOW, "since"),
        damaged(..., *LOW, "reading"),
        damaged(..., *LOW, "phase"),
        damaged(..., *HIGH, "since"),
        damaged("silenced", *LOW, "phase"),
        damaged("active", *URGENT, "phase"),
        damaged(..., *URGENT, "silence_left"),
        damaged(None, *URGENT, "silence_left"),
        damaged(True, *URGENT, "silence_left"),
        damaged("9", *URGENT, "silence_left"),
        damaged(30 * 60 + 1, *URGENT, "silence_left"),
        damaged(float("nan"), *URGENT, "silence_left"),
        damaged(float("inf"), *URGENT, "silence_left"),
        damaged(1e300, *URGENT, "silence_left"),
        damaged(-1, *LOW, "quiet"),
        damaged(-1, *HIGH, "waited"),
        damaged("50", *URGENT, "extreme_mg_dl"),
        damaged(1.5, *URGENT, "extreme_mg_dl"),
        damaged(5, *URGENT, "raised_by"),
        damaged(1, *URGENT, "owed"),
        damaged("no reading", *LOW, "reading"),
        damaged(5, *LOW, "reading", "mg_dl"),
        damaged("60", *LOW, "reading", "mg_dl"),
        damaged(5, *LOW, "reading", "source"),
        damaged(["live"], *LOW, "reading", "series"),
        damaged("guess", *LOW, "reading", "kind"),
        damaged("middling", *LOW, "reading", "bound"),
        damaged("sideways", *LOW, "reading", "trend"),
        damaged(..., *LOW, "reading", "time"),
    ],
    ids=itertools.count(),
)
def test_what_was_not_written_so_is_damaged(text: str) -> None:
    with pytest.raises(AlarmsDamaged):
        read_back(text, at(10))


def test_the_longest_silence_is_read_back() -> None:
    alarms, _ = read_back(damaged(30 * 60, *URGENT, "silence_left"), at(10))
    assert alarms[AlarmKind.URGENT_LOW].silence_left == timedelta(minutes=30)


def test_bounds_and_trends_are_read_back() -> None:
    watch = Watch()
    watch.come(0, 39, bound=Bound.LOW, trend=Trend.NONE)
    assert read_back(kept(watch.alarms, at(0)), at(0))[0] == watch.alarms


def back(*readings: Reading, now: float) -> Alarms:
    return rebuilt(readings, order=["a"], cadences=FIVE, rules=DEFAULTS, now=at(now))


def test_readings_alone_bring_a_running_low_back() -> None:
    alarms = back(*(row(5 * i, mg_dl) for i, mg_dl in enumerate((90, 80, 68, 66, 52))), now=22)
    assert alarms.on == (AlarmKind.URGENT_LOW, AlarmKind.LOW)
    assert alarms[AlarmKind.LOW].since == at(10)
    # As if it had been said when it began, and counted until now.
    assert alarms[AlarmKind.URGENT_LOW].quiet == timedelta(minutes=2)


def test_what_is_rebuilt_stands_at_now() -> None:
    alarms = back(row(0, 260), now=9)
    assert alarms[AlarmKind.HIGH].waited == timedelta(minutes=9)
    assert back(row(0, 65), now=60).on == (AlarmKind.LOW, AlarmKind.STALE)


def test_what_is_ahead_of_the_clock_does_not_count() -> None:
    assert back(row(0, 120), row(30, 50), now=5) == back(row(0, 120), now=5)
    assert back(row(0, 120), row(0.5, 50), now=0).on == (AlarmKind.URGENT_LOW, AlarmKind.LOW)


def test_of_no_readings_nothing_is_rebuilt() -> None:
    assert back(now=5) == Alarms()


def test_a_replay_follows_silence_for_a_day_and_ends_at_the_end() -> None:
    found = list(
        replayed(
            [row(0, 120), row(60 * 80, 120)],
            order=["a"],
            cadences=FIVE,
            rules=DEFAULTS,
            until=at(60 * 80 + 4),
        )
    )
    said = [one for _, happenings in found for one in happenings]
    assert told(said) == ["stale fired", *["stale repeated"] * 47, "stale cleared"]
    assert said[-2].at == at(20 + 47 * 30)
    assert len(found[-1][1]) == 0


def test_a_replay_forgets_what_no_view_looks_at() -> None:
    # Six hours later the flat line begins anew with what is still in sight.
    every = [row(15 * i, 120) for i in range(40)]
    *_, (alarms, _) = replayed(
        every, order=["a"], cadences={"a": timedelta(minutes=15)}, rules=DEFAULTS
    )
    assert alarms.on == (AlarmKind.SENSOR_FAULT_SUSPECTED,)


def test_episodes_are_told_from_what_happened() -> None:
    watch = Watch()
    watch.run([65, 58, 80])
    watch.run([260] * 5, 15)
    watch.run([52], 40)
    found = episodes(watch.said, watch.alarms)
    kinds = [(str(one.kind), one.start, one.fired, one.end, one.extreme_mg_dl) for one in found]
    assert ("low", at(0), at(0), at(10), 58) in kinds
    assert ("high", at(15), at(30), at(40), 260) in kinds
    assert ("urgent_low", at(40), at(40), None, 52) in kinds


def test_an_episode_that_still_lasts_has_its_extreme_so_far() -> None:
    watch = Watch()
    watch.run([65, 58, 61])
    (one,) = (e for e in episodes(watch.said, watch.alarms) if e.kind is AlarmKind.LOW)
    assert (one.end, one.extreme_mg_dl) == (None, 58)
    # Whoever begins to listen in the middle hears an end without a beginning, or a repeat.
    watch.run([61, 80], 15)
    late = watch.said[[str(h.what) for h in watch.said].index("repeated") :]
    assert episodes(late, watch.alarms) == []
    assert episodes([h for h in watch.said if h.what is What.CLEARED], watch.alarms) == []


def test_clear_is_clear() -> None:
    assert not CLEAR.on
    assert all(state == CLEAR for state in Alarms().states.values())
