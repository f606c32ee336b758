"""The sensors of a wearer: a table of what each shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import EntityCategory, UnitOfBloodGlucoseConcentration

from .shared.glucose.targets import Status
from .shared.glucose.trend import Trend
from .shared.glucose.units import MG_DL_PER_MMOL_L, Unit

if TYPE_CHECKING:
    from datetime import datetime

    from homeassistant.helpers.typing import StateType

    from .wearer import Wearer


@dataclass(frozen=True, kw_only=True)
class WearerSensorDescription(SensorEntityDescription):
    """A sensor of the wearer: how its value and attributes follow from the wearer."""

    value_fn: Callable[[Wearer], StateType | datetime]
    attributes_fn: Callable[[Wearer], dict[str, StateType]] | None = None
    # "/min" and the like: the unit is the wearer's own with this behind it. None: no such unit.
    per: str | None = None


def _glucose(wearer: Wearer) -> int | None:
    reading = wearer.present.reading
    return None if reading is None else reading.mg_dl


def _glucose_attributes(wearer: Wearer) -> dict[str, StateType]:
    reading = wearer.present.reading
    return {"bound": None if reading is None else reading.bound}


def _trend(wearer: Wearer) -> str | None:
    trend = wearer.present.trend
    return None if trend is None else trend.value


def _status(wearer: Wearer) -> str | None:
    status = wearer.present.status
    return None if status is Status.UNKNOWN else status.value


def _last_reading(wearer: Wearer) -> datetime | None:
    newest = wearer.present.newest
    return None if newest is None else newest.time


def _leading(wearer: Wearer) -> str | None:
    leading = wearer.present.leading
    feed = None if leading is None else wearer.feeds.get(leading)
    return None if feed is None else feed.title


def _in_unit(wearer: Wearer, mg_dl: float | None, decimals: int) -> float | None:
    """Return a difference or rate in the wearer's unit, rounded once."""
    if mg_dl is None:
        return None
    if wearer.chosen.unit is Unit.MG_DL:
        return round(mg_dl, decimals)
    return round(mg_dl / MG_DL_PER_MMOL_L, decimals + 1)


WEARER_SENSORS: tuple[WearerSensorDescription, ...] = (
    WearerSensorDescription(
        key="glucose",
        translation_key="glucose",
        device_class=SensorDeviceClass.BLOOD_GLUCOSE_CONCENTRATION,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfBloodGlucoseConcentration.MILLIGRAMS_PER_DECILITER,
        value_fn=_glucose,
        attributes_fn=_glucose_attributes,
    ),
    WearerSensorDescription(
        key="trend",
        translation_key="trend",
        device_class=SensorDeviceClass.ENUM,
        options=[trend.value for trend in Trend],
        value_fn=_trend,
        attributes_fn=lambda wearer: {
            "computed": None if wearer.present.trend is None else wearer.present.trend_computed
        },
    ),
    WearerSensorDescription(
        key="delta",
        translation_key="delta",
        state_class=SensorStateClass.MEASUREMENT,
        per="",
        value_fn=lambda wearer: _in_unit(wearer, wearer.present.delta_mg_dl, 0),
    ),
    WearerSensorDescription(
        key="rate_of_change",
        translation_key="rate_of_change",
        # No state class: the recorder cannot convert this unit when the wearer changes theirs.
        per="/min",
        value_fn=lambda wearer: _in_unit(wearer, wearer.present.rate_mg_dl_per_minute, 1),
    ),
    WearerSensorDescription(
        key="last_reading",
        translation_key="last_reading",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=_last_reading,
    ),
    WearerSensorDescription(
        key="status",
        translation_key="status",
        device_class=SensorDeviceClass.ENUM,
        options=[status.value for status in Status if status is not Status.UNKNOWN],
        value_fn=_status,
    ),
    WearerSensorDescription(
        key="leading_source",
        translation_key="leading_source",
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=_leading,
    ),
)
