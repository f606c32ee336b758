"""Invented lives: days and factors that have nothing to do with each other, and links planted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from glucose.lifestyle.day_outcomes import DayOutcomes

# A Monday.
FIRST = date(2026, 6, 1)
# Factors are known from a week before the first day on, so that lags have days to look at.
LEAD = 7
NAMES = ("sleep", "exercise", "steps", "carbs", "temperature", "insulin_rapid")
Days = NDArray[np.float64]


@dataclass
class Life:
    """Days of one wearer, every level and factor keeping a `share` of the day before (AR(1)).

    `weekend` lifts Saturdays and Sundays of everything by so many SDs. Exercise is none on most
    days; some days of glucose and of each factor are lost.
    """

    days: int
    seed: int
    share: float = 0.4
    weekend: float = 1.0
    lost: float = 0.06
    factors: dict[str, Days] = field(init=False)

    def __post_init__(self) -> None:
        """Invent it."""
        self.rng = np.random.default_rng(self.seed)
        self.level, self.night, self.swing, self.lows = self._series(4, self.days, 0)
        self.night = (self.level + self.night) / 2**0.5
        self.lows = 0.7 * self.lows - 0.5 * self.level + 0.5 * self.swing
        found = self._series(len(NAMES), self.days + LEAD, LEAD)
        self.factors = dict(zip(NAMES, found, strict=True))
        self.factors["exercise"] = np.maximum(0, np.round(30 * self.factors["exercise"] - 10))
        self.factors["steps"] = np.round(self.factors["steps"], 1)

    def before(self, name: str, lag: int) -> Days:
        """Return a factor as it was so many days before each day, mean 0 and SD 1."""
        values = self.factors[name][LEAD - lag : LEAD - lag + self.days]
        found: Days = (values - values.mean()) / values.std()
        return found

    def link(self, name: str, lag: int, size: float) -> Life:
        """Let glucose be higher by `size` of its own SDs for each SD of the factor before."""
        self.level = self.level + size * self.before(name, lag)
        return self

    def link_night(self, name: str, lag: int, size: float) -> Life:
        """Let the nights alone be higher so."""
        self.night = self.night + size * self.before(name, lag)
        return self

    def rule(self, size: float) -> Life:
        """Let glucose be higher by `size` SDs after a short night, on days of many steps."""
        short = self.before("sleep", 1) <= np.quantile(self.before("sleep", 1), 0.4)
        many = self.before("steps", 0) >= np.quantile(self.before("steps", 0), 0.6)
        self.level = self.level + size * (short & many)
        return self

    def outcomes(self) -> list[DayOutcomes]:
        """Return the days that were known."""
        known = self.rng.random(self.days) >= self.lost
        return [
            DayOutcomes(
                day=FIRST + timedelta(days=int(at)),
                in_range=float(np.clip(65 - 12 * self.level[at] - 3 * self.lows[at], 0, 100)),
                low=float(max(0.0, round(3 * (self.lows[at] - 0.3), 1))),
                mean=float(150 + 15 * self.level[at]),
                cv=float(34 + 4 * self.swing[at] + self.lows[at]),
                overnight_mean=float(145 + 20 * self.night[at]),
            )
            for at in np.flatnonzero(known)
        ]

    def logged(self) -> dict[str, dict[date, float]]:
        """Return the factors by date."""
        return {
            name: {
                FIRST + timedelta(days=at - LEAD): float(value)
                for at, value in enumerate(values)
                if self.rng.random() >= self.lost
            }
            for name, values in self.factors.items()
        }

    def _series(self, count: int, days: int, lead: int) -> list[Days]:
        found = self.rng.standard_normal((days, count))
        found[1:] *= np.sqrt(1 - self.share**2)
        for at in range(1, days):
            found[at] += self.share * found[at - 1]
        weekends = (np.arange(days) - lead) % 7 >= 5
        return list((found + self.weekend * weekends[:, None]).T)
