"""What is said beside `glucose stats` where a file's readings come at intervals that mix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..metrics.mean import mean
from ..metrics.percent import below, within
from ..metrics.standing import standing_minutes
from ..units import Unit, shown

if TYPE_CHECKING:
    from datetime import timedelta

    from ..metrics.series import Series


def by_time(series: Series, cadence: timedelta, unit: Unit) -> str:
    """Say the mean and the ranges weighed by time: a series that has readings, of two kinds.

    Somebody scans most often when glucose is out of range, so that counted readings say worse
    than it was.
    """
    weights = standing_minutes(series, cadence)
    middle = mean(series.mg_dl, weights) or 0.0
    low = below(series.mg_dl, 70, weights) or 0.0
    in_range = within(series.mg_dl, 70, 180, weights) or 0.0
    return (
        "readings of different intervals count once each; weighed by time the mean is "
        f"{shown(middle, unit)} {unit}, with {in_range:.1f} % from {shown(70, unit)} to "
        f"{shown(180, unit)} and {low:.1f} % below"
    )
