"""Whether there are readings enough for a report: 70 % of 14 days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from .series import Series
from .standing import standing_minutes

DAYS = 14
NEEDED_PERCENT = 70.0
_DAY_MINUTES = 1440
_DAYS_SAID_AS_HOURS = 2
# What no rounding of a sum of minutes may decide.
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Sufficiency:
    """How many of the wanted days readings cover, in whole and part days, and what is needed."""

    days: float
    of_days: float
    needed_percent: float = NEEDED_PERCENT

    @property
    def percent(self) -> float:
        """The covered share, 0..100."""
        return 100 * self.days / self.of_days

    @property
    def enough(self) -> bool:
        """Tell whether it is enough."""
        return self.percent >= self.needed_percent - _TOLERANCE

    @property
    def words(self) -> str:
        """Say it in English, never as more than it is: "9.4 of 14 days; needs 70 %"."""
        return self.words_in("en")

    def words_in(self, language: str) -> str:
        """Say it in the language of a tag, English where it is not German; 2 days as hours."""
        hours = self.of_days <= _DAYS_SAID_AS_HOURS
        there, wanted = (24 * self.days, 24 * self.of_days) if hours else (self.days, self.of_days)
        german = language.split("-", maxsplit=1)[0].lower() == "de"
        of, unit, needs, mark = (
            ("von", "Stunden" if hours else "Tagen", "nötig sind", ",")
            if german
            else ("of", "hours" if hours else "days", "needs", ".")
        )
        tenths = int(there * 10 + _TOLERANCE)
        shown = f"{tenths // 10}" if tenths % 10 == 0 else f"{tenths / 10:.1f}"
        text = f"{shown} {of} {wanted:.4g}".replace(".", mark) + f" {unit}"
        return text if self.enough else f"{text}; {needs} {self.needed_percent:g} %"


def sufficiency(
    series: Series,
    end: datetime,
    cadence: timedelta,
    *,
    days: float = DAYS,
    needed_percent: float = NEEDED_PERCENT,
) -> Sufficiency:
    """Return how much of the `days` up to `end` the readings stand for (standing.py).

    Battelino 2019, Diabetes Care 42:1593: 14 days of which 70 % are known.
    """
    part = series.between(end - timedelta(days=days), end)
    minutes = float(standing_minutes(part, cadence).sum()) if len(part) else 0.0
    covered = min(minutes / _DAY_MINUTES, float(days))
    return Sufficiency(days=covered, of_days=days, needed_percent=needed_percent)
