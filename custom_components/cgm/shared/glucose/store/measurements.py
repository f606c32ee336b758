"""How measurements lie in the history."""

from __future__ import annotations

from datetime import datetime

from ..measurement import Measurement, MeasurementKind
from .records import Cells, Shelf


def _cells(measurement: Measurement) -> Cells:
    return (
        measurement.kind.value,
        measurement.note,
        measurement.value,
        measurement.diastolic,
        measurement.quality,
    )


def _made(  # noqa: PLR0913, PLR0917 - a row's columns
    time: datetime,
    source: str,
    id_: str,
    kind: str,
    note: str | None,
    value: float,
    diastolic: float | None,
    quality: int | None,
) -> Measurement:
    return Measurement(
        time=time,
        source=source,
        id=id_,
        kind=MeasurementKind(kind),
        note=note,
        value=value,
        diastolic=diastolic,
        quality=quality,
    )


MEASUREMENTS: Shelf[Measurement] = Shelf(
    "measurements", ("value", "diastolic", "quality"), _cells, _made
)
