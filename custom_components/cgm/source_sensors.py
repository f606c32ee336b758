"""The sensors of one source, and of the agent that brings it: a table of what each shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import EntityCategory

from .feed_status import FeedState, FeedStatus

if TYPE_CHECKING:
    from datetime import datetime

    from homeassistant.helpers.typing import StateType


@dataclass(frozen=True, kw_only=True)
class SourceSensorDescription(SensorEntityDescription):
    """A sensor of one source: how its value follows from the feed's status."""

    value_fn: Callable[[FeedStatus], StateType | datetime]
    exists_fn: Callable[[FeedStatus], bool] = lambda _: True
    # Of the edge agent that brings the source, which is a device of its own.
    of_agent: bool = False
    attributes_fn: Callable[[FeedStatus], dict[str, StateType | datetime]] | None = None


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
