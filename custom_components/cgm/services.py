"""The actions on alarms: acknowledge, silence, test."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import probatio
from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import ServiceCall, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_get_config_entry

from .const import DOMAIN
from .shared.glucose.alarms.kinds import AlarmKind

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

    from .wearer import CgmConfigEntry, Wearer

ACKNOWLEDGE = "acknowledge_alarm"
SILENCE = "silence_alarm"
TEST = "test_alarm"
ATTR_ALARM = "alarm"
ATTR_MINUTES = "minutes"

_WHOSE = {probatio.Optional(ATTR_CONFIG_ENTRY_ID): cv.string}
_WHICH = {**_WHOSE, probatio.Optional(ATTR_ALARM): probatio.Coerce(AlarmKind)}


@callback
def async_register_services(hass: HomeAssistant) -> None:
    """Offer the actions, once for all wearers."""
    hass.services.async_register(DOMAIN, ACKNOWLEDGE, _acknowledge, probatio.Schema(_WHICH))
    hass.services.async_register(
        DOMAIN,
        SILENCE,
        _silence,
        probatio.Schema({**_WHICH, probatio.Required(ATTR_MINUTES): cv.positive_int}),
    )
    hass.services.async_register(DOMAIN, TEST, _test, probatio.Schema(_WHICH))


async def _acknowledge(call: ServiceCall) -> None:
    await _wearer(call).alarms.async_silence(call.data.get(ATTR_ALARM))


async def _silence(call: ServiceCall) -> None:
    length = timedelta(minutes=call.data[ATTR_MINUTES])
    await _wearer(call).alarms.async_silence(call.data.get(ATTR_ALARM), length)


async def _test(call: ServiceCall) -> None:
    await _wearer(call).alarms.async_test(call.data.get(ATTR_ALARM, AlarmKind.URGENT_LOW))


def _wearer(call: ServiceCall) -> Wearer:
    """Return whom the call is about; a home with one wearer need not say. Raises if unclear."""
    entry: CgmConfigEntry = async_get_config_entry(
        call.hass, DOMAIN, call.data.get(ATTR_CONFIG_ENTRY_ID)
    )
    return entry.runtime_data
