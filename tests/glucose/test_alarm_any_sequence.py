"""What holds of the alarms whatever comes: readings, gaps, restarts, silences, jumping clocks.

50,000 looks in each run; .ci/nightly asks for 1,000,000 (CGM_ALARM_STEPS).
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from fakes.rows import START, Situation, row, situations
from fakes.watch import DEFAULTS, Watch
from glucose.alarms.engine import advance
from glucose.alarms.kinds import STANDING, AlarmKind, Side
from glucose.alarms.replay import rebuilt
from glucose.alarms.state import Happening, Mark, Phase, What
from glucose.alarms.view import View, view
from glucose.merge import WITHDRAWN_AT_LEAST
from glucose.reading import Bound, Kind, Reading

STEPS: Final = int(os.environ.get("CGM_ALARM_STEPS", "50000"))
MINUTE: Final = timedelta(minutes=1)
CADENCES: Final = {"a": 5.0, "b": 1.0, "c": 15.0}
# As far back as anything asks, with a margin.
WINDOW: Final = timedelta(hours=3)
METER_AGO: Final = 30 * MINUTE
LASTING: Final = (AlarmKind.SUSTAINED_HIGH, AlarmKind.SENSOR_FAULT_SUSPECTED)
CLEARS: Final = (
    (AlarmKind.URGENT_HIGH, 290),
    (AlarmKind.HIGH, 240),
    (AlarmKind.SUSTAINED_HIGH, 180),
)


@dataclass(frozen=True)
class Readings:
    """A source measures some times; now and then a reading comes late, or none."""

    source: str
    times: int
    start: int
    slope: float
    wiggle: int
    seed: int


@dataclass(frozen=True)
class Silence:
    """Somebody silences whatever is on, for a share of the longest silence, or acknowledges."""

    share: float | None


@dataclass(frozen=True)
class Restart:
    """Nobody looks for some minutes; the clock may be set meanwhile, forwards or far back."""

    away: float
    ahead: float


@dataclass(frozen=True)
class Jump:
    """The wall clock is set while elapsed time goes on."""

    minutes: float


@dataclass(frozen=True)
class Gap:
    """Time passes without readings."""

    times: int
    every: float


@dataclass(frozen=True)
class Order:
    """The wearer puts another source first, or takes one away."""

    sources: tuple[str, ...]


@dataclass(frozen=True)
class Meter:
    """A finger-stick, some minutes ago."""

    mg_dl: int
    ago: float


Act: TypeAlias = Readings | Silence | Restart | Jump | Gap | Order | Meter

_LEVELS = st.sampled_from(
    [39, 45, 53, 54, 58, 60, 66, 70, 74, 76, 90, 120, 175, 182, 245, 255, 295, 310]
)
_READINGS = st.builds(
    Readings,
    source=st.sampled_from(["a", "a", "b", "c"]),
    times=st.integers(1, 40),
    start=_LEVELS,
    slope=st.sampled_from([0, 0, -3, 3, -8, 8, -1, 1]),
    wiggle=st.sampled_from([0, 0, 2, 6]),
    seed=st.integers(0, 2**16),
)
ACTS: Final[st.SearchStrategy[Act]] = st.one_of(
    _READINGS,
    _READINGS,
    _READINGS,
    st.builds(Silence, share=st.none() | st.sampled_from([0.1, 0.5, 1.0])),
    st.builds(
        Restart,
        away=st.sampled_from([0.2, 3, 12, 40]),
        ahead=st.sampled_from([0, 0, 0, 7, 600, -50, -2000]),
    ),
    st.builds(Jump, minutes=st.sampled_from([-1500, -60, -7, -1, 1, 7, 60, 1500])),
    st.builds(Gap, times=st.integers(1, 30), every=st.sampled_from([0.5, 1, 4])),
    st.builds(
        Order, sources=st.sampled_from([("a", "b", "c"), ("b", "a"), ("c", "b", "a"), ("c",)])
    ),
    st.builds(
        Meter, mg_dl=st.sampled_from([40, 53, 60, 69, 70, 120]), ago=st.sampled_from([0, 2, 10])
    ),
)
PLOTS: Final = st.lists(ACTS, min_size=12, max_size=40)


@dataclass(frozen=True)
class Asked:
    """A silence: when it was asked for, by elapsed time and as the engine was told, how long."""

    at: timedelta
    counted: timedelta
    length: timedelta


class Play:
    """A watch over which nothing wrong may ever be said."""

    def __init__(self) -> None:
        self.watch = Watch(DEFAULTS, order=("a", "b", "c"), cadences=CADENCES)
        self.steps = 0
        self.elapsed = timedelta()
        # As the engine was told: after a restart the wall clock has to do.
        self.counted = timedelta()
        self.spoke: dict[AlarmKind, timedelta] = {}
        self.asked: dict[AlarmKind, Asked] = {}
        self.owed: set[AlarmKind] = set()

    def act(self, act: Act) -> None:
        match act:
            case Readings():
                self._measure(act)
            case Gap():
                for _ in range(act.times):
                    self.step(act.every * MINUTE)
            case Meter():
                self.watch.readings.append(
                    replace(row(0, act.mg_dl, "a", kind=Kind.METER), time=self._now(-act.ago))
                )
                self.step(timedelta())
            case Order():
                self.watch.order = act.sources
                self.step(timedelta())
            case Jump():
                self.step(MINUTE, act.minutes * MINUTE)
            case Silence():
                self._silence(act)
            case Restart():
                self._restart(act)

    def step(
        self, elapsed: timedelta, jump: timedelta = timedelta(), *, away: bool = False
    ) -> None:
        """Let time pass, look, and check all that must hold."""
        self.steps += 1
        watch = self.watch
        told = max(elapsed + jump, timedelta()) if away else elapsed
        watch.now += elapsed + jump
        self.elapsed += elapsed
        self.counted += told
        watch.readings = [r for r in watch.readings if abs(watch.now - r.time) < WINDOW]
        before = set(watch.alarms.on)
        seen = watch.view
        watch.alarms, happenings = advance(watch.alarms, seen, watch.rules, told)
        self._check_told(happenings, before)
        self._check_standing(seen)

    def _now(self, minutes: float = 0) -> datetime:
        return self.watch.now + minutes * MINUTE

    def _measure(self, act: Readings) -> None:
        chance = random.Random(act.seed)
        value = float(act.start)
        for _ in range(act.times):
            every = CADENCES[act.source] * chance.choice([1, 1, 1, 0.96, 1.04])
            value = max(
                20.0, min(420.0, value + act.slope + chance.randint(-act.wiggle, act.wiggle))
            )
            if chance.random() > 0.04:
                late = chance.choice([0, 0, 0, 0, 2]) * MINUTE
                self.watch.readings.append(
                    _reading(act.source, round(value), self.watch, every, late)
                )
            self.step(every * MINUTE)

    def _silence(self, act: Silence) -> None:
        for kind in self.watch.alarms.on:
            standing = STANDING[kind]
            length = None if act.share is None else act.share * standing.longest_silence
            said = self.watch.silence(kind, None if length is None else length / MINUTE)
            assert said.silence == (standing.silence if length is None else length)
            assert said.silence is not None
            self.asked[kind] = Asked(self.elapsed, self.counted, said.silence)
            self.owed.discard(kind)
        self.step(timedelta())

    def _restart(self, act: Restart) -> None:
        ahead = act.ahead * MINUTE
        if ahead < timedelta():
            # Behind what was written: less than that cannot be told (keeping.py).
            ahead -= act.away * MINUTE
            # Then all silences are over.
            self.asked = {k: replace(one, length=timedelta()) for k, one in self.asked.items()}
        now = self.watch.now
        self.watch.restart((now - START + ahead + act.away * MINUTE) / MINUTE)
        self.watch.now = now
        self.step(act.away * MINUTE, ahead, away=True)

    def _check_told(self, happenings: tuple[Happening, ...], before: set[AlarmKind]) -> None:
        fired = [one.kind for one in happenings if one.what is What.FIRED]
        said = [(one.kind, one.what) for one in happenings]
        assert len(said) == len(set(said))
        for one in happenings:
            kind = one.kind
            if one.what is What.FIRED:
                # Once an episode: it was not on.
                assert kind not in before
                self.spoke[kind] = self.counted
                _check_began(one)
            elif one.what is What.CLEARED:
                assert kind in before
                self.asked.pop(kind, None)
                self.owed.discard(kind)
            elif one.what is What.UNSILENCED:
                assert any(_worse_or_opposite(other, kind) for other in fired)
                assert kind in self.asked
                del self.asked[kind]
                self.spoke[kind] = self.counted
            else:
                assert one.what is What.REPEATED
                self._check_repeated(one, before)

    def _check_repeated(self, one: Happening, before: set[AlarmKind]) -> None:
        kind = one.kind
        assert kind in before
        repeats = STANDING[kind].repeats
        if Mark.AFTER_SILENCE in one.marks:
            if kind in self.asked:
                asked = self.asked.pop(kind)
                assert self.counted - asked.counted >= asked.length
            else:
                assert kind in self.owed
            self.owed.discard(kind)
        else:
            assert repeats is not None
            assert self.counted - self.spoke[kind] >= repeats
            assert kind not in self.asked
        assert Mark.COVERED not in one.marks
        self.spoke[kind] = self.counted

    def _check_standing(self, seen: View) -> None:
        watch = self.watch
        for kind, asked in list(self.asked.items()):
            if watch.alarms[kind].phase is Phase.SILENCED:
                assert self.elapsed - asked.at < asked.length
            else:
                del self.asked[kind]
                self.owed.add(kind)
        on, reading = set(watch.alarms.on), seen.reading
        shown = [one for one in (reading, *seen.others) if one is not None]
        if any(_under(one, 54) for one in shown):
            assert AlarmKind.URGENT_LOW in on
        if reading is not None:
            self._check_lows(reading, shown)
            self._check_highs(reading)
            assert AlarmKind.STALE not in on

    def _check_lows(self, reading: Reading, shown: list[Reading]) -> None:
        on, low = self.watch.alarms.on, self.watch.alarms[AlarmKind.LOW]
        if _under(reading, 70):
            assert low.on or low.steep is not None
        if low.on:
            assert AlarmKind.PREDICTED_LOW not in on
        # What a finger-stick raised waits for a newer value of the leader.
        meters = [row for row in self.watch.readings if row.kind is Kind.METER and _under(row, 70)]
        if any(reading.time - one.time < METER_AGO for one in meters):
            return
        assert _under(reading, 75) or not low.on
        if not any(_under(one, 60) for one in shown):
            assert AlarmKind.URGENT_LOW not in on

    def _check_highs(self, reading: Reading) -> None:
        for kind, clears in CLEARS:
            if reading.bound is Bound.LOW or (reading.bound is None and reading.mg_dl <= clears):
                assert kind not in self.watch.alarms.on


def _reading(source: str, mg_dl: int, watch: Watch, every: float, late: timedelta) -> Reading:
    """A reading of the moment that the next look is at, or a little older."""
    bound = Bound.LOW if mg_dl < 40 else Bound.HIGH if mg_dl > 400 else None
    return replace(row(0, mg_dl, source, bound=bound), time=watch.now + every * MINUTE - late)


def _check_began(one: Happening) -> None:
    """An alarm begins with a reading, and one that must last long before it fires."""
    assert one.reading is not None
    assert one.began is not None
    assert one.extreme_mg_dl is not None
    lasted = one.reading.time - one.began
    if one.kind in LASTING:
        assert lasted >= DEFAULTS.day[one.kind].delay
    if one.kind is AlarmKind.SUSTAINED_HIGH:
        assert one.extreme_mg_dl >= max(one.reading.mg_dl, 181)
    if one.kind is AlarmKind.SENSOR_FAULT_SUSPECTED:
        assert one.extreme_mg_dl == one.reading.mg_dl


def _under(reading: Reading, mg_dl: int) -> bool:
    return reading.bound is Bound.LOW or (reading.bound is None and reading.mg_dl < mg_dl)


def _worse_or_opposite(fired: AlarmKind, kind: AlarmKind) -> bool:
    one, other = STANDING[fired], STANDING[kind]
    if Side.NEITHER in {one.side, other.side}:
        return False
    return one.side is not other.side or one.severity > other.severity


@pytest.mark.timeout(max(120, STEPS // 200))
def test_nothing_wrong_is_ever_said_and_nothing_needed_left_unsaid() -> None:
    played = 0

    @settings(
        max_examples=100,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(PLOTS)
    def plays(plot: list[Act]) -> None:
        nonlocal played
        play = Play()
        for act in plot:
            play.act(act)
        played += play.steps

    while played < STEPS:
        plays()
    assert played >= STEPS
    print(f"{played} steps")  # noqa: T201 - the count is part of the proof


@given(situations(repeated=True))
@settings(deadline=None)
def test_what_readings_alone_bring_back_has_every_current_low(situation: Situation) -> None:
    readings = sorted(situation.readings, key=lambda reading: reading.time)
    alarms = rebuilt(
        readings,
        order=situation.order,
        cadences=situation.cadences,
        rules=DEFAULTS,
        now=situation.now,
    )
    seen = view(
        readings,
        order=situation.order,
        cadences=situation.cadences,
        now=situation.now,
        withdrawn_at_least=WITHDRAWN_AT_LEAST,
    )
    alarms, told = advance(alarms, seen, DEFAULTS, timedelta())
    if seen.reading is not None and _under(seen.reading, 54):
        assert AlarmKind.URGENT_LOW in alarms.on
    assert all(one.what is not What.REPEATED for one in told)
