"""What a wearer did about glucose, or to the devices: one value a record, never a wrong one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from .errors import InvalidRecordError
from .reading import finite_number
from .record import Record, check_number

# A thousandth of a unit is below any pump's step; what is smaller is a slip.
LEAST_AMOUNT = 0.001


class TreatmentKind(StrEnum):
    """What was done."""

    INSULIN_RAPID = "insulin_rapid"
    INSULIN_LONG = "insulin_long"
    CARBS = "carbs"
    EXERCISE = "exercise"
    MEDICATION = "medication"
    SITE_CHANGE = "site_change"
    SENSOR_CHANGE = "sensor_change"
    INSULIN_CHANGE = "insulin_change"
    NOTE = "note"


class Intensity(StrEnum):
    """How hard exercise was."""

    LIGHT = "light"
    MODERATE = "moderate"
    VIGOROUS = "vigorous"


UNITS: Mapping[TreatmentKind, str] = MappingProxyType(
    {
        TreatmentKind.INSULIN_RAPID: "U",
        TreatmentKind.INSULIN_LONG: "U",
        TreatmentKind.CARBS: "g",
        TreatmentKind.EXERCISE: "min",
    }
)
# What is worn, and changed every few days.
CHANGES = (
    TreatmentKind.SITE_CHANGE,
    TreatmentKind.SENSOR_CHANGE,
    TreatmentKind.INSULIN_CHANGE,
)
# Above what anybody takes at once; U-500 users stay below 300, and a day has 1,440 minutes.
LARGEST_AMOUNT: Mapping[str, float] = MappingProxyType({"U": 300.0, "g": 1000.0, "min": 1440.0})


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment(Record):
    """One treatment of one wearer; the `time` of exercise is when it began.

    `amount` is in the kind's `unit`: units of insulin, grams of carbohydrates, minutes of
    exercise; None where it was logged without one, and for every other kind. A medication is
    named in its `note`, and a note is its text. Raises InvalidRecordError.
    """

    kind: TreatmentKind
    amount: float | None = None
    intensity: Intensity | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be a treatment."""
        # In Python 3.11, super() is lost on a class with slots.
        Record.__post_init__(self)
        if self.amount is not None:
            if self.unit is None:
                raise InvalidRecordError(f"{self.kind} has no amount")
            check_number(self.amount, LEAST_AMOUNT, LARGEST_AMOUNT[self.unit], "the amount")
        if self.intensity is not None and self.kind is not TreatmentKind.EXERCISE:
            raise InvalidRecordError("only exercise has an intensity")
        if self.note is None and self.kind in {TreatmentKind.NOTE, TreatmentKind.MEDICATION}:
            raise InvalidRecordError(f"{self.kind} needs its text")

    @property
    def unit(self) -> str | None:
        """The unit of the amount: "U", "g", "min"; None for a kind that has no amount."""
        return UNITS.get(self.kind)


def amount_of(value: object) -> float | None:
    """Read a vendor's amount, a number or its text; None for none, zero or next to it.

    Vendors write 0 or "" beside what a record is not about. Raises InvalidReadingError, an
    InvalidRecordError, for what is no finite number.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    amount = finite_number(value)
    return amount if amount >= LEAST_AMOUNT else None
