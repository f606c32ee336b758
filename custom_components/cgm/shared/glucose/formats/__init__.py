"""One door to every export format: which it is, is seen from what it begins with."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UnrecognisedExport
from .clarity import Clarity
from .export import Export, RefusedRow
from .generic import Generic
from .languages import refuse_unseen
from .libreview import LibreView
from .nightscout import read_nightscout
from .own_export import is_own, read_own, whole_json
from .own_measurements import OwnMeasurements, measurements_csv
from .own_readings import readings_csv
from .own_treatments import OwnTreatments, treatments_csv
from .table import DELIMITERS, header_of, lines_of, name_and_unit, records_of, rows_of
from .text import pieces_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from zoneinfo import ZoneInfo

    from .table import Row

__all__ = [
    "Export",
    "RefusedRow",
    "measurements_csv",
    "read_export",
    "readings_csv",
    "treatments_csv",
    "whole_json",
]

# A title and notes may stand above the header, but not pages of them.
HEADER_WITHIN_LINES = 30
_BLANK = " \t\r\n\ufeff"
_Format = Clarity | LibreView | Generic | OwnTreatments | OwnMeasurements


def read_export(
    path_or_text: Path | bytes | str,
    *,
    zone: ZoneInfo,
    source: str | None,
    day_first: bool | None = None,
) -> Export:
    """Read a whole export; every row is a reading or treatment, is known, or refused by its line.

    A Path is read from disk (blocking), bytes are decoded, text is taken as it is. Local times
    are read in `zone` (local_time.py says what happens when clocks change). Readings carry
    `source`; where it is None, the one that a file of ours tells, else the format's own name.
    `day_first` settles LibreView dates that can be read both ways.

    Raises UnrecognisedExport, AmbiguousDates among them, and OSError for the path.
    """
    pieces = pieces_of(path_or_text)
    beginning = next(pieces, "")
    everything = chain([beginning], pieces)
    if is_own(beginning):
        return read_own(beginning, everything, zone=zone, source=source)
    if beginning.lstrip(_BLANK)[:1] in {"{", "["}:
        return read_nightscout(everything, zone=zone, source=source)
    # What has no header is refused before all of it was read.
    first = lines_of([beginning])
    if len(first) > HEADER_WITHIN_LINES:
        _recognised(first)
    recognised, rows = _recognised(lines_of(everything))
    return recognised.read(rows, zone=zone, source=source, day_first=day_first)


def _recognised(lines: Sequence[str]) -> tuple[_Format, Iterator[Row]]:
    """Find the header row; raises UnrecognisedExport."""
    for at, line in enumerate(lines[:HEADER_WITHIN_LINES]):
        for delimiter in DELIMITERS:
            header = header_of(line, delimiter)
            recognised = (
                Clarity.of_header(header)
                or LibreView.of_header(header, lines[:at])
                or Generic.of_header(header)
            )
            if recognised is not None:
                return recognised, rows_of(lines, at + 1, delimiter, len(header))
            ours = OwnTreatments.of_header(header) or OwnMeasurements.of_header(header)
            if ours is not None:
                return ours, records_of(lines, at + 1, delimiter)
            refuse_unseen(name_and_unit(cell)[0] for cell in header)
    if not any(line.strip(_BLANK) for line in lines):
        raise UnrecognisedExport("the file is empty: export it once more")
    raise UnrecognisedExport(
        "expected a Dexcom Clarity or LibreView CSV export in English, Italian or (Clarity) "
        "German, Nightscout's JSON, or a CSV with the columns time and glucose_mg_dl or "
        f"glucose_mmol_l, with its header row among the first {HEADER_WITHIN_LINES} lines"
    )
