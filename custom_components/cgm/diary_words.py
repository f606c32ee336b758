"""What the diary calls treatments and episodes of glucose, in English and German."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from .shared.glucose.reading import Bound
from .shared.glucose.treatment import Intensity, TreatmentKind
from .shared.glucose.units import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .shared.glucose.reading import Reading
    from .shared.glucose.treatment import Treatment
    from .shared.glucose.units import Unit

# What a month's view shows of a note; the whole of it is the description.
_LONGEST_TITLE = 80
_SPEAKING_NOTES = frozenset({TreatmentKind.NOTE, TreatmentKind.MEDICATION})
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    kinds: Mapping[TreatmentKind, str]
    intensities: Mapping[Intensity, str]
    units: Mapping[str, str]
    low: str
    high: str
    lowest: str
    highest: str
    decimal: str

    def number(self, text: str) -> str:
        return text.replace(".", self.decimal)


_ENGLISH = _Words(
    kinds=MappingProxyType(
        {
            TreatmentKind.INSULIN_RAPID: "Insulin",
            TreatmentKind.INSULIN_LONG: "Long-acting insulin",
            TreatmentKind.CARBS: "Carbs",
            TreatmentKind.EXERCISE: "Exercise",
            TreatmentKind.MEDICATION: "Medication",
            TreatmentKind.SITE_CHANGE: "Site changed",
            TreatmentKind.SENSOR_CHANGE: "Sensor changed",
            TreatmentKind.INSULIN_CHANGE: "Insulin changed",
            TreatmentKind.NOTE: "Note",
        }
    ),
    intensities=MappingProxyType(
        {
            Intensity.LIGHT: "light",
            Intensity.MODERATE: "moderate",
            Intensity.VIGOROUS: "vigorous",
        }
    ),
    units=MappingProxyType({}),
    low="Low",
    high="High",
    lowest="lowest",
    highest="highest",
    decimal=".",
)
_GERMAN = _Words(
    kinds=MappingProxyType(
        {
            TreatmentKind.INSULIN_RAPID: "Insulin",
            TreatmentKind.INSULIN_LONG: "Langzeitinsulin",
            TreatmentKind.CARBS: "Kohlenhydrate",
            TreatmentKind.EXERCISE: "Bewegung",
            TreatmentKind.MEDICATION: "Medikament",
            TreatmentKind.SITE_CHANGE: "Katheter gewechselt",
            TreatmentKind.SENSOR_CHANGE: "Sensor gewechselt",
            TreatmentKind.INSULIN_CHANGE: "Insulin gewechselt",
            TreatmentKind.NOTE: "Notiz",
        }
    ),
    intensities=MappingProxyType(
        {
            Intensity.LIGHT: "leicht",
            Intensity.MODERATE: "mäßig",
            Intensity.VIGOROUS: "anstrengend",
        }
    ),
    # What insulin is counted in on German packages.
    units=MappingProxyType({"U": "IE"}),
    low="Niedrig",
    high="Hoch",
    lowest="tiefster Wert",
    highest="höchster Wert",
    decimal=",",
)


def treatment_title(treatment: Treatment, language: str) -> str:
    """Return "Carbs 45 g", "Exercise 30 min, moderate" or "Note: tired", one line."""
    words = _words(language)
    title = words.kinds[treatment.kind]
    if treatment.amount is not None and treatment.unit is not None:
        unit = words.units.get(treatment.unit, treatment.unit)
        title = f"{title} {words.number(f'{treatment.amount:g}')} {unit}"
    if treatment.intensity is not None:
        title = f"{title}, {words.intensities[treatment.intensity]}"
    if treatment.note is not None and treatment.kind in _SPEAKING_NOTES:
        title = f"{title}: {' '.join(treatment.note.split())}"
    return title if len(title) <= _LONGEST_TITLE else f"{title[: _LONGEST_TITLE - 1]}…"


def episode_title(
    span: timedelta, extreme: Reading, *, low: bool, unit: Unit, language: str
) -> str:
    """Return "Low 2 h 10 min, lowest 51"; beyond the sensor's range the vendors' LOW and HIGH."""
    words = _words(language)
    number = words.number(shown(extreme.mg_dl, unit))
    if extreme.bound is not None:
        number = "LOW" if extreme.bound is Bound.LOW else "HIGH"
    name, worst = (words.low, words.lowest) if low else (words.high, words.highest)
    return f"{name} {_span(span)}, {worst} {number}"


def _span(span: timedelta) -> str:
    """Return "25 min", "2 h" or "2 h 10 min"; h and min are the same in every language."""
    hours, minutes = divmod(round(span / _MINUTE), 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def _words(language: str) -> _Words:
    return _GERMAN if language.partition("-")[0].lower() == "de" else _ENGLISH
