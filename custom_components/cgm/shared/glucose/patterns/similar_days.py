"""Days that went alike: the root mean square difference of one day's glucose from another's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from ..metrics.number import FloatArray
from ..metrics.percent import within
from ..targets import Targets
from .fine_days import FineDays

LEAST_OVERLAP = 0.85


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarDay:
    """How `other` compares with `day` where both are known, a share of `overlap` of the day.

    `unlike` is the root mean square difference in mg/dL. Differences are the other's less the
    day's: of the mean in mg/dL, of time in range in percentage points.
    """

    day: date
    other: date
    unlike: float
    overlap: float
    mean_more: float
    in_range_more: float


def overlaps(days: FineDays) -> FloatArray:
    """Return, of each two days, the share of the day for which both are known."""
    there = (~np.isnan(days.cells)).astype(np.float64)
    found: FloatArray = there @ there.T / days.per_day
    return found


def day_distances(days: FineDays) -> FloatArray:
    """Return the root mean square difference of each two days, mg/dL.

    NaN where less than 85 % of the day is known of both, and of a day from itself 0.
    """
    known = ~np.isnan(days.cells)
    there = known.astype(np.float64)
    values = np.where(known, days.cells, 0.0)
    squares = (values * values) @ there.T
    apart = squares + squares.T - 2 * values @ values.T
    counts = there @ there.T
    found = np.full(apart.shape, np.nan)
    enough = counts >= LEAST_OVERLAP * days.per_day
    np.divide(apart, counts, out=found, where=enough)
    return np.sqrt(found)


def similar_days(
    days: FineDays, day: date, targets: Targets, most: int = 3
) -> tuple[SimilarDay, ...]:
    """Return the days likest to `day`, the likest first; none where it is not among `days`."""
    row = (day - days.first).days
    if not 0 <= row < len(days):
        return ()
    apart = day_distances(days)[row]
    apart[row] = np.nan
    order = np.argsort(apart, kind="stable")[:most]
    return tuple(
        _compared(days, row, int(other), float(apart[other]), targets)
        for other in order
        if not np.isnan(apart[other])
    )


def _compared(days: FineDays, row: int, other: int, unlike: float, targets: Targets) -> SimilarDay:
    mine, others = days.cells[row], days.cells[other]
    both = ~np.isnan(mine) & ~np.isnan(others)
    mine, others = mine[both], others[both]
    return SimilarDay(
        day=days.date_of(row),
        other=days.date_of(other),
        unlike=unlike,
        overlap=float(both.mean()),
        mean_more=float(others.mean() - mine.mean()),
        in_range_more=_in_range(others, targets) - _in_range(mine, targets),
    )


def _in_range(mg_dl: FloatArray, targets: Targets) -> float:
    # Of a day that is known for 85 % there always is a share.
    return within(mg_dl, targets.low_mg_dl, targets.high_mg_dl) or 0.0
