"""The table of readings that we write ourselves; generic.py reads it again."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from .iso_time import utc_text
from .safe_cell import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..reading import Reading

COLUMNS = ("time", "glucose_mg_dl", "bound", "trend", "kind", "source")
# A source may have several series with readings at one time: which it was, stands behind this.
SERIES_MARK = "/"
_ROWS_AT_ONCE = 10_000


def readings_csv(readings: Iterable[Reading]) -> Iterator[str]:
    """Write readings in the order given, times in UTC; yield the text some thousand rows a piece.

    `source` is "source/series", so that whoever reads it back has the same readings.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, one in enumerate(readings, 1):
        writer.writerow(
            (
                utc_text(one.time),
                one.mg_dl,
                one.bound or "",
                one.trend or "",
                one.kind.value,
                safe(f"{one.source}{SERIES_MARK}{one.series}"),
            )
        )
        if number % _ROWS_AT_ONCE == 0:
            yield file.getvalue()
            file.seek(0)
            file.truncate()
    yield file.getvalue()
