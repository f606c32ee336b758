"""The ambulatory glucose profile: what glucose usually is at each time of day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from .local_clock import DAY_MS, MINUTE_MS
from .number import FloatArray
from .series import Series
from .sufficiency import DAYS, Sufficiency, sufficiency

PERCENTS = (5, 25, 50, 75, 95)
BIN_MINUTES = 15
_DAY_MINUTES = 1440


@dataclass(frozen=True, eq=False)
class Agp:
    """One curve for each of PERCENTS over the day, and how much it rests on.

    `minutes` is the middle of each bin, from midnight by the wearer's clock; `curves` has a row
    for each of PERCENTS, mg/dL, NaN where no reading ever fell.
    """

    minutes: FloatArray
    curves: FloatArray
    readings: int
    covered: Sufficiency


def agp(
    series: Series,
    end: datetime,
    cadence: timedelta,
    *,
    days: int = DAYS,
    bin_minutes: int = BIN_MINUTES,
) -> Agp | Sufficiency:
    """Return the profile of the `days` up to `end`, or, under 70 % of them, what there is.

    Johnson 2019, Diabetes Technol Ther 21 S2:S2-17 (the 5, 25, 50, 75 and 95 % curves). Percentiles
    are taken of the readings in each bin (type 7), then each is smoothed: the mean of a bin's
    and of its two neighbours', across midnight too. `bin_minutes` divides a day.
    """
    if _DAY_MINUTES % bin_minutes:
        raise ValueError("bins must divide a day")
    covered = sufficiency(series, end, cadence, days=days)
    if not covered.enough:
        return covered
    part = series.between(end - timedelta(days=days), end)
    bins = _DAY_MINUTES // bin_minutes
    place = (part.walls % DAY_MS) // (bin_minutes * MINUTE_MS)
    raw = np.full((len(PERCENTS), bins), np.nan)
    for bin_ in np.unique(place):
        raw[:, bin_] = np.percentile(part.mg_dl[place == bin_], PERCENTS)
    return Agp(
        minutes=np.arange(bins, dtype=np.float64) * bin_minutes + bin_minutes / 2,
        curves=_smoothed(raw),
        readings=len(part),
        covered=covered,
    )


def _smoothed(raw: FloatArray) -> FloatArray:
    """Return the mean of each bin and its neighbours, those without readings left out."""
    around = np.stack((np.roll(raw, 1, axis=1), raw, np.roll(raw, -1, axis=1)))
    there = ~np.isnan(around)
    counts = there.sum(axis=0)
    smooth = np.full(raw.shape, np.nan)
    np.divide(np.where(there, around, 0.0).sum(axis=0), counts, out=smooth, where=counts > 0)
    return smooth
