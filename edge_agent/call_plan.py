"""Whether somebody is to be called now, or told that it is over: one wearer's, look by look."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

# A word that all is well again is of no use to anybody so much later.
OVER_WITHIN_SECONDS = 7200.0


class Word(StrEnum):
    """What is to be said: a low, that it is over, or that Home Assistant watches again."""

    CALL = "call"
    OVER = "over"
    BACK = "back"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRules:
    """After how many seconds without Home Assistant, how often, how many times at most, and how."""

    after: float
    repeats: float
    most: int
    ways: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One look: whether the alarm is on, whether Home Assistant lacks it or is away.

    `held_back` says that glucose recovers, which spares repeats.
    """

    on: bool
    away: bool
    held_back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Where the calling stands; seconds are elapsed ones, which no clock changes.

    `away` is how long Home Assistant has been away, None while it is there. `calls` counts those
    of this episode that reached somebody, `since_call` runs since the last of them, `told` says
    that somebody was called and not yet told that it is over. `word` is what is being said and
    `owed` the ways that lack it, `pending` for how long, `reached` whether one way has it.
    """

    away: float | None = None
    calls: int = 0
    since_call: float = 0.0
    told: bool = False
    word: Word | None = None
    owed: frozenset[str] = frozenset()
    pending: float = 0.0
    reached: bool = False


def advanced(plan: Plan, sight: Sight, rules: CallRules, elapsed: float) -> Plan:
    """Return the plan `elapsed` seconds after the last look; what it owes is to be said."""
    away = None if not sight.away else 0.0 if plan.away is None else plan.away + elapsed
    plan = replace(
        plan,
        away=away,
        since_call=plan.since_call + elapsed,
        pending=plan.pending + elapsed,
        # The settings may name other ways than before a restart.
        owed=plan.owed & rules.ways,
    )
    if sight.on and away is not None:
        return _begun(plan, Word.CALL, rules) if _due(plan, sight, rules) else plan
    if plan.told:
        plan = replace(
            _begun(plan, Word.BACK if sight.on else Word.OVER, rules),
            told=False,
        )
    elif plan.word is Word.CALL or plan.pending > OVER_WITHIN_SECONDS:
        # A call that reached nobody needs no end.
        plan = replace(plan, word=None, owed=frozenset())
    return plan if sight.on else replace(plan, calls=0)


def reached(plan: Plan, way: str) -> Plan:
    """Return the plan once what is being said has got through on one way."""
    left = plan.owed - {way}
    first = plan.word is Word.CALL and not plan.reached
    return replace(
        plan,
        owed=left,
        word=plan.word if left else None,
        reached=True,
        calls=plan.calls + first,
        since_call=0.0 if first else plan.since_call,
        told=plan.told or first,
    )


def _begun(plan: Plan, word: Word, rules: CallRules) -> Plan:
    return replace(plan, word=word, owed=rules.ways, pending=0.0, reached=False)


def _due(plan: Plan, sight: Sight, rules: CallRules) -> bool:
    if plan.away is None or plan.away < rules.after or plan.calls >= rules.most:
        return False
    if plan.word is Word.CALL and not plan.reached:
        return False  # it is being tried
    return not plan.calls or (plan.since_call >= rules.repeats and not sight.held_back)
