"""What a search came home with: insights, how much was tried, and what it had too few days for."""

from __future__ import annotations

from dataclasses import dataclass

from .insight import Insight, InsightKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A question that was not asked: it has `have` of the `need` days that count for it.

    `factors` are those it lacks days of, where the question is about some.
    Raises ValueError where nothing is missing.
    """

    kind: InsightKind
    have: int
    need: int
    factors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is not missing."""
        if not 0 <= self.have < self.need:
            raise ValueError("what is missing has fewer days than it needs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The surest insight first; `tests_run` is everything tried, found or not.

    Raises ValueError where more was found than was tried.
    """

    insights: tuple[Insight, ...] = ()
    tests_run: int = 0
    missing: tuple[Missing, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what was found without a test."""
        if len(self.insights) > self.tests_run:
            raise ValueError("every insight has passed a test")
