"""Which glucose the wearer calls low, in range and high, and what a reading is called by that."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from .reading import HIGHEST_MG_DL, LOWEST_MG_DL, Bound

if TYPE_CHECKING:
    from .reading import Reading


class Status(StrEnum):
    """Five levels, and `unknown` where nothing is known now."""

    URGENT_LOW = "urgent_low"
    LOW = "low"
    IN_RANGE = "in_range"
    HIGH = "high"
    URGENT_HIGH = "urgent_high"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Four thresholds in whole mg/dL, strictly rising, each in 10..600; raises ValueError.

    The defaults are those of the international consensus on time in range (Battelino 2019):
    70..180 is in range, both ends included; below 54 and above 250 is urgent.
    """

    urgent_low_mg_dl: int = 54
    low_mg_dl: int = 70
    high_mg_dl: int = 180
    urgent_high_mg_dl: int = 250

    def __post_init__(self) -> None:
        """Refuse what would leave a level empty or compare in another unit."""
        thresholds = (
            self.urgent_low_mg_dl,
            self.low_mg_dl,
            self.high_mg_dl,
            self.urgent_high_mg_dl,
        )
        if any(type(threshold) is not int for threshold in thresholds):
            raise ValueError("targets must be whole mg/dL")
        if thresholds[0] < LOWEST_MG_DL or thresholds[-1] > HIGHEST_MG_DL:
            raise ValueError(f"targets must lie in {LOWEST_MG_DL}..{HIGHEST_MG_DL} mg/dL")
        if not all(lower < upper for lower, upper in pairwise(thresholds)):
            raise ValueError("targets must rise: urgent low, low, high, urgent high")


def status_of(reading: Reading | None, targets: Targets) -> Status:
    """Return what a reading is called; a bound is urgent whatever number came with it."""
    if reading is None:
        return Status.UNKNOWN
    if reading.bound is Bound.LOW or reading.mg_dl < targets.urgent_low_mg_dl:
        return Status.URGENT_LOW
    if reading.bound is Bound.HIGH or reading.mg_dl > targets.urgent_high_mg_dl:
        return Status.URGENT_HIGH
    if reading.mg_dl < targets.low_mg_dl:
        return Status.LOW
    return Status.HIGH if reading.mg_dl > targets.high_mg_dl else Status.IN_RANGE
