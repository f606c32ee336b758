"""The ambulatory glucose profile as a picture: the usual day, and how time parts into ranges."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from math import isnan
from typing import TYPE_CHECKING

from ..metrics.agp import PERCENTS, Agp, agp
from ..metrics.cv import cv
from ..metrics.gmi import gmi
from ..metrics.mean import mean
from ..metrics.standing import standing_minutes
from ..metrics.sufficiency import DAYS
from ..units import shown
from .frame import Frame, draw_frame, draw_hours, hours_of_any_day, top_for
from .ranges import Ranges, draw_ranges
from .sheet import Sheet
from .words import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

    from ..metrics.series import Series
    from ..metrics.sufficiency import Sufficiency
    from ..targets import Targets
    from .look import Look
    from .sheet import Point

_DAY_MINUTES = 1440


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a profile tells of the days from `first` to `last`.

    `agp` is the profile, or what there is of readings where that is not enough. `ranges` are
    the shares of time, `mean_mg_dl`, `gmi` and `cv` (percent) what a clinic asks for; None
    where they are not known.
    """

    first: date
    last: date
    agp: Agp | Sufficiency
    targets: Targets
    ranges: Ranges | None = None
    mean_mg_dl: float | None = None
    gmi: float | None = None
    cv: float | None = None

    @classmethod
    def of(cls, series: Series, end: datetime, cadence: timedelta, targets: Targets) -> Profile:
        """Return the profile of the 14 days up to `end`; shares and mean weighed by time."""
        start = end - timedelta(days=DAYS)
        part = series.between(start, end)
        weights = standing_minutes(part, cadence)
        middle = mean(part.mg_dl, weights)
        last = end - timedelta(microseconds=1)
        return cls(
            first=start.astimezone(series.zone).date(),
            last=last.astimezone(series.zone).date(),
            agp=agp(series, end, cadence),
            targets=targets,
            ranges=Ranges.of(part, weights, targets),
            mean_mg_dl=middle,
            gmi=gmi(middle),
            cv=cv(part.mg_dl),
        )


def profile_picture(profile: Profile, look: Look) -> bytes:
    """Return the profile as a PNG; where readings do not suffice, one that says so."""
    sheet, small = Sheet(look), look.size.value[1] // 32
    found = profile.agp
    known = isinstance(found, Agp)
    values = found.curves.ravel().tolist() if isinstance(found, Agp) else []
    frame = Frame(
        left=small * 3.4,
        top=sheet.height * 0.235,
        right=sheet.width - small * (9.5 if known and profile.ranges else 1.6),
        bottom=sheet.height - small * 4.4,
        top_mg_dl=top_for((value for value in values if not isnan(value)), profile.targets),
    )
    draw_frame(sheet, frame, look, profile.targets)
    draw_hours(sheet, frame, hours_of_any_day())
    _draw_title(sheet, profile, look)
    if isinstance(found, Agp):
        _draw_numbers(sheet, profile, look)
        _draw_curves(sheet, frame, found)
        _draw_legend(sheet, frame, look)
        if profile.ranges is not None:
            draw_ranges(sheet, frame, profile.ranges, look)
    else:
        _draw_refusal(sheet, frame, found, look)
    return sheet.png()


def _draw_curves(sheet: Sheet, frame: Frame, found: Agp) -> None:
    """Draw two bands and the median, open where no reading ever fell."""
    palette = sheet.palette
    by_percent = dict(zip(PERCENTS, found.curves, strict=True))
    for bins in _runs(found):
        xs = [frame.x(found.minutes[one] / _DAY_MINUTES) for one in bins]
        heights = {
            percent: [frame.y(curve[one]) for one in bins] for percent, curve in by_percent.items()
        }
        for low, high, colour in ((5, 95, palette.outer), (25, 75, palette.inner)):
            upper: list[Point] = list(zip(xs, heights[high], strict=True))
            lower: list[Point] = list(zip(xs, heights[low], strict=True))
            sheet.area([*upper, *reversed(lower)], colour)
        sheet.line(list(zip(xs, heights[50], strict=True)), palette.insulin, sheet.width / 300)


def _runs(found: Agp) -> Iterator[list[int]]:
    """Yield the bins that have readings, in stretches of at least two."""
    lowest = found.curves[0].tolist()
    for there, run in groupby(range(len(lowest)), key=lambda one: not isnan(lowest[one])):
        bins = list(run)
        if there and len(bins) > 1:
            yield bins


def _draw_title(sheet: Sheet, profile: Profile, look: Look) -> None:
    words, palette, small = words_of(look.language), sheet.palette, sheet.height // 28
    left = small * 1.4
    sheet.words((left, small), words.profile, round(small * 1.3), palette.ink)
    days = words.days.format(first=words.date(profile.first), last=words.date(profile.last))
    sheet.words((left, small * 2.95), days, small, palette.faint)


def _draw_numbers(sheet: Sheet, profile: Profile, look: Look) -> None:
    """Draw the numbers of a report, those that are known, under each other."""
    words, small = words_of(look.language), sheet.height // 28
    numbers = []
    if profile.mean_mg_dl is not None:
        mean = words.number(shown(profile.mean_mg_dl, look.unit))
        numbers.append(f"{words.mean} {mean} {look.unit}")
    if profile.gmi is not None:
        numbers.append("GMI " + words.number(f"{profile.gmi:.1f} %"))
    if profile.cv is not None:
        numbers.append("CV " + words.number(f"{profile.cv:.1f} %"))
    for place, text in enumerate(numbers):
        at = sheet.width - small * 1.4, small * (1 + 1.5 * place)
        sheet.words(at, text, small, sheet.palette.ink, "ra")


def _draw_legend(sheet: Sheet, frame: Frame, look: Look) -> None:
    """Say below the hours what the line and the bands are."""
    words, palette, small = words_of(look.language), sheet.palette, sheet.height // 38
    x, y = frame.left, frame.bottom + small * 3.3
    for colour, text in (
        (palette.insulin, words.median),
        (palette.inner, words.half),
        (palette.outer, words.most),
    ):
        sheet.box((x, y - small * 0.35), (x + small * 1.2, y + small * 0.35), colour)
        x += small * 1.6
        x += sheet.words((x, y), text, small, palette.faint, "lm") + small * 1.4


def _draw_refusal(sheet: Sheet, frame: Frame, there: Sufficiency, look: Look) -> None:
    """Say that there are not readings enough, and how many there are."""
    words, small = words_of(look.language), sheet.height // 26
    x, y = (frame.left + frame.right) / 2, frame.y(125)
    needs = words.needs.format(
        # Never more than it is.
        percent=int(there.percent),
        days=there.of_days,
        needed=f"{there.needed_percent:g}",
    )
    sheet.words((x, y - small * 0.8), words.not_enough, small, sheet.palette.ink, "mm")
    sheet.words((x, y + small * 0.8), needs, round(small * 0.8), sheet.palette.faint, "mm")
