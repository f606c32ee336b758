"""What the international consensus aims at, for adults, for older and in pregnancy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..targets import Targets


class Group(StrEnum):
    """Whom a set of aims is meant for."""

    ADULT = "adult"
    OLDER = "older"
    PREGNANCY = "pregnancy"


@dataclass(frozen=True, slots=True)
class Aim:
    """A bound on a percentage of time: more than `percent`, or less."""

    percent: float
    more: bool = False
    or_equal: bool = False

    def met(self, percent: float) -> bool:
        """Tell whether `percent` meets it; the bound itself does only where it says so."""
        if self.or_equal and percent == self.percent:
            return True
        return percent > self.percent if self.more else percent < self.percent

    def __str__(self) -> str:
        """Write it as people read it: "> 70 %"."""
        signs = "≥≤" if self.or_equal else "><"
        return f"{signs[0 if self.more else 1]} {self.percent:g} %"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsensusAims:
    """Thresholds of one group and what it aims at; an absent aim is one the consensus leaves open.

    `low` and `high` are all readings beyond the range, those of `very_low` and `very_high` too.
    """

    targets: Targets
    in_range: Aim
    very_low: Aim | None
    low: Aim
    high: Aim | None
    very_high: Aim | None
    cv_at_most_percent: float = 36.0

    @property
    def cv(self) -> Aim:
        """The aim of the coefficient of variation."""
        return Aim(self.cv_at_most_percent, or_equal=True)


# Battelino 2019, Diabetes Care 42:1593, table 3 and figure 1.
CONSENSUS = {
    Group.ADULT: ConsensusAims(
        targets=Targets(),
        in_range=Aim(70, more=True),
        very_low=Aim(1),
        low=Aim(4),
        high=Aim(25),
        very_high=Aim(5),
    ),
    Group.OLDER: ConsensusAims(
        targets=Targets(),
        in_range=Aim(50, more=True),
        very_low=None,
        low=Aim(1),
        high=None,
        very_high=Aim(10),
    ),
    # Type 1 diabetes; for type 2 and gestational diabetes the consensus gives the range alone.
    Group.PREGNANCY: ConsensusAims(
        targets=Targets(low_mg_dl=63, high_mg_dl=140),
        in_range=Aim(70, more=True),
        very_low=Aim(1),
        low=Aim(4),
        high=Aim(25),
        very_high=None,
    ),
}
