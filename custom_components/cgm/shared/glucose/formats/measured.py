"""Gathers what a file's rows turn out to be, so that none is lost, and times them in UTC."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from operator import le
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..errors import InvalidRecordError, UnrecognisedExport
from ..reading import Bound, Kind, Reading
from ..reading_columns import readings_at
from ..record import made_id, note_of
from ..treatment import Treatment
from ..units import Unit
from .export import Export, RefusedRow
from .local_time import LocalClock, Stamp, settle
from .table import whole_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from zoneinfo import ZoneInfo

    from ..measurement import Measurement
    from ..treatment import Intensity, TreatmentKind

# No sensor goes below 39, no wearer lives at the values that a column of mmol/L has.
_NO_MG_DL = 36
_LOOKED_AT = 1000
# What tells two passes of an hour apart stands within so many rows of it, a week of a sensor's.
_AROUND = 2000
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """One treatment of a row, its time still that of the wearer's clock."""

    kind: TreatmentKind
    amount: float | None = None
    note: str | None = None
    intensity: Intensity | None = None


@dataclass(slots=True)
class Columns:
    """What rows measured: a year has 105,000 of them, and an object for each would cost as much.

    `times` are aware UTC, or naive where the clock showed them twice; `likes` what was measured
    then. `clocks` and `devices` are as long as these, or empty: the device's own clock and name
    as they stand in the file.
    """

    times: list[datetime] = field(default_factory=list)
    likes: list[Reading] = field(default_factory=list)
    clocks: list[str] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)


class Gathering:
    """Takes a file's rows one by one and makes its Export of them."""

    def __init__(self, *, zone: ZoneInfo, source: str) -> None:
        """Begin with nothing; what is measured without another word is of `source`."""
        self.clock = LocalClock(zone)
        self.source = source
        self.zoned = True
        self.measured = Columns()
        self.measurements: list[Measurement] = []
        self.others: Counter[str] = Counter()
        self._shown_twice: list[int] = []
        self._logged: list[tuple[Stamp, int, Logged]] = []
        self._treatments: list[tuple[datetime, int, Treatment]] = []
        self._refused: list[RefusedRow] = []

    def like(
        self,
        series: str,
        mg_dl: int,
        *,
        kind: Kind = Kind.CGM,
        bound: Bound | None = None,
    ) -> Reading:
        """Return what was measured, for `measure` to give it its time; raises InvalidReadingError.

        A file's values repeat: one that was judged may serve for all rows that say the same.
        """
        return Reading(
            time=_ANY_TIME, mg_dl=mg_dl, source=self.source, series=series, kind=kind, bound=bound
        )

    def measure(
        self, stamp: Stamp, like: Reading, *, clock: str | None = None, device: str | None = None
    ) -> None:
        """Take one measurement.

        `clock` and `device` tell two passes of one hour apart: given for all rows or for none.
        """
        self.zoned = self.zoned and stamp.offset is not None
        time = self.clock.utc(stamp)
        if time.tzinfo is None:
            self._shown_twice.append(len(self.measured.times))
        self.measured.times.append(time)
        self.measured.likes.append(like)
        if clock is not None:
            self.measured.clocks.append(clock)
        if device is not None:
            self.measured.devices.append(device)

    def log(self, line: int, stamp: Stamp, logged: Iterable[Logged]) -> None:
        """Take the treatments of one row; raises InvalidRecordError, having taken none."""
        self.zoned = self.zoned and stamp.offset is not None
        entries = [(stamp, line, one) for one in logged]
        for _, _, one in entries:
            self._treatment(_ANY_TIME, one)
        self._logged += entries

    def keep(self, line: int, treatment: Treatment) -> None:
        """Take a treatment that is one already."""
        self._treatments.append((treatment.time, line, treatment))

    def attempt(self, line: int, read: Callable[..., str | None], *row: object) -> None:
        """Have one row read, or refuse it for the reason that InvalidRecordError gives.

        `read` is given the line and the row; it takes what it finds, or returns what else the
        row is. Raises UnrecognisedExport, with the line, where the row spoils the file.
        """
        try:
            what = read(line, *row)
        except InvalidRecordError as error:
            self._refused.append(RefusedRow(line, str(error)))
        except UnrecognisedExport as error:
            raise UnrecognisedExport(f"line {line} {error}") from None
        else:
            if what is not None:
                self.others[what] += 1

    def export(self, *, format: str, unit: Unit, rows: int | None = None) -> Export:  # noqa: A002 - the export's own word
        """Return all that was taken; `rows` where it is not one row for each.

        Raises UnrecognisedExport where the values cannot be in the unit that the column states.
        """
        for first, beyond in _stretches(self._shown_twice, len(self.measured.times)):
            self._settle(range(first, beyond))
        readings = self._readings()
        if unit is Unit.MG_DL:
            _refuse_mmol_l(readings)
        logged_rows = len({line for _, line, _ in self._logged})
        return Export(
            format=format,
            unit=unit,
            readings=tuple(readings),
            treatments=self._timed_treatments(),
            measurements=tuple(sorted(self.measurements, key=lambda one: one.time)),
            refused=tuple(self._refused),
            others=MappingProxyType(dict(self.others)),
            rows=len(readings) + logged_rows + len(self._refused) + self.others.total()
            if rows is None
            else rows,
            zoned=self.zoned,
        )

    def _settle(self, stretch: range) -> None:
        """Tell the passes of repeated hours apart, for each device and series by itself."""
        measured = self.measured
        lanes: dict[tuple[str, str], list[int]] = {}
        for at in stretch:
            device = measured.devices[at] if measured.devices else ""
            lanes.setdefault((measured.likes[at].series, device), []).append(at)
        for lane in lanes.values():
            times = [measured.times[at] for at in lane]

            def own_clock(index: int, lane: Sequence[int] = lane) -> int | None:
                return whole_number(measured.clocks[lane[index]]) if measured.clocks else None

            settle(times, own_clock, self.clock)
            for at, time in zip(lane, times, strict=True):
                measured.times[at] = time

    def _readings(self) -> list[Reading]:
        """Return the readings by time, those of one time in the file's order."""
        times, likes = self.measured.times, self.measured.likes
        if not all(map(le, times, islice(times, 1, None))):
            order = sorted(range(len(times)), key=times.__getitem__)
            times, likes = [times[at] for at in order], [likes[at] for at in order]
        return readings_at(times, likes)

    def _timed_treatments(self) -> tuple[Treatment, ...]:
        times = [self.clock.utc(stamp) for stamp, _, _ in self._logged]
        settle(times, lambda index: self._logged[index][0].clock, self.clock)
        made = [
            (time, line, self._treatment(time, logged))
            for time, (_, line, logged) in zip(times, self._logged, strict=True)
        ]
        # Sorted by what is the file's: two of one row stay as they were.
        made = sorted([*self._treatments, *made], key=lambda entry: entry[:2])
        return tuple(treatment for _, _, treatment in made)

    def _treatment(self, time: datetime, logged: Logged) -> Treatment:
        note = note_of(logged.note)
        return Treatment(
            time=time,
            source=self.source,
            id=made_id(time, logged.kind, logged.amount, note),
            kind=logged.kind,
            amount=logged.amount,
            note=note,
            intensity=logged.intensity,
        )


def _stretches(indices: Sequence[int], rows: int) -> list[tuple[int, int]]:
    """Return the stretches of rows, apart from each other, in which all around `indices` lies."""
    found: list[tuple[int, int]] = []
    for index in indices:
        first, beyond = max(0, index - _AROUND), min(rows, index + _AROUND)
        if found and first <= found[-1][1]:
            first, _ = found.pop()
        found.append((first, beyond))
    return found


def minutes_of(duration: str) -> float | None:
    """Return the minutes of a duration as hh:mm:ss or hh:mm; None where it says none."""
    parts = [whole_number(part) for part in duration.split(":")]
    if len(parts) not in {2, 3} or None in parts:
        return None
    hours, minutes, seconds = (*(part or 0 for part in parts), 0)[:3]
    return timedelta(hours=hours, minutes=minutes, seconds=seconds) / timedelta(minutes=1) or None


def _refuse_mmol_l(readings: Sequence[Reading]) -> None:
    """Refuse whole mmol/L in a column of mg/dL: most of the sensor's first values are too low."""
    seen = [one.mg_dl for one in readings[:_LOOKED_AT] if one.kind is Kind.CGM and not one.bound]
    if 2 * sum(mg_dl < _NO_MG_DL for mg_dl in seen) > len(seen):
        raise UnrecognisedExport(
            "most values are too low for mg/dL, as the column says: mmol/L, it seems"
        )
