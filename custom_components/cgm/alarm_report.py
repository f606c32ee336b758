"""The action that tells of a stretch of time: what alarms did in it, how far glucose went."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

import probatio
from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import ServiceCall, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_get_config_entry
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .shared.glucose.alarms.kinds import AlarmKind
from .shared.glucose.alarms.sentence import alarm_name
from .shared.glucose.errors import StoreError
from .shared.glucose.merge import merged
from .shared.glucose.units import in_unit

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from homeassistant.util.json import JsonObjectType, JsonValueType

    from .shared.glucose.reading import Reading
    from .shared.glucose.store import LoggedAlarm, Store
    from .shared.glucose.units import Unit
    from .wearer import CgmConfigEntry, Wearer

GET_ALARM_LOG = "get_alarm_log"
ATTR_ALARM = "alarm"
ATTR_START = "start"
ATTR_END = "end"

_A_DAY = timedelta(days=1)
# Ranges end before their end; without one, what happens at this very moment is in.
_JUST_NOW = timedelta(milliseconds=1)
# What lies before tells the merge whether a gap begins at the start.
_BEFORE = timedelta(hours=1)
# What a row says, by what it is called in an answer: as the event entity calls it.
_GLUCOSE = {"mg_dl": "value", "extreme_mg_dl": "extreme"}
_SAID = {"reading_at": "measured", "began": "since"}

_SCHEMA = probatio.Schema(
    {
        probatio.Optional(ATTR_CONFIG_ENTRY_ID): cv.string,
        probatio.Optional(ATTR_ALARM): probatio.Coerce(AlarmKind),
        probatio.Optional(ATTR_START): cv.datetime,
        probatio.Optional(ATTR_END): cv.datetime,
    }
)


@callback
def async_register_alarm_report(hass: HomeAssistant) -> None:
    """Offer the action, once for all wearers."""
    hass.services.async_register(
        DOMAIN, GET_ALARM_LOG, _answer, _SCHEMA, supports_response=SupportsResponse.ONLY
    )


async def _answer(call: ServiceCall) -> JsonObjectType:
    """Return the wearer's alarm log and the lowest and highest reading in [start, end).

    Times are ISO 8601 in UTC, values in the wearer's unit; what is not known is left out or
    null. Raises ServiceValidationError where the range is none, HomeAssistantError where the
    history cannot be read.
    """
    entry: CgmConfigEntry = async_get_config_entry(
        call.hass, DOMAIN, call.data.get(ATTR_CONFIG_ENTRY_ID)
    )
    wearer = entry.runtime_data
    start, end = _range(call, wearer.now())
    # What has just happened may still wait for the disk.
    await wearer.alarms.async_keep()
    try:
        log = await wearer.alarms.async_log(start)
        readings = await wearer.history.async_do(lambda store: _series(wearer, store, start, end))
    except StoreError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="history_not_read"
        ) from error
    wanted: AlarmKind | None = call.data.get(ATTR_ALARM)
    language = call.hass.config.language
    rows = [row for row in log if row.at < end and wanted in {None, row.kind}]
    return {
        "start": start.isoformat(),
        "end": end.isoformat(),
        "unit": wearer.chosen.unit.value,
        "lowest": _extreme(min(readings, key=_level, default=None), wearer.chosen.unit),
        "highest": _extreme(max(readings, key=_level, default=None), wearer.chosen.unit),
        "alarms": [_row(row, wearer.chosen.unit, language) for row in rows],
    }


def _range(call: ServiceCall, now: datetime) -> tuple[datetime, datetime]:
    """Return from when to when: the last 24 hours unless told otherwise, in the home's zone."""
    end = dt_util.as_utc(call.data[ATTR_END]) if ATTR_END in call.data else now + _JUST_NOW
    start = dt_util.as_utc(call.data[ATTR_START]) if ATTR_START in call.data else end - _A_DAY
    if start >= end:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="range_is_empty")
    return start, end


def _series(wearer: Wearer, store: Store, start: datetime, end: datetime) -> list[Reading]:
    """Return the leading readings in the range; finger-sticks are not among them."""
    readings = store.readings(wearer.id, start - _BEFORE, end)
    series = merged(readings, order=wearer.chosen.order, cadences=wearer.cadences)
    return [reading for reading in series if reading.time >= start]


def _level(reading: Reading) -> int:
    return reading.mg_dl


def _extreme(reading: Reading | None, unit: Unit) -> JsonObjectType | None:
    if reading is None:
        return None
    return {
        "value": in_unit(reading.mg_dl, unit),
        "bound": reading.bound,
        "measured": reading.time.isoformat(),
    }


def _row(row: LoggedAlarm, unit: Unit, language: str) -> JsonObjectType:
    """Return a row as an answer; numbers in the wearer's unit, all else as it was written."""
    found: JsonObjectType = {
        "at": row.at.isoformat(),
        "alarm": row.kind,
        "name": alarm_name(AlarmKind(row.kind), language),
        "what": row.what,
    }
    for key, said in row.about.items():
        if key in _GLUCOSE and isinstance(said, int | float):
            found[_GLUCOSE[key]] = in_unit(said, unit)
        else:
            found[_SAID.get(key, key)] = cast("JsonValueType", said)
    return found
