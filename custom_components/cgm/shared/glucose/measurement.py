"""What was measured of a wearer beside glucose: HbA1c, blood pressure, weight, sleep.

A finger-stick is none of these: it is a Reading of kind METER, so that alarms see it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from .errors import InvalidRecordError
from .record import Record, check_number


class MeasurementKind(StrEnum):
    """What was measured."""

    HBA1C = "hba1c"
    BLOOD_PRESSURE = "blood_pressure"
    WEIGHT = "weight"
    SLEEP = "sleep"


UNITS: Mapping[MeasurementKind, str] = MappingProxyType(
    {
        MeasurementKind.HBA1C: "%",
        MeasurementKind.BLOOD_PRESSURE: "mmHg",
        MeasurementKind.WEIGHT: "kg",
        MeasurementKind.SLEEP: "min",
    }
)
# From a newborn to beyond the largest ever measured: outside is a slip, or another unit.
RANGES: Mapping[MeasurementKind, tuple[float, float]] = MappingProxyType(
    {
        MeasurementKind.HBA1C: (3.0, 20.0),
        MeasurementKind.BLOOD_PRESSURE: (40.0, 300.0),
        MeasurementKind.WEIGHT: (1.0, 700.0),
        MeasurementKind.SLEEP: (1.0, 1440.0),
    }
)
DIASTOLIC_RANGE = (10.0, 200.0)
QUALITY_RANGE = (1, 5)
# The master equation between IFCC (mmol/mol) and NGSP (%): Hoelzel et al., Clin Chem 2004;50:166.
_PERCENT_PER_MMOL_MOL = 0.09148
_PERCENT_AT_ZERO = 2.152


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement(Record):
    """One measurement of one wearer; the `time` of sleep is when it began.

    `value` is in the kind's `unit`: HbA1c in NGSP %, systolic blood pressure in mmHg (with
    `diastolic`), weight in kg, minutes of sleep (with a `quality` of 1, poor, to 5, if told).
    Raises InvalidRecordError.
    """

    kind: MeasurementKind
    value: float
    diastolic: float | None = None
    quality: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be a measurement."""
        # In Python 3.11, super() is lost on a class with slots.
        Record.__post_init__(self)
        check_number(self.value, *RANGES[self.kind], f"{self.kind} in {self.unit}")
        if (self.diastolic is not None) is not (self.kind is MeasurementKind.BLOOD_PRESSURE):
            raise InvalidRecordError("blood pressure has two values, all else one")
        if self.diastolic is not None:
            check_number(self.diastolic, *DIASTOLIC_RANGE, "diastolic pressure in mmHg")
            if self.diastolic >= self.value:
                raise InvalidRecordError("the systolic pressure is the higher one")
        if self.quality is not None:
            if self.kind is not MeasurementKind.SLEEP:
                raise InvalidRecordError("only sleep has a quality")
            check_number(self.quality, *QUALITY_RANGE, "quality")
            if type(self.quality) is not int:
                raise InvalidRecordError("quality is a whole number")

    @property
    def unit(self) -> str:
        """The unit of `value` (and of `diastolic`)."""
        return UNITS[self.kind]


def hba1c_percent(mmol_mol: float) -> float:
    """Convert HbA1c in mmol/mol (IFCC) to % (NGSP), unrounded."""
    return mmol_mol * _PERCENT_PER_MMOL_MOL + _PERCENT_AT_ZERO
