"""The table of treatments that we write ourselves: a time, a kind, an amount, its unit, a note."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import InvalidRecordError
from ..treatment import UNITS, Intensity, Treatment, TreatmentKind, amount_of
from ..units import Unit
from .iso_time import stamp_of, utc_text
from .measured import Gathering, Logged
from .safe_cell import safe, unsafe
from .table import Row, decimal_of, tidy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from zoneinfo import ZoneInfo

    from .export import Export

FORMAT = "CSV of treatments"
SOURCE = "csv"
COLUMNS = ("time", "kind", "amount", "unit", "note")
# Beside these in a wearer's own export, so that who reads it back has the same records.
NAMES = ("source", "id")
# The intensity of exercise stands before its note, as "light: swimming"; a note that would be
# taken for one has this before it.
_BREAK = ": "


def treatments_csv(treatments: Iterable[Treatment], *, named: bool = False) -> str:
    """Write treatments, oldest first, times in UTC; `named` with their source and id."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow((*COLUMNS, *NAMES) if named else COLUMNS)
    for one in sorted(treatments, key=lambda one: one.time):
        amount = "" if one.amount is None else f"{one.amount!r}".removesuffix(".0")
        writer.writerow(
            (
                utc_text(one.time),
                one.kind.value,
                amount,
                one.unit or "",
                safe(_note_cell(one)),
                *((safe(one.source), safe(one.id)) if named else ()),
            )
        )
    return file.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTreatments:
    """Where this file keeps what; built by `of_header`."""

    width: int
    columns: dict[str, int]

    @classmethod
    def of_header(cls, header: Sequence[str]) -> OwnTreatments | None:
        """Recognise the header row; None for any other row."""
        names = [cell.casefold() for cell in header]
        if not set(COLUMNS) <= set(names):
            return None
        known = (*COLUMNS, *NAMES) if set(NAMES) <= set(names) else COLUMNS
        return cls(width=len(header), columns={name: names.index(name) for name in known})

    def read(
        self,
        rows: Iterable[Row],
        *,
        zone: ZoneInfo,
        source: str | None,
        day_first: bool | None = None,
    ) -> Export:
        """Read every row; `day_first` is not needed: dates begin with the year."""
        del day_first
        gathering = Gathering(zone=zone, source=source or SOURCE)

        def read_row(line: int, raw: Sequence[str] | None) -> None:
            cells = tidy(raw, self.width)
            said = {name: cells[at] for name, at in self.columns.items()}
            stamp = stamp_of(said["time"])
            if raw is None or stamp.offset is None or not (said.get("source") and said.get("id")):
                gathering.log(line, stamp, [_logged(said)])
                return
            # As it stands in the file: a note may begin with a blank.
            said["note"] = raw[self.columns["note"]]
            logged = _logged(said)
            gathering.keep(
                line,
                Treatment(
                    time=gathering.clock.utc(stamp),
                    source=source or unsafe(said["source"]),
                    id=unsafe(raw[self.columns["id"]]),
                    kind=logged.kind,
                    amount=logged.amount,
                    note=logged.note,
                    intensity=logged.intensity,
                ),
            )

        count = 0
        for count, (line, cells) in enumerate(rows, 1):  # noqa: B007 - asked for below
            gathering.attempt(line, read_row, cells)
        return gathering.export(format=FORMAT, unit=Unit.MG_DL, rows=count)


def _logged(said: dict[str, str]) -> Logged:
    """Return the row's treatment; raises InvalidRecordError."""
    try:
        kind = TreatmentKind(said["kind"].casefold())
    except ValueError:
        raise InvalidRecordError("no kind of treatment") from None
    if said["unit"] and said["unit"] != UNITS.get(kind):
        raise InvalidRecordError(f"a unit that {kind} is not counted in")
    note, intensity = unsafe(said["note"]), None
    if kind is TreatmentKind.EXERCISE:
        note, intensity = _note_and_intensity(note)
    return Logged(
        kind=kind,
        amount=amount_of(decimal_of(said["amount"])),
        note=note or None,
        intensity=intensity,
    )


def _note_cell(treatment: Treatment) -> str:
    note = treatment.note or ""
    if treatment.kind is not TreatmentKind.EXERCISE:
        return note
    if treatment.intensity is not None:
        return f"{treatment.intensity}{_BREAK}{note}" if note else treatment.intensity.value
    return f"{_BREAK}{note}" if _note_and_intensity(note) != (note, None) else note


def _note_and_intensity(cell: str) -> tuple[str, Intensity | None]:
    if cell.startswith(_BREAK):
        return cell.removeprefix(_BREAK), None
    word, _, note = cell.partition(_BREAK)
    # An enumeration's own look-up would raise; a note may be anything.
    found = {one.value: one for one in Intensity}.get(word)
    return (note, found) if found is not None else (cell, None)
