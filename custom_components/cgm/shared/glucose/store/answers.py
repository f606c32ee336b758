"""What the history answers about itself: how it opened, what it added, how it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Opened:
    """What opening found.

    `store_id` is random for each history. `set_aside` is where a damaged file was moved to, or
    a copy of its damaged log, None where all was sound; `begun_anew` says whether the history
    is an empty one, as at first and after a damaged file.
    """

    store_id: str
    set_aside: Path | None
    begun_anew: bool


@dataclass(frozen=True, slots=True)
class Added:
    """How many readings (or records) were new, replaced another value, changed nothing.

    `earliest_change` is the aware UTC time of the oldest new or replaced one, None if none was.
    """

    new: int = 0
    replaced: int = 0
    unchanged: int = 0
    earliest_change: datetime | None = None


@dataclass(frozen=True, slots=True)
class Erased:
    """How many rows were erased of each sort."""

    readings: int = 0
    treatments: int = 0
    measurements: int = 0


@dataclass(frozen=True, slots=True)
class Health:
    """Figures for diagnostics: readings, bytes on disk, rows ever replaced, schema steps seen.

    `records` counts treatments and measurements.
    """

    rows: int
    file_bytes: int
    replaced: int
    steps: tuple[str, ...]
    records: int = 0
