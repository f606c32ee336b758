"""How much rapid insulin is still at work: the exponential model, for every dose still acting.

The curve is LoopAlgorithm's (MIT), which oref0 uses too, there without the delay; its two numbers
are how long a dose acts (td) and when it acts most (tp). With t the minutes since the dose, less
the delay:

    tau = tp (1 - tp/td) / (1 - 2 tp/td)      a = 2 tau / td
    S = 1 / (1 - a + (1 + a) exp(-td/tau))
    left(t) = 1 - S (1 - a) [(t^2 / (tau td (1 - a)) - t/tau - 1) exp(-t/tau) + 1]
    activity(t) = S / tau^2 * t (1 - t/td) exp(-t/tau)   per minute

It says what was taken and is not yet used, and advises no dose.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from ..treatment import Treatment, TreatmentKind

USUAL_DELAY = timedelta(minutes=10)
SHORTEST = timedelta(hours=2)
LONGEST = timedelta(hours=12)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class InsulinModel:
    """How one insulin acts: for `duration`, most of all at `peak`, beginning after `delay`.

    `duration` is 2 to 12 hours, `peak` less than half of it (else the formula has no answer),
    `delay` 0 to 60 minutes. Raises ValueError.
    """

    duration: timedelta = timedelta(minutes=360)
    peak: timedelta = timedelta(minutes=75)
    delay: timedelta = USUAL_DELAY

    def __post_init__(self) -> None:
        """Refuse what the formula cannot answer."""
        if not SHORTEST <= self.duration <= LONGEST:
            raise ValueError("insulin acts for 2 to 12 hours")
        if not timedelta(0) < self.peak < self.duration / 2:
            raise ValueError("insulin peaks before half of its duration")
        if not timedelta(0) <= self.delay <= timedelta(hours=1):
            raise ValueError("the delay is 0 to 60 minutes")

    def left(self, age: timedelta) -> float:
        """Return the share of a dose of this age that is still to act: 1 at first, 0 at last."""
        t = (age - self.delay) / _MINUTE
        td = self.duration / _MINUTE
        if t <= 0:
            return 1.0
        if t >= td:
            return 0.0
        tau, a, scale = self._shape()
        curve = (t * t / (tau * td * (1 - a)) - t / tau - 1) * math.exp(-t / tau) + 1
        return 1 - scale * (1 - a) * curve

    def activity(self, age: timedelta) -> float:
        """Return the share of a dose of this age that is used up per minute."""
        t = (age - self.delay) / _MINUTE
        td = self.duration / _MINUTE
        if not 0 < t < td:
            return 0.0
        tau, _, scale = self._shape()
        return scale / tau**2 * t * (1 - t / td) * math.exp(-t / tau)

    def _shape(self) -> tuple[float, float, float]:
        """Return tau in minutes, a and S."""
        td, tp = self.duration / _MINUTE, self.peak / _MINUTE
        tau = tp * (1 - tp / td) / (1 - 2 * tp / td)
        a = 2 * tau / td
        return tau, a, 1 / (1 - a + (1 + a) * math.exp(-td / tau))


def _preset(duration: int, peak: int) -> InsulinModel:
    return InsulinModel(duration=timedelta(minutes=duration), peak=timedelta(minutes=peak))


# Durations and peaks in minutes as Loop has them.
INSULIN_MODELS: Mapping[str, InsulinModel] = MappingProxyType(
    {
        "adult": _preset(360, 75),
        "child": _preset(360, 65),
        "fiasp": _preset(360, 55),
        "lyumjev": _preset(360, 55),
        "afrezza": _preset(300, 29),
    }
)


def insulin_on_board(treatments: Iterable[Treatment], model: InsulinModel, now: datetime) -> float:
    """Return the units of rapid insulin taken up to `now` that are still to act.

    Long-acting insulin never counts, nor a dose logged without its amount, nor one planned.
    """
    return math.fsum(amount * model.left(age) for amount, age in _doses(treatments, now))


def insulin_activity(treatments: Iterable[Treatment], model: InsulinModel, now: datetime) -> float:
    """Return the units used up per minute at `now`, of what insulin_on_board counts."""
    return math.fsum(amount * model.activity(age) for amount, age in _doses(treatments, now))


def _doses(treatments: Iterable[Treatment], now: datetime) -> Iterable[tuple[float, timedelta]]:
    for treatment in treatments:
        if (
            treatment.kind is TreatmentKind.INSULIN_RAPID
            and treatment.amount is not None
            and treatment.time <= now
        ):
            yield treatment.amount, now - treatment.time
