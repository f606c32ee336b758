"""How time parts into low, in range and high, as one column with its percentages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..metrics.percent import above, below
from .words import words_of

if TYPE_CHECKING:
    from ..metrics.number import FloatArray
    from ..metrics.series import Series
    from ..targets import Targets
    from .frame import Frame
    from .look import Colour, Look
    from .sheet import Sheet


# What sums of numbers with a point come out at.
_SLIP = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranges:
    """Percentages that make up 100: two levels below the targets, in range, two above."""

    very_low: float
    low: float
    in_range: float
    high: float
    very_high: float

    def __post_init__(self) -> None:
        """Refuse what is not the whole."""
        parts = (self.very_low, self.low, self.in_range, self.high, self.very_high)
        if min(parts) < -_SLIP or abs(sum(parts) - 100) > _SLIP:
            raise ValueError("the ranges must make up 100 %")

    @classmethod
    def of(cls, series: Series, weights: FloatArray, targets: Targets) -> Ranges | None:
        """Return the shares of time by targets and weights (metrics.standing); None of nothing."""
        limits = (
            below(series.mg_dl, targets.urgent_low_mg_dl, weights),
            below(series.mg_dl, targets.low_mg_dl, weights),
            above(series.mg_dl, targets.high_mg_dl, weights),
            above(series.mg_dl, targets.urgent_high_mg_dl, weights),
        )
        if any(share is None for share in limits):
            return None
        very_low, low, high, very_high = (share or 0.0 for share in limits)
        return cls(
            very_low=very_low,
            low=low - very_low,
            in_range=100.0 - low - high,
            high=high - very_high,
            very_high=very_high,
        )


def draw_ranges(sheet: Sheet, frame: Frame, ranges: Ranges, look: Look) -> None:
    """Draw the column to the right of a frame, the highest on top."""
    palette, words, small = sheet.palette, words_of(look.language), sheet.height // 32
    left = frame.right + small * 1.4
    right = left + small * 1.6
    height = frame.bottom - frame.top
    parts = (
        (ranges.very_low, palette.low),
        (ranges.low, _lighter(palette.low, palette.paper)),
        (ranges.in_range, palette.in_range),
        (ranges.high, _lighter(palette.high, palette.paper)),
        (ranges.very_high, palette.high),
    )
    foot, free = frame.bottom, frame.bottom + small
    for percent, colour in parts:
        top = foot - height * percent / 100
        if percent:
            sheet.box((left, top), (right, foot), colour)
        # A number beside each part, moved up where the one below needs the place.
        middle = min((top + foot) / 2, free - small * 1.15)
        # A tenth of a percent of very low is worth knowing; of the rest nobody needs tenths.
        text = words.number(f"{percent:.1f} %" if 0 < percent < 1 else f"{percent:.0f} %")
        sheet.words((right + small * 0.5, middle), text, small, palette.ink, "lm")
        foot, free = top, middle


def _lighter(colour: Colour, paper: Colour) -> Colour:
    """Return a colour half way to the paper."""
    red, green, blue = ((one + other) // 2 for one, other in zip(colour, paper, strict=True))
    return red, green, blue
