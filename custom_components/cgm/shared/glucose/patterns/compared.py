"""Weekends against working days, and this fortnight against the one before, as insights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..insight import EVERY_DAY, WEEKEND, Insight, InsightKind, Outcome
from ..metrics.number import BoolArray, FloatArray, IntArray
from ..targets import Targets
from . import fortnights, turned_weeks
from .chances import BUDGET, Chances
from .contrasts import DayOutcome, quarters, whole_days
from .day_table import DayTable
from .telling import chart
from .windows import MOST


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compared:
    """One outcome compared: `away` says how far each day that counts is from the others."""

    kind: InsightKind
    outcome: DayOutcome
    weekdays: tuple[int, ...]
    away: FloatArray
    strength: float
    rounds: FloatArray


def weekends(table: DayTable, targets: Targets, offsets: IntArray) -> list[Compared]:
    """Compare weekends: `offsets` (turnings, weeks) say by how many days each week is turned."""
    found = []
    for outcome in (*whole_days(table, targets), *quarters(table)):
        strengths = turned_weeks.strengths(outcome, table.weekdays, offsets)
        if not np.isnan(strengths).any():
            found.append(
                Compared(
                    kind=InsightKind.WEEKEND_DIFFERENCE,
                    outcome=outcome,
                    weekdays=WEEKEND,
                    away=turned_weeks.weekends_of(outcome.values, table.weekdays),
                    strength=float(strengths[0]),
                    rounds=strengths[1:],
                )
            )
    return found


def changes(
    table: DayTable, targets: Targets, rounds: int, rng: np.random.Generator
) -> list[Compared]:
    """Compare the last 14 days with the 14 before."""
    found = []
    both = 2 * fortnights.FORTNIGHT
    for outcome in whole_days(table, targets):
        strengths = fortnights.strengths(outcome.tested[-both:], rounds, rng)
        if not np.isnan(strengths).any():
            away = outcome.values.copy()
            away -= np.nanmean(away[-both : -fortnights.FORTNIGHT])
            away[: -fortnights.FORTNIGHT] = np.nan
            found.append(
                Compared(
                    kind=InsightKind.CHANGE,
                    outcome=outcome,
                    weekdays=EVERY_DAY,
                    away=away,
                    strength=float(strengths[0]),
                    rounds=strengths[1:],
                )
            )
    return found


def told_compared(
    compared: Sequence[Compared], table: DayTable, chances: Chances
) -> Iterator[Insight]:
    """Yield what is sure and matters: the whole day before its parts, the mean before the rest.

    Mean and time in range say the same of a day; time low says something else.
    """
    told: list[DayOutcome] = []
    for one in sorted(compared, key=_order):
        chance = chances.of(one.kind, one.strength)
        chosen = ~np.isnan(one.away)
        if chance > BUDGET or any(_same(one.outcome, other) for other in told):
            continue
        effect = float(np.median(one.away[chosen]))
        so = chosen & (np.sign(one.away) == np.sign(effect))
        if abs(effect) < one.outcome.least or so.sum() < MOST * chosen.sum():
            continue
        told.append(one.outcome)
        yield _insight(one, table, chosen, so, chance)


def _order(one: Compared) -> tuple[bool, bool, float]:
    outcome = one.outcome
    return outcome.start is not None, outcome.outcome is not Outcome.MEAN, -one.strength


def _same(outcome: DayOutcome, told: DayOutcome) -> bool:
    if (outcome.outcome is Outcome.LOW) is not (told.outcome is Outcome.LOW):
        return False
    return told.start is None or outcome.start is None or outcome.start == told.start


def _insight(
    one: Compared, table: DayTable, chosen: BoolArray, so: BoolArray, chance: float
) -> Insight:
    low, median, high = np.percentile(one.away[chosen], (25, 50, 75))
    return Insight(
        kind=one.kind,
        days=tuple(table.date_of(int(row)) for row in np.flatnonzero(so)),
        n_eligible=int(chosen.sum()),
        effect=float(median),
        low=float(low),
        high=float(high),
        chance=chance,
        weekdays=one.weekdays,
        start=one.outcome.start,
        end=one.outcome.end,
        outcome=one.outcome.outcome,
        chart=chart(table, chosen),
    )
