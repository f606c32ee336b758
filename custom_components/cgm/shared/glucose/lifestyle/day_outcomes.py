"""What each of the wearer's local days came to: time in range, lows, mean, spread, the night."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from ..insight import Outcome
from ..metrics.cv import cv
from ..metrics.local_clock import DAY_MS, MINUTE_MS
from ..metrics.mean import mean
from ..metrics.percent import below, within
from ..metrics.series import Series
from ..metrics.standing import standing_minutes
from ..targets import Targets

# As the consensus asks of a report (Battelino 2019), here of each day and of each night.
LEAST_SHARE = 0.7
MOST_DAYS = 90
_DAY_MINUTES = 1440
_NIGHT_MINUTES = 360
_EPOCH = date(1970, 1, 1)
OUTCOMES = (Outcome.IN_RANGE, Outcome.LOW, Outcome.MEAN, Outcome.CV, Outcome.OVERNIGHT_MEAN)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOutcomes:
    """One local day: per cent of its time, mg/dL; the night is 00:00 to 06:00 of the same date.

    `overnight_mean` is None of a night less than 70 % known.
    """

    day: date
    in_range: float
    low: float
    mean: float
    cv: float
    overnight_mean: float | None = None

    def of(self, outcome: Outcome) -> float | None:
        """Return one of them. Raises KeyError for an outcome that is not of a day."""
        return {
            Outcome.IN_RANGE: self.in_range,
            Outcome.LOW: self.low,
            Outcome.MEAN: self.mean,
            Outcome.CV: self.cv,
            Outcome.OVERNIGHT_MEAN: self.overnight_mean,
        }[outcome]


def day_outcomes(
    series: Series,
    targets: Targets,
    *,
    today: date,
    cadence: timedelta | None = None,
    most_days: int = MOST_DAYS,
) -> tuple[DayOutcomes, ...]:
    """Return the days before `today` of which 70 % is known, oldest first, weighed by time.

    `cadence` is the longest of the sensors whose readings mix (standing.py); the usual spacing
    where it is not given.
    """
    if series.step is None:
        return ()
    weights = standing_minutes(series, cadence or timedelta(minutes=max(series.step, 1)))
    end = (today - _EPOCH).days
    days = series.local_days
    first = int(np.searchsorted(days, end - most_days))
    found = []
    for number in np.unique(days[first:]):
        part = slice(
            int(np.searchsorted(days, number)), int(np.searchsorted(days, number, side="right"))
        )
        if number >= end or weights[part].sum() < LEAST_SHARE * _DAY_MINUTES:
            continue
        values, stood = series.mg_dl[part], weights[part]
        at = (series.walls[part] % DAY_MS) / MINUTE_MS
        night = at < _NIGHT_MINUTES
        asleep = stood[night].sum() >= LEAST_SHARE * _NIGHT_MINUTES
        in_range = within(values, targets.low_mg_dl, targets.high_mg_dl, stood)
        low = below(values, targets.low_mg_dl, stood)
        middle, spread = mean(values, stood), cv(values, stood)
        if in_range is None or low is None or middle is None or spread is None:
            continue
        found.append(
            DayOutcomes(
                day=_EPOCH + timedelta(days=int(number)),
                in_range=in_range,
                low=low,
                mean=middle,
                cv=spread,
                overnight_mean=mean(values[night], stood[night]) if asleep else None,
            )
        )
    return tuple(found)
