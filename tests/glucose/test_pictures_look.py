"""Whether everybody can read the pictures: colours for all eyes, words in letters that exist."""

from __future__ import annotations

from dataclasses import fields
from itertools import combinations

import numpy as np
import pytest

from glucose.pictures.look import DARK, LIGHT, Colour, Palette
from glucose.pictures.sheet import has_letters
from glucose.pictures.words import Words, words_of

# What eyes without one kind of cone see, in linear light, by severity 1.0 of Machado, Oliveira and
# Fernandes 2009, doi:10.1109/TVCG.2009.113.
EYES = {
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "no green": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "no blue": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
# CIE 1976: some 2 can just be told apart side by side; these also lie apart, as dots.
APART = 20.0
# WCAG 2.2, 1.4.11: what must be seen to understand a picture.
CONTRAST = 3.0
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.9505, 1.0, 1.089])


def linear(colour: Colour) -> np.ndarray:
    """Return linear light of an sRGB colour."""
    part = np.array(colour) / 255
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray) -> np.ndarray:
    """Return CIE L*a*b* of linear light."""
    x = TO_XYZ @ np.clip(light, 0, 1) / WHITE
    f = np.where(x > 0.008856, np.cbrt(x), 7.787 * x + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast ratio of WCAG."""
    bright, dim = sorted((float((TO_XYZ @ linear(c))[1]) for c in (one, other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_low_in_range_and_high_are_told_apart_by_all_eyes(palette: Palette, eyes: str) -> None:
    seen = np.array(EYES[eyes])
    for one, other in combinations((palette.low, palette.in_range, palette.high), 2):
        apart = np.linalg.norm(lab(seen @ linear(one)) - lab(seen @ linear(other)))
        assert apart >= APART


def test_the_measure_knows_colours_that_cannot_be_told_apart() -> None:
    vermilion, amber = (213, 94, 0), (179, 116, 0)
    seen = np.array(EYES["no green"])
    assert np.linalg.norm(lab(seen @ linear(vermilion)) - lab(seen @ linear(amber))) < APART


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["ink", "faint", "low", "in_range", "high", "insulin", "carbs"])
def test_what_must_be_read_stands_out_from_the_paper(palette: Palette, name: str) -> None:
    assert contrast(getattr(palette, name), palette.paper) >= CONTRAST


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_font_has_every_letter(language: str) -> None:
    words = words_of(language)
    texts = [getattr(words, field.name) for field in fields(Words)]
    said = [text for text in texts if isinstance(text, str)]
    said += [*words.weekdays, *words.units.values(), "0123456789", "GMI", "CV", "mmol/L", "mg/dL"]
    for text in said:
        assert has_letters(text.format(minutes=3, first="", last="", percent=1, days=2, needed=70))


def test_umlauts_it_has_not() -> None:
    assert not has_letters("für")


@pytest.mark.parametrize(
    ("tag", "word"), [("en", "Today"), ("de", "Heute"), ("de-CH", "Heute"), ("fr", "Today")]
)
def test_a_language_that_is_not_there_reads_english(tag: str, word: str) -> None:
    assert words_of(tag).today == word
