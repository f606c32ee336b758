"""The actions that answer with a wearer's measures and readings of a stretch of time."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

import probatio
from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import ServiceCall, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_get_config_entry
from homeassistant.util import dt as dt_util

from .const import DOMAIN, PERIODS
from .shared.glucose.errors import StoreError
from .shared.glucose.metrics.consensus import CONSENSUS
from .shared.glucose.reading import Kind
from .shared.glucose.units import in_unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeassistant.core import HomeAssistant
    from homeassistant.util.json import JsonObjectType, JsonValueType

    from .shared.glucose.metrics.weighed import Weighed
    from .shared.glucose.reading import Reading
    from .shared.glucose.units import Unit
    from .wearer import CgmConfigEntry, Wearer

GET_STATISTICS = "get_statistics"
GET_READINGS = "get_readings"
ATTR_PERIOD = "period"
ATTR_START = "start"
ATTR_END = "end"
ATTR_KIND = "kind"
ATTR_MERGED = "merged"

# A year, and as many rows as a year has of five-minute readings: what a response can be used for.
_LONGEST = timedelta(days=366)
MOST_READINGS = 106_000
_USUAL_PERIOD = "14d"
_MEAN_DECIMALS = 1

_RANGE = {
    probatio.Optional(ATTR_CONFIG_ENTRY_ID): cv.string,
    probatio.Optional(ATTR_START): cv.datetime,
    probatio.Optional(ATTR_END): cv.datetime,
}
_STATISTICS = probatio.Schema({**_RANGE, probatio.Optional(ATTR_PERIOD): probatio.In(PERIODS)})
_READINGS = probatio.Schema(
    {
        **_RANGE,
        probatio.Optional(ATTR_KIND, default=Kind.CGM.value): probatio.Coerce(Kind),
        probatio.Optional(ATTR_MERGED, default=True): cv.boolean,
    }
)


@callback
def async_register_measures(hass: HomeAssistant) -> None:
    """Offer the actions, once for all wearers."""
    for name, answer, schema in (
        (GET_STATISTICS, _statistics, _STATISTICS),
        (GET_READINGS, _readings, _READINGS),
    ):
        hass.services.async_register(
            DOMAIN, name, answer, schema, supports_response=SupportsResponse.ONLY
        )


async def _statistics(call: ServiceCall) -> JsonObjectType:
    """Return the measures of a stretch of time.

    `by_time` is what the sensors show, in the wearer's unit; `counted` is every measure with
    each reading once, in mg/dL, as the command `glucose stats` answers. Raises
    ServiceValidationError, and HomeAssistantError where the history cannot be read.
    """
    wearer = _wearer(call)
    start, end = _range(call, wearer.now(), PERIODS[call.data.get(ATTR_PERIOD, _USUAL_PERIOD)])
    try:
        found, whole = await wearer.measures.async_between(start, end)
    except StoreError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="history_not_read"
        ) from error
    covered = found.covered
    return {
        "start": start.isoformat(),
        "end": end.isoformat(),
        "unit": wearer.chosen.unit.value,
        "coverage": covered.words_in(call.hass.config.language),
        "enough": covered.enough,
        "days_covered": covered.days,
        "days": covered.of_days,
        "percent_covered": covered.percent,
        "percent_needed": covered.needed_percent,
        "readings": found.readings,
        "lows": found.lows,
        "highs": found.highs,
        "targets": {
            key.removesuffix("_mg_dl"): in_unit(mg_dl, wearer.chosen.unit)
            for key, mg_dl in asdict(wearer.chosen.targets).items()
        },
        "consensus": wearer.chosen.group.value,
        "goals": _goals(wearer),
        "by_time": _by_time(found, wearer),
        "counted": _plain(asdict(whole)),
    }


async def _readings(call: ServiceCall) -> JsonObjectType:
    """Return the readings of a stretch of time, oldest first, in the wearer's unit.

    `merged` readings of a sensor are one series of all sources; otherwise all of all sources are
    told. Raises as above, also for more than MOST_READINGS.
    """
    wearer = _wearer(call)
    start, end = _range(call, wearer.now(), PERIODS["24h"])
    kind: Kind = call.data[ATTR_KIND]
    merged = call.data[ATTR_MERGED] and kind is Kind.CGM
    try:
        readings = await wearer.measures.async_readings(
            start, end, kind=kind, merged=merged, most=MOST_READINGS
        )
    except StoreError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="history_not_read"
        ) from error
    if readings is None:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="too_many_readings",
            translation_placeholders={"most": str(MOST_READINGS)},
        )
    return {
        "start": start.isoformat(),
        "end": end.isoformat(),
        "unit": wearer.chosen.unit.value,
        "readings": await call.hass.async_add_executor_job(
            _rows,
            readings,
            wearer.chosen.unit,
            {key: feed.title for key, feed in wearer.feeds.items()},
        ),
    }


def _wearer(call: ServiceCall) -> Wearer:
    """Return whom the call is about; a home with one wearer need not say. Raises if unclear."""
    entry: CgmConfigEntry = async_get_config_entry(
        call.hass, DOMAIN, call.data.get(ATTR_CONFIG_ENTRY_ID)
    )
    return entry.runtime_data


def _range(call: ServiceCall, now: datetime, usual: timedelta) -> tuple[datetime, datetime]:
    """Return from when to when; without a start, `usual` before the end. In the home's zone."""
    given = call.data
    if ATTR_PERIOD in given and (ATTR_START in given or ATTR_END in given):
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="period_or_range")
    end = dt_util.as_utc(given[ATTR_END]) if ATTR_END in given else now
    start = dt_util.as_utc(given[ATTR_START]) if ATTR_START in given else end - usual
    if start >= end:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="range_is_empty")
    if end - start > _LONGEST:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="range_too_long",
            translation_placeholders={"days": str(_LONGEST.days)},
        )
    return start, end


def _goals(wearer: Wearer) -> JsonObjectType:
    aims = CONSENSUS[wearer.chosen.group]
    told = {
        "in_range": aims.in_range,
        "low": aims.low,
        "very_low": aims.very_low,
        "high": aims.high,
        "very_high": aims.very_high,
        "cv": aims.cv,
    }
    return {name: None if aim is None else str(aim) for name, aim in told.items()}


def _by_time(found: Weighed, wearer: Wearer) -> JsonObjectType:
    mean = found.mean
    return {
        "mean": None
        if mean is None
        else in_unit(mean, wearer.chosen.unit, decimals=_MEAN_DECIMALS),
        "gmi": found.gmi,
        "cv": found.cv,
        "gri": found.gri,
        "in_range": found.in_range,
        "low": found.low,
        "very_low": found.very_low,
        "high": found.high,
        "very_high": found.very_high,
    }


def _plain(value: object) -> JsonValueType:
    """Return what a measure holds as JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return cast("JsonValueType", value)


def _rows(readings: list[Reading], unit: Unit, titles: Mapping[str, str]) -> list[JsonValueType]:
    """Return readings as an answer; the name of a source that was removed is not known."""
    return [
        {
            "time": reading.time.isoformat(),
            "value": in_unit(reading.mg_dl, unit),
            "bound": reading.bound,
            "trend": reading.trend,
            "kind": reading.kind,
            "source": titles.get(reading.source),
            "series": reading.series,
        }
        for reading in readings
    ]
