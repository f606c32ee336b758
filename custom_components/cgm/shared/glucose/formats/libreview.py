"""LibreView's export: a title line, then rows grouped by record type, not by time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import AmbiguousDates, InvalidReadingError
from ..reading import Bound, Kind
from ..units import Unit
from .export import Export
from .local_time import Stamp, local_time
from .measured import HIGH_MG_DL, LOW_MG_DL, Measured, export_of
from .table import Row, glucose_of, name_and_unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

FORMAT = "LibreView"

_SERIAL = {"serial number", "seriennummer"}
_TIME = {"device timestamp", "gerätezeitstempel"}
_TYPE = {"record type", "aufzeichnungstyp"}
_HISTORIC = {"historic glucose", "glukosewert-verlauf"}
_SCAN = {"scan glucose", "glukose-scan"}
_STRIP = {"strip glucose", "glukose-teststreifen"}

_OTHER_TYPES = {"3": "ketone", "4": "insulin", "5": "carbs", "6": "note"}
_LOW_WORDS = {"lo", "low", "niedrig"}
_HIGH_WORDS = {"hi", "high", "hoch"}
# A Libre shows LO under 40. At the other end older sensors stop at 500 and newer at 400, and the
# export does not say which it was, so that 420 is a number.
RANGE_FROM_MG_DL = 40
RANGE_TO_MG_DL = 500

_WHEN = re.compile(
    r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})[ T\u202f]+"
    r"(\d{1,2}):(\d{2})(?::(\d{2}))?[ \u202f]*(?:([AP])\.?M\.?)?",
    re.IGNORECASE | re.ASCII,
)
_YEAR_DIGITS = 4
_MONTHS = 12
_NOON = 12


@dataclass(frozen=True, slots=True)
class _Column:
    index: int
    unit: Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class LibreView:
    """Where this file keeps what; built by `of_header`."""

    width: int
    serial: int | None
    time: int
    type: int
    historic: _Column
    scan: _Column | None
    strip: _Column | None

    @classmethod
    def of_header(cls, header: Sequence[str]) -> LibreView | None:
        """Recognise the header row, in English or German; None for any other row."""
        named = [name_and_unit(cell) for cell in header]

        def column(wanted: set[str]) -> int | None:
            return next((at for at, (name, _) in enumerate(named) if name in wanted), None)

        def glucose(wanted: set[str]) -> _Column | None:
            at = column(wanted)
            unit = named[at][1] if at is not None else None
            return _Column(at, unit) if at is not None and unit is not None else None

        time, kind, historic = column(_TIME), column(_TYPE), glucose(_HISTORIC)
        if time is None or kind is None or historic is None:
            return None
        return cls(
            width=len(header),
            serial=column(_SERIAL),
            time=time,
            type=kind,
            historic=historic,
            scan=glucose(_SCAN),
            strip=glucose(_STRIP),
        )

    def read(
        self, rows: Iterable[Row], *, zone: ZoneInfo, source: str, day_first: bool | None = None
    ) -> Export:
        """Read every row: type 0 is series "historic", 1 "scan", 2 "strip" (METER).

        Whether day or month comes first is seen from all dates of the file unless told; raises
        AmbiguousDates where they fit both ways or contradict each other.
        """
        kept = tuple(rows)
        if day_first is None:
            day_first = self._day_comes_first(kept)
        comes_first = day_first

        def read_row(row: Row) -> Measured | str:
            return self._read_row(row, day_first=comes_first)

        return export_of(
            kept, read_row, format=FORMAT, unit=self.historic.unit, zone=zone, source=source
        )

    def _day_comes_first(self, rows: Iterable[Row]) -> bool:
        """Decide the order of day and month from every date in the file."""
        day_line = month_line = open_line = None
        for row in rows:
            cell = row.cells[self.time] if row.cells and len(row.cells) > self.time else ""
            match = _WHEN.fullmatch(cell)
            if match is None or len(match[1]) == _YEAR_DIGITS:
                continue
            first, second = int(match[1]), int(match[3])
            # Dates with dots begin with the day wherever they are written.
            if second <= _MONTHS < first or (match[2] == "." and second <= _MONTHS):
                day_line = day_line or row.line
            elif first <= _MONTHS < second:
                month_line = month_line or row.line
            elif first != second:
                open_line = open_line or row.line
        if day_line and month_line:
            raise AmbiguousDates(
                f"line {day_line} has the day first and line {month_line} the month: "
                "say which of them the file follows"
            )
        if open_line and not (day_line or month_line):
            raise AmbiguousDates(
                f"every date, such as in line {open_line}, can be read with the day or with the "
                "month first: say which"
            )
        return month_line is None

    def _read_row(self, row: Row, *, day_first: bool) -> Measured | str:
        """Return the reading, or what the row is instead; raises InvalidReadingError."""
        if row.cells is None:
            raise InvalidReadingError("its quotes do not come out even")
        if any(row.cells[self.width :]):
            raise InvalidReadingError("more fields than columns")
        cells = row.cells + ("",) * (self.width - len(row.cells))
        code = cells[self.type]
        if code in _OTHER_TYPES:
            return _OTHER_TYPES[code]
        columns = {
            "0": ("historic", self.historic, Kind.CGM),
            "1": ("scan", self.scan, Kind.CGM),
            "2": ("strip", self.strip, Kind.METER),
        }
        if code not in columns:
            raise InvalidReadingError("unknown record type")
        series, column, kind = columns[code]
        if column is None or not cells[column.index]:
            raise InvalidReadingError("no glucose value")
        stamp = Stamp(_when(cells[self.time], day_first=day_first))
        mg_dl, bound = _value(cells[column.index], column.unit, kind)
        return Measured(
            line=row.line,
            stamp=stamp,
            device=cells[self.serial] if self.serial is not None else "",
            kind=kind,
            series=series,
            mg_dl=mg_dl,
            bound=bound,
        )


def _value(cell: str, unit: Unit, kind: Kind) -> tuple[int, Bound | None]:
    """Read a value or a word; a sensor's numbers outside its range carry their bound."""
    word = cell.casefold()
    if word in _LOW_WORDS:
        return LOW_MG_DL, Bound.LOW
    if word in _HIGH_WORDS:
        return HIGH_MG_DL, Bound.HIGH
    mg_dl = glucose_of(cell, unit)
    if kind is Kind.CGM and mg_dl < RANGE_FROM_MG_DL:
        return mg_dl, Bound.LOW
    if kind is Kind.CGM and mg_dl >= RANGE_TO_MG_DL:
        return mg_dl, Bound.HIGH
    return mg_dl, None


def _when(cell: str, *, day_first: bool) -> datetime:
    """Read a local date and a 12 h or 24 h time; raises InvalidReadingError."""
    match = _WHEN.fullmatch(cell)
    if match is None:
        raise InvalidReadingError("not a date and time" if cell else "no time")
    first, middle, last = int(match[1]), int(match[3]), int(match[4])
    if len(match[1]) == _YEAR_DIGITS:
        year, month, day = first, middle, last
    elif day_first:
        year, month, day = last, middle, first
    else:
        year, month, day = last, first, middle
    hour, minute, second = int(match[5]), int(match[6]), int(match[7] or 0)
    if match[8]:
        if not 1 <= hour <= _NOON:
            raise InvalidReadingError("no such date or time")
        hour = hour % _NOON + (_NOON if match[8] in "pP" else 0)
    return local_time(year, month, day, hour, minute, second)
