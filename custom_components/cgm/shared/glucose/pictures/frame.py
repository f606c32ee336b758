"""The frame that both pictures share: glucose upwards with its target lines, a day across."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from ..units import shown
from .words import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from ..targets import Targets
    from .look import Look
    from .sheet import Sheet

LOWEST_MG_DL = 40
# Above this the axis ends: what lies higher is drawn at the edge. The AGP report's own axis.
USUAL_TOP_MG_DL = 350
HIGHEST_TOP_MG_DL = 500
_HOURS = range(0, 25, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Where in a sheet a chart lies, and what its heights mean; pixels and mg/dL."""

    left: float
    top: float
    right: float
    bottom: float
    top_mg_dl: float

    def y(self, mg_dl: float) -> float:
        """Return the height of a value; what is beyond the axis lies at its end."""
        inside = min(max(mg_dl, LOWEST_MG_DL), self.top_mg_dl)
        part = (inside - LOWEST_MG_DL) / (self.top_mg_dl - LOWEST_MG_DL)
        return self.bottom - part * (self.bottom - self.top)

    def x(self, part: float) -> float:
        """Return how far right a part of the day lies, 0 at its begin and 1 at its end."""
        return self.left + part * (self.right - self.left)


def top_for(values: Iterable[float], targets: Targets) -> float:
    """Return where the axis ends: the usual top, or the next full 50 above all that is shown."""
    highest = max([*values, targets.urgent_high_mg_dl])
    fifties = -(-highest // 50) * 50
    return min(max(USUAL_TOP_MG_DL, fifties), HIGHEST_TOP_MG_DL)


def draw_frame(sheet: Sheet, frame: Frame, look: Look, targets: Targets) -> None:
    """Draw the target range, the lines of the targets with their numbers, and the unit."""
    palette, words = sheet.palette, words_of(look.language)
    small = sheet.height // 32
    sheet.box(
        (frame.left, frame.y(targets.high_mg_dl)),
        (frame.right, frame.y(targets.low_mg_dl)),
        palette.target,
    )
    limits = (
        (targets.urgent_low_mg_dl, palette.low),
        (targets.low_mg_dl, palette.in_range),
        (targets.high_mg_dl, palette.in_range),
        (targets.urgent_high_mg_dl, palette.high),
    )
    taken: list[float] = []
    for mg_dl, colour in limits:
        y = frame.y(mg_dl)
        sheet.dashes((frame.left, y), (frame.right, y), colour)
        # Two targets may lie closer together than their numbers are high.
        label = y if not taken else min(y, taken[-1] - small * 1.05)
        taken.append(label)
        number = words.number(shown(mg_dl, look.unit))
        sheet.words((frame.left - small * 0.5, label), number, small, palette.ink, "rm")
    if taken[-1] - frame.top > small * 1.05:
        top = words.number(shown(frame.top_mg_dl, look.unit))
        sheet.words((frame.left - small * 0.5, frame.top), top, small, palette.faint, "rm")
    sheet.line([(frame.left, frame.bottom), (frame.right, frame.bottom)], palette.faint, 1.5)


def draw_hours(sheet: Sheet, frame: Frame, at: Sequence[tuple[float, str]]) -> None:
    """Draw a line and a label at each part of the day."""
    small = sheet.height // 32
    for part, label in at:
        # On whole pixels, else a thin line is smeared over two and lost among the colours.
        x = round(frame.x(part))
        sheet.box((x, frame.top), (x + 0.5, frame.bottom), sheet.palette.grid)
        sheet.words((x, frame.bottom + small * 0.5), label, small, sheet.palette.faint, "ma")


def hours_of_any_day() -> list[tuple[float, str]]:
    """Return the hours of a day that has 24 of them."""
    return [(hour / 24, f"{hour:02d}") for hour in _HOURS]


def hours_of(start: datetime, end: datetime, zone: ZoneInfo) -> list[tuple[float, str]]:
    """Return the hours of one day of `zone`, which has 23 or 25 of them when clocks change."""
    found: list[tuple[float, str]] = []
    moment = start
    while moment < end:
        local = moment.astimezone(zone)
        if local.minute == 0 and local.hour in _HOURS and not local.fold:
            found.append(((moment - start) / (end - start), f"{local.hour:02d}"))
        moment += timedelta(minutes=30)
    return [*found, (1.0, "24")]
