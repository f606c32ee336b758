"""Makes treatments, measurements and finger-sticks of what somebody typed into an action."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from homeassistant.exceptions import ServiceValidationError
from homeassistant.util import dt as dt_util
from homeassistant.util.ulid import ulid_now

from .const import DOMAIN, LOGGED
from .finger_sticks import finger_stick_id
from .shared.glucose.errors import InvalidRecordError
from .shared.glucose.measurement import (
    DIASTOLIC_RANGE,
    QUALITY_RANGE,
    RANGES,
    UNITS as MEASURED_IN,
    Measurement,
    MeasurementKind,
    hba1c_percent,
)
from .shared.glucose.reading import (
    HIGHEST_MG_DL,
    LOWEST_MG_DL,
    Kind,
    Reading,
    whole_mg_dl,
    whole_mg_dl_of_mmol_l,
)
from .shared.glucose.record import note_of
from .shared.glucose.treatment import (
    LARGEST_AMOUNT,
    LEAST_AMOUNT,
    UNITS as TREATED_WITH,
    Treatment,
    TreatmentKind,
)
from .shared.glucose.units import Unit, in_unit

if TYPE_CHECKING:
    from collections.abc import Mapping

ATTR_KIND: Final = "kind"
ATTR_TIME: Final = "time"
ATTR_NOTE: Final = "note"
ATTR_AMOUNT: Final = "amount"
ATTR_DURATION: Final = "duration"
ATTR_INTENSITY: Final = "intensity"
ATTR_VALUE: Final = "value"
ATTR_UNIT: Final = "unit"
ATTR_DIASTOLIC: Final = "diastolic"
ATTR_QUALITY: Final = "quality"

FINGER_STICK: Final = "finger_stick"
MMOL_MOL: Final = "mmol/mol"

# The dates of old paper diaries are dates; the calendar's first day is not.
_EARLIEST_YEAR = 1900
# A phone's clock may run ahead of the home's by so much; what it calls now is now.
_AHEAD = timedelta(minutes=1)

# What belongs to a kind beside its time; a finger-stick is a reading, which has no note.
_AMOUNT = frozenset({ATTR_AMOUNT, ATTR_NOTE})
_FITS: Mapping[str, frozenset[str]] = {
    TreatmentKind.INSULIN_RAPID: _AMOUNT,
    TreatmentKind.INSULIN_LONG: _AMOUNT,
    TreatmentKind.CARBS: _AMOUNT,
    TreatmentKind.EXERCISE: frozenset({ATTR_DURATION, ATTR_INTENSITY, ATTR_NOTE}),
    FINGER_STICK: frozenset({ATTR_VALUE, ATTR_UNIT}),
    MeasurementKind.HBA1C: frozenset({ATTR_VALUE, ATTR_UNIT, ATTR_NOTE}),
    MeasurementKind.BLOOD_PRESSURE: frozenset({ATTR_VALUE, ATTR_UNIT, ATTR_DIASTOLIC, ATTR_NOTE}),
    MeasurementKind.WEIGHT: frozenset({ATTR_VALUE, ATTR_UNIT, ATTR_NOTE}),
    MeasurementKind.SLEEP: frozenset({ATTR_VALUE, ATTR_UNIT, ATTR_QUALITY, ATTR_NOTE}),
}
_NOTE_ONLY = frozenset({ATTR_NOTE})
_OF_RECORDS = frozenset().union(*_FITS.values())

type AnyRecord = Treatment | Measurement | Reading


def treatment(data: Mapping[str, Any], now: datetime) -> Treatment:
    """Return the treatment that is to be logged. Raises ServiceValidationError."""
    return _treatment(
        data,
        time=_time(data, now),
        kind=data[ATTR_KIND],
        source=LOGGED,
        id=ulid_now(),
        note=None,
        amount=None,
        intensity=None,
    )


def measurement(data: Mapping[str, Any], now: datetime, unit: Unit) -> Measurement | Reading:
    """Return what is to be logged, a finger-stick in `unit` unless it tells another.

    Raises ServiceValidationError.
    """
    kind: str = data[ATTR_KIND]
    time = _time(data, now)
    _check_fields(kind, data)
    _check_present(ATTR_VALUE, data)
    if kind == FINGER_STICK:
        return _finger_stick(time, data, unit)
    measured = MeasurementKind(kind)
    if measured is MeasurementKind.BLOOD_PRESSURE:
        _check_present(ATTR_DIASTOLIC, data)
    return _measurement(
        data,
        time=time,
        kind=measured,
        source=LOGGED,
        id=ulid_now(),
        note=None,
        value=None,
        diastolic=None,
        quality=None,
    )


def edited(record: AnyRecord, data: Mapping[str, Any], now: datetime, unit: Unit) -> AnyRecord:
    """Return the record with what `data` holds in place of what it said before.

    None, or an empty note, takes away what a record may be without. Raises
    ServiceValidationError.
    """
    time = _time(data, now) if ATTR_TIME in data else record.time
    if isinstance(record, Treatment):
        return _treatment(
            data,
            time=time,
            kind=record.kind,
            source=record.source,
            id=record.id,
            note=record.note,
            amount=record.amount,
            intensity=record.intensity,
        )
    if ATTR_UNIT in data:
        # By itself it would change nothing, or mean another number than the record's.
        _check_present(ATTR_VALUE, data)
    if isinstance(record, Reading):
        _check_fields(FINGER_STICK, data)
        if ATTR_VALUE not in data:
            return replace(record, time=time)
        return _finger_stick(time, data, unit)
    return _measurement(
        data,
        time=time,
        kind=record.kind,
        source=record.source,
        id=record.id,
        note=record.note,
        value=record.value,
        diastolic=record.diastolic,
        quality=record.quality,
    )


def id_of(record: AnyRecord) -> str:
    """Return what finds a record beside its source; a finger-stick's is made of its identity."""
    return finger_stick_id(record) if isinstance(record, Reading) else record.id


def _treatment(data: Mapping[str, Any], **said: Any) -> Treatment:  # noqa: ANN401 - fields
    kind: TreatmentKind = said["kind"]
    _check_fields(kind, data)
    amount = data.get(ATTR_AMOUNT, data.get(ATTR_DURATION, said[ATTR_AMOUNT]))
    if amount is not None:
        unit = TREATED_WITH[kind]
        _check_number(amount, LEAST_AMOUNT, LARGEST_AMOUNT[unit], unit)
    said[ATTR_AMOUNT] = amount
    for name in (ATTR_NOTE, ATTR_INTENSITY):
        said[name] = data.get(name, said[name])
    said[ATTR_NOTE] = note_of(said[ATTR_NOTE])
    if said[ATTR_NOTE] is None and kind in {TreatmentKind.NOTE, TreatmentKind.MEDICATION}:
        raise _refusal("record_text_missing")
    return Treatment(**said)


def _measurement(data: Mapping[str, Any], **said: Any) -> Measurement:  # noqa: ANN401 - fields
    kind: MeasurementKind = said["kind"]
    _check_fields(kind, data)
    usual = MEASURED_IN[kind]
    unit = _unit(kind, data, usual)
    for name in (ATTR_NOTE, ATTR_VALUE, ATTR_DIASTOLIC, ATTR_QUALITY):
        said[name] = data.get(name, said[name])
    said[ATTR_NOTE] = note_of(said[ATTR_NOTE])
    if unit == MMOL_MOL:
        said[ATTR_VALUE] = hba1c_percent(data[ATTR_VALUE])
    _check_number(said[ATTR_VALUE], *RANGES[kind], usual)
    if said[ATTR_DIASTOLIC] is not None:
        _check_number(said[ATTR_DIASTOLIC], *DIASTOLIC_RANGE, usual)
        if said[ATTR_DIASTOLIC] >= said[ATTR_VALUE]:
            raise _refusal("record_pressure_order")
    if said[ATTR_QUALITY] is not None:
        _check_number(said[ATTR_QUALITY], *QUALITY_RANGE, "")
    return Measurement(**said)


def _finger_stick(time: datetime, data: Mapping[str, Any], unit: Unit) -> Reading:
    told = Unit(_unit(FINGER_STICK, data, unit))
    whole = whole_mg_dl if told is Unit.MG_DL else whole_mg_dl_of_mmol_l
    try:
        mg_dl = whole(data[ATTR_VALUE])
    except InvalidRecordError as error:
        raise _outside(in_unit(LOWEST_MG_DL, told), in_unit(HIGHEST_MG_DL, told), told) from error
    return Reading(time=time, mg_dl=mg_dl, source=LOGGED, series=LOGGED, kind=Kind.METER)


def _time(data: Mapping[str, Any], now: datetime) -> datetime:
    """Return when it was, aware UTC in whole milliseconds as the history keeps it: now, if untold.

    What has no zone is the home's.
    """
    told: datetime | None = data.get(ATTR_TIME)
    if told is None:
        time = now
    elif (
        # Home Assistant cannot give the calendar's last day a zone.
        not _EARLIEST_YEAR <= told.year <= now.year + 1
        or (time := dt_util.as_utc(told)) > now + _AHEAD
    ):
        raise _refusal("record_time_outside")
    time = min(time, now)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def _unit(kind: str, data: Mapping[str, Any], usual: str) -> str:
    told: str = data.get(ATTR_UNIT, usual)
    match kind:
        case "finger_stick":
            known: set[str] = {*Unit}
        case MeasurementKind.HBA1C:
            known = {usual, MMOL_MOL}
        case _:
            known = {usual}
    if told not in known:
        raise _refusal("record_unit_unfit", unit=told)
    return told


def _check_fields(kind: str, data: Mapping[str, Any]) -> None:
    unfit = sorted((data.keys() & _OF_RECORDS) - _FITS.get(kind, _NOTE_ONLY))
    if unfit:
        raise _refusal("record_field_unfit", field=unfit[0])


def _check_present(field: str, data: Mapping[str, Any]) -> None:
    if field not in data:
        raise _refusal("record_field_missing", field=field)


def _check_number(number: float, lowest: float, highest: float, unit: str) -> None:
    # NaN is in no range.
    if not lowest <= number <= highest:
        raise _outside(lowest, highest, unit)


def _outside(lowest: float, highest: float, unit: str) -> ServiceValidationError:
    most = f"{highest:g} {unit}".strip()
    return _refusal("record_number_outside", lowest=f"{lowest:g}", highest=most)


def _refusal(key: str, **said: str) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key=key, translation_placeholders=said or None
    )
