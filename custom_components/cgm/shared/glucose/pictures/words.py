"""The few words on a picture, in English and German, in letters that the font has."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a picture says; braces are filled in. Pillow's font knows no umlauts."""

    today: str
    minutes_ago: str
    no_data: str
    no_readings: str
    low: str
    high: str
    in_range: str
    profile: str
    mean: str
    days: str
    median: str
    half: str
    most: str
    not_enough: str
    needs: str
    weekdays: tuple[str, ...]
    units: Mapping[str, str]
    day_first: bool
    decimal: str

    def amount(self, amount: float, unit: str) -> str:
        """Return an amount of a treatment as people write it."""
        return f"{self.number(f'{amount:g}')} {self.units.get(unit, unit)}"

    def date(self, day: date) -> str:
        """Return the weekday and the date as people write it."""
        name = self.weekdays[day.weekday()]
        if self.day_first:
            return f"{name} {day.day}.{day.month}.{day.year}"
        return f"{name} {day.isoformat()}"

    def number(self, text: str) -> str:
        """Return a number with the language's decimal mark."""
        return text.replace(".", self.decimal)


_ENGLISH = Words(
    today="Today",
    minutes_ago="{minutes} min ago",
    no_data="no current value",
    no_readings="no readings on this day",
    low="LOW",
    high="HIGH",
    in_range="in range",
    profile="Ambulatory glucose profile",
    mean="mean",
    days="{first} to {last}",
    median="median",
    half="25 to 75 %",
    most="5 to 95 % of readings",
    not_enough="Not enough readings for a profile yet",
    needs="{percent} % of {days} days; a profile needs {needed} %",
    weekdays=("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    units=MappingProxyType({}),
    day_first=False,
    decimal=".",
)
_GERMAN = Words(
    today="Heute",
    minutes_ago="vor {minutes} min",
    no_data="kein aktueller Wert",
    no_readings="keine Messwerte an diesem Tag",
    low="NIEDRIG",
    high="HOCH",
    in_range="im Zielbereich",
    profile="Ambulantes Glukoseprofil",
    mean="Mittel",
    days="{first} bis {last}",
    median="Median",
    half="25 bis 75 %",
    most="5 bis 95 % der Messwerte",
    not_enough="Noch nicht genug Messwerte",
    needs="{percent} % von {days} Tagen; ein Profil braucht {needed} %",
    weekdays=("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"),
    # What insulin is counted in on German packages.
    units=MappingProxyType({"U": "IE"}),
    day_first=True,
    decimal=",",
)


def words_of(language: str) -> Words:
    """Return the words of a language tag; English where there are none of its own."""
    return _GERMAN if language.split("-", maxsplit=1)[0].lower() == "de" else _ENGLISH
