"""Draws the integration's icons and logos into custom_components/cgm/brand/ (our own drawing).

A drop, and in it a day's curve that stays between two lines. Run with the Python of
.cache/venv: `.cache/venv/bin/python scripts/draw_brand.py`.
"""

from __future__ import annotations

import math
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

BRAND = Path(__file__).parent.parent / "custom_components" / "cgm" / "brand"
DROP = "#b3263a"
BAND = "#f4c8cd"
CURVE = "#ffffff"
# Drawn larger and scaled down: Pillow's own edges are not smooth.
OVERSAMPLING = 4


def icon(size: int) -> Image.Image:
    """Return the square icon, transparent around the drop."""
    edge = size * OVERSAMPLING
    image = Image.new("RGBA", (edge, edge))
    draw = ImageDraw.Draw(image)
    radius, centre_y = edge * 0.36, edge * 0.62
    draw.ellipse((edge / 2 - radius, centre_y - radius, edge / 2 + radius, centre_y + radius), DROP)
    # The two tangents from the tip to the circle.
    tip_y = edge * 0.02
    distance = centre_y - tip_y
    angle = math.acos(radius / distance)
    side, rise = radius * math.sin(angle), radius * math.cos(angle)
    draw.polygon(
        (
            (edge / 2, tip_y),
            (edge / 2 - side, centre_y - rise),
            (edge / 2 + side, centre_y - rise),
        ),
        DROP,
    )
    for at in (-0.13, 0.13):
        y = centre_y + edge * at
        reach = math.sqrt(radius**2 - (edge * at) ** 2) - edge * 0.05
        draw.line((edge / 2 - reach, y, edge / 2 + reach, y), BAND, round(edge * 0.012))
    points = [
        (edge / 2 + x * radius * 0.78, centre_y - edge * 0.1 * math.sin(x * 4.2) * (1 - x * x / 2))
        for x in (step / 400 for step in range(-400, 401))
    ]
    # Dot by dot: a wide line of Pillow's shows its joints.
    dot = edge * 0.02
    for x, y in points:
        draw.ellipse((x - dot, y - dot, x + dot, y + dot), CURVE)
    return image.resize((size, size), Image.Resampling.LANCZOS)


def logo(height: int, ink: str) -> Image.Image:
    """Return the icon with the name beside it, as wide as what is drawn."""
    mark = icon(height)
    image = Image.new("RGBA", (height * 4, height))
    image.alpha_composite(mark, (0, 0))
    font = ImageFont.load_default(height * 0.62)
    ImageDraw.Draw(image).text((height * 0.95, height * 0.55), "CGM", ink, font, anchor="lm")
    left, _top, right, _bottom = image.getbbox() or (0, 0, *image.size)
    return image.crop((left, 0, right, height))


def main() -> None:
    """Write all eight pictures."""
    BRAND.mkdir(exist_ok=True)
    for suffix, scale in (("", 1), ("@2x", 2)):
        for prefix, ink in (("", "#30343a"), ("dark_", "#f2f2f2")):
            icon(256 * scale).save(BRAND / f"{prefix}icon{suffix}.png", optimize=True)
            logo(128 * scale, ink).save(BRAND / f"{prefix}logo{suffix}.png", optimize=True)


if __name__ == "__main__":
    main()
