"""What reading an export yields: readings, treatments, rows that are neither, and rows refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..measurement import Measurement
    from ..reading import Reading
    from ..treatment import Treatment
    from ..units import Unit


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that could not be read: its first line in the file, from 1, and why.

    In JSON, which has no rows, it is the object's number. The reason never repeats what the row
    says: exports carry names and notes.
    """

    line: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One file, every row accounted for.

    `readings`, `treatments` and `measurements` are sorted by time, rows of one time in the file's
    order. `others` counts rows known to be none of these, by what they are ("settings", "ketone"
    …). `rows` counts what follows the header, blank lines apart: each is read, refused or among
    the others, and one may hold two treatments. `unit` is the file's own. `zoned` tells that
    every time came with its offset, so that no zone was needed.
    """

    format: str
    unit: Unit
    readings: tuple[Reading, ...]
    treatments: tuple[Treatment, ...]
    refused: tuple[RefusedRow, ...]
    others: Mapping[str, int]
    rows: int
    zoned: bool = False
    measurements: tuple[Measurement, ...] = ()
