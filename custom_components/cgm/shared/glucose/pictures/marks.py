"""What happened beside glucose on one day: alarms as bars on top, treatments below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..treatment import TreatmentKind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from ..treatment import Treatment
    from .frame import Frame
    from .look import Colour, Palette
    from .sheet import Sheet
    from .words import Words

# Insulin on the upper line, food on the middle one, all else below; none hides another's kind.
_LINES = {
    TreatmentKind.INSULIN_RAPID: 0,
    TreatmentKind.INSULIN_LONG: 0,
    TreatmentKind.CARBS: 1,
}
_LINE_OF_OTHERS = 2
LINES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """An alarm's time on the picture: `end` is None while it goes on; `low` is its side.

    None of both sides is an alarm that is about neither, such as missing data.
    """

    start: datetime
    end: datetime | None
    low: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayScale:
    """Where a moment of the day lies across a frame."""

    frame: Frame
    start: datetime
    end: datetime

    def x(self, moment: datetime) -> float:
        """Return how far right a moment lies; one outside the day lies at its edge."""
        part = (moment - self.start) / (self.end - self.start)
        return self.frame.x(min(max(part, 0.0), 1.0))

    def has(self, moment: datetime) -> bool:
        """Tell whether a moment is of this day."""
        return self.start <= moment < self.end


def draw_alarms(sheet: Sheet, scale: DayScale, alarms: Iterable[Span], now: datetime) -> None:
    """Draw each alarm's time as a bar above the chart."""
    height = sheet.height / 110
    top = scale.frame.top - height * 2
    for alarm in alarms:
        end = min(alarm.end or now, now)
        if end < scale.start or alarm.start >= scale.end:
            continue
        left, right = scale.x(alarm.start), scale.x(end)
        colour = _of_side(sheet.palette, low=alarm.low)
        sheet.box((left, top), (max(right, left + height), top + height), colour)


def draw_treatments(
    sheet: Sheet, scale: DayScale, treatments: Iterable[Treatment], words: Words
) -> None:
    """Draw each treatment under its time, below the hours, with its amount."""
    small = sheet.height // 38
    below = scale.frame.bottom + small * 2.4
    free = [float("-inf")] * LINES
    for one in sorted(treatments, key=lambda treatment: treatment.time):
        if not scale.has(one.time):
            continue
        line = _LINES.get(one.kind, _LINE_OF_OTHERS)
        x, y = scale.x(one.time), below + (line + 0.5) * small * 1.3
        colour = _of_kind(sheet.palette, one.kind)
        _draw_mark(sheet, one.kind, (x, y), small, colour)
        # Amounts that would lie on each other are left out; the marks stay.
        if one.amount is not None and one.unit is not None and x > free[line]:
            text = words.amount(one.amount, one.unit)
            width = sheet.words((x + small * 0.6, y), text, small, sheet.palette.ink, "lm")
            free[line] = x + small + width


def _draw_mark(
    sheet: Sheet, kind: TreatmentKind, at: tuple[float, float], size: float, colour: Colour
) -> None:
    x, y = at
    r = size * 0.38
    if kind is TreatmentKind.CARBS:
        sheet.dot(at, colour, r)
    elif kind in {TreatmentKind.INSULIN_RAPID, TreatmentKind.INSULIN_LONG}:
        sheet.area([(x - r, y - r), (x + r, y - r), (x, y + r)], colour)
    else:
        sheet.box((x - r * 0.8, y - r * 0.8), (x + r * 0.8, y + r * 0.8), colour)


def _of_kind(palette: Palette, kind: TreatmentKind) -> Colour:
    if kind is TreatmentKind.CARBS:
        return palette.carbs
    insulin = {TreatmentKind.INSULIN_RAPID, TreatmentKind.INSULIN_LONG}
    return palette.insulin if kind in insulin else palette.faint


def _of_side(palette: Palette, *, low: bool | None) -> Colour:
    if low is None:
        return palette.faint
    return palette.low if low else palette.high
