"""The trend as an arrow that is drawn, since the font has none."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..trend import Trend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .look import Colour
    from .sheet import Point, Sheet

# How steeply it points up, and how many arrows are drawn.
_POINTS: Mapping[Trend, tuple[float, int]] = MappingProxyType(
    {
        Trend.DOUBLE_UP: (90, 2),
        Trend.UP: (90, 1),
        Trend.SLIGHT_UP: (45, 1),
        Trend.FLAT: (0, 1),
        Trend.SLIGHT_DOWN: (-45, 1),
        Trend.DOWN: (-90, 1),
        Trend.DOUBLE_DOWN: (-90, 2),
    }
)


def draw_arrow(sheet: Sheet, trend: Trend, centre: Point, length: float, colour: Colour) -> None:
    """Draw the arrow of a trend round a centre; nothing for one that nobody can tell."""
    degrees, count = _POINTS.get(trend, (0.0, 0))
    for number in range(count):
        beside = (number - (count - 1) / 2) * length * 0.6
        _draw_one(sheet, (centre[0] + beside, centre[1]), math.radians(degrees), length, colour)


def _draw_one(sheet: Sheet, centre: Point, angle: float, length: float, colour: Colour) -> None:
    along = (math.cos(angle), -math.sin(angle))
    across = (along[1], -along[0])

    def at(forward: float, aside: float) -> Point:
        return (
            centre[0] + (along[0] * forward + across[0] * aside) * length,
            centre[1] + (along[1] * forward + across[1] * aside) * length,
        )

    sheet.line([at(-0.5, 0), at(0.3, 0)], colour, length * 0.14)
    sheet.area([at(0.5, 0), at(0.1, 0.26), at(0.1, -0.26)], colour)
