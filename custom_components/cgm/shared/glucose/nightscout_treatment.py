"""What one document of Nightscout's `treatments` says: carbs, insulin, exercise, changes, notes.

Fields and event types as cgm-remote-monitor stores them (v1 and v3) and as xDrip+ and AndroidAPS
write them. Both a site's answers and files exported from one are read here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType

from .errors import InvalidReadingError, InvalidRecordError
from .nightscout_entry import EARLIEST, MBG, time_of_text
from .reading import (
    Kind,
    Reading,
    finite_number,
    utc_of_epoch_ms,
    whole_mg_dl,
    whole_mg_dl_of_mmol_l,
)
from .record import made_id, note_of
from .treatment import LEAST_AMOUNT, Treatment, TreatmentKind, amount_of

_CHANGES: Mapping[str, TreatmentKind] = MappingProxyType(
    {
        "site change": TreatmentKind.SITE_CHANGE,
        "pump site change": TreatmentKind.SITE_CHANGE,
        "sensor start": TreatmentKind.SENSOR_CHANGE,
        "sensor change": TreatmentKind.SENSOR_CHANGE,
        "cgm sensor start": TreatmentKind.SENSOR_CHANGE,
        "cgm sensor insert": TreatmentKind.SENSOR_CHANGE,
        "insulin change": TreatmentKind.INSULIN_CHANGE,
        "insulin cartridge change": TreatmentKind.INSULIN_CHANGE,
    }
)
# What a pump or a loop does by itself, or plans: no treatment of the wearer's, whatever it holds.
_OF_THE_PUMP = frozenset(
    {
        "temp basal",
        "temp basal start",
        "temp basal end",
        "temporary basal",
        "temporary target",
        "temporary target cancel",
        "temporary override",
        "profile switch",
        "effective profile switch",
        "bolus wizard",
        "openaps offline",
        "suspend pump",
        "resume pump",
        "pump battery change",
        "sensor stop",
        "d.a.d. alert",
    }
)
_EXERCISE = "exercise"
_COMBO = "combo bolus"
_SPOKEN = frozenset({"", "<none>", "note", "question", "announcement"})
# A tube that is filled puts nothing into the wearer (AndroidAPS).
_PRIMING = "PRIMING"
# Long-acting insulins by brand and substance, as xDrip+'s pen list and people write them.
_LONG_ACTING = (
    *("lantus", "toujeo", "basaglar", "abasaglar", "semglee", "rezvoglar", "glargin", "levemir"),
    *("detemir", "tresiba", "degludec", "awiqli", "icodec", "insulatard", "protaphan", "nph"),
    *("humulin n", "novolin n", "huminsulin basal", "insuman basal", "isophan"),
)
# Without a unit: no meter shows 34 mmol/L, none less than 20 mg/dL, and between may be either.
_NO_MMOL_L = 34
_NO_MG_DL = 20


def treatments_of(document: object, source: str) -> tuple[Treatment, ...]:
    """Return the wearer's treatments in one document: none, one, or as a meal bolus two.

    An extended bolus counts whole, from its start. Ids are the document's, with the kind.
    Raises InvalidRecordError where the document is none, or holds what cannot be.
    """
    document = _mapping(document)
    event = _event(document)
    if document.get("isValid") is False or event in _OF_THE_PUMP:
        return ()
    time = _time(document)
    note = note_of(document.get("notes"))
    found: list[tuple[TreatmentKind, float | None, str | None]] = []
    if event in _CHANGES:
        # Insulin beside a change fills the tube.
        found.append((_CHANGES[event], None, note))
    elif event == _EXERCISE:
        found.append((TreatmentKind.EXERCISE, amount_of(document.get("duration")), note))
    else:
        carbs = amount_of(document.get("carbs"))
        if carbs is not None:
            found.append((TreatmentKind.CARBS, carbs, note))
        for kind, amount in _insulin(document, event):
            found.append((kind, amount, None if found else note))
        if not found and note is not None and event in _SPOKEN:
            found.append((TreatmentKind.NOTE, None, note))
    given = _id(document)
    return tuple(
        Treatment(
            time=time,
            kind=kind,
            source=source,
            id=f"{given} {kind}" if given else made_id(time, kind, amount, said),
            amount=amount,
            note=said,
        )
        for kind, amount, said in found
    )


def finger_stick_of(document: object, source: str) -> Reading | None:
    """Return the meter's value that the document tells, None where it tells none.

    Raises InvalidRecordError for a value that cannot be one.
    """
    document = _mapping(document)
    kind = document.get("glucoseType")
    finger = isinstance(kind, str) and kind.casefold() == "finger"
    # Without a word on where it comes from, a BG check is one with a meter.
    if document.get("isValid") is False or not (finger or (not kind and _is_check(document))):
        return None
    glucose = document.get("glucose")
    if amount_of(glucose) is None:
        return None
    return Reading(
        time=_time(document),
        mg_dl=_mg_dl(finite_number(glucose), document.get("units")),
        source=source,
        series=MBG,  # as an entry's: a meter's value that came both ways is one reading
        kind=Kind.METER,
    )


def _mapping(document: object) -> Mapping[str, object]:
    if not isinstance(document, Mapping):
        raise InvalidRecordError("a treatment is not an object")
    return document


def _event(document: Mapping[str, object]) -> str:
    event = document.get("eventType")
    return event.strip().casefold() if isinstance(event, str) else ""


def _is_check(document: Mapping[str, object]) -> bool:
    return _event(document) == "bg check"


def _time(document: Mapping[str, object]) -> datetime:
    """Return when it was: `created_at`, which Nightscout itself goes by, or v3's `date`."""
    told = [document.get(name) for name in ("created_at", "date", "mills", "timestamp")]
    first = next((time for time in told if time is not None and time != ""), None)
    time = time_of_text(first) if isinstance(first, str) else utc_of_epoch_ms(first)
    if time < EARLIEST:
        raise InvalidRecordError("the time lies before Nightscout's own")
    return time


def _id(document: Mapping[str, object]) -> str:
    """Return the server's id, the same in v1, v3 and a dump of the database; "" if none."""
    found = document.get("identifier") or document.get("_id")
    if isinstance(found, Mapping):
        found = found.get("$oid")
    return found if isinstance(found, str) else ""


def _insulin(
    document: Mapping[str, object], event: str
) -> Iterator[tuple[TreatmentKind, float | None]]:
    """Yield rapid and long-acting insulin, one sum each."""
    if document.get("type") == _PRIMING:
        return
    total = amount_of(document.get("insulin"))
    if event == _COMBO:
        # `insulin` is what went in at once; careportal keeps the whole as it was typed.
        total = amount_of(document.get("enteredinsulin")) or total
    if total is None:
        return
    long = total if document.get("isBasalInsulin") is True else min(total, _long(document))
    # What is left over by the subtraction of floats is no dose.
    if total - long >= LEAST_AMOUNT:
        yield TreatmentKind.INSULIN_RAPID, total - long
    if long >= LEAST_AMOUNT:
        yield TreatmentKind.INSULIN_LONG, long


def _long(document: Mapping[str, object]) -> float:
    """Return the long-acting units among those that xDrip+ lists pen by pen."""
    listed = document.get("insulinInjections")
    try:
        pens = json.loads(listed) if isinstance(listed, str) else listed
    except (ValueError, RecursionError):
        pens = None
    units = 0.0
    for pen in pens if isinstance(pens, list) else ():
        name = pen.get("insulin") if isinstance(pen, Mapping) else None
        if isinstance(name, str) and any(word in name.casefold() for word in _LONG_ACTING):
            units += amount_of(pen.get("units")) or 0.0
    return units


def _mg_dl(glucose: float, units: object) -> int:
    told = units.casefold() if isinstance(units, str) else ""
    if told.startswith("mmol") or (not told and glucose < _NO_MG_DL):
        return whole_mg_dl_of_mmol_l(glucose)
    if told.startswith("mg") or (not told and glucose >= _NO_MMOL_L):
        return whole_mg_dl(glucose)
    raise InvalidReadingError("a glucose value without its unit")
