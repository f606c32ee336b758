"""How a picture shall look: how large, light or dark, in which unit and language."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from ..units import Unit

Colour = tuple[int, int, int]


class Size(Enum):
    """Width and height in pixels: as wide as a notification is shown, or for a dashboard."""

    SMALL = (720, 480)
    LARGE = (1200, 750)


class Palette(NamedTuple):
    """The colours of a picture.

    Low, in range and high stay apart for eyes without red, green or blue cones (tests work it
    out after Machado, Oliveira and Fernandes 2009, doi:10.1109/TVCG.2009.113), and what they
    mean is said by place as well.
    """

    paper: Colour
    ink: Colour
    faint: Colour
    grid: Colour
    target: Colour
    low: Colour
    in_range: Colour
    high: Colour
    insulin: Colour
    carbs: Colour
    outer: Colour
    inner: Colour


LIGHT = Palette(
    paper=(255, 255, 255),
    ink=(28, 30, 33),
    faint=(96, 101, 108),
    grid=(226, 229, 233),
    target=(230, 243, 243),
    low=(170, 20, 40),
    in_range=(0, 125, 125),
    high=(195, 130, 0),
    insulin=(0, 98, 155),
    carbs=(146, 75, 118),
    outer=(208, 222, 233),
    inner=(138, 178, 207),
)
DARK = Palette(
    paper=(23, 25, 28),
    ink=(236, 238, 240),
    faint=(160, 166, 173),
    grid=(52, 56, 61),
    target=(27, 46, 46),
    low=(255, 100, 120),
    in_range=(70, 200, 190),
    high=(255, 214, 90),
    insulin=(98, 184, 236),
    carbs=(221, 148, 190),
    outer=(44, 62, 76),
    inner=(62, 104, 134),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What whoever asks for a picture chooses; the same for every kind of picture."""

    size: Size = Size.LARGE
    dark: bool = False
    unit: Unit = Unit.MG_DL
    language: str = "en"

    @property
    def palette(self) -> Palette:
        """The colours of this look."""
        return DARK if self.dark else LIGHT
