"""The sensors of a wearer and of each source, as two tables of descriptions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import EntityCategory, UnitOfBloodGlucoseConcentration
from homeassistant.core import callback
from homeassistant.helpers import entity_registry as er

from .const import agent_device
from .entity import CgmEntity
from .feed_status import FeedState, FeedStatus
from .shared.glucose.targets import Status
from .shared.glucose.trend import Trend
from .shared.glucose.units import MG_DL_PER_MMOL_L, Unit
from .wearer import CgmConfigEntry, Wearer

if TYPE_CHECKING:
    from datetime import datetime

    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
    from homeassistant.helpers.typing import StateType

PARALLEL_UPDATES = 0

_HA_UNIT = {
    Unit.MG_DL: UnitOfBloodGlucoseConcentration.MILLIGRAMS_PER_DECILITER,
    Unit.MMOL_L: UnitOfBloodGlucoseConcentration.MILLIMOLE_PER_LITER,
}
# Where Home Assistant's sensor keeps the unit an integration suggested.
_PRIVATE = "sensor.private"
_SUGGESTED = "suggested_unit_of_measurement"
_DECIMALS = {Unit.MG_DL: 0, Unit.MMOL_L: 1}


@dataclass(frozen=True, kw_only=True)
class WearerSensorDescription(SensorEntityDescription):
    """A sensor of the wearer: how its value and attributes follow from the wearer."""

    value_fn: Callable[[Wearer], StateType | datetime]
    attributes_fn: Callable[[Wearer], dict[str, StateType]] | None = None
    # "/min" and the like: the unit is the wearer's own with this behind it. None: no such unit.
    per: str | None = None


@dataclass(frozen=True, kw_only=True)
class SourceSensorDescription(SensorEntityDescription):
    """A sensor of one source: how its value follows from the feed's status."""

    value_fn: Callable[[FeedStatus], StateType | datetime]
    exists_fn: Callable[[FeedStatus], bool] = lambda _: True
    # Of the edge agent that brings the source, which is a device of its own.
    of_agent: bool = False
    attributes_fn: Callable[[FeedStatus], dict[str, StateType | datetime]] | None = None


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
    if wearer.unit is Unit.MG_DL:
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

SOURCE_SENSORS: tuple[SourceSensorDescription, ...] = (
    SourceSensorDescription(
        key="state",
        translation_key="source_state",
        device_class=SensorDeviceClass.ENUM,
        options=[state.value for state in FeedState],
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda status: status.state.value,
        attributes_fn=lambda status: {"until": status.until},
    ),
    SourceSensorDescription(
        key="sensor_started",
        translation_key="sensor_started",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=lambda status: status.sensor is not None and status.sensor.started is not None,
        value_fn=lambda status: None if status.sensor is None else status.sensor.started,
    ),
    SourceSensorDescription(
        key="sensor_expires",
        translation_key="sensor_expires",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=lambda status: status.sensor is not None and status.sensor.expires is not None,
        value_fn=lambda status: None if status.sensor is None else status.sensor.expires,
    ),
    SourceSensorDescription(
        key="outbox",
        translation_key="outbox",
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        of_agent=True,
        exists_fn=lambda status: status.agent is not None,
        value_fn=lambda status: None if status.agent is None else status.agent.outbox,
    ),
    SourceSensorDescription(
        key="last_seen",
        translation_key="last_seen",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        of_agent=True,
        exists_fn=lambda status: status.agent is not None,
        value_fn=lambda status: None if status.agent is None else status.agent.last_seen,
    ),
)


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: CgmConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the wearer's sensors now and each source's as soon as it has something to show."""
    wearer = entry.runtime_data
    async_add_entities(WearerSensor(wearer, description) for description in WEARER_SENSORS)
    added: set[tuple[str, str]] = set()

    @callback
    def add_source_sensors() -> None:
        added.intersection_update({pair for pair in added if pair[0] in wearer.feeds})
        for source, feed in wearer.feeds.items():
            new = [
                description
                for description in SOURCE_SENSORS
                if (source, description.key) not in added and description.exists_fn(feed.status)
            ]
            if new:
                added.update((source, description.key) for description in new)
                async_add_entities(
                    [SourceSensor(wearer, description, source) for description in new],
                    config_subentry_id=source,
                )

    entry.async_on_unload(wearer.async_add_listener(add_source_sensors))
    add_source_sensors()


class WearerSensor(CgmEntity, SensorEntity):
    """A sensor of what is true now about the wearer."""

    entity_description: WearerSensorDescription

    def __init__(self, wearer: Wearer, description: WearerSensorDescription) -> None:
        """Belong to the wearer's own device."""
        super().__init__(wearer, description, wearer.id)
        if description.device_class is SensorDeviceClass.BLOOD_GLUCOSE_CONCENTRATION:
            self._attr_suggested_unit_of_measurement = _HA_UNIT[wearer.unit]

    @property
    def native_value(self) -> StateType | datetime:
        """The value now; None (unknown) where none is current."""
        return self.entity_description.value_fn(self.wearer)

    @property
    def native_unit_of_measurement(self) -> str | None:
        """The wearer's unit for differences and rates; what the table says otherwise."""
        per = self.entity_description.per
        if per is None:
            return self.entity_description.native_unit_of_measurement
        return f"{self.wearer.unit}{per}"

    @property
    def suggested_display_precision(self) -> int | None:
        """Decimals people expect in the wearer's unit."""
        if self.native_unit_of_measurement is None:
            return None
        decimals = _DECIMALS[self.wearer.unit]
        return decimals + 1 if self.entity_description.per == "/min" else decimals

    @override
    async def async_added_to_hass(self) -> None:
        """Show the wearer's unit, also when it was changed since this entity was first seen."""
        await super().async_added_to_hass()
        if self.device_class is SensorDeviceClass.BLOOD_GLUCOSE_CONCENTRATION:
            self._follow_unit()
            self.async_on_remove(self.wearer.async_add_listener(self._follow_unit))

    @callback
    def _follow_unit(self) -> None:
        """Home Assistant keeps the unit first suggested; the wearer's choice replaces it."""
        unit = _HA_UNIT[self.wearer.unit]
        entry = self.registry_entry
        if entry is None:
            return
        private = entry.options.get(_PRIVATE)
        if private is not None and private.get(_SUGGESTED) == unit:
            return
        er.async_get(self.hass).async_update_entity_options(
            self.entity_id, _PRIVATE, {_SUGGESTED: unit}
        )

    @property
    def extra_state_attributes(self) -> dict[str, StateType] | None:
        """What the table adds to the value."""
        attributes_fn = self.entity_description.attributes_fn
        return None if attributes_fn is None else attributes_fn(self.wearer)


class SourceSensor(CgmEntity, SensorEntity):
    """A diagnostic sensor of one source."""

    entity_description: SourceSensorDescription

    def __init__(self, wearer: Wearer, description: SourceSensorDescription, source: str) -> None:
        """Belong to the source's device, or to that of the agent that brings it."""
        device = agent_device(source) if description.of_agent else source
        super().__init__(wearer, description, device)
        self._source = source

    @property
    def _status(self) -> FeedStatus:
        feed = self.wearer.feeds.get(self._source)
        return FeedStatus() if feed is None else feed.status

    @property
    def native_value(self) -> StateType | datetime:
        """What the feed's status says."""
        return self.entity_description.value_fn(self._status)

    @property
    def extra_state_attributes(self) -> dict[str, StateType | datetime] | None:
        """What the table adds to the value."""
        attributes_fn = self.entity_description.attributes_fn
        return None if attributes_fn is None else attributes_fn(self._status)
