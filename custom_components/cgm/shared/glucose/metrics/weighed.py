"""What sensors show of a stretch of time: the usual measures, weighed by time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..targets import Targets
from .cv import cv
from .episodes import EpisodeSummaries, summaries
from .gmi import gmi
from .gri import gri
from .mean import mean
from .percent import above, below, within
from .series import Series
from .standing import standing_minutes
from .sufficiency import Sufficiency, sufficiency


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """The measures of (`start`, `end`]; None where undefined, whether or not data is enough.

    mg/dL and per cent. `low` and `high` hold what is very low and very high, too. `lows` and
    `highs` are how many readings were the sensor's limit and count as its number.
    """

    start: datetime
    end: datetime
    covered: Sufficiency
    readings: int
    lows: int
    highs: int
    mean: float | None
    gmi: float | None
    cv: float | None
    gri: float | None
    in_range: float | None
    low: float | None
    very_low: float | None
    high: float | None
    very_high: float | None
    episodes: EpisodeSummaries | None


def weighed(
    series: Series, start: datetime, end: datetime, *, cadence: timedelta, targets: Targets
) -> Weighed:
    """Take the measures of a series that lies in the stretch, ranges by the wearer's targets.

    Weights: standing.py, of `cadence`. GRI and episodes keep the thresholds of their definitions.
    """
    values, weights = series.mg_dl, standing_minutes(series, cadence)
    middle = mean(values, weights)
    grid = series.grid
    return Weighed(
        start=start,
        end=end,
        covered=sufficiency(series, end, cadence, days=(end - start) / timedelta(days=1)),
        readings=len(series),
        lows=series.lows,
        highs=series.highs,
        mean=middle,
        gmi=gmi(middle),
        cv=cv(values, weights),
        gri=gri(values, weights),
        in_range=within(values, targets.low_mg_dl, targets.high_mg_dl, weights),
        low=below(values, targets.low_mg_dl, weights),
        very_low=below(values, targets.urgent_low_mg_dl, weights),
        high=above(values, targets.high_mg_dl, weights),
        very_high=above(values, targets.urgent_high_mg_dl, weights),
        episodes=None if grid is None else summaries(grid),
    )
