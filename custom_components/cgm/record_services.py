"""The actions on what a wearer did and measured: log, edit, delete, tell."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import probatio
from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import ServiceCall, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_get_config_entry
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import dt as dt_util

from . import logged_records as logged
from .const import DOMAIN, LOGGED
from .shared.glucose.errors import StoreError
from .shared.glucose.measurement import Measurement, MeasurementKind
from .shared.glucose.reading import Reading
from .shared.glucose.record import LONGEST_NOTE
from .shared.glucose.treatment import Intensity, Treatment, TreatmentKind
from .shared.glucose.units import in_unit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    from homeassistant.core import HomeAssistant
    from homeassistant.util.json import JsonObjectType

    from .shared.glucose.units import Unit
    from .wearer import CgmConfigEntry, Wearer

LOG_TREATMENT = "log_treatment"
LOG_MEASUREMENT = "log_measurement"
EDIT_RECORD = "edit_record"
DELETE_RECORD = "delete_record"
GET_TREATMENTS = "get_treatments"
ATTR_SOURCE = "source"
ATTR_ID = "id"
ATTR_START = "start"
ATTR_END = "end"

_A_DAY = timedelta(days=1)
# Ranges end before their end; without one, what happens at this very moment is in.
_JUST_NOW = timedelta(milliseconds=1)

type _Work = Callable[[ServiceCall], Coroutine[Any, Any, JsonObjectType | None]]
type _Fields = dict[probatio.Marker, Any]

_NUMBER = probatio.Coerce(float)


def _whole(number: float) -> int:
    if not number.is_integer():
        raise probatio.Invalid("expected a whole number")
    return int(number)


_QUALITY = probatio.All(_NUMBER, _whole)
_INTENSITY = probatio.Coerce(Intensity)
_NOTE = probatio.All(cv.string, probatio.Length(max=LONGEST_NOTE))
_WHOSE: _Fields = {probatio.Optional(ATTR_CONFIG_ENTRY_ID): cv.string}
_WHICH: _Fields = {
    **_WHOSE,
    probatio.Required(ATTR_SOURCE): cv.string,
    probatio.Required(ATTR_ID): cv.string,
}
_SAID: _Fields = {
    probatio.Optional(logged.ATTR_TIME): cv.datetime,
    probatio.Optional(logged.ATTR_NOTE): _NOTE,
}
_DONE: _Fields = {
    **_SAID,
    probatio.Optional(logged.ATTR_AMOUNT): _NUMBER,
    probatio.Optional(logged.ATTR_DURATION): _NUMBER,
    probatio.Optional(logged.ATTR_INTENSITY): _INTENSITY,
}
_MEASURED: _Fields = {
    **_SAID,
    probatio.Optional(logged.ATTR_VALUE): _NUMBER,
    probatio.Optional(logged.ATTR_UNIT): cv.string,
    probatio.Optional(logged.ATTR_DIASTOLIC): _NUMBER,
    probatio.Optional(logged.ATTR_QUALITY): _QUALITY,
}
# What a record may well be without is taken away by null, as Home Assistant's to-do lists do it.
_EDITED: _Fields = {
    **_DONE,
    **_MEASURED,
    probatio.Optional(logged.ATTR_NOTE): probatio.Maybe(_NOTE),
    probatio.Optional(logged.ATTR_AMOUNT): probatio.Maybe(_NUMBER),
    probatio.Optional(logged.ATTR_DURATION): probatio.Maybe(_NUMBER),
    probatio.Optional(logged.ATTR_INTENSITY): probatio.Maybe(_INTENSITY),
    probatio.Optional(logged.ATTR_QUALITY): probatio.Maybe(_QUALITY),
}
_KINDS_MEASURED = [logged.FINGER_STICK, *(kind.value for kind in MeasurementKind)]


async def _log_treatment(call: ServiceCall) -> JsonObjectType:
    wearer = _wearer(call)
    async with _labels(call):
        treatment = logged.treatment(call.data, wearer.now())
    with _history("history_not_written"):
        await wearer.records.async_log_treatment(treatment)
    return _named(treatment)


async def _log_measurement(call: ServiceCall) -> JsonObjectType:
    wearer = _wearer(call)
    async with _labels(call):
        measured = logged.measurement(call.data, wearer.now(), wearer.chosen.unit)
    if isinstance(measured, Reading):
        # As a reading of any source: seen by the alarms at once, and waiting for a full disk.
        await wearer.async_take((measured,))
    else:
        with _history("history_not_written"):
            await wearer.records.async_log_measurement(measured)
    return _named(measured)


async def _edit(call: ServiceCall) -> JsonObjectType:
    wearer = _wearer(call)
    before = await _found(wearer, call)
    async with _labels(call):
        after = logged.edited(before, call.data, wearer.now(), wearer.chosen.unit)
    with _history("history_not_written"):
        await wearer.records.async_edit(before, after)
    return _named(after)


async def _delete(call: ServiceCall) -> None:
    wearer = _wearer(call)
    record = await _found(wearer, call)
    with _history("history_not_written"):
        await wearer.records.async_delete(record)


async def _tell(call: ServiceCall) -> JsonObjectType:
    """Return what was done and measured in [start, end), the last 24 hours unless told otherwise.

    Times are ISO 8601 in UTC; finger-sticks are in the wearer's unit.
    """
    wearer = _wearer(call)
    data = call.data
    try:
        end = dt_util.as_utc(data[ATTR_END]) if ATTR_END in data else wearer.now() + _JUST_NOW
        start = dt_util.as_utc(data[ATTR_START]) if ATTR_START in data else end - _A_DAY
    except OverflowError:  # the first and the last day of the calendar
        start = end = wearer.now()
    if start >= end:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="range_is_empty")
    with _history("history_not_read"):
        treatments = await wearer.records.async_between(start, end)
        sticks = await wearer.records.async_finger_sticks_between(start, end)
        measurements = await wearer.records.async_measurements_between(start, end)
    measured: list[Measurement | Reading] = sorted([*sticks, *measurements], key=_when)
    return {
        "start": start.isoformat(),
        "end": end.isoformat(),
        "treatments": [_treatment(each) for each in treatments],
        "measurements": [_measurement(each, wearer.chosen.unit) for each in measured],
    }


async def _found(wearer: Wearer, call: ServiceCall) -> logged.AnyRecord:
    """Return the record that is meant. Raises where it is none, or a source's finger-stick."""
    with _history("history_not_read"):
        record = await wearer.records.async_get(call.data[ATTR_SOURCE], call.data[ATTR_ID])
    if record is None:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="record_unknown")
    if isinstance(record, Reading) and record.source != LOGGED:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="record_of_source")
    return record


@contextmanager
def _history(key: str) -> Iterator[None]:
    """Say in the user's words that the history fails."""
    try:
        yield
    except StoreError as error:
        raise HomeAssistantError(translation_domain=DOMAIN, translation_key=key) from error


@asynccontextmanager
async def _labels(call: ServiceCall) -> AsyncIterator[None]:
    """Have a refusal name a field as the form does, in the home's language."""
    try:
        yield
    except ServiceValidationError as error:
        said = dict(error.translation_placeholders or {})
        if "field" not in said:
            raise
        texts = await async_get_translations(
            call.hass, call.hass.config.language, "services", [DOMAIN]
        )
        label = f"component.{DOMAIN}.services.{call.service}.fields.{said['field']}.name"
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key=error.translation_key,
            translation_placeholders={"field": texts[label]},
        ) from error


def _wearer(call: ServiceCall) -> Wearer:
    """Return whom the call is about; a home with one wearer need not say. Raises if unclear."""
    entry: CgmConfigEntry = async_get_config_entry(
        call.hass, DOMAIN, call.data.get(ATTR_CONFIG_ENTRY_ID)
    )
    return entry.runtime_data


def _named(record: logged.AnyRecord) -> JsonObjectType:
    return {ATTR_SOURCE: record.source, ATTR_ID: logged.id_of(record)}


def _when(record: logged.AnyRecord) -> datetime:
    return record.time


def _treatment(treatment: Treatment) -> JsonObjectType:
    found: dict[str, Any] = {
        **_named(treatment),
        logged.ATTR_TIME: treatment.time.isoformat(),
        logged.ATTR_KIND: treatment.kind.value,
        logged.ATTR_AMOUNT: treatment.amount,
        logged.ATTR_UNIT: treatment.unit,
        logged.ATTR_NOTE: treatment.note,
    }
    if treatment.kind is TreatmentKind.EXERCISE:
        found[logged.ATTR_INTENSITY] = treatment.intensity
    return found


def _measurement(record: Measurement | Reading, unit: Unit) -> JsonObjectType:
    named = {**_named(record), logged.ATTR_TIME: record.time.isoformat()}
    if isinstance(record, Reading):
        return {
            **named,
            logged.ATTR_KIND: logged.FINGER_STICK,
            logged.ATTR_VALUE: in_unit(record.mg_dl, unit),
            logged.ATTR_UNIT: unit.value,
            logged.ATTR_NOTE: None,
        }
    found: dict[str, Any] = {
        **named,
        logged.ATTR_KIND: record.kind.value,
        logged.ATTR_VALUE: record.value,
        logged.ATTR_UNIT: record.unit,
        logged.ATTR_NOTE: record.note,
    }
    for name in (logged.ATTR_DIASTOLIC, logged.ATTR_QUALITY):
        if (also := getattr(record, name)) is not None:
            found[name] = also
    return found


_KIND = probatio.Required(logged.ATTR_KIND)
_PERIOD: _Fields = {
    probatio.Optional(ATTR_START): cv.datetime,
    probatio.Optional(ATTR_END): cv.datetime,
}
_ACTIONS: tuple[tuple[str, _Work, _Fields, SupportsResponse], ...] = (
    (
        LOG_TREATMENT,
        _log_treatment,
        {**_WHOSE, _KIND: probatio.Coerce(TreatmentKind), **_DONE},
        SupportsResponse.OPTIONAL,
    ),
    (
        LOG_MEASUREMENT,
        _log_measurement,
        {**_WHOSE, _KIND: probatio.In(_KINDS_MEASURED), **_MEASURED},
        SupportsResponse.OPTIONAL,
    ),
    (EDIT_RECORD, _edit, {**_WHICH, **_EDITED}, SupportsResponse.OPTIONAL),
    (DELETE_RECORD, _delete, _WHICH, SupportsResponse.NONE),
    (GET_TREATMENTS, _tell, {**_WHOSE, **_PERIOD}, SupportsResponse.ONLY),
)


@callback
def async_register_record_services(hass: HomeAssistant) -> None:
    """Offer the actions, once for all wearers."""
    for name, work, fields, response in _ACTIONS:
        hass.services.async_register(
            DOMAIN, name, work, probatio.Schema(fields), supports_response=response
        )
