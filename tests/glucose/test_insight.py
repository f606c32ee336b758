"""What an insight cannot be: values that nobody could mean are refused once they are built."""

from __future__ import annotations

import math
from datetime import date, time
from typing import Any

import pytest

from glucose.findings import Findings, Missing
from glucose.insight import Condition, Insight, InsightKind, Outcome

SURE: dict[str, Any] = {
    "kind": InsightKind.RISE,
    "days": (date(2026, 6, 1), date(2026, 6, 2)),
    "n_eligible": 3,
    "effect": 62.0,
    "low": 40.0,
    "high": 85.0,
    "chance": 0.01,
    "start": time(22, 0),
    "end": time(1, 0),
}


def test_an_insight_counts_its_days() -> None:
    assert Insight(**SURE).n_days == 2


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"days": ()}, "at least one of the days"),
        ({"n_eligible": 1}, "at least one of the days"),
        ({"days": (date(2026, 6, 2), date(2026, 6, 1))}, "oldest first"),
        ({"days": (date(2026, 6, 1), date(2026, 6, 1))}, "told once"),
        ({"weekdays": ()}, "0 to 6"),
        ({"weekdays": (0, 7)}, "0 to 6"),
        ({"end": None}, "a start and an end"),
        ({"start": None}, "a start and an end"),
        ({"chance": -0.01}, "lies in 0..1"),
        ({"chance": 1.01}, "lies in 0..1"),
        ({"chance": math.nan}, "lies in 0..1"),
        ({"effect": math.nan}, "numbers, in order"),
        ({"high": math.inf}, "numbers, in order"),
        ({"low": 86.0}, "numbers, in order"),
    ],
)
def test_what_cannot_be_meant_is_refused(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Insight(**SURE | changed)


@pytest.mark.parametrize("sides", [{}, {"at_least": 7.0, "at_most": 8.0}])
def test_a_condition_has_one_side(sides: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="either at least or at most"):
        Condition(factor="sleep", **sides)
    assert Condition(factor="sleep", at_least=0.0).at_least == 0


def test_outcomes_say_how_they_are_counted() -> None:
    assert {outcome for outcome in Outcome if outcome.is_mg_dl} == {
        Outcome.GLUCOSE,
        Outcome.MEAN,
        Outcome.OVERNIGHT_MEAN,
    }


def test_what_is_not_missing_and_what_was_not_tried_are_refused() -> None:
    with pytest.raises(ValueError, match="fewer days than it needs"):
        Missing(kind=InsightKind.LINK, have=28, need=28)
    with pytest.raises(ValueError, match="passed a test"):
        Findings(insights=(Insight(**SURE),))
