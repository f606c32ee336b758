"""What a wearer's alarms are set to, by day and by night, and which settings contradict."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, tzinfo
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..errors import GlucoseError
from ..forecast.ar2 import HORIZON
from ..reading import HIGHEST_MG_DL, LOWEST_MG_DL
from .kinds import STANDING, AlarmKind

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_DELAY = timedelta(hours=4)
LATEST_STALE = timedelta(hours=2)
# mg/dL per minute: glucose does not move faster, and slower is no alarm's business.
SLOWEST_FAST, FASTEST = 1.0, 6.0


class Part(StrEnum):
    """The part of the day a rule is for."""

    DAY = "day"
    NIGHT = "night"


class Contradiction(StrEnum):
    """Why rules cannot be used."""

    THRESHOLDS_DO_NOT_RISE = "thresholds_do_not_rise"
    SUSTAINED_HIGH_NOT_ABOVE_LOW = "sustained_high_not_above_low"
    SUSTAINED_HIGH_ABOVE_HIGH = "sustained_high_above_high"
    PREDICTED_LOW_BELOW_URGENT_LOW = "predicted_low_below_urgent_low"
    PREDICTED_LOW_TOO_LATE = "predicted_low_too_late"
    LOW_AND_HIGH_OVERLAP = "low_and_high_overlap"
    PREDICTED_LOW_REACHES_HIGH = "predicted_low_reaches_high"
    OUT_OF_RANGE = "out_of_range"
    URGENT_LOW_IS_NEVER_DELAYED = "urgent_low_is_never_delayed"


class ContradictoryRules(GlucoseError, ValueError):  # noqa: N818 - named for what to change
    """The rules of `part` contradict: change what `reason` names."""

    def __init__(self, reason: Contradiction, part: Part) -> None:
        """Keep what has to be changed."""
        super().__init__(f"{reason} ({part})")
        self.reason = reason
        self.part = part


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one alarm is set to.

    `threshold` is whole mg/dL, or mg/dL per minute for falling and rising fast, and None for
    stale and for a suspected fault. `delay` is how long the condition must hold: of stale how
    old the last reading must be, of sustained high how long glucose must have been above.
    """

    on: bool = True
    threshold: float | None = None
    delay: timedelta = timedelta()


DEFAULTS: Mapping[AlarmKind, Rule] = MappingProxyType(
    {
        AlarmKind.URGENT_LOW: Rule(threshold=54),
        AlarmKind.LOW: Rule(threshold=70),
        AlarmKind.PREDICTED_LOW: Rule(threshold=70),
        AlarmKind.FALLING_FAST: Rule(threshold=3.0),
        AlarmKind.URGENT_HIGH: Rule(threshold=300),
        AlarmKind.HIGH: Rule(threshold=250, delay=timedelta(minutes=15)),
        AlarmKind.SUSTAINED_HIGH: Rule(threshold=180, delay=timedelta(minutes=120)),
        AlarmKind.RISING_FAST: Rule(threshold=3.0),
        AlarmKind.STALE: Rule(delay=timedelta(minutes=20)),
        AlarmKind.SENSOR_FAULT_SUSPECTED: Rule(delay=timedelta(hours=2)),
    }
)
_RATES = (AlarmKind.FALLING_FAST, AlarmKind.RISING_FAST)
_LEVELS = (AlarmKind.URGENT_LOW, AlarmKind.LOW, AlarmKind.HIGH, AlarmKind.URGENT_HIGH)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRules:
    """The rules of every alarm, by day and by night; raises ContradictoryRules.

    Alarms that are not named have their defaults. Night is from `night_from` until `night_to`
    on the clock of `zone`; where the two are equal there is no night.
    """

    zone: tzinfo
    day: Mapping[AlarmKind, Rule] = field(default_factory=dict)
    night: Mapping[AlarmKind, Rule] = field(default_factory=dict)
    night_from: time = time(22)
    night_to: time = time(22)

    def __post_init__(self) -> None:
        """Complete both parts and refuse what cannot be meant."""
        for part in Part:
            rules = {**DEFAULTS, **getattr(self, part)}
            _check(rules, part)
            object.__setattr__(self, part, MappingProxyType(rules))

    def part(self, now: datetime) -> Part:
        """Return the part of the day at `now` (aware)."""
        clock = now.astimezone(self.zone).time()
        if self.night_from <= self.night_to:
            night = self.night_from <= clock < self.night_to
        else:
            night = clock >= self.night_from or clock < self.night_to
        return Part.NIGHT if night else Part.DAY

    def at(self, now: datetime) -> Mapping[AlarmKind, Rule]:
        """Return the rules that hold at `now`."""
        return self.night if self.part(now) is Part.NIGHT else self.day


def _check(rules: Mapping[AlarmKind, Rule], part: Part) -> None:
    """Refuse thresholds that overlap or that no glucose can reach, whether on or off.

    Where the lows are over no high may still be on, and the other way round: there must be a
    value at which all is well, and none at which both sides are on.
    """
    if not all(_possible(kind, rule) for kind, rule in rules.items()):
        raise ContradictoryRules(Contradiction.OUT_OF_RANGE, part)
    threshold = {kind: rule.threshold or 0.0 for kind, rule in rules.items()}
    low_is_over, high_is_over = _over(threshold, AlarmKind.LOW), _over(threshold, AlarmKind.HIGH)
    predicted_is_over = _over(threshold, AlarmKind.PREDICTED_LOW)
    predicted, sustained = threshold[AlarmKind.PREDICTED_LOW], threshold[AlarmKind.SUSTAINED_HIGH]
    rising = all(threshold[low] < threshold[high] for low, high in pairwise(_LEVELS))
    # In the order in which they are to be corrected.
    contradictions = {
        Contradiction.URGENT_LOW_IS_NEVER_DELAYED: bool(rules[AlarmKind.URGENT_LOW].delay),
        Contradiction.THRESHOLDS_DO_NOT_RISE: not rising,
        Contradiction.LOW_AND_HIGH_OVERLAP: low_is_over > high_is_over,
        Contradiction.SUSTAINED_HIGH_NOT_ABOVE_LOW: sustained < low_is_over,
        Contradiction.SUSTAINED_HIGH_ABOVE_HIGH: sustained > threshold[AlarmKind.HIGH],
        Contradiction.PREDICTED_LOW_BELOW_URGENT_LOW: predicted < threshold[AlarmKind.URGENT_LOW],
        Contradiction.PREDICTED_LOW_TOO_LATE: rules[AlarmKind.PREDICTED_LOW].delay >= HORIZON,
        Contradiction.PREDICTED_LOW_REACHES_HIGH: predicted_is_over > min(high_is_over, sustained),
    }
    for reason, found in contradictions.items():
        if found:
            raise ContradictoryRules(reason, part)


def _over(threshold: Mapping[AlarmKind, float], kind: AlarmKind) -> float:
    return STANDING[kind].over_at(threshold[kind])


def _possible(kind: AlarmKind, rule: Rule) -> bool:
    """Tell whether a rule has the values its alarm needs, in bounds anybody can mean."""
    longest = LATEST_STALE if kind is AlarmKind.STALE else LONGEST_DELAY
    if not timedelta() <= rule.delay <= longest:
        return False
    if DEFAULTS[kind].threshold is None:
        # Nothing is known to be missing before a value can be withdrawn.
        return rule.threshold is None and rule.delay >= timedelta(minutes=11)
    if rule.threshold is None:
        return False
    if kind in _RATES:
        return SLOWEST_FAST <= rule.threshold <= FASTEST
    return type(rule.threshold) is int and LOWEST_MG_DL < rule.threshold < HIGHEST_MG_DL
