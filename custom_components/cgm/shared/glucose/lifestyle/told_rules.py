"""The rules that are sure, each saying something that no link and no shorter rule says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..insight import Insight, InsightKind
from ..metrics.number import BoolArray
from ..patterns.chances import Chances
from .budget import BUDGET, MOST
from .effect import effect
from .fisher import fisher
from .laid import Laid
from .pairs import group
from .rules import Rule, Rules

_ADDS = 0.05


def told_rules(
    rules: Rules, laid: Laid, chances: Chances, links: Sequence[Insight], rng: np.random.Generator
) -> tuple[Insight, ...]:
    """Tell the surest rules, at most one for a factor and group of outcomes."""
    known = {(name, group(link.outcome)) for link in links for name in link.factors}
    found = []
    for rule in sorted(rules.all(laid), key=lambda rule: -rule.strength):
        chance = chances.of(InsightKind.RULE, rule.strength)
        if chance > BUDGET:
            break
        names = [held.condition.factor for held in rule.conditions]
        about = {(name, group(rule.special.outcome)) for name in names}
        new = not about & known if len(names) == 1 else not about <= known
        marked = _marked(rule, laid)
        if not new or (len(names) > 1 and not _both_add(rule, marked, laid)):
            continue
        insight = _insight(rule, marked, laid, chance, rng)
        if insight is not None:
            known |= about
            found.append(insight)
    return tuple(found)


def _marked(rule: Rule, laid: Laid) -> BoolArray:
    row = laid.outcomes[rule.special.outcome]
    found: BoolArray = rule.special.of(row.ranks[None], row.known)[0] > 0
    return found


def _both_add(rule: Rule, marked: BoolArray, laid: Laid) -> bool:
    """Tell whether each condition makes a difference on the days of the other."""
    known = rule.known & laid.outcomes[rule.special.outcome].known
    return all(
        _chance(marked, held.holds & known, rule.holds & known) <= _ADDS for held in rule.conditions
    )


def _chance(marked: BoolArray, days: BoolArray, chosen: BoolArray) -> float:
    return fisher(
        int(days.sum()),
        int((days & chosen).sum()),
        int((days & marked).sum()),
        int((days & chosen & marked).sum()),
    )


def _insight(
    rule: Rule, marked: BoolArray, laid: Laid, chance: float, rng: np.random.Generator
) -> Insight | None:
    row = laid.outcomes[rule.special.outcome]
    days = rule.known & row.known
    holds, others = days & rule.holds, days & ~rule.holds
    so = holds & marked
    found = effect(row, holds, others, rng)
    if found is None or so.sum() < MOST * holds.sum():
        return None
    if (found.size > 0) is not rule.special.large:
        return None
    return Insight(
        kind=InsightKind.RULE,
        days=tuple(laid.date_of(int(at)) for at in np.flatnonzero(so)),
        n_eligible=int(holds.sum()),
        effect=found.size,
        low=found.low,
        high=found.high,
        chance=chance,
        outcome=rule.special.outcome,
        factors=tuple(held.condition.factor for held in rule.conditions),
        conditions=tuple(held.condition for held in rule.conditions),
    )
