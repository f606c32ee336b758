"""The paper a picture is drawn on: smooth shapes below, words above, a small PNG at the end."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING, Literal

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .look import Colour, Look, Palette

Point = tuple[float, float]
Anchor = Literal["la", "ma", "ra", "lm", "mm", "rm", "ls", "ms", "rs"]

# Pillow draws without smoothing: twice as large, then halved, edges come out soft.
_FINER = 2
# How soft edges may be: so many steps from a colour to what lies behind it.
_STEPS = 5
_COARSE = 8


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    # Pillow's own: the same on every machine. Without FreeType there would be one size only.
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("this Pillow was built without FreeType")  # noqa: TRY004 - not the caller's value
    return font


@cache
def _few_colours(palette: Palette) -> Image.Image:
    """Return an image that has the palette's colours, and those between them and the paper."""
    found = list(dict.fromkeys(palette))
    for behind in (palette.paper, palette.target):
        for colour in palette:
            for step in range(1, _STEPS):
                mixed = _between(behind, colour, step / _STEPS)
                # Pillow looks colours up coarsely: one next to another would be taken for it.
                if all(_apart(mixed, other) > _COARSE for other in found):
                    found.append(mixed)
    flat = [part for colour in found for part in colour]
    few = Image.new("P", (1, 1))
    few.putpalette(flat + flat[:3] * (256 - len(found)))
    return few


def _apart(one: Colour, other: Colour) -> int:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def _between(one: Colour, other: Colour, part: float) -> Colour:
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(one, other, strict=True))
    return red, green, blue


class Sheet:
    """One picture while it is drawn; all lengths are in its own pixels, from the top left."""

    def __init__(self, look: Look) -> None:
        """Take an empty sheet of the look's size and paper."""
        self.width, self.height = look.size.value
        self.palette = look.palette
        self._image = Image.new(
            "RGB", (self.width * _FINER, self.height * _FINER), self.palette.paper
        )
        self._draw = ImageDraw.Draw(self._image)
        self._words: list[tuple[Point, str, int, Colour, Anchor]] = []

    def box(self, left_top: Point, right_bottom: Point, colour: Colour) -> None:
        """Fill a rectangle."""
        self._draw.rectangle([_fine(left_top), _fine(right_bottom)], fill=colour)

    def line(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        """Draw a line through all points."""
        self._draw.line(
            [_fine(point) for point in points],
            fill=colour,
            width=max(1, round(width * _FINER)),
            joint="curve",
        )

    def dashes(self, start: Point, end: Point, colour: Colour, *, dash: float = 6) -> None:
        """Draw a thin straight broken line, along one of the two axes."""
        (x, y), (x_end, y_end) = start, end
        length = max(abs(x_end - x), abs(y_end - y))
        for at in range(0, round(length / dash), 2):
            a, b = at * dash / length, min((at + 1) * dash / length, 1)
            self.line(
                [
                    (x + (x_end - x) * a, y + (y_end - y) * a),
                    (x + (x_end - x) * b, y + (y_end - y) * b),
                ],
                colour,
                1.5,
            )

    def area(self, points: Sequence[Point], colour: Colour) -> None:
        """Fill what the points go round."""
        self._draw.polygon([_fine(point) for point in points], fill=colour)

    def dot(self, at: Point, colour: Colour, radius: float) -> None:
        """Fill a circle."""
        x, y = _fine(at)
        r = radius * _FINER
        self._draw.ellipse([x - r, y - r, x + r, y + r], fill=colour)

    def words(
        self, at: Point, text: str, size: int, colour: Colour, anchor: Anchor = "la"
    ) -> float:
        """Write one line above all shapes; return its width. Pillow's docs say the anchors."""
        self._words.append((at, text, size, colour, anchor))
        return self.width_of(text, size)

    def width_of(self, text: str, size: int) -> float:
        """Return how wide a line would be."""
        return _font(size).getlength(text)

    def png(self) -> bytes:
        """Return the finished picture."""
        image = self._image.reduce(_FINER)
        draw = ImageDraw.Draw(image)
        for at, text, size, colour, anchor in self._words:
            draw.text(at, text, fill=colour, font=_font(size), anchor=anchor)
        # With few colours it is a third of the bytes; ours stay what they are.
        small = image.quantize(palette=_few_colours(self.palette), dither=Image.Dither.NONE)
        out = io.BytesIO()
        small.save(out, "PNG", compress_level=6)
        return out.getvalue()


def _fine(point: Point) -> Point:
    return point[0] * _FINER, point[1] * _FINER


def has_letters(text: str) -> bool:
    """Tell whether the font can write every character of a text: it knows no umlauts."""
    font = _font(16)
    nothing = bytes(font.getmask("\uffff"))
    return all(bytes(font.getmask(one)) != nothing for one in text if one != " ")
