"""A plain table of times and values, as research packages, spreadsheets and we ourselves write."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import chain, islice
from operator import itemgetter
from typing import TYPE_CHECKING

from ..errors import InvalidReadingError, UnrecognisedExport
from ..reading import Bound, Kind, Reading
from ..trend import Trend
from ..units import Unit
from .date_order import DatedRow, day_comes_first, is_dated, when
from .iso_time import stamp_of
from .local_time import Stamp
from .measured import Gathering
from .moments import HOUR_ENDS, Moments
from .own_readings import SERIES_MARK
from .safe_cell import unsafe
from .table import Row, glucose_of, tidy

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from .export import Export

FORMAT = "generic CSV"
SOURCE = "csv"
SERIES = "readings"

_TIME = {"time", "timestamp"}
# "gl" is iglu's name, and iglu knows mg/dL alone.
_GLUCOSE = {
    "gl": Unit.MG_DL,
    "glucose_mg_dl": Unit.MG_DL,
    "glucose_mmol_l": Unit.MMOL_L,
}
# As much of a file as its kind of dates is seen from.
_LOOKED_AT = 30
_YEAR_AND_DASH = re.compile(r"\d{4}-", re.ASCII)
_OTHERS = ("bound", "trend", "kind", "source", "id")
_BOUNDS: dict[str, Bound | None] = {"": None, "low": Bound.LOW, "high": Bound.HIGH}
# In place of a number: a LOW that is left out would be a low that nobody is told of.
# The number is where the range of most sensors ends.
_WORDS = {"low": (40, Bound.LOW), "high": (400, Bound.HIGH)}
_KINDS = {"": Kind.CGM, "cgm": Kind.CGM, "meter": Kind.METER}
# Anybody may call a column trend; a word that is none of ours says nothing.
_TRENDS = {trend.value: trend for trend in Trend}


@dataclass(frozen=True, slots=True, kw_only=True)
class Generic:
    """Where this file keeps what; built by `of_header`."""

    width: int
    columns: Mapping[str, int]
    unit: Unit

    @classmethod
    def of_header(cls, header: Sequence[str]) -> Generic | None:
        """Recognise a row that names a time and one glucose column; None for any other row.

        Raises UnrecognisedExport where there are two: nobody says which of them to believe.
        """
        names = [cell.casefold() for cell in header]
        times = [at for at, name in enumerate(names) if name in _TIME]
        values = [at for at, name in enumerate(names) if name in _GLUCOSE]
        if len(times) == 1 and len(values) > 1:
            raise UnrecognisedExport(
                f"{len(values)} columns of glucose ({', '.join(names[at] for at in values)}): "
                "leave one of them"
            )
        if len(times) != 1 or len(values) != 1:
            return None
        columns = {name: names.index(name) for name in _OTHERS if name in names}
        return cls(
            width=len(header),
            columns={**columns, "time": times[0], "glucose": values[0]},
            unit=_GLUCOSE[names[values[0]]],
        )

    def read(
        self,
        rows: Iterable[Row],
        *,
        zone: ZoneInfo,
        source: str | None,
        day_first: bool | None = None,
    ) -> Export:
        """Read every row; a time with an offset, or Z, is taken by it, any other in `zone`.

        Where the first dates do not begin with the year, `day_first` says whether the day or the
        month does, else it is seen from the file (date_order.py). A column `source` of ours
        ("source/series") gives the series back, so that two of them at one time stay two, and
        where no `source` is given, the source too. Where a column `id` tells several wearers
        apart the file is refused: their readings are no one's history. Raises
        UnrecognisedExport, AmbiguousDates among them.
        """
        gathering = Gathering(zone=zone, source=source or SOURCE)
        likes: dict[Hashable, Reading] = {}
        wearers: set[str] = set()
        # What a row says beside its time; most rows say what one before them said.
        says = itemgetter(*(at for what, at in self.columns.items() if what != "time"))

        def read_row(line: int, raw: Sequence[str] | None) -> None:
            cells = tidy(raw, self.width)
            if "id" in self.columns:
                wearers.add(cells[self.columns["id"]])
            text = cells[self.columns["time"]]
            stamp = stamp_of(text) if order is None else Stamp(when(text, day_first=order))
            like = self._like(cells, gathering, keep=source is None)
            gathering.measure(stamp, like)
            likes[says(cells)] = like
            moments.learn(text, stamp)

        order, rows = self._order(iter(rows), day_first=day_first)
        time_at, width = self.columns["time"], self.width
        moments = Moments(gathering.clock)
        for line, cells in rows:
            if cells is not None and "Z" in "".join(cells[time_at : time_at + 1]):
                moments = Moments(gathering.clock, suffix="Z")
            gathering.attempt(line, read_row, cells)
            break
        times, likings = gathering.measured.times, gathering.measured.likes
        hours, rest = moments.hours, moments.rest
        for line, cells in rows:
            if cells is not None and len(cells) == width:
                text = cells[time_at]
                try:
                    time = hours[text[:HOUR_ENDS]] + rest[text[HOUR_ENDS:]]
                    like = likes[says(cells)]
                except KeyError:
                    pass
                else:
                    times.append(time)
                    likings.append(like)
                    continue
            gathering.attempt(line, read_row, cells)
        if len(wearers) > 1:
            raise UnrecognisedExport(
                f"the column id tells {len(wearers)} wearers apart: make a file of each"
            )
        return gathering.export(format=FORMAT, unit=self.unit)

    def _order(
        self, rows: Iterator[Row], *, day_first: bool | None
    ) -> tuple[bool | None, Iterator[Row]]:
        """Return whether dates begin with the day, None where with the year, and all rows.

        Raises AmbiguousDates.
        """
        beginning = list(islice(rows, _LOOKED_AT))
        dates = [row.text for row in self._dated(beginning) if is_dated(row.text)]
        if not dates or any(_YEAR_AND_DASH.match(text) for text in dates):
            return None, chain(beginning, rows)
        beginning += rows
        if day_first is None:
            day_first = day_comes_first(tuple(self._dated(beginning)))
        return day_first, iter(beginning)

    def _dated(self, rows: Iterable[Row]) -> Iterator[DatedRow]:
        at = self.columns["time"]
        for line, cells in rows:
            if cells is not None and len(cells) > at:
                yield DatedRow(line, cells[at].strip(), "")

    def _like(self, cells: Sequence[str], gathering: Gathering, *, keep: bool) -> Reading:
        """Return what the row measured, `keep` of its own source; raises InvalidReadingError."""
        said = {what: cells[at] for what, at in self.columns.items()}
        bound, kind = said.get("bound", "").casefold(), said.get("kind", "").casefold()
        if bound not in _BOUNDS:
            raise InvalidReadingError("a bound that is neither low nor high")
        if kind not in _KINDS:
            raise InvalidReadingError("a kind that is neither cgm nor meter")
        if not said["glucose"]:
            raise InvalidReadingError("no glucose value")
        source, _, series = unsafe(said.get("source", "")).rpartition(SERIES_MARK)
        ours = bool(source and series)
        word = _WORDS.get(said["glucose"].casefold())
        mg_dl, beyond = word or (glucose_of(said["glucose"], self.unit), _BOUNDS[bound])
        like = gathering.like(
            series if ours else SERIES,
            mg_dl,
            kind=_KINDS[kind],
            bound=beyond,
        )
        if ours and keep:
            like = replace(like, source=source)
        trend = _TRENDS.get(said.get("trend", "").casefold())
        return like if trend is None else replace(like, trend=trend)
