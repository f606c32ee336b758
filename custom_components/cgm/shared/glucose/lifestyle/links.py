"""Which factors go with which outcomes: every pair tried, the sure ones told once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..insight import Condition, Insight, InsightKind, Outcome
from ..metrics.number import FloatArray
from ..patterns.chances import Chances
from .budget import BUDGET
from .effect import effect
from .effective_size import LAG_SHARE, Correlated, Side, autocorrelations, correlate
from .laid import LEAST_DAYS, FactorRow, Laid, Row
from .pairs import answers, asked, group
from .partial import partial
from .thirds import Thirds

_LEAST_EFFECTIVE = 15
_LEAST_R = 0.3
_SURE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Link:
    """A pair that was tried."""

    factor: FactorRow
    outcome: Outcome
    r: float
    n_eff: float
    strength: float


class Links:
    """All pairs with days enough."""

    def __init__(self, laid: Laid) -> None:
        """Choose the pairs."""
        self._laid = laid
        self._factors = {
            outcome: [
                factor
                for factor in laid.factors
                if asked(factor.name, factor.lag, outcome)
                and (factor.row.known & row.known).sum() >= LEAST_DAYS
                and factor.row.ranks.any()
            ]
            for outcome, row in laid.outcomes.items()
        }
        self._sides = {
            outcome: _side(factors) for outcome, factors in self._factors.items() if factors
        }

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The outcomes of which at least one pair is tried."""
        return tuple(self._sides)

    @property
    def tried(self) -> int:
        """How many pairs there are."""
        return sum(map(len, self._factors.values()))

    def all(self) -> Iterator[Link]:
        """Yield every pair as it is."""
        for outcome in self._sides:
            row = self._laid.outcomes[outcome]
            found = self._correlated(outcome, row.ranks[None], row.autocorrelations[None])
            for place, factor in enumerate(self._factors[outcome]):
                if not np.isnan(found.r[0, place]):
                    yield Link(
                        factor=factor,
                        outcome=outcome,
                        r=float(found.r[0, place]),
                        n_eff=float(found.n_eff[0, place]),
                        strength=abs(float(found.strength[0, place])),
                    )

    def strongest(self, outcome: Outcome, rows: FloatArray) -> FloatArray:
        """Return the largest strength of any pair for each row of an invented outcome."""
        known = self._laid.outcomes[outcome].known
        rho = autocorrelations(rows, known, len(known) // LAG_SHARE)
        found = np.abs(self._correlated(outcome, rows, rho).strength)
        largest: FloatArray = np.where(np.isnan(found), 0.0, found).max(axis=1)
        return largest

    def _correlated(self, outcome: Outcome, rows: FloatArray, rho: FloatArray) -> Correlated:
        return correlate(self._sides[outcome], rows, self._laid.outcomes[outcome].known, rho)


def _side(factors: Sequence[FactorRow]) -> Side:
    return Side(
        rows=np.array([factor.row.ranks for factor in factors]),
        known=np.array([factor.row.known for factor in factors], dtype=np.float64),
        autocorrelations=np.array([factor.row.autocorrelations for factor in factors]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldLinks:
    """What is sure of the links, and how many partial correlations were tried with them."""

    insights: tuple[Insight, ...]
    partials: int


def told_links(links: Links, laid: Laid, chances: Chances, rng: np.random.Generator) -> ToldLinks:
    """Tell each factor once for an outcome's group, at its strongest lag and outcome."""
    survivors: list[tuple[Link, Insight]] = []
    for link in sorted(links.all(), key=lambda link: -link.strength):
        chance = chances.of(InsightKind.LINK, link.strength)
        if chance > BUDGET:
            break
        if any(_same(link, other) for other, _ in survivors):
            continue
        insight = _insight(link, laid, chance, rng)
        if insight is not None:
            survivors.append((link, insight))
    partials = 0
    insights = []
    for link, insight in survivors:
        found = insight
        needs = answers(link.factor.name, link.outcome)
        if link.factor.lag:
            partials += 1
            if _precedes(link, [other for other, _ in survivors], laid, len(survivors)):
                found = replace(insight, kind=InsightKind.MAY_PRECEDE)
                needs = False
        if not needs:
            insights.append(found)
    return ToldLinks(insights=tuple(insights), partials=partials)


def _same(link: Link, other: Link) -> bool:
    return link.factor.name == other.factor.name and group(link.outcome) == group(other.outcome)


def _insight(link: Link, laid: Laid, chance: float, rng: np.random.Generator) -> Insight | None:
    """Return what the link tells; None where it is weak, or not of both halves of the time."""
    factor, row = link.factor.row, laid.outcomes[link.outcome]
    thirds = Thirds.of(np.where(row.known, factor.values, np.nan))
    if abs(link.r) < _LEAST_R or link.n_eff < _LEAST_EFFECTIVE or thirds is None:
        return None
    if not _in_both_halves(factor, row, link.r):
        return None
    found = effect(row, thirds.upper, thirds.lower, rng)
    if found is None or found.size * link.r <= 0:
        return None
    eligible = (thirds.upper | thirds.lower) & row.known
    away = np.sign(row.numbers - np.nanmedian(row.numbers)) * np.where(thirds.upper, 1, -1)
    so = eligible & (away == np.sign(found.size))
    if not so.any():
        return None
    return Insight(
        kind=InsightKind.LINK,
        days=tuple(laid.date_of(int(at)) for at in np.flatnonzero(so)),
        n_eligible=int(eligible.sum()),
        effect=found.size,
        low=found.low,
        high=found.high,
        chance=chance,
        outcome=link.outcome,
        factors=(link.factor.name,),
        lag_days=link.factor.lag,
        correlation=link.r,
        conditions=(
            Condition(factor=link.factor.name, lag_days=link.factor.lag, at_least=thirds.at_least),
            Condition(factor=link.factor.name, lag_days=link.factor.lag, at_most=thirds.at_most),
        ),
    )


def _in_both_halves(factor: Row, row: Row, r: float) -> bool:
    """Tell whether the sign is the same in the first and in the second half of the common days."""
    common = np.flatnonzero(factor.known & row.known)
    half = len(common) // 2
    for part in (common[:half], common[half:]):
        x, y = factor.ranks[part], row.ranks[part]
        if not ((x - x.mean()) @ (y - y.mean())) * r > 0:
            return False
    return True


def _precedes(link: Link, survivors: Sequence[Link], laid: Laid, tried: int) -> bool:
    others = [
        other.factor.row
        for other in survivors
        if other.factor.name != link.factor.name and group(other.outcome) == group(link.outcome)
    ]
    found = partial(link.factor.row, laid.outcomes[link.outcome], others)
    return found is not None and found.chance <= _SURE / tried and found.r * link.r > 0
