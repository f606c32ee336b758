"""What a wearer does on one local day: wakes, eats, boluses, moves, forgets, sleeps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from .simulated_draws import Topic, of_unit
from .simulated_settings import WEEKEND

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

# Each run of days holds one infusion site that fails, and one evening on which the day's basal dose
# is taken from the pen with the quick insulin: that is what brings HIGH and LOW now and then.
MISHAP_DAYS = 21
LATE_EVENINGS = {4, 5}


@dataclass(frozen=True, slots=True)
class Meal:
    """Carbohydrates at an epoch second; `quick` is the share that acts like sugar."""

    at: float
    grams: float
    quick: float


@dataclass(frozen=True, slots=True)
class Bolus:
    """Insulin for counted carbohydrates; where `corrects`, present glucose is considered too."""

    at: float
    grams: float
    corrects: bool


@dataclass(frozen=True, slots=True)
class Influence:
    """Something that moves glucose by itself: `rate` mg/dL/min in its middle, ramped at both ends.

    For sensitivity to insulin, `rate` is the share by which it rises.
    """

    start: float
    end: float
    rate: float


@dataclass(frozen=True, slots=True)
class Day:
    """One local day of one wearer, in epoch seconds."""

    wakes: float
    sleeps: float
    meals: tuple[Meal, ...]
    boluses: tuple[Bolus, ...]
    influences: tuple[Influence, ...]
    sensitive: tuple[Influence, ...]


def epoch_seconds(day: date, hours: float, zone: ZoneInfo) -> float:
    """Return the epoch second at which the wearer's clock shows `hours` after midnight."""
    local = datetime(day.year, day.month, day.day) + timedelta(hours=hours)  # noqa: DTZ001 - zone follows
    return local.replace(tzinfo=zone).timestamp()


class _Luck:
    """A day's numbers, taken one after the other."""

    def __init__(self, seed: int, topic: Topic, unit: int) -> None:
        self._draws = of_unit(seed, topic, unit)

    def about(self, middle: float, spread: float) -> float:
        """Return something near `middle`, never further away than 1.2 times `spread`."""
        return middle + 1.2 * spread * (next(self._draws) + next(self._draws) - 1.0)

    def chance(self, share: float) -> bool:
        """Tell whether what happens to this share of days happens now."""
        return next(self._draws) < share


def day_of(seed: int, day: date, zone: ZoneInfo) -> Day:
    """Draw one local day; it depends on nothing but seed, date and zone."""
    luck = _Luck(seed, Topic.DAY, day.toordinal())
    person = list(of_unit(seed, Topic.PERSON, 0, 4))
    weekend = day.weekday() in WEEKEND
    wakes = luck.about(8.6 if weekend else 6.7, 0.5) + person[0] - 0.5
    sleeps = luck.about(23.9 if day.weekday() in LATE_EVENINGS else 22.9, 0.6)

    def at(hours: float) -> float:
        return epoch_seconds(day, hours, zone)

    meals, boluses = _table(
        _Luck(seed, Topic.MEALS, day.toordinal()), wakes, 0.85 + 0.3 * person[1], at
    )
    influences = [
        # Growth hormone and cortisol before waking.
        Influence(at(3.2), at(wakes + 1.5), luck.about(0.4, 0.25) * (0.6 + 0.8 * person[2]))
    ]
    sensitive: list[Influence] = []
    if luck.chance(0.38):
        start = at(luck.about(10.5 if weekend else 17.4, 0.7))
        influences.append(Influence(start, start + 60 * luck.about(50, 20), -luck.about(1.1, 0.5)))
        sensitive.append(Influence(start, start + 8 * 3600, luck.about(0.3, 0.12)))
    run, of_run = divmod(day.toordinal(), MISHAP_DAYS)
    site_fails, wrong_pen = of_unit(seed, Topic.MISHAPS, run, 2)
    if of_run == int(site_fails * MISHAP_DAYS):
        start = at(luck.about(14.0, 3.0))
        lasts = 3600 * luck.about(8.0, 0.8)
        influences.append(Influence(start, start + lasts, luck.about(3.8, 0.3)))
    if of_run == int(wrong_pen * MISHAP_DAYS):
        boluses.append(Bolus(at(sleeps + 0.2), luck.about(170, 10), corrects=False))
    return Day(
        wakes=at(wakes),
        sleeps=at(sleeps),
        meals=tuple(meals),
        boluses=tuple(boluses),
        influences=tuple(influences),
        sensitive=tuple(sensitive),
    )


def _table(
    luck: _Luck, wakes: float, hungry: float, at: Callable[[float], float]
) -> tuple[list[Meal], list[Bolus]]:
    """Draw the day's meals and their boluses: miscounted, early, late, or forgotten for long."""
    meals: list[Meal] = []
    boluses: list[Bolus] = []

    def eat(hours: float, grams: float, quick: float, forgets: float) -> None:
        start = at(hours)
        meals.append(Meal(start, grams * hungry, quick))
        counted = grams * hungry * max(0.55, luck.about(1.0, 0.32))
        minutes = luck.about(60.0, 25.0) if luck.chance(forgets) else luck.about(7.0, 16.0)
        boluses.append(Bolus(start + 60 * minutes, counted, corrects=True))

    eat(wakes + luck.about(0.6, 0.3), luck.about(50, 14), 0.6, 0.07)
    if not luck.chance(0.05):
        eat(luck.about(12.6, 0.5), luck.about(62, 18), 0.5, 0.08)
    if luck.chance(0.4):
        eat(luck.about(16.0, 0.7), luck.about(22, 8), 0.6, 0.25)
    eat(luck.about(19.0, 0.6), luck.about(72, 22), 0.4, 0.06)
    if luck.chance(0.25):
        eat(luck.about(21.5, 0.5), luck.about(20, 7), 0.5, 0.3)
    return meals, boluses
