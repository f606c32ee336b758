"""How many carbohydrates are still to be absorbed: three shapes of absorption over a set time.

With x the time since the meal, less a delay, over the absorption time, F(x) is the share absorbed:

    linear      F = x
    parabolic   F = 2 x^2 up to the middle, then -1 + 2 x (2 - x)   (Scheiner)
    piecewise   rate rising over the first 15 %, level to the middle, then falling to nothing
                (Loop): s = 2 / 1.35; F = s x^2 / 0.3; s (x - 0.075); s (0.425 + (x - 0.5)(1.5 - x))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from ..treatment import Treatment, TreatmentKind

USUAL_DELAY = timedelta(minutes=10)
SHORTEST = timedelta(minutes=30)
LONGEST = timedelta(hours=10)
_MIDDLE = 0.5
_RISEN = 0.15
# The area under a rate of 1 that rises over 0.15, stays to 0.5 and falls to 1 is 1.35 / 2.
_RATE = 2 / 1.35


class Absorption(StrEnum):
    """The shape of absorption."""

    PARABOLIC = "parabolic"
    LINEAR = "linear"
    PIECEWISE = "piecewise"


@dataclass(frozen=True, slots=True, kw_only=True)
class CarbModel:
    """How a meal is absorbed: over `duration` (30 minutes to 10 hours), beginning after `delay`.

    `delay` is 0 to 60 minutes. Raises ValueError.
    """

    duration: timedelta = timedelta(minutes=180)
    delay: timedelta = USUAL_DELAY
    absorption: Absorption = Absorption.PARABOLIC

    def __post_init__(self) -> None:
        """Refuse what is no meal's."""
        if not SHORTEST <= self.duration <= LONGEST:
            raise ValueError("a meal is absorbed in 30 minutes to 10 hours")
        if not timedelta(0) <= self.delay <= timedelta(hours=1):
            raise ValueError("the delay is 0 to 60 minutes")

    def absorbed(self, age: timedelta) -> float:
        """Return the share of a meal of this age that is absorbed: 0 at first, 1 at last."""
        x = (age - self.delay) / self.duration
        if x <= 0:
            return 0.0
        if x >= 1:
            return 1.0
        return _SHARES[self.absorption](x)


def _linear(x: float) -> float:
    return x


def _parabolic(x: float) -> float:
    return 2 * x * x if x <= _MIDDLE else 2 * x * (2 - x) - 1


def _piecewise(x: float) -> float:
    if x < _RISEN:
        return _RATE * x * x / (2 * _RISEN)
    if x < _MIDDLE:
        return _RATE * (x - _RISEN / 2)
    return _RATE * (_MIDDLE - _RISEN / 2 + (x - _MIDDLE) * (1 - (x - _MIDDLE)))


_SHARES: Mapping[Absorption, Callable[[float], float]] = MappingProxyType(
    {
        Absorption.LINEAR: _linear,
        Absorption.PARABOLIC: _parabolic,
        Absorption.PIECEWISE: _piecewise,
    }
)


def carbs_on_board(treatments: Iterable[Treatment], model: CarbModel, now: datetime) -> float:
    """Return the grams eaten up to `now` that are still to be absorbed.

    What was logged without its amount does not count, nor what is planned.
    """
    return math.fsum(
        treatment.amount * (1 - model.absorbed(now - treatment.time))
        for treatment in treatments
        if treatment.kind is TreatmentKind.CARBS
        and treatment.amount is not None
        and treatment.time <= now
    )
