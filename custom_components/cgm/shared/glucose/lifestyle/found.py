"""The search for what glucose goes with: everything tried, every chance counted, the sure told."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np

from ..findings import Findings, Missing
from ..insight import InsightKind
from ..metrics.number import FloatArray
from ..patterns.chances import Chances
from .day_outcomes import DayOutcomes
from .invented_days import InventedDays
from .laid import LEAST_DAYS, Laid
from .links import Links, told_links
from .meals import MealResponse
from .rules import Rules
from .told_meals import Meals, meals_by_time, strongest, told_meals
from .told_rules import told_rules

# Chance is given this many tries, as in patterns.
ROUNDS = 1999
LAGS = (0, 1, 2)


def found(
    days: Sequence[DayOutcomes],
    factors: Mapping[str, Mapping[date, float]],
    *,
    meals: Sequence[MealResponse] = (),
    lags: Sequence[int] = LAGS,
    rounds: int = ROUNDS,
) -> Findings:
    """Return what the wearer's days go with: links, rules, and responses to meals.

    `factors` are values by local date, in any unit; `lags` how many days before, 0 to 7. Of
    wearers with nothing to find at most 2.5 % are told anything. Equal days give equal findings:
    chance is drawn from a generator seeded by them. Raises ValueError for other lags.
    """
    lags = sorted(set(lags))
    if not lags or not set(lags) <= set(range(8)):
        raise ValueError("lags are 0 to 7 days")
    asked, missing = meals_by_time(meals)
    laid = Laid.of(days, factors, lags)
    links, rules = Links(laid), Rules(laid)
    rng = np.random.default_rng(_seed(laid, asked))
    rounds_of = _strongest(laid, links, rules, rounds, rng)
    if asked:
        rounds_of[InsightKind.MEAL_RESPONSE] = strongest(asked, rounds, rng)
    chances = Chances(rounds_of)
    told = told_links(links, laid, chances, rng)
    return Findings(
        insights=tuple(
            sorted(
                (
                    *told.insights,
                    *told_rules(rules, laid, chances, told.insights, rng),
                    *told_meals(asked, chances),
                ),
                key=lambda insight: insight.chance,
            )
        ),
        tests_run=links.tried + told.partials + rules.tried + len(asked),
        missing=(*_too_few(days, factors), *missing),
    )


def _strongest(
    laid: Laid, links: Links, rules: Rules, rounds: int, rng: np.random.Generator
) -> dict[InsightKind, FloatArray]:
    """Return each kind's largest strength in each round of invented days."""
    both: dict[InsightKind, Links | Rules] = {InsightKind.LINK: links, InsightKind.RULE: rules}
    tried = {kind: one for kind, one in both.items() if one.tried}
    if not tried:
        return {}
    found: dict[InsightKind, list[FloatArray]] = {kind: [] for kind in tried}
    for invented in InventedDays(laid.outcomes, rng).invent(rounds):
        for kind, one in tried.items():
            each = [one.strongest(outcome, invented[outcome]) for outcome in one.outcomes]
            found[kind].append(np.max(each, axis=0))
    return {kind: np.concatenate(parts) for kind, parts in found.items()}


def _too_few(
    days: Sequence[DayOutcomes], factors: Mapping[str, Mapping[date, float]]
) -> list[Missing]:
    """Return the factors that are known on too few of the days."""
    known = {day.day for day in days}
    have = {name: len(known & values.keys()) for name, values in factors.items()}
    return [
        Missing(kind=InsightKind.LINK, have=count, need=LEAST_DAYS, factors=(name,))
        for name, count in sorted(have.items())
        if count < LEAST_DAYS
    ]


def _seed(laid: Laid, asked: Sequence[Meals]) -> int:
    rows = [row.values for row in laid.outcomes.values()]
    rows += [factor.row.values for factor in laid.factors]
    rows += [np.array([meal.rise for meal in one.meals]) for one in asked]
    seed = 0
    for row in rows:
        seed = zlib.crc32(row.tobytes(), seed)
    return seed
