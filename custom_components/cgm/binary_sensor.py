"""Whether each alarm is on, whether any is, and whether an edge agent is connected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.const import EntityCategory
from homeassistant.core import callback

from .const import agent_device
from .entity import CgmEntity
from .shared.glucose.alarms.kinds import AlarmKind
from .shared.glucose.units import in_unit
from .wearer import CgmConfigEntry, Wearer

if TYPE_CHECKING:
    from datetime import datetime

    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
    from homeassistant.helpers.typing import StateType

PARALLEL_UPDATES = 0

CONNECTED = BinarySensorEntityDescription(
    key="connected",
    translation_key="connected",
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
    entity_category=EntityCategory.DIAGNOSTIC,
)


@dataclass(frozen=True, kw_only=True)
class AlarmSensorDescription(BinarySensorEntityDescription):
    """The binary sensor of one alarm."""

    kind: AlarmKind
    device_class: BinarySensorDeviceClass | None = BinarySensorDeviceClass.PROBLEM
    # Says until when it is quiet because a sensor warms up.
    quieted: bool = False


ALARMS: tuple[AlarmSensorDescription, ...] = tuple(
    AlarmSensorDescription(
        key=f"alarm_{kind}",
        translation_key=f"alarm_{kind}",
        kind=kind,
        quieted=kind is AlarmKind.STALE,
    )
    for kind in AlarmKind
)
ANY_ALARM = BinarySensorEntityDescription(
    key="any_alarm",
    translation_key="any_alarm",
    device_class=BinarySensorDeviceClass.PROBLEM,
)


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: CgmConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the alarms', and one for each source that an edge agent brings once it is there."""
    wearer = entry.runtime_data
    async_add_entities(
        [
            AnyAlarm(wearer),
            *(AlarmOn(wearer, description) for description in ALARMS),
        ]
    )
    added: set[str] = set()

    @callback
    def add_connected() -> None:
        brought = {key for key, feed in wearer.feeds.items() if feed.status.agent is not None}
        new = brought - added
        added.clear()
        added.update(brought)
        for source in new:
            async_add_entities([AgentConnected(wearer, source)], config_subentry_id=source)

    entry.async_on_unload(wearer.listeners.async_add(add_connected))
    add_connected()


class AlarmOn(CgmEntity, BinarySensorEntity):
    """Whether one alarm has fired and is not over; silenced counts."""

    entity_description: AlarmSensorDescription

    def __init__(self, wearer: Wearer, description: AlarmSensorDescription) -> None:
        """Belong to the wearer's own device."""
        super().__init__(wearer, description, wearer.id)

    @property
    def is_on(self) -> bool:
        """On until glucose is known to be back: without data it stays as it was."""
        return self.wearer.alarms.alarms[self.entity_description.kind].on

    @property
    def extra_state_attributes(self) -> dict[str, StateType | datetime]:
        """Since when, by which value, the threshold that holds now, and how long it is silent."""
        kind, watch, unit = (
            self.entity_description.kind,
            self.wearer.alarms,
            self.wearer.chosen.unit,
        )
        state, rule = watch.alarms[kind], watch.rules.at(watch.view.now)[kind]
        reading = state.reading if state.on else None
        per_minute = kind in {AlarmKind.FALLING_FAST, AlarmKind.RISING_FAST}
        quiet = {"quiet_until": watch.view.quiet_until} if self.entity_description.quieted else {}
        return {
            "alarm": kind.value,
            "fired": state.fired if state.on else None,
            "since": state.since if state.on else None,
            "value": None if reading is None else in_unit(reading.mg_dl, unit),
            "bound": None if reading is None else reading.bound,
            "threshold": None
            if rule.threshold is None
            else in_unit(rule.threshold, unit, decimals=1 if per_minute else 0),
            "silenced_until": watch.silenced_until(kind),
            **quiet,
        }


class AnyAlarm(CgmEntity, BinarySensorEntity):
    """Whether any alarm is on."""

    def __init__(self, wearer: Wearer) -> None:
        """Belong to the wearer's own device."""
        super().__init__(wearer, ANY_ALARM, wearer.id)

    @property
    def is_on(self) -> bool:
        """On while at least one is."""
        return bool(self.wearer.alarms.alarms.on)

    @property
    def extra_state_attributes(self) -> dict[str, list[str]]:
        """Which ones."""
        return {"alarms": [kind.value for kind in self.wearer.alarms.alarms.on]}


class AgentConnected(CgmEntity, BinarySensorEntity):
    """Whether the agent is heard; its readings' own age decides what is current."""

    def __init__(self, wearer: Wearer, source: str) -> None:
        """Belong to the agent's device."""
        super().__init__(wearer, CONNECTED, agent_device(source))
        self._source = source

    @property
    def is_on(self) -> bool | None:
        """On while the agent is heard; unknown until it was, or could have been."""
        feed = self.wearer.feeds.get(self._source)
        agent = None if feed is None else feed.status.agent
        return None if agent is None else agent.connected
