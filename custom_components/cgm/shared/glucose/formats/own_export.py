"""A wearer's whole history as one JSON file of ours, written and read again without a loss."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from ..errors import InvalidReadingError, InvalidRecordError, UnrecognisedExport
from ..measurement import Measurement, MeasurementKind
from ..reading import Bound, Kind, Reading
from ..record import LONGEST_ID
from ..treatment import Intensity, Treatment, TreatmentKind
from ..trend import Trend
from ..units import Unit
from .iso_time import stamp_of, utc_text
from .json_objects import objects_of
from .measured import Gathering

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from zoneinfo import ZoneInfo

    from .export import Export

FORMAT = "CGM's JSON"
VERSION = 1
_BEGINNING = re.compile(r'\s*\{\s*"cgm_export"\s*:\s*(\d{1,9})\b')
_ROWS_AT_ONCE = 5_000
E = TypeVar("E", bound=StrEnum)
Row = Mapping[str, object]


def whole_json(
    readings: Iterable[Reading],
    treatments: Iterable[Treatment],
    measurements: Iterable[Measurement],
) -> Iterator[str]:
    """Write everything in the order given, times in UTC; yield some thousand rows a piece.

    A number keeps its digits and a text its characters; what is absent is left out.
    """
    yield f'{{"cgm_export": {VERSION}'
    parts: dict[str, Iterator[Row]] = {
        "readings": map(_of_reading, readings),
        "treatments": map(_of_treatment, treatments),
        "measurements": map(_of_measurement, measurements),
    }
    for name, rows in parts.items():
        yield f',\n"{name}": ['
        waiting: list[str] = []
        between = "\n"
        for row in rows:
            told = {what: value for what, value in row.items() if value is not None}
            waiting.append(between + json.dumps(told))
            between = ",\n"
            if len(waiting) == _ROWS_AT_ONCE:
                yield "".join(waiting)
                waiting = []
        yield "".join([*waiting, "]"])
    yield "}\n"


def is_own(beginning: str) -> bool:
    """Tell whether a file that begins so is one of ours."""
    return _BEGINNING.match(beginning.lstrip("\ufeff")) is not None


def read_own(
    beginning: str, pieces: Iterator[str], *, zone: ZoneInfo, source: str | None
) -> Export:
    """Read `pieces`, which begin with `beginning`; each row is of the source it names.

    A `source` given here goes before. Every time has its offset, so that `zone` is not needed.
    Lines are numbers of rows, from 1. Raises UnrecognisedExport.
    """
    version = _BEGINNING.match(beginning.lstrip("\ufeff"))
    if version is None or int(version[1]) != VERSION:
        raise UnrecognisedExport("the file was exported by a newer release: update first")
    gathering = Gathering(zone=zone, source=source or "json")

    def take_reading(row: Row) -> None:
        one = _reading(row)
        gathering.measured.times.append(one.time)
        gathering.measured.likes.append(one if source is None else replace(one, source=source))

    def take_treatment(row: Row) -> None:
        one = _treatment(row)
        gathering.keep(number, one if source is None else replace(one, source=source))

    def take_measurement(row: Row) -> None:
        one = _measurement(row)
        gathering.measurements.append(one if source is None else replace(one, source=source))

    take: dict[str, Callable[[Row], None]] = {
        "readings": take_reading,
        "treatments": take_treatment,
        "measurements": take_measurement,
    }

    def read_row(_number: int, name: str, row: object) -> str | None:
        if name not in take:
            return "other"
        if not isinstance(row, Mapping):
            raise InvalidRecordError("no object of names and values")
        take[name](row)
        return None

    number = 0
    for number, (name, row) in enumerate(objects_of(pieces), 1):
        gathering.attempt(number, read_row, name, row)
    return gathering.export(format=FORMAT, unit=Unit.MG_DL, rows=number)


def _of_reading(one: Reading) -> Row:
    return {
        "time": utc_text(one.time),
        "mg_dl": one.mg_dl,
        "bound": one.bound,
        "trend": one.trend,
        "kind": one.kind,
        "source": one.source,
        "series": one.series,
    }


def _reading(row: Row) -> Reading:
    mg_dl = row.get("mg_dl")
    if type(mg_dl) is not int:
        raise InvalidReadingError("glucose must be whole mg/dL")
    return Reading(
        time=_time(row),
        mg_dl=mg_dl,
        source=_text(row, "source"),
        series=_text(row, "series"),
        kind=_one_of(Kind, row.get("kind")),
        bound=_if_told(Bound, row.get("bound")),
        trend=_if_told(Trend, row.get("trend")),
    )


def _of_treatment(one: Treatment) -> Row:
    return {
        "time": utc_text(one.time),
        "kind": one.kind,
        "amount": one.amount,
        "intensity": one.intensity,
        "note": one.note,
        "source": one.source,
        "id": one.id,
    }


def _treatment(row: Row) -> Treatment:
    return Treatment(
        time=_time(row),
        source=_text(row, "source"),
        id=_text(row, "id"),
        kind=_one_of(TreatmentKind, row.get("kind")),
        note=_note(row),
        amount=_number(row, "amount"),
        intensity=_if_told(Intensity, row.get("intensity")),
    )


def _of_measurement(one: Measurement) -> Row:
    return {
        "time": utc_text(one.time),
        "kind": one.kind,
        "value": one.value,
        "diastolic": one.diastolic,
        "quality": one.quality,
        "note": one.note,
        "source": one.source,
        "id": one.id,
    }


def _measurement(row: Row) -> Measurement:
    value, quality = _number(row, "value"), _number(row, "quality")
    if value is None:
        raise InvalidRecordError("no value")
    if quality is not None and not isinstance(quality, int):
        raise InvalidRecordError("quality is a whole number")
    return Measurement(
        time=_time(row),
        source=_text(row, "source"),
        id=_text(row, "id"),
        kind=_one_of(MeasurementKind, row.get("kind")),
        note=_note(row),
        value=value,
        diastolic=_number(row, "diastolic"),
        quality=quality,
    )


def _time(row: Row) -> datetime:
    text = row.get("time")
    if not isinstance(text, str):
        raise InvalidRecordError("no time")
    stamp = stamp_of(text)
    if stamp.offset is None:
        raise InvalidRecordError("a time without its offset from UTC")
    return (stamp.local - stamp.offset).replace(tzinfo=UTC)


def _text(row: Row, name: str) -> str:
    text = row.get(name)
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST_ID:
        raise InvalidRecordError(f"no {name} in 1 to {LONGEST_ID} characters")
    if "\0" in text or text != text.encode("utf-8", "ignore").decode("utf-8"):
        raise InvalidRecordError("a text with what cannot be written")
    return text


def _note(row: Row) -> str | None:
    note = row.get("note")
    if note is not None and not isinstance(note, str):
        raise InvalidRecordError("a note that is no text")
    return note


def _number(row: Row, name: str) -> float | None:
    value = row.get(name)
    if value is None or type(value) in {int, float}:
        return value  # type: ignore[return-value]  # the line above tells, but not to mypy
    raise InvalidRecordError(f"{name} is no number")


def _one_of(words: type[E], word: object) -> E:
    try:
        return words(word if isinstance(word, str) else "")
    except ValueError:
        raise InvalidRecordError("a word that is none of ours") from None


def _if_told(words: type[E], word: object) -> E | None:
    return None if word is None else _one_of(words, word)
