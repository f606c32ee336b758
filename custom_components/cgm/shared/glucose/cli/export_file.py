"""The file that a command is about: its arguments, and reading it or saying why it cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ..errors import AmbiguousDates, UnrecognisedExport
from ..formats import read_export
from .command import CannotDo
from .progress import doing

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from ..formats import Export
    from ..reading import Reading

SOURCE = "export"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFile:
    """An export as a command reads it: its readings, the zone to show times in, what to say."""

    export: Export
    zone: ZoneInfo
    notes: tuple[str, ...]

    @property
    def readings(self) -> tuple[Reading, ...]:
        """The readings, oldest first."""
        return self.export.readings


def describe(parser: ArgumentParser) -> None:
    """Add the arguments that say which file, and how its times are read."""
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="a Dexcom Clarity or LibreView export, Nightscout's JSON, or a CSV with the columns "
        "time and glucose_mg_dl, glucose_mmol_l or gl",
    )
    parser.add_argument(
        "--tz",
        metavar="ZONE",
        help="the time zone of the wearer's clock, such as Europe/Berlin: local times in FILE are "
        "read in it, and times are shown in it (default: UTC)",
    )
    order = parser.add_mutually_exclusive_group()
    order.add_argument(
        "--day-first",
        dest="day_first",
        action="store_true",
        default=None,
        help="dates in FILE are day-month-year, where they fit both ways",
    )
    order.add_argument(
        "--month-first",
        dest="day_first",
        action="store_false",
        default=None,
        help="dates in FILE are month-day-year, where they fit both ways",
    )


def read(given: Namespace, *, source: str | None = SOURCE, readings: bool = True) -> ExportFile:
    """Read the file that was named; raises CannotDo.

    `source` is whose the readings become, None for what the file itself says; without `readings`
    a file that has none will do.
    """
    path: Path = given.file
    zone = ZoneInfo("UTC") if given.tz is None else _zone(given.tz)
    try:
        with doing(f"reading {path}"):
            export = read_export(path, zone=zone, source=source, day_first=given.day_first)
    except OSError as error:
        raise CannotDo(f"cannot read {path}: {error.strerror or type(error).__name__}") from error
    except AmbiguousDates as error:
        raise CannotDo(f"{path}: {error} (--day-first or --month-first)") from error
    except UnrecognisedExport as error:
        raise CannotDo(f"{path}: {error}") from error
    if readings and not export.readings:
        raise CannotDo(f"{path}: {_nothing_in(export)}")
    return ExportFile(export=export, zone=zone, notes=tuple(_notes(export, given.tz)))


def _zone(name: str) -> ZoneInfo:
    """Return the zone of that name; raises CannotDo."""
    try:
        return ZoneInfo(name)
    # A name may be a path that leads out of the zones, or to a folder among them.
    except (OSError, ValueError, KeyError) as error:
        raise CannotDo(f"{name!r} is no time zone: give one such as Europe/Berlin") from error


def _nothing_in(export: Export) -> str:
    if not export.rows:
        return f"a {export.format} file without any row below its header"
    if not export.refused:
        return f"a {export.format} file without any glucose reading"
    return f"no reading in it; {_refused(export)}"


def _notes(export: Export, zone: str | None) -> list[str]:
    notes = []
    if zone is None and not export.zoned:
        notes.append("the file does not say its time zone: taken as UTC (--tz says another)")
    if export.refused:
        notes.append(_refused(export))
    return notes


def _refused(export: Export) -> str:
    first = export.refused[0]
    rows = "1 row was" if len(export.refused) == 1 else f"{len(export.refused)} rows were"
    return f"{rows} left out, the first in line {first.line}: {first.reason}"
