"""How treatments lie in the history."""

from __future__ import annotations

from datetime import datetime

from ..treatment import Intensity, Treatment, TreatmentKind
from .records import Cells, Shelf


def _cells(treatment: Treatment) -> Cells:
    intensity = treatment.intensity
    return (
        treatment.kind.value,
        treatment.note,
        treatment.amount,
        None if intensity is None else intensity.value,
    )


def _made(  # noqa: PLR0913, PLR0917 - a row's columns
    time: datetime,
    source: str,
    id_: str,
    kind: str,
    note: str | None,
    amount: float | None,
    intensity: str | None,
) -> Treatment:
    return Treatment(
        time=time,
        source=source,
        id=id_,
        kind=TreatmentKind(kind),
        note=note,
        amount=amount,
        intensity=None if intensity is None else Intensity(intensity),
    )


TREATMENTS: Shelf[Treatment] = Shelf("treatments", ("amount", "intensity"), _cells, _made)
