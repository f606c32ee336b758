"""A plain table of times and values, as research packages and spreadsheets write it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..errors import InvalidReadingError, UnrecognisedExport
from ..reading import Bound, Kind
from ..units import Unit
from .export import Export
from .local_time import Stamp, local_time
from .measured import HIGH_MG_DL, LOW_MG_DL, Measured, export_of
from .table import Row, glucose_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from zoneinfo import ZoneInfo

FORMAT = "generic CSV"
SERIES = "readings"

_TIME = {"time", "timestamp"}
# "gl" is iglu's name, and iglu knows mg/dL alone.
_GLUCOSE = {
    "gl": Unit.MG_DL,
    "glucose_mg_dl": Unit.MG_DL,
    "glucose_mmol_l": Unit.MMOL_L,
}
_WHEN = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?"
    r" ?(?:(Z)|([+-])(\d{2}):?(\d{2}))?",
    re.ASCII,
)
_LONGEST_OFFSET_MINUTES = 15 * 60
_BOUNDS: dict[str, Bound | None] = {"": None, "low": Bound.LOW, "high": Bound.HIGH}
# In place of a number: a LOW that is left out would be a low that nobody is told of.
_WORDS = {"low": (LOW_MG_DL, Bound.LOW), "high": (HIGH_MG_DL, Bound.HIGH)}
_KINDS = {"": Kind.CGM, "cgm": Kind.CGM, "meter": Kind.METER}


@dataclass(frozen=True, slots=True, kw_only=True)
class Generic:
    """Where this file keeps what; built by `of_header`."""

    width: int
    time: int
    glucose: int
    unit: Unit
    wearer: int | None
    bound: int | None
    kind: int | None

    @classmethod
    def of_header(cls, header: Sequence[str]) -> Generic | None:
        """Recognise a row that names a time and one glucose column; None for any other row."""
        names = [cell.casefold() for cell in header]
        times = [at for at, name in enumerate(names) if name in _TIME]
        values = [at for at, name in enumerate(names) if name in _GLUCOSE]
        if len(times) != 1 or len(values) != 1:
            return None

        def column(name: str) -> int | None:
            return names.index(name) if name in names else None

        return cls(
            width=len(header),
            time=times[0],
            glucose=values[0],
            unit=_GLUCOSE[names[values[0]]],
            wearer=column("id"),
            bound=column("bound"),
            kind=column("kind"),
        )

    def read(
        self, rows: Iterable[Row], *, zone: ZoneInfo, source: str, day_first: bool | None = None
    ) -> Export:
        """Read every row; a time with an offset, or Z, is taken by it, any other in `zone`.

        `day_first` is not needed: dates begin with the year. Where a column `id` tells several
        wearers apart the file is refused: their readings are no one's history. Raises
        UnrecognisedExport.
        """
        del day_first
        kept = tuple(rows)
        if self.wearer is not None:
            at = self.wearer
            wearers = {row.cells[at] for row in kept if row.cells and len(row.cells) > at}
            if len(wearers) > 1:
                raise UnrecognisedExport(
                    f"the column id tells {len(wearers)} wearers apart: make a file of each"
                )
        return export_of(
            kept, self._read_row, format=FORMAT, unit=self.unit, zone=zone, source=source
        )

    def _read_row(self, row: Row) -> Measured | str:
        """Return the reading; raises InvalidReadingError."""
        if row.cells is None:
            raise InvalidReadingError("its quotes do not come out even")
        if any(row.cells[self.width :]):
            raise InvalidReadingError("more fields than columns")
        cells = row.cells + ("",) * (self.width - len(row.cells))
        bound = "" if self.bound is None else cells[self.bound].casefold()
        kind = "" if self.kind is None else cells[self.kind].casefold()
        if bound not in _BOUNDS:
            raise InvalidReadingError("a bound that is neither low nor high")
        if kind not in _KINDS:
            raise InvalidReadingError("a kind that is neither cgm nor meter")
        if not cells[self.glucose]:
            raise InvalidReadingError("no glucose value")
        word = _WORDS.get(cells[self.glucose].casefold())
        return Measured(
            line=row.line,
            stamp=_when(cells[self.time]),
            device="",
            kind=_KINDS[kind],
            series=SERIES,
            mg_dl=word[0] if word else glucose_of(cells[self.glucose], self.unit),
            bound=word[1] if word else _BOUNDS[bound],
        )


def _when(cell: str) -> Stamp:
    """Read a time as YYYY-MM-DD hh:mm:ss, with an offset or without; raises InvalidReadingError."""
    match = _WHEN.fullmatch(cell)
    if match is None:
        raise InvalidReadingError("not a time as YYYY-MM-DD hh:mm:ss" if cell else "no time")
    *parts, utc, sign, hours, minutes = match.groups()
    year, month, day, hour, minute, second = (int(part or 0) for part in parts)
    local: datetime = local_time(year, month, day, hour, minute, second)
    if utc:
        return Stamp(local, offset=timedelta())
    if sign is None:
        return Stamp(local)
    ahead = int(hours) * 60 + int(minutes)
    if ahead > _LONGEST_OFFSET_MINUTES:
        raise InvalidReadingError("no such offset from UTC")
    return Stamp(local, offset=timedelta(minutes=-ahead if sign == "-" else ahead))
