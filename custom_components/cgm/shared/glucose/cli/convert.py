"""`glucose convert`: an export's readings or treatments as one plain CSV, whoever wrote it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..formats import readings_csv, treatments_csv
from .command import Answer, Command
from .export_file import describe, read
from .new_file import write
from .progress import doing

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_READINGS, _TREATMENTS = "readings", "treatments"


def _describe(parser: ArgumentParser) -> None:
    describe(parser)
    parser.add_argument(
        "--what",
        choices=(_READINGS, _TREATMENTS),
        default=_READINGS,
        help="which of the two to write (default: readings)",
    )
    parser.add_argument(
        "-o",
        dest="out",
        type=Path,
        required=True,
        metavar="OUT.csv",
        help="the file to write; one that is there is replaced, except FILE itself",
    )


def _run(given: Namespace) -> Answer:
    readings = given.what == _READINGS
    file = read(given, source=None, readings=readings)
    export = file.export
    with doing(f"writing {given.out}"):
        texts = readings_csv(export.readings) if readings else [treatments_csv(export.treatments)]
        write(given.out, texts, keep=given.file)
    count = len(export.readings if readings else export.treatments)
    return Answer(text=f"{count} {given.what} written to {given.out}\n", notes=file.notes)


CONVERT = Command(
    name="convert",
    says="Write an export's readings or treatments as a plain CSV, times in UTC",
    about="Readings have the columns time, glucose_mg_dl, bound, trend, kind and source: whole "
    "mg/dL (mmol/L times 18.016, rounded to the nearest); bound is low or high where the sensor's "
    "range ended, and the number then its limit; kind is cgm or meter. Treatments have time, "
    "kind, amount, unit and note. Text that a spreadsheet would run as a formula has an "
    "apostrophe before it. Both files can be read again.",
    example="glucose convert clarity.csv --tz Europe/Berlin --what treatments -o treatments.csv",
    describe=_describe,
    run=_run,
)
