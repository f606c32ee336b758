"""The table of treatments that we write ourselves: a time, a kind, an amount, its unit, a note."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..errors import InvalidRecordError
from ..treatment import UNITS, Intensity, Treatment, TreatmentKind, amount_of
from .iso_time import stamp_of, utc_text
from .measured import Logged
from .own_table import OwnTable, number_cell, table_csv
from .safe_cell import safe, unsafe
from .table import decimal_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .measured import Gathering

COLUMNS = ("time", "kind", "amount", "unit", "note")
# Beside these in a wearer's own export, so that who reads it back has the same records.
NAMES = ("source", "id")
# The intensity of exercise stands before its note, as "light: swimming"; a note that would be
# taken for one has this before it.
_BREAK = ": "


def treatments_csv(treatments: Iterable[Treatment], *, named: bool = False) -> str:
    """Write treatments, oldest first, times in UTC; `named` with their source and id."""
    return table_csv(
        (*COLUMNS, *NAMES) if named else COLUMNS,
        (
            (
                utc_text(one.time),
                one.kind.value,
                number_cell(one.amount),
                one.unit or "",
                safe(_note_cell(one)),
                *((safe(one.source), safe(one.id)) if named else ()),
            )
            for one in sorted(treatments, key=lambda one: one.time)
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTreatments(OwnTable):
    """A table of treatments; what has its offset, source and id is the same record as before."""

    format: ClassVar[str] = "CSV of treatments"
    needed: ClassVar[tuple[str, ...]] = COLUMNS
    more: ClassVar[tuple[str, ...]] = NAMES

    def take(
        self,
        gathering: Gathering,
        line: int,
        said: dict[str, str],
        raw: Sequence[str] | None,
        *,
        source: str | None,
    ) -> None:
        """Put one row's treatment into `gathering`; raises InvalidRecordError."""
        stamp = stamp_of(said["time"])
        if raw is None or stamp.offset is None or not (said.get("source") and said.get("id")):
            gathering.log(line, stamp, [_logged(said)])
            return
        # As it stands in the file: a note may begin with a blank.
        logged = _logged({**said, "note": raw[self.columns["note"]]})
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
