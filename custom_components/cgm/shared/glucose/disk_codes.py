"""The numbers that stand for a reading's bound and trend on a disk, in every file of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .reading import Bound
from .trend import Trend

if TYPE_CHECKING:
    from collections.abc import Mapping

# Numbers take a quarter less room than words. They are on disks: add to them, never renumber.
BOUND_CODES: Mapping[Bound | None, int | None] = {None: None, Bound.LOW: 1, Bound.HIGH: 2}
TREND_CODES: Mapping[Trend | None, int | None] = {
    None: None,
    Trend.NONE: 0,
    Trend.DOUBLE_UP: 1,
    Trend.UP: 2,
    Trend.SLIGHT_UP: 3,
    Trend.FLAT: 4,
    Trend.SLIGHT_DOWN: 5,
    Trend.DOWN: 6,
    Trend.DOUBLE_DOWN: 7,
}
BOUNDS: Mapping[int | None, Bound | None] = {code: bound for bound, code in BOUND_CODES.items()}
TRENDS: Mapping[int | None, Trend | None] = {code: trend for trend, code in TREND_CODES.items()}
