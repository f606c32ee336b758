"""How long the infusion site, the sensor and the insulin have been in use, where it is logged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

from .treatment import Treatment, TreatmentKind

CHANGES = (
    TreatmentKind.SITE_CHANGE,
    TreatmentKind.SENSOR_CHANGE,
    TreatmentKind.INSULIN_CHANGE,
)


def changed_last(
    treatments: Iterable[Treatment], now: datetime
) -> Mapping[TreatmentKind, datetime]:
    """Return when each was changed last, up to `now`; one that never was is absent.

    The age is `now` less that. A change planned for later changes nothing yet.
    """
    last: dict[TreatmentKind, datetime] = {}
    for treatment in treatments:
        kind, time = treatment.kind, treatment.time
        if kind in CHANGES and time <= now and (kind not in last or time > last[kind]):
            last[kind] = time
    return MappingProxyType(last)
