"""The sensors of a wearer and of each source, made from their tables as sources come and go."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, override

from homeassistant.components.sensor import (
    DOMAIN as SENSOR,
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
)
from homeassistant.const import MATCH_ALL, UnitOfBloodGlucoseConcentration
from homeassistant.core import callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_time_interval

from .const import agent_device
from .entity import CgmEntity
from .feed_status import FeedStatus
from .measure_sensors import MEASURE_SENSORS, MeasureSensorDescription
from .shared.glucose.units import Unit
from .source_sensors import SOURCE_SENSORS, SourceSensorDescription
from .treatment_sensors import TREATMENT_SENSORS, TreatmentSensorDescription
from .wearer import CgmConfigEntry, Wearer
from .wearer_sensors import WEARER_SENSORS, WearerSensorDescription

if TYPE_CHECKING:
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
_PRECISION = "suggested_display_precision"
# How often what goes by itself is shown anew.
_BY_TIME = timedelta(minutes=1)
_DECIMALS = {Unit.MG_DL: 0, Unit.MMOL_L: 1}


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: CgmConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the wearer's sensors now and each source's as soon as it has something to show."""
    wearer = entry.runtime_data
    async_add_entities(WearerSensor(wearer, description) for description in WEARER_SENSORS)
    async_add_entities(MeasureSensor(wearer, description) for description in MEASURE_SENSORS)
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

    entry.async_on_unload(wearer.listeners.async_add(add_source_sensors))
    add_source_sensors()
    waiting = list(TREATMENT_SENSORS)

    @callback
    def add_treatment_sensors() -> None:
        new = [description for description in waiting if description.exists_fn(wearer)]
        if new:
            waiting[:] = [description for description in waiting if description not in new]
            async_add_entities(TreatmentSensor(wearer, description) for description in new)

    entry.async_on_unload(wearer.listeners.async_add(add_treatment_sensors))
    add_treatment_sensors()


class _GlucoseSensor(CgmEntity, SensorEntity):
    """A sensor of the wearer's own device; one of glucose shows it in the wearer's unit."""

    def __init__(self, wearer: Wearer, description: SensorEntityDescription) -> None:
        """Belong to the wearer's own device."""
        super().__init__(wearer, description, wearer.id)
        if description.device_class is SensorDeviceClass.BLOOD_GLUCOSE_CONCENTRATION:
            self._attr_suggested_unit_of_measurement = _HA_UNIT[wearer.chosen.unit]

    @override
    async def async_added_to_hass(self) -> None:
        """Show the wearer's unit, also when it was changed since this entity was first seen."""
        await super().async_added_to_hass()
        if self.device_class is SensorDeviceClass.BLOOD_GLUCOSE_CONCENTRATION:
            self._follow_unit()
            self.async_on_remove(self.wearer.listeners.async_add(self._follow_unit))

    @callback
    def _follow_unit(self) -> None:
        """Home Assistant keeps the unit first suggested; the wearer's choice replaces it."""
        unit = _HA_UNIT[self.wearer.chosen.unit]
        entry = self.registry_entry
        if entry is None:
            return
        private = entry.options.get(_PRIVATE)
        if private is not None and private.get(_SUGGESTED) == unit:
            return
        # By it Home Assistant tells how many decimals more a converted value has.
        self._attr_suggested_unit_of_measurement = unit
        er.async_get(self.hass).async_update_entity_options(
            self.entity_id, _PRIVATE, {_SUGGESTED: unit}
        )


class WearerSensor(_GlucoseSensor):
    """A sensor of what is true now about the wearer."""

    entity_description: WearerSensorDescription

    @override
    @callback
    def async_told(self) -> None:
        """Show what is true now, with the decimals of the unit of now."""
        if self.entity_description.per is not None and self.registry_entry is not None:
            kept = self.registry_entry.options.get(SENSOR)
            if kept is None or kept.get(_PRECISION) != self.suggested_display_precision:
                # Home Assistant keeps the decimals that were suggested when this was added.
                self.async_registry_entry_updated()
        super().async_told()

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
        return f"{self.wearer.chosen.unit}{per}"

    @property
    def suggested_display_precision(self) -> int | None:
        """Decimals people expect in the wearer's unit."""
        if self.native_unit_of_measurement is None:
            return None
        decimals = _DECIMALS[self.wearer.chosen.unit]
        return decimals + 1 if self.entity_description.per == "/min" else decimals

    @property
    def extra_state_attributes(self) -> dict[str, StateType] | None:
        """What the table adds to the value."""
        attributes_fn = self.entity_description.attributes_fn
        return None if attributes_fn is None else attributes_fn(self.wearer)


class MeasureSensor(_GlucoseSensor):
    """A sensor of a stretch of time; its period is computed while at least one shows it."""

    entity_description: MeasureSensorDescription
    _is_of_now = False
    # They change with each look, and tell of the past what the history knows.
    _unrecorded_attributes = frozenset({MATCH_ALL})

    @override
    async def async_added_to_hass(self) -> None:
        """Have the period known from now until removed."""
        await super().async_added_to_hass()
        self.async_on_remove(self.wearer.measures.async_use(self.entity_description.period))

    @property
    def native_value(self) -> float | None:
        """The measure; None (unknown) where too little is known."""
        return self.entity_description.value_of(self.wearer)

    @property
    def suggested_display_precision(self) -> int | None:
        """Decimals of the table; for glucose those of the wearer's unit."""
        if self.device_class is SensorDeviceClass.BLOOD_GLUCOSE_CONCENTRATION:
            return _DECIMALS[self.wearer.chosen.unit]
        return self.entity_description.suggested_display_precision

    @property
    def extra_state_attributes(self) -> dict[str, StateType]:
        """What the value rests on."""
        return self.entity_description.attributes_of(self.wearer)


class TreatmentSensor(CgmEntity, SensorEntity):
    """A sensor of what was logged, or of what is left of it."""

    entity_description: TreatmentSensorDescription

    def __init__(self, wearer: Wearer, description: TreatmentSensorDescription) -> None:
        """Belong to the wearer's own device."""
        super().__init__(wearer, description, wearer.id)

    @override
    async def async_added_to_hass(self) -> None:
        """Show what is left each minute, too."""
        await super().async_added_to_hass()
        if self.entity_description.by_time:
            self.async_on_remove(async_track_time_interval(self.hass, self._again, _BY_TIME))

    @callback
    def _again(self, _now: datetime) -> None:
        self.async_write_ha_state()

    @property
    def native_value(self) -> StateType | datetime:
        """The value now; None (unknown) where it cannot be told."""
        return self.entity_description.value_fn(self.wearer)


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
