"""`glucose picture`: the day or the profile of an export, as a PNG file."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from ..formats.local_time import EARLIEST_YEAR, LATEST_YEAR
from ..reading import Kind
from ..units import Unit
from .command import Answer, CannotDo, Command
from .export_file import describe, read
from .new_file import write_bytes
from .progress import doing

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_UNITS = {"mg": Unit.MG_DL, "mmol": Unit.MMOL_L}


def _describe(parser: ArgumentParser) -> None:
    parser.add_argument(
        "what", choices=("agp", "day"), help="the profile of the last 14 days, or one day"
    )
    describe(parser)
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="OUT.png", help="the file to write"
    )
    parser.add_argument(
        "--date",
        type=_day,
        metavar="YYYY-MM-DD",
        help="the day to draw, or the last of the profile's (default: the last in FILE)",
    )
    parser.add_argument(
        "--unit", choices=sorted(_UNITS), help="mg/dL or mmol/L (default: the file's own)"
    )
    parser.add_argument("--dark", action="store_true", help="light on dark")
    parser.add_argument(
        "--small", action="store_true", help="720 by 480 pixels instead of 1200 by 750"
    )
    parser.add_argument(
        "--language", choices=("de", "en"), default="en", help="of the words (default: %(default)s)"
    )


def _day(text: str) -> date:
    """Return the day; raises what argparse makes a refusal of."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        raise ArgumentTypeError(f"{text!r} is no day: give one such as 2026-05-01")
    return day


def _run(given: Namespace) -> Answer:
    # Pillow and numpy take a while to load, which the other commands need not wait for.
    try:
        from ..pictures.look import Look, Size  # noqa: PLC0415 - see above
        from .picture_drawing import drawn_day, drawn_profile  # noqa: PLC0415 - see above
    except ImportError as error:
        raise CannotDo(f"pictures need numpy and Pillow, and here is no {error.name}") from error

    file = read(given)
    sensor = [reading for reading in file.readings if reading.kind is Kind.CGM]
    if not sensor:
        raise CannotDo(f"{given.file}: finger-sticks only, and no sensor's reading")
    last: date = given.date or sensor[-1].time.astimezone(file.zone).date()
    look = Look(
        size=Size.SMALL if given.small else Size.LARGE,
        dark=given.dark,
        unit=file.export.unit if given.unit is None else _UNITS[given.unit],
        language=given.language,
    )
    draw = drawn_day if given.what == "day" else drawn_profile
    with doing("drawing"):
        picture = draw(file, last, look)
    write_bytes(given.output, picture, keep=given.file)
    return Answer(text=f"written to {given.output}\n", notes=file.notes)


PICTURE = Command(
    name="picture",
    says="Draw the day or the profile of the last 14 days as a PNG",
    about="Where readings cover less than 70 % of its days, the profile's picture says so instead. "
    "The file is readable for its owner alone.",
    example="glucose picture agp clarity.csv --tz Europe/Berlin -o agp.png",
    describe=_describe,
    run=_run,
)
