"""Whether what is seen is one alarm's business: out, back in, in between, or not to be known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from ..merge import AHEAD_TOLERANCE
from ..reading import Bound
from ..trend import SLIGHT
from .kinds import STANDING, AlarmKind
from .state import Mark, Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from ..reading import Reading
    from .rules import Rule
    from .state import AlarmState
    from .view import View

FALLING_BELOW_MG_DL = 130
RISING_ABOVE_MG_DL = 150
# Near a low, or on the way to one, missing data are asked after earlier.
STALE_NEAR_LOW_MG_DL = 80
STALE_NEAR_LOW = timedelta(minutes=15)
# A rate or a forecast that cannot be made again within its own horizon is over.
REASON_LASTS = timedelta(minutes=30)


class Answer(StrEnum):
    """What a rule says of a view."""

    OUT = "out"
    BACK = "back"
    BETWEEN = "between"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, the reading that gave it, and what else is to be said of it.

    `since` is when it began to be so, where the readings up to now tell and the rule itself
    waits: of what has been above for two hours, the first reading above.
    """

    answer: Answer
    reading: Reading | None = None
    since: datetime | None = None
    marks: frozenset[Mark] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a verdict is made of: the rule, the alarm's state so far, those judged before it."""

    kind: AlarmKind
    view: View
    rule: Rule
    state: AlarmState
    judged: Mapping[AlarmKind, AlarmState]

    @property
    def threshold(self) -> float:
        """The rule's threshold; rules.py lets no alarm that asks for it be without."""
        return cast("float", self.rule.threshold)

    @property
    def clears_at(self) -> float:
        """Where glucose is back: behind the threshold by the alarm's margin."""
        return STANDING[self.kind].over_at(self.threshold)


_UNKNOWN = Verdict(Answer.UNKNOWN)


def _low(case: Case) -> Verdict:
    """Judge by the leading value, by other current sources if urgent, and by a finger-stick.

    A value that others raised clears when the leader and whoever raised it are back; one that
    a finger-stick raised, when the leader has a newer reading that is. A finger-stick raises
    once, and what was noted of one that is ahead of the clock, which was set back, is no more.
    """
    view, reading, state = case.view, case.view.reading, case.state
    if reading is not None and _below(reading, case.threshold):
        return Verdict(Answer.OUT, reading)
    others = view.others if case.kind is AlarmKind.URGENT_LOW else ()
    for other in others:
        if _below(other, case.threshold):
            return Verdict(Answer.OUT, other, marks=frozenset({Mark.OTHER_SOURCE}))
    meter = view.meter
    if meter is not None and _below(meter, case.threshold) and _after(meter, state.metered, view):
        return Verdict(Answer.OUT, meter, marks=frozenset({Mark.METER}))
    if reading is None:
        return _UNKNOWN
    for other in others:
        if other.source == state.raised_by and _below(other, case.clears_at):
            return Verdict(Answer.BETWEEN, other, marks=frozenset({Mark.OTHER_SOURCE}))
    newer = _after(reading, state.cleared_only_after, view)
    back = newer and not _below(reading, case.clears_at)
    return Verdict(Answer.BACK if back else Answer.BETWEEN, reading)


def _high(case: Case) -> Verdict:
    """Judge by the leading value alone."""
    reading = case.view.reading
    if reading is None:
        return _UNKNOWN
    if _above(reading, case.threshold):
        return Verdict(Answer.OUT, reading)
    return Verdict(Answer.BETWEEN if _above(reading, case.clears_at) else Answer.BACK, reading)


def _sustained_high(case: Case) -> Verdict:
    """Judge by how long the leading value has been above, unless it is on its way down."""
    reading = case.view.reading
    if reading is None:
        return _UNKNOWN
    if not _above(reading, case.threshold):
        return Verdict(Answer.BACK, reading)
    rate = case.view.rate_mg_dl_per_minute
    falling = rate is not None and rate < -SLIGHT
    since = case.view.above_since(case.threshold)
    long = since is not None and reading.time - since >= case.rule.delay
    return Verdict(Answer.OUT if long and not falling else Answer.BETWEEN, reading, since)


def _predicted_low(case: Case) -> Verdict:
    """Judge by the forecast, and not at all once the low is there.

    A drop that pressure may have made and that keeps the low waiting foretells nothing either.
    """
    reading = case.view.reading
    if reading is None:
        return _UNKNOWN
    low = case.judged[AlarmKind.LOW]
    if low.on or case.judged[AlarmKind.URGENT_LOW].on:
        return Verdict(Answer.BACK, reading)
    if low.phase is Phase.PENDING and low.steep is not None:
        return Verdict(Answer.BETWEEN, reading)
    forecast = case.view.forecast_mg_dl
    if forecast is None:
        return _no_reason(case, reading)
    if forecast < case.threshold:
        return Verdict(Answer.OUT, reading)
    return Verdict(Answer.BETWEEN if forecast < case.clears_at else Answer.BACK, reading)


def _fast(case: Case) -> Verdict:
    """Judge by the rate of the last 15 minutes, where the way leads out of range.

    The rate is the one that is shown (slope.py): after a gap or a new sensor it may be made of
    less than 15 minutes, of two readings at least 4 minutes apart at the least. It clears at
    1.5 mg/dL a minute, and at half its threshold where that is less: else it would flutter.
    """
    reading, rate = case.view.reading, case.view.rate_mg_dl_per_minute
    if reading is None:
        return _UNKNOWN
    if rate is None:
        return _no_reason(case, reading)
    if case.kind is AlarmKind.FALLING_FAST:
        speed, near = -rate, reading.mg_dl < FALLING_BELOW_MG_DL
    else:
        speed, near = rate, reading.mg_dl > RISING_ABOVE_MG_DL
    if speed >= case.threshold and near:
        return Verdict(Answer.OUT, reading)
    slow = speed <= min(STANDING[case.kind].clears_by, case.threshold / 2)
    return Verdict(Answer.BACK if slow else Answer.BETWEEN, reading)


def _stale(case: Case) -> Verdict:
    """Judge by the age of the last reading once it may not be shown any more.

    A source that measures every 15 minutes is therefore missed after 33. While a sensor warms
    up, or the sources have just begun, nothing begins and nothing is said again.
    """
    view = case.view
    if view.reading is not None:
        return Verdict(Answer.BACK, view.reading)
    last = view.last_known
    if last is None:
        return _UNKNOWN
    quiet = view.quiet_until is not None and view.now < view.quiet_until
    if view.settling or quiet:
        return Verdict(Answer.BETWEEN, last)
    near = _below(last, STALE_NEAR_LOW_MG_DL) or view.was_falling
    after = min(case.rule.delay, STALE_NEAR_LOW) if near else case.rule.delay
    return Verdict(Answer.OUT if view.now - last.time >= after else Answer.BETWEEN, last)


def _sensor_fault(case: Case) -> Verdict:
    """Judge by how long the value has not changed at all; a changed value or a gap ends it."""
    reading, since = case.view.reading, case.view.flat_since
    if reading is None:
        return _UNKNOWN
    if since is not None and reading.time - since >= case.rule.delay:
        return Verdict(Answer.OUT, reading, since)
    return Verdict(Answer.BACK, reading)


def _no_reason(case: Case, reading: Reading) -> Verdict:
    """Answer where a gap or a LOW or HIGH leaves no rate and no forecast."""
    judged = case.state.reading
    if judged is not None and abs(reading.time - judged.time) > REASON_LASTS:
        return Verdict(Answer.BACK, reading)
    return _UNKNOWN


def _after(reading: Reading, noted: datetime | None, view: View) -> bool:
    """Tell whether a reading is newer than a noted one, which counts unless ahead of the clock."""
    return noted is None or reading.time > noted or noted > view.now + AHEAD_TOLERANCE


def _below(reading: Reading, mg_dl: float) -> bool:
    """Tell whether a reading is under a threshold; LOW is under every one, HIGH under none."""
    return reading.bound is Bound.LOW or (reading.bound is None and reading.mg_dl < mg_dl)


def _above(reading: Reading, mg_dl: float) -> bool:
    """Tell whether a reading is over a threshold; HIGH is over every one, LOW over none."""
    return reading.bound is Bound.HIGH or (reading.bound is None and reading.mg_dl > mg_dl)


# In this order: of one side the worst first, so that a milder one knows what is said already.
JUDGES: Mapping[AlarmKind, Callable[[Case], Verdict]] = MappingProxyType(
    {
        AlarmKind.URGENT_LOW: _low,
        AlarmKind.LOW: _low,
        AlarmKind.PREDICTED_LOW: _predicted_low,
        AlarmKind.FALLING_FAST: _fast,
        AlarmKind.URGENT_HIGH: _high,
        AlarmKind.HIGH: _high,
        AlarmKind.SUSTAINED_HIGH: _sustained_high,
        AlarmKind.RISING_FAST: _fast,
        AlarmKind.STALE: _stale,
        AlarmKind.SENSOR_FAULT_SUSPECTED: _sensor_fault,
    }
)
