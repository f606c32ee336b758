"""The table of measurements that we write ourselves: HbA1c, blood pressure, weight, sleep."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from ..errors import InvalidRecordError
from ..measurement import UNITS, Measurement, MeasurementKind
from ..reading import finite_number
from ..record import made_id
from .iso_time import stamp_of, utc_text
from .own_table import SOURCE, OwnTable, number_cell, table_csv
from .safe_cell import safe, unsafe
from .table import decimal_of, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .measured import Gathering

_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
COLUMNS = ("time", "kind", "value", "unit", "diastolic", "quality", "note", "source", "id")


def measurements_csv(measurements: Iterable[Measurement]) -> str:
    """Write measurements, oldest first, times in UTC."""
    return table_csv(
        COLUMNS,
        (
            (
                utc_text(one.time),
                one.kind.value,
                number_cell(one.value),
                one.unit,
                number_cell(one.diastolic),
                number_cell(one.quality),
                safe(one.note or ""),
                safe(one.source),
                safe(one.id),
            )
            for one in sorted(measurements, key=lambda one: one.time)
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMeasurements(OwnTable):
    """A table of measurements; a time without offset in a repeated hour is of its first pass."""

    format: ClassVar[str] = "CSV of measurements"
    needed: ClassVar[tuple[str, ...]] = COLUMNS

    def take(
        self,
        gathering: Gathering,
        line: int,
        said: dict[str, str],
        raw: Sequence[str] | None,
        *,
        source: str | None,
    ) -> None:
        """Put one row's measurement into `gathering`; raises InvalidRecordError."""
        del line
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
        gathering.measurements.append(replace(one, time=time, id=id_, source=named))


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
