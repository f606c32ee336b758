"""Rows that measured glucose, gathered beside all others so that none is lost, and timed in UTC."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..errors import InvalidReadingError
from ..reading import Bound, Kind, Reading
from .export import Export, RefusedRow
from .local_time import Stamp, utc_times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from zoneinfo import ZoneInfo

    from ..units import Unit
    from .table import Row

# What stands for the words "Low" and "High": one beyond Dexcom's range 40..400. Libre's range
# ends at 40 and at 400 or 500, and "at or beyond 401" is true of both.
LOW_MG_DL = 39
HIGH_MG_DL = 401


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One row's measurement, its time still that of the device's local clock."""

    line: int
    stamp: Stamp
    device: str
    kind: Kind
    series: str
    mg_dl: int
    bound: Bound | None


def export_of(  # noqa: PLR0913 - a format's whole word
    rows: Iterable[Row],
    read_row: Callable[[Row], Measured | str],
    *,
    format: str,  # noqa: A002 - the export's own word
    unit: Unit,
    zone: ZoneInfo,
    source: str,
) -> Export:
    """Read every row with `read_row`.

    It returns a measurement or says what else the row is, or raises InvalidReadingError with
    a reason that repeats nothing of the row.
    """
    measured: list[Measured] = []
    others: Counter[str] = Counter()
    refused: list[RefusedRow] = []
    for row in rows:
        try:
            read = read_row(row)
        except InvalidReadingError as error:
            refused.append(RefusedRow(row.line, str(error)))
            continue
        if isinstance(read, str):
            others[read] += 1
        else:
            measured.append(read)
    return Export(
        format=format,
        unit=unit,
        readings=_readings(measured, zone, source),
        refused=tuple(refused),
        others=MappingProxyType(dict(others)),
        zoned=all(row.stamp.offset is not None for row in measured),
    )


def _readings(measured: Sequence[Measured], zone: ZoneInfo, source: str) -> tuple[Reading, ...]:
    """Time each device's rows of one series by themselves, then sort all of them."""
    lanes: dict[tuple[str, str], list[Measured]] = {}
    for row in measured:
        lanes.setdefault((row.series, row.device), []).append(row)
    timed: list[tuple[datetime, int, Measured]] = []
    for lane in lanes.values():
        times = utc_times([row.stamp for row in lane], zone)
        timed += [(time, row.line, row) for time, row in zip(times, lane, strict=True)]
    timed.sort(key=lambda entry: entry[:2])
    return tuple(
        Reading(
            time=time,
            mg_dl=row.mg_dl,
            source=source,
            series=row.series,
            kind=row.kind,
            bound=row.bound,
        )
        for time, _, row in timed
    )
