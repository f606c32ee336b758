"""Every rule of one or two conditions: days with much or little of a factor, and special days.

An exhaustive table, no search: what was tried is known, so chance can be asked the same. A day is
special where the outcome, freed of weekday and trend, is in its best or worst third. Fisher's test
takes days for independent; they are not, so its p is only how rules are ranked, and invented days
say how small the smallest of all gets by chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ..insight import Condition, Outcome
from ..metrics.number import BoolArray, FloatArray
from .fisher import fisher_table
from .laid import LEAST_DAYS, Laid
from .pairs import answers, asked
from .thirds import Thirds

LEAST_RULE_DAYS = 8
_LAGS = (0, 1)
# The outcome and whether its largest third is meant. The mean says what time in range says.
_SPECIAL = (
    (Outcome.IN_RANGE, False),
    (Outcome.IN_RANGE, True),
    (Outcome.LOW, True),
    (Outcome.CV, True),
    (Outcome.OVERNIGHT_MEAN, True),
    (Outcome.OVERNIGHT_MEAN, False),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Held:
    """A condition, and on which days it is known and holds."""

    condition: Condition
    known: BoolArray
    holds: BoolArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Special:
    """An outcome's special days are the `most` largest (smallest where not `large`) of its rows."""

    outcome: Outcome
    large: bool
    most: int

    def of(self, rows: FloatArray, known: BoolArray) -> FloatArray:
        """Return 1 where a day is special, of rows with the same known days."""
        size = rows[:, known] if self.large else -rows[:, known]
        places = np.argpartition(size, -self.most, axis=1)[:, -self.most :]
        marked = np.zeros(size.shape)
        np.put_along_axis(marked, places, 1.0, axis=1)
        laid = np.zeros(rows.shape)
        laid[:, known] = marked
        return laid


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """One that was tried, `strength` = -log p of Fisher's test, 0 where not more often."""

    conditions: tuple[Held, ...]
    special: Special
    strength: float

    @property
    def known(self) -> BoolArray:
        """On which days all of it is known."""
        found: BoolArray = np.logical_and.reduce([held.known for held in self.conditions])
        return found

    @property
    def holds(self) -> BoolArray:
        """On which days all of it holds."""
        found: BoolArray = np.logical_and.reduce([held.holds for held in self.conditions])
        return found


class Rules:
    """All rules of 8 days and more."""

    def __init__(self, laid: Laid) -> None:
        """Make the table."""
        held = list(_held(laid))
        self._asked = [
            _Asked(special, laid.outcomes[special.outcome].known, held)
            for special in _special(laid)
        ]
        self._asked = [asked for asked in self._asked if asked.rules]

    @property
    def outcomes(self) -> frozenset[Outcome]:
        """The outcomes of which at least one rule is tried."""
        return frozenset(one.special.outcome for one in self._asked)

    @property
    def tried(self) -> int:
        """How many rules there are."""
        return sum(len(one.rules) for one in self._asked)

    def all(self, laid: Laid) -> Iterator[Rule]:
        """Yield every rule as it is."""
        for one in self._asked:
            strengths = one.strengths(laid.outcomes[one.special.outcome].ranks[None])[0]
            for conditions, strength in zip(one.rules, strengths, strict=True):
                yield Rule(conditions=conditions, special=one.special, strength=float(strength))

    def strongest(self, outcome: Outcome, rows: FloatArray) -> FloatArray:
        """Return the largest strength of any rule for each row of an invented outcome."""
        found = [one.strengths(rows) for one in self._asked if one.special.outcome is outcome]
        largest: FloatArray = np.concatenate(found, axis=1).max(axis=1)
        return largest


class _Asked:
    """The rules of one outcome's special days."""

    def __init__(self, special: Special, known: BoolArray, held: Sequence[Held]) -> None:
        self.special = special
        self._known = known
        self.rules: list[tuple[Held, ...]] = []
        holds: list[BoolArray] = []
        there: list[BoolArray] = []
        places: list[int] = []
        tables: list[FloatArray] = []
        place_of: dict[tuple[int, int], int] = {}
        for conditions in _combined(special.outcome, held):
            days = np.logical_and.reduce([known, *(one.known for one in conditions)])
            so = np.logical_and.reduce([days, *(one.holds for one in conditions)])
            margins = int(days.sum()), int(so.sum())
            if not LEAST_RULE_DAYS <= margins[1] <= margins[0] - LEAST_RULE_DAYS:
                continue
            if margins[0] < LEAST_DAYS:
                continue
            if margins not in place_of:
                place_of[margins] = len(tables)
                tables.append(_strengths(*margins, special.most))
            places.append(place_of[margins])
            self.rules.append(conditions)
            holds.append(so)
            there.append(days)
        self._holds = np.array(holds, dtype=np.float32)
        self._there = np.array(there, dtype=np.float32)
        self._tables = np.array(tables, dtype=np.float32).ravel()
        self._starts = np.array(places, dtype=np.int64) * (special.most + 1) ** 2

    def strengths(self, rows: FloatArray) -> FloatArray:
        """Return (rows, rules)."""
        marked = self.special.of(rows, self._known).astype(np.float32)
        both = (marked @ self._holds.T).astype(np.int64)
        all_marked = (marked @ self._there.T).astype(np.int64)
        cell = self._starts + all_marked * (self.special.most + 1) + both
        found: FloatArray = self._tables[cell].astype(np.float64)
        return found


def _strengths(days: int, chosen: int, most: int) -> FloatArray:
    """Return -log p by (marked, both), 0 where not more often than elsewhere."""
    p = fisher_table(days, chosen, most)
    size = np.arange(most + 1)
    more = size[None, :] * days > size[:, None] * chosen
    found: FloatArray = np.where(more & ~np.isnan(p), -np.log(np.where(more, p, 1.0)), 0.0)
    return found


def _held(laid: Laid) -> Iterator[Held]:
    for factor in laid.factors:
        thirds = Thirds.of(factor.row.values) if factor.lag in _LAGS else None
        if thirds is not None:
            known = factor.row.known
            name, lag = factor.name, factor.lag
            much = Condition(factor=name, lag_days=lag, at_least=thirds.at_least)
            little = Condition(factor=name, lag_days=lag, at_most=thirds.at_most)
            yield Held(condition=much, known=known, holds=thirds.upper)
            yield Held(condition=little, known=known, holds=thirds.lower)


def _combined(outcome: Outcome, held: Sequence[Held]) -> Iterator[tuple[Held, ...]]:
    """Yield each condition, and each two of different factors, that may be asked."""
    usable = [
        one
        for one in held
        if asked(one.condition.factor, one.condition.lag_days, outcome)
        and not answers(one.condition.factor, outcome)
    ]
    for one in usable:
        yield (one,)
    for one, other in combinations(usable, 2):
        if one.condition.factor != other.condition.factor:
            yield (one, other)


def _special(laid: Laid) -> Iterator[Special]:
    for outcome, large in _SPECIAL:
        row = laid.outcomes.get(outcome)
        if row is not None:
            values = row.values[row.known]
            usual = values.min() if large else values.max()
            most = min(len(values) // 3, int(np.count_nonzero(values != usual)))
            if most:
                yield Special(outcome=outcome, large=large, most=most)
