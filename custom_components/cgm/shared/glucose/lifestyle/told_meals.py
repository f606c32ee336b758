"""What glucose typically does after meals of a time of day, where it does so unusually."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from ..findings import Missing
from ..insight import Insight, InsightKind
from ..metrics.number import FloatArray
from ..patterns.chances import Chances
from ..patterns.day_table import BIN_MINUTES
from ..patterns.day_values import BEFORE_BINS
from ..patterns.telling import clock
from ..patterns.windows import DAY_MINUTES
from .budget import BUDGET, MOST
from .factors import CARBS
from .meals import MealResponse

LEAST_MEALS = 14
# A rise that matters, mg/dL, and what the curve of fewer meals would be worth.
_LEAST_RISE = 30.0
_LEAST_TYPICAL = 4
# Morning, midday, evening; who eats by night has too few meals of a kind.
_TIMES = ((240, 630), (630, 960), (960, 1380))
# The variance of a rank that is spread evenly over -0.5..0.5.
_EVEN = 1 / 12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Meals:
    """A time of day's meals, the largest of each day."""

    meals: tuple[MealResponse, ...]

    @property
    def strength(self) -> float:
        """The sum of ranks in units of its spread by chance."""
        return sum(meal.rank for meal in self.meals) / math.sqrt(len(self.meals) * _EVEN)


def meals_by_time(responses: Sequence[MealResponse]) -> tuple[list[Meals], list[Missing]]:
    """Return the times of day with meals enough; what is missing where none has."""
    found = []
    most = 0
    for begin, end in _TIMES:
        largest: dict[date, MealResponse] = {}
        for meal in responses:
            if begin <= meal.minute < end and meal.grams > _grams(largest.get(meal.day)):
                largest[meal.day] = meal
        most = max(most, len(largest))
        if len(largest) >= LEAST_MEALS:
            found.append(Meals(meals=tuple(largest[day] for day in sorted(largest))))
    if found or not responses:
        return found, []
    return found, [
        Missing(kind=InsightKind.MEAL_RESPONSE, have=most, need=LEAST_MEALS, factors=(CARBS,))
    ]


def strongest(asked: Sequence[Meals], rounds: int, rng: np.random.Generator) -> FloatArray:
    """Return the largest strength of each round of meals at random moments of their days."""
    found = []
    for one in asked:
        ranks = rng.uniform(-0.5, 0.5, size=(rounds, len(one.meals)))
        found.append(ranks.sum(axis=1) / math.sqrt(len(one.meals) * _EVEN))
    largest: FloatArray = np.max(found, axis=0)
    return largest


def told_meals(asked: Sequence[Meals], chances: Chances) -> tuple[Insight, ...]:
    """Tell what is sure and matters."""
    found = []
    for one in asked:
        chance = chances.of(InsightKind.MEAL_RESPONSE, one.strength)
        rises = np.array([meal.rise for meal in one.meals])
        so = rises >= _LEAST_RISE
        if chance > BUDGET or np.median(rises) < _LEAST_RISE or so.sum() < MOST * len(rises):
            continue
        minutes = np.array([meal.minute for meal in one.meals])
        middle = float(np.median(minutes))
        to_peak = float(np.median([meal.minutes_to_peak for meal in one.meals]))
        low, high = np.percentile(rises, (25, 75))
        earliest, latest = np.percentile(minutes, (10, 90))
        found.append(
            Insight(
                kind=InsightKind.MEAL_RESPONSE,
                days=tuple(meal.day for meal, was in zip(one.meals, so, strict=True) if was),
                n_eligible=len(rises),
                effect=float(np.median(rises)),
                low=float(low),
                high=float(high),
                chance=chance,
                start=clock(float(earliest)),
                end=clock(float(latest)),
                extreme_mg_dl=float(np.median([meal.peak for meal in one.meals])),
                extreme_at=clock(middle + to_peak),
                factors=(CARBS,),
                chart=_chart(one, middle),
            )
        )
    return tuple(found)


def _grams(meal: MealResponse | None) -> float:
    return 0.0 if meal is None else meal.grams


def _chart(one: Meals, middle: float) -> tuple[tuple[int, float], ...]:
    """Return typical glucose around the typical meal, until midnight."""
    curves = np.array([meal.curve for meal in one.meals])
    begin = round(middle / BIN_MINUTES) - BEFORE_BINS
    return tuple(
        ((begin + place) * BIN_MINUTES, round(float(np.nanmedian(column)), 1))
        for place, column in enumerate(curves.T)
        if np.count_nonzero(~np.isnan(column)) >= _LEAST_TYPICAL
        and 0 <= (begin + place) * BIN_MINUTES < DAY_MINUTES
    )
