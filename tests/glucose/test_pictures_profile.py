"""The picture of the ambulatory glucose profile: drawn with enough readings, else refused."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from PIL import Image

from glucose.metrics.agp import Agp, agp
from glucose.metrics.series import Series
from glucose.metrics.sufficiency import Sufficiency
from glucose.pictures.look import Look, Size
from glucose.pictures.profile import Profile, profile_picture
from glucose.pictures.ranges import Ranges
from glucose.reading import Reading
from glucose.targets import Targets
from glucose.units import Unit

ZONE = ZoneInfo("Europe/Berlin")
END = datetime(2026, 11, 20, tzinfo=ZONE).astimezone(UTC)
FIVE = timedelta(minutes=5)
RANGES = Ranges(very_low=0.4, low=2.6, in_range=71.0, high=20.0, very_high=6.0)


def profile(days: int, *, level: int = 120) -> Profile:
    """Return the profile of so many days before END, of a wave round a level."""
    readings = [
        Reading(
            time=END - FIVE * step,
            mg_dl=round(level + 40 * math.sin(step * math.tau / 288) + 15 * math.sin(step)),
            source="a",
            series="s",
        )
        for step in range(1, days * 288)
    ]
    return Profile(
        first=date(2026, 11, 6),
        last=date(2026, 11, 19),
        agp=agp(Series.of(readings, ZONE), END, FIVE),
        targets=Targets(),
        ranges=RANGES,
        mean_mg_dl=151.4,
        gmi=6.93,
        cv=31.2,
    )


def drawn(one: Profile, look: Look | None = None) -> Image.Image:
    """Return the picture, decoded."""
    return Image.open(io.BytesIO(profile_picture(one, look or Look()))).convert("RGB")


@pytest.mark.parametrize("size", Size)
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(("unit", "language"), [(Unit.MG_DL, "en"), (Unit.MMOL_L, "de")])
def test_every_look_is_a_small_png_of_its_size(
    size: Size, dark: bool, unit: Unit, language: str
) -> None:
    look = Look(size=size, dark=dark, unit=unit, language=language)
    data = profile_picture(profile(14), look)
    assert Image.open(io.BytesIO(data)).size == size.value
    assert len(data) < 60_000
    colours = drawn(profile(14), look).getcolors(1_000_000) or []
    assert look.palette.inner in {colour for _, colour in colours}


@pytest.mark.parametrize(("days", "enough"), [(14, True), (10, True), (9, False), (1, False)])
def test_under_seventy_percent_no_curve_is_drawn(days: int, enough: bool) -> None:
    one = profile(days)
    assert isinstance(one.agp, Agp if enough else Sufficiency)
    colours = {colour for _, colour in drawn(one).getcolors(1_000_000) or []}
    assert (Look().palette.inner in colours) is enough


def test_a_refusal_says_how_much_there_is_and_shows_no_numbers() -> None:
    few, fewer = profile(9), profile(5)
    assert profile_picture(few, Look()) != profile_picture(fewer, Look())
    assert profile_picture(few, Look()) == profile_picture(
        replace(few, mean_mg_dl=99.0, gmi=5.0, ranges=None), Look()
    )


def test_hours_without_any_reading_are_left_open() -> None:
    whole = profile(14)
    assert isinstance(whole.agp, Agp)
    curves = whole.agp.curves.copy()
    curves[:, 40:56] = np.nan
    holed = drawn(replace(whole, agp=replace(whole.agp, curves=curves), ranges=None))
    inner = Look().palette.inner

    def band_at(picture: Image.Image, part: float) -> bool:
        small = picture.size[1] // 32
        left, right = small * 3.4, picture.size[0] - small * 1.6
        x = round(left + (right - left) * part)
        return inner in {picture.getpixel((x, y)) for y in range(180, 640)}

    assert band_at(holed, 39 / 96)
    assert not band_at(holed, 48 / 96)
    assert band_at(holed, 60 / 96)


@pytest.mark.parametrize("parts", [(0, 0, 99, 0, 0), (-1, 1, 100, 0, 0), (1, 2, 71, 20, 7)])
def test_ranges_that_are_not_the_whole_are_refused(parts: tuple[float, ...]) -> None:
    names = ("very_low", "low", "in_range", "high", "very_high")
    with pytest.raises(ValueError, match="100 %"):
        Ranges(**dict(zip(names, parts, strict=True)))
