"""The picture of a day: what is drawn where, and what is left open."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from glucose.pictures.day import Day, day_picture
from glucose.pictures.frame import hours_of
from glucose.pictures.look import Look, Size
from glucose.pictures.marks import Span
from glucose.reading import Bound, Kind, Reading
from glucose.targets import Targets
from glucose.treatment import Treatment, TreatmentKind
from glucose.trend import Trend
from glucose.units import Unit

BERLIN = ZoneInfo("Europe/Berlin")
DAY = date(2026, 11, 20)
LOOKS = [
    Look(size=size, dark=dark, unit=unit, language=language)
    for size in Size
    for dark in (False, True)
    for unit, language in ((Unit.MG_DL, "en"), (Unit.MMOL_L, "de"))
]


def reading(
    hours: float, mg_dl: int, *, kind: Kind = Kind.CGM, bound: Bound | None = None
) -> Reading:
    """Return a reading so many hours after the day began."""
    time = empty().start + timedelta(hours=hours)
    return Reading(time=time, mg_dl=mg_dl, source="a", series="s", kind=kind, bound=bound)


def empty(day: date = DAY) -> Day:
    """Return a day of which nothing is known, looked at in its afternoon."""
    begin = datetime(day.year, day.month, day.day, tzinfo=BERLIN).astimezone(UTC)
    return Day(
        date=day, zone=BERLIN, now=begin + timedelta(hours=15), readings=(), targets=Targets()
    )


def full() -> Day:
    """Return a day with something of everything."""
    readings = [reading(step / 12, 60 + step) for step in range(180)]
    treatments = [
        Treatment(time=readings[100].time, kind=kind, amount=amount, source="u", id=kind, note=note)
        for kind, amount, note in (
            (TreatmentKind.CARBS, 45.0, None),
            (TreatmentKind.INSULIN_RAPID, 4.5, None),
            (TreatmentKind.EXERCISE, 30.0, None),
            (TreatmentKind.NOTE, None, "a note"),
        )
    ]
    return replace(
        empty(),
        readings=[*readings, reading(9, 66, kind=Kind.METER)],
        current=readings[-1],
        trend=Trend.DOUBLE_UP,
        treatments=treatments,
        alarms=[Span(start=readings[0].time, end=readings[9].time, low=True)],
    )


def drawn(day: Day, look: Look | None = None) -> Image.Image:
    """Return the picture, decoded."""
    return Image.open(io.BytesIO(day_picture(day, look or Look()))).convert("RGB")


def place(picture: Image.Image, hours: float, mg_dl: float) -> tuple[int, int]:
    """Return the pixel of a value at a time, by the margins that day.py leaves."""
    width, height = picture.size
    small = height // 32
    left, right = small * 3.4, width - small * 1.6
    top, bottom = height * 0.235, height - small * (2.4 + 3 * 1.25)
    up = (mg_dl - 40) / (350 - 40)
    return round(left + (right - left) * hours / 24), round(bottom - up * (bottom - top))


@pytest.mark.parametrize("look", LOOKS)
def test_every_look_is_a_small_png_of_its_size(look: Look) -> None:
    data = day_picture(full(), look)
    assert Image.open(io.BytesIO(data)).size == look.size.value
    assert len(data) < 60_000
    paper = drawn(full(), look).getpixel((0, 0))
    assert paper == look.palette.paper


def test_a_gap_is_left_open_and_a_missed_reading_is_not() -> None:
    missing = (60, *range(100, 112))
    readings = [reading(step / 12, 210) for step in range(180) if step not in missing]
    picture, palette = drawn(replace(empty(), readings=readings)), Look().palette

    def at(step: int) -> object:
        return picture.getpixel(place(picture, step / 12, 210))

    assert [at(step) for step in (59, 60, 61, 99, 112)] == [palette.high] * 5
    assert at(105) == palette.paper


def test_low_in_range_and_high_have_their_colours() -> None:
    palette = Look().palette
    expected = {(1, 60): palette.low, (8, 120): palette.in_range, (14, 220): palette.high}
    readings = [reading(hours, mg_dl) for hours, mg_dl in expected]
    picture = drawn(replace(empty(), readings=readings))
    for (hours, mg_dl), colour in expected.items():
        assert picture.getpixel(place(picture, hours, mg_dl)) == colour


def test_what_is_of_another_day_is_not_drawn() -> None:
    nothing = day_picture(empty(), Look())
    yesterday = replace(empty(), readings=[reading(-1, 300), reading(24, 40)])
    assert day_picture(yesterday, Look()) == nothing


def test_no_current_value_is_said_with_the_age_of_the_last() -> None:
    silent = replace(full(), current=None, trend=None)
    assert day_picture(silent, Look()) != day_picture(full(), Look())
    older = replace(silent, now=silent.now + timedelta(minutes=7))
    assert day_picture(older, Look()) != day_picture(silent, Look())


def test_a_day_of_the_past_has_no_value_of_now() -> None:
    past = replace(full(), now=full().end + timedelta(hours=3))
    assert day_picture(past, Look()) == day_picture(replace(past, current=None), Look())


@pytest.mark.parametrize(
    ("day", "hours", "labels"),
    [
        (date(2026, 11, 20), 24, ["00", "03", "06", "09", "12", "15", "18", "21", "24"]),
        (date(2026, 3, 29), 23, ["00", "03", "06", "09", "12", "15", "18", "21", "24"]),
        (date(2026, 10, 25), 25, ["00", "03", "06", "09", "12", "15", "18", "21", "24"]),
    ],
)
def test_a_day_is_as_long_as_its_clocks_make_it(day: date, hours: int, labels: list[str]) -> None:
    one = empty(day)
    assert (one.end - one.start) / timedelta(hours=1) == hours
    at = hours_of(one.start, one.end, BERLIN)
    assert [label for _, label in at] == labels
    six = next(part for part, label in at if label == "06")
    moment = one.start + six * (one.end - one.start)
    assert moment.astimezone(BERLIN).hour == 6


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-2, 27), st.integers(10, 600), st.sampled_from([None, *Bound])),
        max_size=40,
    ),
    st.sampled_from(LOOKS),
)
def test_any_readings_make_a_picture(
    rows: list[tuple[float, int, Bound | None]], look: Look
) -> None:
    readings = [reading(hours, mg_dl, bound=bound) for hours, mg_dl, bound in rows]
    data = day_picture(replace(empty(), readings=readings), look)
    assert Image.open(io.BytesIO(data)).size == look.size.value
