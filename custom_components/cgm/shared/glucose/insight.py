"""What passed its test and is said: a pattern in glucose, or a link with something in life."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum, unique
from itertools import pairwise

EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)
WORKING_DAYS = EVERY_DAY[:5]
WEEKEND = EVERY_DAY[5:]


@unique
class InsightKind(StrEnum):
    """Which question was asked of the readings."""

    RECURRENT_LOW = "recurrent_low"
    RECURRENT_HIGH = "recurrent_high"
    RISE = "rise"
    DAWN = "dawn"
    OVERNIGHT_DRIFT = "overnight_drift"
    WEEKEND_DIFFERENCE = "weekend_difference"
    CHANGE = "change"
    LINK = "link"
    MAY_PRECEDE = "may_precede"
    RULE = "rule"
    MEAL_RESPONSE = "meal_response"


@unique
class Outcome(StrEnum):
    """What of a day, or of a stretch of it, an insight is about; percentages in points."""

    GLUCOSE = "glucose"
    IN_RANGE = "in_range"
    LOW = "low"
    MEAN = "mean"
    CV = "cv"
    OVERNIGHT_MEAN = "overnight_mean"

    @property
    def is_mg_dl(self) -> bool:
        """Whether it is counted in mg/dL; in percentage points otherwise."""
        return self in {Outcome.GLUCOSE, Outcome.MEAN, Outcome.OVERNIGHT_MEAN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Days on which a factor, so many days before, was at least or at most so much, in its unit.

    Raises ValueError where it is not one of the two.
    """

    factor: str
    lag_days: int = 0
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        """Refuse a condition without a side, or with both."""
        if (self.at_least is None) is (self.at_most is None):
            raise ValueError("a condition is either at least or at most so much")


@dataclass(frozen=True, slots=True, kw_only=True)
class Insight:
    """One thing that tends to be so.

    `weekdays` (0 is Monday) are those it was looked for on and found; `start` and `end` the
    wearer's local times, `end` before `start` across midnight, None for whole days. It was so on
    `days` out of `n_eligible`. `effect` is the typical size, signed, in mg/dL or in percentage
    points as the outcome is counted; half of the days lie between `low` and `high`. `elsewhere`
    is the same on all other weekdays. `extreme_mg_dl` is typically reached near `extreme_at`.
    Links name their `factors`; `lag_days` is how many days later. The effect of a link is the mean
    of days with much minus that of days with little (its two `conditions`), of a rule that of
    days on which all `conditions` hold minus that of all others; there `low` and `high` are its
    95 % interval. `chance` is the probability
    that chance alone has this or anything like it reported, over everything tried; the smaller,
    the surer. `chart` are (minutes since local midnight, typical mg/dL), by minutes.
    Raises ValueError for what cannot be meant.
    """

    kind: InsightKind
    days: tuple[date, ...]
    n_eligible: int
    effect: float
    low: float
    high: float
    chance: float
    weekdays: tuple[int, ...] = EVERY_DAY
    start: time | None = None
    end: time | None = None
    outcome: Outcome = Outcome.GLUCOSE
    elsewhere: float | None = None
    extreme_mg_dl: float | None = None
    extreme_at: time | None = None
    factors: tuple[str, ...] = ()
    lag_days: int = 0
    correlation: float | None = None
    chart: tuple[tuple[int, float], ...] = ()
    conditions: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not 0 < len(self.days) <= self.n_eligible:
            raise ValueError("an insight is of at least one of the days that count")
        if any(sooner >= later for sooner, later in pairwise(self.days)):
            raise ValueError("days are told once, oldest first")
        if not self.weekdays or not set(self.weekdays) <= set(EVERY_DAY):
            raise ValueError("weekdays are 0 to 6, at least one")
        if (self.start is None) is not (self.end is None):
            raise ValueError("a stretch of the day has a start and an end")
        if not 0 <= self.chance <= 1:
            raise ValueError("a probability lies in 0..1")
        numbers = (self.effect, self.low, self.high)
        if not all(map(math.isfinite, numbers)) or self.low > self.high:
            raise ValueError("an effect and its spread are numbers, in order")

    @property
    def n_days(self) -> int:
        """On how many days it was so."""
        return len(self.days)
