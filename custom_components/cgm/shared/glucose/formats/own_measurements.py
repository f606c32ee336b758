"""The table of measurements that we write ourselves: HbA1c, blood pressure, weight, sleep."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..errors import InvalidRecordError
from ..measurement import UNITS, Measurement, MeasurementKind
from ..reading import finite_number
from ..record import made_id
from ..units import Unit
from .iso_time import stamp_of, utc_text
from .measured import Gathering
from .safe_cell import safe, unsafe
from .table import Row, decimal_of, tidy, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from zoneinfo import ZoneInfo

    from .export import Export

FORMAT = "CSV of measurements"
SOURCE = "csv"
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
COLUMNS = ("time", "kind", "value", "unit", "diastolic", "quality", "note", "source", "id")


def measurements_csv(measurements: Iterable[Measurement]) -> str:
    """Write measurements, oldest first, times in UTC."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in sorted(measurements, key=lambda one: one.time):
        writer.writerow(
            (
                utc_text(one.time),
                one.kind.value,
                _cell(one.value),
                one.unit,
                _cell(one.diastolic),
                _cell(one.quality),
                safe(one.note or ""),
                safe(one.source),
                safe(one.id),
            )
        )
    return file.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMeasurements:
    """Where this file keeps what; built by `of_header`."""

    width: int
    columns: dict[str, int]

    @classmethod
    def of_header(cls, header: Sequence[str]) -> OwnMeasurements | None:
        """Recognise the header row; None for any other row."""
        names = [cell.casefold() for cell in header]
        if not set(COLUMNS) <= set(names):
            return None
        return cls(width=len(header), columns={name: names.index(name) for name in COLUMNS})

    def read(
        self,
        rows: Iterable[Row],
        *,
        zone: ZoneInfo,
        source: str | None,
        day_first: bool | None = None,
    ) -> Export:
        """Read every row; `day_first` is not needed: dates begin with the year.

        A time without its offset is read in `zone`, in the repeated hour as of its first pass.
        """
        del day_first
        gathering = Gathering(zone=zone, source=source or SOURCE)
        found: list[Measurement] = []

        def read_row(_line: int, raw: Sequence[str] | None) -> None:
            cells = tidy(raw, self.width)
            said = {name: cells[at] for name, at in self.columns.items()}
            # As it stands in the file: a note may begin with a blank.
            note = "" if raw is None or len(raw) < self.width else raw[self.columns["note"]]
            stamp = stamp_of(said["time"])
            time = gathering.clock.utc(stamp)
            if time.tzinfo is None:
                time = gathering.clock.in_pass(stamp.local, 0)
            gathering.zoned = gathering.zoned and stamp.offset is not None
            one = _measurement(said, unsafe(note) or None, gathering.source)
            id_ = unsafe(said["id"]) or made_id(time, one.kind, one.value, one.note)
            named = source or unsafe(said["source"]) or SOURCE
            found.append(replace(one, time=time, id=id_, source=named))

        count = 0
        for count, (line, cells) in enumerate(rows, 1):  # noqa: B007 - asked for below
            gathering.attempt(line, read_row, cells)
        export = gathering.export(format=FORMAT, unit=Unit.MG_DL, rows=count)
        return replace(export, measurements=tuple(sorted(found, key=lambda one: one.time)))


def _measurement(said: dict[str, str], note: str | None, source: str) -> Measurement:
    """Return what the row measured, its time and id still to come; raises InvalidRecordError."""
    try:
        kind = MeasurementKind(said["kind"].casefold())
    except ValueError:
        raise InvalidRecordError("no kind of measurement") from None
    if said["unit"] and said["unit"] != UNITS[kind]:
        raise InvalidRecordError(f"a unit that {kind} is not measured in")
    diastolic, quality = decimal_of(said["diastolic"]), whole_number(said["quality"])
    if said["quality"] and quality is None:
        raise InvalidRecordError("quality is a whole number")
    return Measurement(
        time=_ANY_TIME,
        source=source,
        id="?",
        kind=kind,
        value=finite_number(decimal_of(said["value"])),
        diastolic=finite_number(diastolic) if diastolic else None,
        quality=quality,
        note=note,
    )


def _cell(number: float | None) -> str:
    return "" if number is None else f"{number!r}".removesuffix(".0")
