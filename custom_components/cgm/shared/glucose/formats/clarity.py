"""Dexcom Clarity's export: one event a row, with a preamble of settings that have no time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ..errors import InvalidReadingError
from ..reading import Bound, Kind
from ..units import Unit
from .export import Export
from .local_time import Stamp, local_time
from .measured import HIGH_MG_DL, LOW_MG_DL, Measured, export_of
from .table import Row, glucose_of, name_and_unit, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from zoneinfo import ZoneInfo

FORMAT = "Dexcom Clarity"

# English and German as seen in exports; "Ereignistyp" and "EGW" as other parsers know them.
_TIME = {"timestamp", "zeitstempel"}
_EVENT = {"event type", "ereignisart", "ereignistyp"}
_GLUCOSE = {"glucose value", "glukosewert"}
_CLOCK = {"transmitter time", "transmitterzeit"}
_TRANSMITTER = {"transmitter id", "transmitter-id"}

_SENSOR_EVENTS = {"egv", "egw"}
_METER_EVENTS = {"calibration", "kalibrierung"}
_OTHER_EVENTS = {
    "insulin": "insulin",
    "carbs": "carbs",
    "kohlenhydrate": "carbs",
    "exercise": "exercise",
    "training": "exercise",
    "health": "health",
    "gesundheit": "health",
    "notes": "note",
    "note": "note",
    "notizen": "note",
    "notiz": "note",
}
_LOW_WORDS = {"low", "niedrig"}
_HIGH_WORDS = {"high", "hoch"}
# A spreadsheet that saved the file again writes a blank for T, and one digit for the hour.
_WHEN = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?", re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clarity:
    """Where this file keeps what; built by `of_header`."""

    width: int
    time: int
    event: int
    glucose: int
    unit: Unit
    clock: int | None
    transmitter: int | None

    @classmethod
    def of_header(cls, header: Sequence[str]) -> Clarity | None:
        """Recognise the header row, in English or German; None for any other row."""
        named = [name_and_unit(cell) for cell in header]
        names = [name for name, _ in named]

        def column(wanted: set[str]) -> int | None:
            return next((index for index, name in enumerate(names) if name in wanted), None)

        time, event, glucose = column(_TIME), column(_EVENT), column(_GLUCOSE)
        if time is None or event is None or glucose is None:
            return None
        unit = named[glucose][1]
        if unit is None:
            return None
        return cls(
            width=len(header),
            time=time,
            event=event,
            glucose=glucose,
            unit=unit,
            clock=column(_CLOCK),
            transmitter=column(_TRANSMITTER),
        )

    def read(
        self, rows: Iterable[Row], *, zone: ZoneInfo, source: str, day_first: bool | None = None
    ) -> Export:
        """Read every row; `day_first` is not needed, Clarity's dates begin with the year.

        EGV rows become CGM readings of series "egv", calibrations METER readings of series
        "calibration". Low and High are 39 and 401 mg/dL with their bound.
        """
        del day_first
        return export_of(
            rows, self._read_row, format=FORMAT, unit=self.unit, zone=zone, source=source
        )

    def _read_row(self, row: Row) -> Measured | str:
        """Return the reading, or what the row is instead; raises InvalidReadingError."""
        if row.cells is None:
            raise InvalidReadingError("its quotes do not come out even")
        if any(row.cells[self.width :]):
            raise InvalidReadingError("more fields than columns")
        cells = row.cells + ("",) * (self.width - len(row.cells))
        event = cells[self.event].casefold()
        if event in _SENSOR_EVENTS:
            kind = Kind.CGM
        elif event in _METER_EVENTS:
            kind = Kind.METER
        elif not cells[self.time]:
            return "settings"
        elif event in _OTHER_EVENTS:
            return _OTHER_EVENTS[event]
        else:
            raise InvalidReadingError("unknown event type")
        mg_dl, bound = self._value(cells[self.glucose], kind)
        clock = cells[self.clock] if self.clock is not None else ""
        return Measured(
            line=row.line,
            stamp=Stamp(_when(cells[self.time]), whole_number(clock)),
            device=cells[self.transmitter] if self.transmitter is not None else "",
            kind=kind,
            series="egv" if kind is Kind.CGM else "calibration",
            mg_dl=mg_dl,
            bound=bound,
        )

    def _value(self, cell: str, kind: Kind) -> tuple[int, Bound | None]:
        """Read a value or a word; in mg/dL, 39 and 401 are the words' numbers."""
        if not cell:
            raise InvalidReadingError("no glucose value")
        word = cell.casefold()
        if word in _LOW_WORDS:
            return LOW_MG_DL, Bound.LOW
        if word in _HIGH_WORDS:
            return HIGH_MG_DL, Bound.HIGH
        mg_dl = glucose_of(cell, self.unit)
        if kind is Kind.CGM and self.unit is Unit.MG_DL and mg_dl in {LOW_MG_DL, HIGH_MG_DL}:
            return mg_dl, Bound.LOW if mg_dl == LOW_MG_DL else Bound.HIGH
        return mg_dl, None


def _when(cell: str) -> datetime:
    """Read Clarity's local time; raises InvalidReadingError."""
    match = _WHEN.fullmatch(cell)
    if match is None:
        raise InvalidReadingError("not a time as YYYY-MM-DDThh:mm:ss" if cell else "no time")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
    return local_time(year, month, day, hour, minute, second)
