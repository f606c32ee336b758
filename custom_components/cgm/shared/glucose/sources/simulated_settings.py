"""What makes one simulated wearer: a seed, a zone, a cadence, and what is planted into the days."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

EVERY_DAY = frozenset(range(7))
WEEKDAYS = frozenset(range(5))
WEEKEND = frozenset({5, 6})
CADENCES = (1, 5)


class Planted(StrEnum):
    """What can be planted into a day, on top of what the seed makes of it.

    RISE adds up to `mg_dl`, most 75 minutes after `at`, nothing from four hours after.
    HOLD takes glucose to `mg_dl`, there from `at` for `minutes`, forty minutes to come and to go.
    GAP takes away every reading from `at` for `minutes`.
    PRESENT keeps every reading from `at` for `minutes` (HOLD does so too): nothing is lost by
    chance; a sensor's change and warm-up still are.
    """

    RISE = "rise"
    HOLD = "hold"
    GAP = "gap"
    PRESENT = "present"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedEvent:
    """Something that happens at a local time `at`: on some weekdays (Monday is 0), or on a date.

    A habit is an event on weekdays: RISE at 08:00 on WEEKDAYS is a breakfast that is
    underestimated from Monday to Friday. Raises ValueError.
    """

    what: Planted
    at: time
    on: frozenset[int] | date = EVERY_DAY
    mg_dl: int = 0
    minutes: int = 0

    def __post_init__(self) -> None:
        """Refuse what would do nothing, or what no sensor could show."""
        if self.at.tzinfo is not None:
            raise ValueError("the time is local, without a zone")
        if not isinstance(self.on, date) and not (self.on and self.on <= EVERY_DAY):
            raise ValueError("weekdays are 0 (Monday) to 6")
        if self.what is Planted.RISE and not 0 < abs(self.mg_dl) <= 300:  # noqa: PLR2004 - as said below
            raise ValueError("a rise is 1..300 mg/dL, or as much down")
        if self.what is Planted.HOLD and not 20 <= self.mg_dl <= 500:  # noqa: PLR2004 - as said below
            raise ValueError("glucose is held at 20..500 mg/dL")
        if self.what is not Planted.RISE and not 0 < self.minutes <= LONGEST_MINUTES:
            raise ValueError(f"it lasts 1..{LONGEST_MINUTES} minutes")

    def falls_on(self, day: date) -> bool:
        """Tell whether it happens on this local day."""
        return day == self.on if isinstance(self.on, date) else day.weekday() in self.on


# Three days: long enough for a planted outage, short enough to look back for.
LONGEST_MINUTES = 3 * 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedSettings:
    """Who is simulated; equal settings give equal readings, always.

    `seed` is any whole number, `zone` where the wearer eats and sleeps, `cadence_minutes` 5 as
    Dexcom or 1 as Libre 3. `sensor_epoch` (aware UTC) is a moment at which a sensor was started;
    without it the seed decides. Raises ValueError.
    """

    seed: int
    zone: ZoneInfo
    cadence_minutes: int = 5
    sensor_epoch: datetime | None = None
    planted: tuple[PlantedEvent, ...] = field(default=())

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated."""
        if self.cadence_minutes not in CADENCES:
            raise ValueError(f"the cadence is one of {CADENCES} minutes")
        epoch = self.sensor_epoch
        if epoch is not None and epoch.utcoffset() != timedelta(0):
            raise ValueError("sensor_epoch must be aware UTC")
