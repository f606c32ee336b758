"""Which windows of the day are sure, matter and are told: of those that overlap, the strongest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from ..insight import InsightKind
from ..metrics.number import BoolArray, FloatArray, IntArray
from .chances import BUDGET, Chances
from .day_table import BIN_MINUTES, START_BINS
from .questions import LEAST_RISE, Question
from .turned_days import Asked

DAY_MINUTES = 1440
_WEEK_MINUTES = 7 * DAY_MINUTES
# It is so on most of the days that count.
MOST = 0.6
# Beyond what the same days have at any hour: mg/dL of a rise, share of days for lows and highs.
_LEAST_MORE = 15.0
_LEAST_DAWN = 20.0
_LEAST_MORE_OFTEN = 0.2
_LEAST_NIGHT = 30.0
# Minutes after a low in which glucose still comes back.
_WAY_OUT = 60
# A dawn is the more exact word for its rise, and a rise says why it is high after it.
_ORDER = (
    InsightKind.RECURRENT_LOW,
    InsightKind.DAWN,
    InsightKind.RISE,
    InsightKind.OVERNIGHT_DRIFT,
    InsightKind.RECURRENT_HIGH,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """A stretch of the day on some weekdays: `chosen` are the days that count for it."""

    question: Question
    weekdays: tuple[int, ...]
    start: int
    chosen: BoolArray
    strength: float
    chance: float

    @property
    def sizes(self) -> FloatArray:
        """Each chosen day's size, mg/dL."""
        found: FloatArray = self.question.told.sizes[self.chosen, self.start]
        return found

    @property
    def effect(self) -> float:
        """The typical size."""
        return float(np.median(self.sizes))

    @property
    def so(self) -> BoolArray:
        """On which of the chosen days it was so: of falls and rises, as it typically is."""
        so: BoolArray = self.question.told.so[self.chosen, self.start]
        return so & (np.sign(self.sizes) == np.sign(self.effect)) if self.question.signed else so

    @property
    def begins(self) -> int:
        """Minutes after midnight."""
        return self.start * START_BINS * BIN_MINUTES

    @property
    def minutes(self) -> int:
        """How long it is."""
        return self.question.told.bins * BIN_MINUTES

    def matters(self) -> bool:
        """Tell whether it is so on most days, and of a size that a person would act on.

        Rises and dawns typically 30 and 20 mg/dL, and 15 more than what the same days have at
        any hour; a night's drift 30; lows and highs on 20 in 100 days more than at any hour.
        """
        if self.so.mean() < MOST:
            return False
        question = self.question
        if question.kind is InsightKind.OVERNIGHT_DRIFT:
            return abs(self.effect) >= _LEAST_NIGHT
        known = question.known[self.chosen]
        if question.shares:
            often = question.told.so[self.chosen][known].mean()
            return bool(self.so.mean() - often >= _LEAST_MORE_OFTEN)
        usual = float(np.median(question.told.sizes[self.chosen][known]))
        least = LEAST_RISE if question.kind is InsightKind.RISE else _LEAST_DAWN
        return self.effect >= least and self.effect - usual >= _LEAST_MORE

    def is_told_by(self, other: Window) -> bool:
        """Tell whether the other, told before, says the same: days and hours in common.

        Of one kind any hour in common is enough. Of two, a rise that begins in a low, or within
        an hour of it, is the way out; else half of the shorter must be in common, and both go
        the same way.
        """
        kind, told = self.question.kind, other.question.kind
        common = self._common(other)
        if kind is told:
            return common > 0
        if kind is InsightKind.RISE and told is InsightKind.RECURRENT_LOW:
            after = (self.begins - other.begins) % DAY_MINUTES
            return after <= other.minutes + _WAY_OUT and self._common(other, _WAY_OUT) > 0
        return self._rises is other._rises and common * 2 >= min(self.minutes, other.minutes)

    def _common(self, other: Window, longer: int = 0) -> int:
        """Return the most minutes that two have in common: Thursday's last hour is Friday's."""
        begin = np.subtract.outer(other.weekdays, self.weekdays) * DAY_MINUTES
        after = begin + other.begins - self.begins
        after = (after + _WEEK_MINUTES // 2) % _WEEK_MINUTES - _WEEK_MINUTES // 2
        common = np.minimum(self.minutes, after + other.minutes + longer) - np.maximum(after, 0)
        return max(int(common.max()), 0)

    @property
    def _rises(self) -> bool:
        """Whether it is about more glucose rather than less."""
        return self.effect > 0


def told_windows(asked: Iterable[Asked], weekdays: IntArray, chances: Chances) -> list[Window]:
    """Return the windows to tell: lows first, then what explains the most, the surest first."""
    sure = [window for one in asked for window in _sure(one, weekdays, chances)]
    sure.sort(
        key=lambda window: (
            _ORDER.index(window.question.kind),
            window.chance,
            -window.strength,
        )
    )
    told: list[Window] = []
    # Also what was not told because another said it already speaks for its weaker neighbours.
    known: list[Window] = []
    for window in sure:
        if window.matters():
            if not any(window.is_told_by(other) for other in known):
                told.append(window)
            known.append(window)
    return told


def _sure(one: Asked, weekdays: IntArray, chances: Chances) -> Iterator[Window]:
    question = one.question
    for row, start in zip(*np.nonzero(~np.isnan(one.strengths)), strict=True):
        strength = float(one.strengths[row, start])
        chance = chances.of(question.kind, strength)
        if chance <= BUDGET:
            chosen = np.isin(weekdays, question.weekday_sets[row]) & question.known[:, start]
            yield Window(
                question=question,
                weekdays=question.weekday_sets[row],
                start=int(start),
                chosen=chosen,
                strength=strength,
                chance=chance,
            )
