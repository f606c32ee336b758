"""What happened beside glucose on one day: alarms as bars on top, treatments below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..treatment import TreatmentKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
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
    sheet: Sheet, scale: DayScale, treatments: Sequence[Treatment], words: Words
) -> None:
    """Draw each treatment under its time, below the hours, with its amount."""
    small = sheet.height // 38
    below = scale.frame.bottom + small * 2.4
    for line in range(LINES):
        y = below + (line + 0.5) * small * 1.3
        row = sorted((one for one in treatments if _line_of(one, scale) == line), key=_time)
        marks = [scale.x(one.time) for one in row]
        # From where to where a line is free between the marks; amounts stand in what is left.
        free = 0.0
        for one, x, following in zip(row, marks, [*marks, sheet.width][1:], strict=True):
            _draw_mark(sheet, one.kind, (x, y), small, _of_kind(sheet.palette, one.kind))
            if one.amount is not None and one.unit is not None:
                text = words.amount(one.amount, one.unit)
                width = sheet.width_of(text, small)
                # Amounts that would lie on each other or on a mark are left out; the marks stay.
                if x + small * 1.1 + width <= following:
                    sheet.words((x + small * 0.6, y), text, small, sheet.palette.ink, "lm")
                    free = x + small * 1.1 + width
                    continue
                if x - small * 1.1 - width >= free:
                    sheet.words((x - small * 0.6, y), text, small, sheet.palette.ink, "rm")
            free = x + small * 0.5


def _line_of(treatment: Treatment, scale: DayScale) -> int | None:
    """Return the line a treatment stands on, None for one of another day."""
    if not scale.has(treatment.time):
        return None
    return _LINES.get(treatment.kind, _LINE_OF_OTHERS)


def _time(treatment: Treatment) -> datetime:
    return treatment.time


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
