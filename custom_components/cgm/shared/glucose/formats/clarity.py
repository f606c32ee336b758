"""Dexcom Clarity's export: one event a row, with a preamble of settings that have no time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import InvalidReadingError, UnrecognisedExport
from ..reading import Bound, Kind, Reading
from ..treatment import Intensity, TreatmentKind, amount_of
from ..units import Unit
from .languages import CLARITY
from .local_time import Stamp, local_time
from .measured import Gathering, Logged, minutes_of
from .moments import HOUR_ENDS, Moments, milliseconds
from .table import Row, decimal_of, glucose_of, name_and_unit, tidy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from .export import Export

FORMAT = "Dexcom Clarity"
SOURCE = "clarity"

# "EGV" in every language seen; others' programs know "EGW".
_SENSOR_EVENTS = {"egv", "egw"}
_METER_EVENTS = {"calibration", "kalibrierung", "calibrazione"}
# Which column a row is about tells insulin, carbs and exercise in any language; these are words
# for what has no column.
_HEALTH_EVENTS = {"health", "gesundheit", "salute"}
_NOTE_EVENTS = {"notes", "note", "notizen", "notiz"}
_LOW_WORDS = {"low", "niedrig", "basso"}
_HIGH_WORDS = {"high", "hoch", "alto"}
_LONG_ACTING = re.compile(r"long|lang|lent|prolung|basal")
_RAPID_ACTING = re.compile(r"fast|schnell|rapid")
_INTENSITIES = {
    "light": Intensity.LIGHT,
    "leicht": Intensity.LIGHT,
    "leggero": Intensity.LIGHT,
    "medium": Intensity.MODERATE,
    "mittel": Intensity.MODERATE,
    "medio": Intensity.MODERATE,
    "heavy": Intensity.VIGOROUS,
    "schwer": Intensity.VIGOROUS,
    "intenso": Intensity.VIGOROUS,
}
# Where a Dexcom's range ends: what "Low" and "High" are at least beyond. Dexcom's own programs
# number the words 39 and 401.
RANGE_FROM_MG_DL = 40
RANGE_TO_MG_DL = 400
_LOW, _HIGH = (RANGE_FROM_MG_DL, Bound.LOW), (RANGE_TO_MG_DL, Bound.HIGH)
_NUMBERED = {39: _LOW, 401: _HIGH}
# A spreadsheet that saved the file again writes a blank for T, and one digit for the hour.
_WHEN = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?", re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clarity:
    """Where this file keeps what; built by `of_header`."""

    width: int
    columns: Mapping[str, int]
    unit: Unit

    @classmethod
    def of_header(cls, header: Sequence[str]) -> Clarity | None:
        """Recognise the header row, in a language whose layout was seen; None for any other row.

        Raises UnrecognisedExport where its glucose is in two units.
        """
        named = [name_and_unit(cell) for cell in header]
        for names in CLARITY.values():
            columns = {
                what: at
                for what, wanted in names.items()
                for at in [next((at for at, (name, _) in enumerate(named) if name == wanted), None)]
                if at is not None
            }
            if not {"time", "event", "glucose"} <= columns.keys():
                continue
            units = {unit for name, unit in named if name == names["glucose"] and unit is not None}
            if len(units) > 1:
                raise UnrecognisedExport("a Dexcom Clarity export with glucose in two units")
            for unit in units:
                return cls(width=len(header), columns=columns, unit=unit)
        return None

    def read(
        self,
        rows: Iterable[Row],
        *,
        zone: ZoneInfo,
        source: str | None,
        day_first: bool | None = None,
    ) -> Export:
        """Read every row; `day_first` is not needed, Clarity's dates begin with the year.

        EGV rows become CGM readings of series "egv", calibrations METER readings of series
        "calibration". Low and High are 39 and 401 mg/dL with their bound.
        """
        del day_first
        gathering = Gathering(zone=zone, source=source or SOURCE)
        moments = Moments(gathering.clock)
        likes: dict[str, Reading] = {}

        def read_row(line: int, cells: Sequence[str] | None) -> str | None:
            return self._read_row(line, tidy(cells, self.width), gathering, moments, likes)

        # Nearly all rows are of the sensor, at times and with values of a kind seen before: they
        # are read here, and everything else goes the long way.
        width, measured = self.width, gathering.measured
        times, likings = measured.times, measured.likes
        clocks, devices = measured.clocks, measured.devices
        when, event, glucose = (self.columns[what] for what in ("time", "event", "glucose"))
        # Where a column is missing, any that never changes will do.
        clock, transmitter = (self.columns.get(what, event) for what in ("clock", "transmitter"))
        hours, rest = moments.hours, moments.rest
        for line, cells in rows:
            if cells is not None and len(cells) == width and cells[event] == "EGV":
                text = cells[when]
                try:
                    time = hours[text[:HOUR_ENDS]] + rest[text[HOUR_ENDS:]]
                    like = likes[cells[glucose]]
                except KeyError:
                    pass
                else:
                    times.append(time)
                    likings.append(like)
                    clocks.append(cells[clock])
                    devices.append(cells[transmitter])
                    continue
            gathering.attempt(line, read_row, cells)
        return gathering.export(format=FORMAT, unit=self.unit)

    def _read_row(
        self,
        line: int,
        cells: Sequence[str],
        gathering: Gathering,
        moments: Moments,
        likes: dict[str, Reading],
    ) -> str | None:
        """Take the row, or say what it is instead; raises InvalidRecordError."""
        said = {what: cells[at] for what, at in self.columns.items()}
        event = said["event"].casefold()
        if event not in _SENSOR_EVENTS | _METER_EVENTS:
            return self._other(line, said, event, gathering)
        kind = Kind.CGM if event in _SENSOR_EVENTS else Kind.METER
        mg_dl, bound = self._value(said["glucose"], kind)
        stamp = Stamp(_when(said["time"]))
        series = "egv" if kind is Kind.CGM else "calibration"
        like = gathering.like(series, mg_dl, kind=kind, bound=bound)
        gathering.measure(
            stamp,
            like,
            clock=said.get("clock", ""),
            device=said.get("transmitter", ""),
        )
        if kind is Kind.CGM:
            likes[said["glucose"]] = like
            moments.learn(said["time"], stamp)
        return None

    def _value(self, cell: str, kind: Kind) -> tuple[int, Bound | None]:
        """Read a value or a word; a number outside the sensor's range is the word as well."""
        if not cell:
            raise InvalidReadingError("no glucose value")
        word = cell.casefold()
        if word in _LOW_WORDS:
            return _LOW
        if word in _HIGH_WORDS:
            return _HIGH
        mg_dl = glucose_of(cell, self.unit)
        if kind is Kind.CGM and self.unit is Unit.MG_DL and mg_dl in _NUMBERED:
            return _NUMBERED[mg_dl]
        return mg_dl, None

    @staticmethod
    def _other(line: int, said: Mapping[str, str], event: str, gathering: Gathering) -> str | None:
        """Take the treatment that a row without glucose is; raises InvalidRecordError."""
        if not said["time"]:
            return "settings"
        logged = _logged(said, event)
        if isinstance(logged, str):
            return logged
        gathering.log(line, Stamp(_when(said["time"])), [logged])
        return None


def _logged(said: Mapping[str, str], event: str) -> Logged | str:
    """Return the row's treatment, or what it is that says nothing; raises InvalidReadingError."""
    subtype = said.get("subtype", "")
    insulin, carbs = (said.get(what, "") for what in ("insulin", "carbs"))
    if insulin:
        return Logged(kind=_insulin(subtype.casefold()), amount=amount_of(decimal_of(insulin)))
    if carbs:
        return Logged(kind=TreatmentKind.CARBS, amount=amount_of(decimal_of(carbs)))
    if event in _HEALTH_EVENTS | _NOTE_EVENTS:
        text = subtype or said.get("patient", "")
        if not text:
            return "note"
        return Logged(kind=TreatmentKind.NOTE, note=text)
    duration = said.get("duration", "")
    if duration and not said["glucose"]:
        intensity = _INTENSITIES.get(subtype.casefold())
        return Logged(
            kind=TreatmentKind.EXERCISE,
            amount=minutes_of(duration),
            intensity=intensity,
            note=None if intensity else subtype,
        )
    raise InvalidReadingError("unknown event type")


def _insulin(subtype: str) -> TreatmentKind:
    """Return which insulin; never guessed. Raises InvalidReadingError."""
    long, rapid = _LONG_ACTING.search(subtype), _RAPID_ACTING.search(subtype)
    if bool(long) is bool(rapid):
        raise InvalidReadingError("insulin that is neither said to be fast nor long-acting")
    return TreatmentKind.INSULIN_LONG if long else TreatmentKind.INSULIN_RAPID


def _when(cell: str) -> datetime:
    """Read Clarity's local time; raises InvalidReadingError."""
    match = _WHEN.fullmatch(cell)
    if match is None:
        raise InvalidReadingError("not a time as YYYY-MM-DDThh:mm:ss" if cell else "no time")
    *parts, fraction = match.groups()
    year, month, day, hour, minute, second = (int(part or 0) for part in parts)
    return local_time(year, month, day, hour, minute, second, milliseconds(fraction))
