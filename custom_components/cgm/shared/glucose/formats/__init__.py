"""One door to every export format: which it is, is seen from its header row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UnrecognisedExport
from .clarity import Clarity
from .export import Export, RefusedRow
from .generic import Generic
from .libreview import LibreView
from .table import DELIMITERS, cells_of, lines_of, rows_of, text_of

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

__all__ = ["Export", "RefusedRow", "read_export"]

FORMATS = (Clarity, LibreView, Generic)
# A title and notes may stand above the header, but not pages of them.
HEADER_WITHIN_LINES = 30


def read_export(
    path_or_text: Path | bytes | str,
    *,
    zone: ZoneInfo,
    source: str,
    day_first: bool | None = None,
) -> Export:
    """Read a whole export; every row is a reading, known to be none, or refused with its line.

    A Path is read from disk (blocking), bytes are decoded, text is taken as it is. Local times
    are read in `zone` (local_time.py says what happens when clocks change). Readings carry
    `source`. `day_first` settles LibreView dates that can be read both ways.

    Raises UnrecognisedExport, AmbiguousDates among them, and OSError for the path.
    """
    data = path_or_text.read_bytes() if isinstance(path_or_text, Path) else path_or_text
    lines = lines_of(text_of(data) if isinstance(data, bytes) else data)
    for at, line in enumerate(lines[:HEADER_WITHIN_LINES]):
        for delimiter in DELIMITERS:
            header = cells_of(line, delimiter) or ()
            for recognised in (format_.of_header(header) for format_ in FORMATS):
                if recognised is not None:
                    rows = rows_of(lines, at + 1, delimiter, len(header))
                    return recognised.read(rows, zone=zone, source=source, day_first=day_first)
    raise UnrecognisedExport(
        "expected a Dexcom Clarity or LibreView CSV export in English or German, or a CSV with "
        "the columns time and glucose_mg_dl or glucose_mmol_l, with its header row among the "
        f"first {HEADER_WITHIN_LINES} lines"
    )
