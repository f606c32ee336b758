"""Outcomes and factors on one row of dates: as numbers, and freed of weekday and trend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np

from ..insight import Outcome
from ..metrics.number import BoolArray, FloatArray, IntArray
from .day_outcomes import OUTCOMES, DayOutcomes
from .effective_size import LAG_SHARE, autocorrelations
from .plain_days import Plain, ranks, winsorised

# A question needs so many days that both sides know: even these show large effects only.
LEAST_DAYS = 28
# Stands in the rows of nothing.
_NO_DAY = date(1970, 1, 1)


@dataclass(frozen=True, eq=False)
class Row:
    """One number a day, NaN where it is not known; `weekdays` of the dates it is laid on."""

    values: FloatArray
    weekdays: IntArray

    @cached_property
    def known(self) -> BoolArray:
        """On which dates it is known."""
        there: BoolArray = ~np.isnan(self.values)
        return there

    @cached_property
    def plain(self) -> Plain:
        """What takes the weekday and the trend out of values of these days."""
        return Plain(self.known, self.weekdays)

    @cached_property
    def ranks(self) -> FloatArray:
        """The ranks of the known days, freed of weekday and trend, 0 elsewhere."""
        return self.plain.of(ranks(self.values[self.known]))

    @cached_property
    def numbers(self) -> FloatArray:
        """The numbers, winsorised, freed of weekday and trend; NaN where not known."""
        drawn_in = winsorised(self.values)[self.known]
        freed = self.plain.of(drawn_in)
        return np.where(self.known, freed, np.nan)

    @cached_property
    def autocorrelations(self) -> FloatArray:
        """How the ranks follow themselves, from one day apart to a fifth of the dates."""
        return autocorrelations(self.ranks, self.known, len(self.values) // LAG_SHARE)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FactorRow:
    """A factor as it was `lag` days before each date."""

    name: str
    lag: int
    row: Row


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Laid:
    """The dates from the first day's to the last day's, without a hole."""

    first: date
    outcomes: Mapping[Outcome, Row]
    factors: tuple[FactorRow, ...]

    @classmethod
    def of(
        cls,
        days: Sequence[DayOutcomes],
        factors: Mapping[str, Mapping[date, float]],
        lags: Sequence[int],
    ) -> Laid:
        """Lay out the days, in any order, and the factors, by name, each at every lag.

        Outcomes that are known on too few days, or never differ, are left out.
        """
        by_day = {day.day: day for day in days}
        first, last = min(by_day, default=_NO_DAY), max(by_day, default=_NO_DAY)
        dates = [first + timedelta(days=at) for at in range((last - first).days + 1)]
        weekdays = np.array([day.weekday() for day in dates], dtype=np.int64)

        def row(values: Sequence[float | None]) -> Row:
            return Row(np.array(values, dtype=np.float64), weekdays)

        outcomes = {
            outcome: row([by_day[day].of(outcome) if day in by_day else None for day in dates])
            for outcome in OUTCOMES
        }
        return cls(
            first=first,
            outcomes={
                outcome: laid
                for outcome, laid in outcomes.items()
                if laid.known.sum() >= LEAST_DAYS and laid.ranks.any()
            },
            factors=tuple(
                FactorRow(
                    name=name,
                    lag=lag,
                    row=row([factors[name].get(day - timedelta(days=lag)) for day in dates]),
                )
                for name in sorted(factors)
                for lag in lags
            ),
        )

    def date_of(self, at: int) -> date:
        """Return the date at a place of the rows."""
        return self.first + timedelta(days=at)
