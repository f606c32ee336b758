"""The triggers that automations can choose, by their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .alarms_heard import async_hear_while_starting
from .trigger_alarm import AlarmCleared, AlarmFired
from .trigger_glucose import GlucoseDroppedBelow, GlucoseRoseAbove
from .trigger_stale import ReadingsStale

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.trigger import Trigger

TRIGGERS: dict[str, type[Trigger]] = {
    "alarm_fired": AlarmFired,
    "alarm_cleared": AlarmCleared,
    "glucose_dropped_below": GlucoseDroppedBelow,
    "glucose_rose_above": GlucoseRoseAbove,
    "readings_stale": ReadingsStale,
}


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers; asked for first while Home Assistant starts."""
    async_hear_while_starting(hass)
    return TRIGGERS
