"""Which factor is asked of which outcome: not where the outcome makes the factor that day."""

from __future__ import annotations

from ..insight import Outcome
from .factors import CARBS, EXERCISE, INSULIN_RAPID

# Insulin answers high glucose, carbohydrates answer a low; lags do not undo it where days
# resemble each other.
_ANSWERS = {
    INSULIN_RAPID: frozenset(Outcome),
    CARBS: frozenset({Outcome.LOW}),
}
# What is eaten, given and done in the day comes after its night.
_AFTER_THE_NIGHT = frozenset({CARBS, INSULIN_RAPID, EXERCISE})


def asked(factor: str, lag: int, outcome: Outcome) -> bool:
    """Tell whether the factor, so many days before, may be said to go with the outcome."""
    if lag:
        return True
    if outcome is Outcome.OVERNIGHT_MEAN and factor in _AFTER_THE_NIGHT:
        return False
    return not answers(factor, outcome)


def answers(factor: str, outcome: Outcome) -> bool:
    """Tell whether the wearer sets the factor by the outcome.

    Of such, only what is left beyond the outcome's own day before is told.
    """
    return outcome in _ANSWERS.get(factor, ())


def group(outcome: Outcome) -> str:
    """Return what the outcome says of a day: its level, its lows or its swing."""
    if outcome in {Outcome.LOW, Outcome.CV}:
        return outcome.value
    return "level"
