"""The sensors of treatments: a table of what each shows, and since when there is anything to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import UnitOfMass

from .shared.glucose.treatment import UNITS, TreatmentKind

if TYPE_CHECKING:
    from datetime import datetime

    from homeassistant.helpers.typing import StateType

    from .wearer import Wearer


@dataclass(frozen=True, kw_only=True)
class TreatmentSensorDescription(SensorEntityDescription):
    """A sensor of treatments: how its value follows from the wearer, and whether there is any."""

    value_fn: Callable[[Wearer], StateType | datetime]
    exists_fn: Callable[[Wearer], bool]
    # Changes although nothing is logged.
    by_time: bool = False


def _changed(key: str, kind: TreatmentKind) -> TreatmentSensorDescription:
    """Describe when something was changed last; Home Assistant shows how long ago that is."""

    def changed(wearer: Wearer) -> datetime | None:
        change = wearer.records.latest.get(kind)
        return None if change is None else change.time

    return TreatmentSensorDescription(
        key=key,
        translation_key=key,
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=changed,
        exists_fn=lambda wearer: changed(wearer) is not None,
    )


def _insulin(wearer: Wearer) -> float | None:
    units = wearer.on_board.insulin_units
    return None if units is None else round(units, 2)


def _carbs(wearer: Wearer) -> float | None:
    grams = wearer.on_board.carbs_grams
    return None if grams is None else round(grams, 1)


TREATMENT_SENSORS: tuple[TreatmentSensorDescription, ...] = (
    _changed("site_changed", TreatmentKind.SITE_CHANGE),
    _changed("sensor_changed", TreatmentKind.SENSOR_CHANGE),
    _changed("insulin_changed", TreatmentKind.INSULIN_CHANGE),
    TreatmentSensorDescription(
        key="insulin_on_board",
        translation_key="insulin_on_board",
        native_unit_of_measurement=UNITS[TreatmentKind.INSULIN_RAPID],
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=2,
        by_time=True,
        value_fn=_insulin,
        exists_fn=lambda wearer: wearer.on_board.begun(TreatmentKind.INSULIN_RAPID),
    ),
    TreatmentSensorDescription(
        key="carbs_on_board",
        translation_key="carbs_on_board",
        native_unit_of_measurement=UnitOfMass.GRAMS,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        by_time=True,
        value_fn=_carbs,
        exists_fn=lambda wearer: wearer.on_board.begun(TreatmentKind.CARBS),
    ),
)
