"""What reading an export yields: readings, rows that are something else, and rows refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..reading import Reading
    from ..units import Unit


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that could not be read: its first line in the file, from 1, and why.

    The reason never repeats what the row says: exports carry names and notes.
    """

    line: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One file, every row accounted for.

    `readings` are sorted by time, rows of one time in the file's order. `others` counts rows
    known to be no reading, by what they are ("insulin", "carbs", "settings" …). `unit` is the
    file's own. `zoned` tells that every time came with its offset, so that no zone was needed.
    Rows are what follows the header, blank lines apart.
    """

    format: str
    unit: Unit
    readings: tuple[Reading, ...]
    refused: tuple[RefusedRow, ...]
    others: Mapping[str, int]
    zoned: bool = False

    @property
    def rows(self) -> int:
        """How many rows the file has: each is in exactly one of the three groups."""
        return len(self.readings) + len(self.refused) + sum(self.others.values())
