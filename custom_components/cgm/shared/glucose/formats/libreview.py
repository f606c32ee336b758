"""LibreView's export: a title line, then rows grouped by record type, not by time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import InvalidReadingError, UnrecognisedExport
from ..reading import Bound, Kind
from ..treatment import TreatmentKind, amount_of
from ..units import Unit
from .date_order import DatedRow, day_comes_first, when
from .languages import LIBREVIEW, LIBREVIEW_ALSO
from .local_time import Stamp
from .measured import Gathering, Logged
from .table import Row, decimal_of, glucose_of, name_and_unit, tidy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from .export import Export

FORMAT = "LibreView"
SOURCE = "libreview"

# Record type: series, column, kind.
_MEASURED = {
    "0": ("historic", "historic", Kind.CGM),
    "1": ("scan", "scan", Kind.CGM),
    "2": ("strip", "strip", Kind.METER),
}
_INSULIN, _FOOD, _NOTE = "4", "5", "6"
_OTHER_TYPES = {"3": "ketone", _INSULIN: "insulin", _FOOD: "carbs", _NOTE: "note"}
_LOW_WORDS = {"lo", "low", "basso"}
_HIGH_WORDS = {"hi", "high", "alto"}
# A Libre shows LO under 40. At the other end older sensors stop at 500 and newer at 400, and the
# export does not say which it was, so that 420 is a number.
RANGE_FROM_MG_DL = 40
RANGE_TO_MG_DL = 500
_LOW, _HIGH = (RANGE_FROM_MG_DL, Bound.LOW), (RANGE_TO_MG_DL, Bound.HIGH)
_GLUCOSE = ("historic", "scan", "strip")
# The title's third cell, in any language: "12-10-2025 17:37 UTC".
_GENERATED = re.compile(r"(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4} \d{1,2}:\d{2}(?: [AP]M)?) UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class LibreView:
    """Where this file keeps what; built by `of_header`."""

    width: int
    columns: Mapping[str, int]
    unit: Unit
    generated: str | None = None

    @classmethod
    def of_header(cls, header: Sequence[str], above: Sequence[str] = ()) -> LibreView | None:
        """Recognise the header row, in a language whose layout was seen; None for any other row.

        `above` are the lines over it, whose title says when the file was made. Raises
        UnrecognisedExport where its glucose is in two units.
        """
        whole = [cell.casefold() for cell in header]
        whole = [LIBREVIEW_ALSO.get(name, name) for name in whole]
        named = [name_and_unit(cell) for cell in header]
        for names in LIBREVIEW.values():
            columns: dict[str, int] = {}
            for what, wanted in names.items():
                cells = [name for name, _ in named] if what in _GLUCOSE else whole
                if wanted in cells:
                    columns[what] = cells.index(wanted)
            if not {"time", "type", "historic"} <= columns.keys():
                continue
            units = {named[columns[what]][1] for what in _GLUCOSE if what in columns} - {None}
            if len(units) > 1:
                raise UnrecognisedExport("a LibreView export with glucose in two units")
            for unit in units:
                if unit is not None:
                    found = _GENERATED.search(" ".join(above))
                    return cls(
                        width=len(header),
                        columns=columns,
                        unit=unit,
                        generated=found[1] if found else None,
                    )
        return None

    def read(
        self,
        rows: Iterable[Row],
        *,
        zone: ZoneInfo,
        source: str | None,
        day_first: bool | None = None,
    ) -> Export:
        """Read every row: type 0 is series "historic", 1 "scan", 2 "strip" (METER).

        Whether day or month comes first is seen from the file (date_order.py) unless told;
        raises AmbiguousDates.
        """
        kept = tuple(rows)
        if day_first is None:
            day_first = day_comes_first(tuple(self._dated(kept)), self.generated)
        comes_first = day_first
        gathering = Gathering(zone=zone, source=source or SOURCE)

        def read_row(line: int, cells: Sequence[str] | None) -> str | None:
            said = tidy(cells, self.width)
            return self._read_row(line, said, gathering, day_first=comes_first)

        for line, cells in kept:
            gathering.attempt(line, read_row, cells)
        return gathering.export(format=FORMAT, unit=self.unit)

    def _dated(self, rows: Iterable[Row]) -> Iterator[DatedRow]:
        time, type_, serial = (self.columns.get(what) for what in ("time", "type", "serial"))
        for line, cells in rows:
            if cells is not None and time is not None and len(cells) > time:
                lane = [cells[at] for at in (type_, serial) if at is not None and at < len(cells)]
                yield DatedRow(line, cells[time].strip(), " ".join(lane))

    def _read_row(
        self, line: int, cells: Sequence[str], gathering: Gathering, *, day_first: bool
    ) -> str | None:
        """Take the row, or say what it is instead; raises InvalidRecordError."""
        said = {what: cells[at] for what, at in self.columns.items()}
        code = said["type"]
        if code in _OTHER_TYPES:
            logged = list(_logged(code, said))
            if not logged:
                return _OTHER_TYPES[code]
            gathering.log(line, Stamp(when(said["time"], day_first=day_first)), logged)
            return None
        if code not in _MEASURED:
            raise InvalidReadingError("unknown record type")
        series, column, kind = _MEASURED[code]
        if not said.get(column):
            raise InvalidReadingError("no glucose value")
        stamp = Stamp(when(said["time"], day_first=day_first))
        mg_dl, bound = _value(said[column], self.unit, kind)
        like = gathering.like(series, mg_dl, kind=kind, bound=bound)
        gathering.measure(stamp, like, device=said.get("serial", ""))
        return None


def _logged(code: str, said: Mapping[str, str]) -> Iterator[Logged]:
    """Yield the treatments of a row, two where both insulins stand in it."""
    note = said.get("notes") or None
    if code == _NOTE and note:
        yield Logged(kind=TreatmentKind.NOTE, note=note)
    if code == _FOOD:
        grams = amount_of(decimal_of(said.get("carbs", "")))
        servings = said.get("servings", "")
        if grams is not None or servings or said.get("food unnumbered"):
            words = [f"servings: {servings}"] if servings and grams is None else []
            text = ", ".join([*words, *([note] if note else [])])
            yield Logged(kind=TreatmentKind.CARBS, amount=grams, note=text or None)
    if code == _INSULIN:
        for column, kind in (
            ("rapid", TreatmentKind.INSULIN_RAPID),
            ("long", TreatmentKind.INSULIN_LONG),
        ):
            amount = amount_of(decimal_of(said.get(column, "")))
            if amount is not None or said.get(f"{column} unnumbered"):
                yield Logged(kind=kind, amount=amount, note=note)


def _value(cell: str, unit: Unit, kind: Kind) -> tuple[int, Bound | None]:
    """Read a value or a word; what a sensor says beyond its range is the range's end."""
    word = cell.casefold()
    if word in _LOW_WORDS:
        return _LOW
    if word in _HIGH_WORDS:
        return _HIGH
    mg_dl = glucose_of(cell, unit)
    if kind is Kind.CGM and mg_dl < RANGE_FROM_MG_DL:
        return _LOW
    if kind is Kind.CGM and mg_dl >= RANGE_TO_MG_DL:
        return _HIGH
    return mg_dl, None
