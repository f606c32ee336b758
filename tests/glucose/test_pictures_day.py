"""The picture of a day: what is drawn where, and what is left open."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image, ImageDraw, ImageFont

from glucose.pictures.day import Day, day_picture
from glucose.pictures.frame import hours_of
from glucose.pictures.look import Colour, Look, Size
from glucose.pictures.marks import Span
from glucose.reading import Bound, Kind, Reading
from glucose.targets import Targets
from glucose.treatment import Treatment, TreatmentKind
from glucose.trend import Trend
from glucose.units import Unit

Box = tuple[float, float, float, float]
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


def test_each_series_has_its_own_gaps() -> None:
    live = [reading(minute / 60, 210) for minute in range(120)]
    graph = [
        replace(reading(hours, 210), series="graph") for hours in (2.25, 2.5, 2.75, 3.0, 3.25, 3.5)
    ]
    later = [reading(6 + minute / 60, 210) for minute in range(60)]
    picture = drawn(replace(empty(), readings=[*live, *graph, *later]))
    palette = Look().palette
    # Between two points of the graph, which come every 15 minutes, and where there is nothing.
    assert picture.getpixel(place(picture, 2.62, 210)) == palette.high
    assert picture.getpixel(place(picture, 4.7, 210)) == palette.paper


def words_on(day: Day, monkeypatch: pytest.MonkeyPatch, look: Look | None = None) -> dict[str, Box]:
    """Return every line on the picture with where it stands: left, top, right, bottom."""
    found: dict[str, Box] = {}
    write = ImageDraw.ImageDraw.text

    def note(
        self: ImageDraw.ImageDraw,
        xy: tuple[float, float],
        text: str,
        *,
        fill: Colour,
        font: ImageFont.FreeTypeFont,
        anchor: str,
    ) -> None:
        found[text] = self.textbbox(xy, text, font=font, anchor=anchor)
        write(self, xy, text, fill=fill, font=font, anchor=anchor)

    with monkeypatch.context() as patched:
        patched.setattr(ImageDraw.ImageDraw, "text", note)
        day_picture(day, look or Look())
    return found


def dose(hours: float, amount: float) -> Treatment:
    time = empty().start + timedelta(hours=hours)
    kind = TreatmentKind.INSULIN_RAPID
    return Treatment(time=time, kind=kind, amount=amount, source="u", id=str(hours))


def test_no_amount_is_cut_at_the_edge_or_lies_on_another(monkeypatch: pytest.MonkeyPatch) -> None:
    doses = [dose(1, 11), dose(8, 12), dose(8.1, 13), dose(8.2, 14), dose(12, 15), dose(23.9, 16)]
    found = words_on(replace(empty(), treatments=doses), monkeypatch)
    # The one between two marks has no room.
    assert {text for text in found if text.endswith(" U")} == {
        "11 U",
        "12 U",
        "14 U",
        "15 U",
        "16 U",
    }
    width, _ = Look().size.value
    assert all(left >= 0 and right <= width for left, _, right, _ in found.values())


@pytest.mark.parametrize("unit", list(Unit))
@pytest.mark.parametrize(
    ("targets", "shown"),
    [
        ((54, 70, 180, 250), ["54", "70", "180", "250", "350"]),
        ((66, 68, 70, 72), ["66", "68", "70", "72", "350"]),
        ((54, 70, 300, 400), ["54", "70", "300", "400"]),
        ((54, 70, 340, 345), ["54", "70", "340", "345"]),
    ],
)
def test_the_targets_numbers_never_lie_on_each_other(
    monkeypatch: pytest.MonkeyPatch,
    unit: Unit,
    targets: tuple[int, int, int, int],
    shown: list[str],
) -> None:
    urgent_low, low, high, urgent_high = targets
    day = replace(
        empty(),
        targets=Targets(
            urgent_low_mg_dl=urgent_low,
            low_mg_dl=low,
            high_mg_dl=high,
            urgent_high_mg_dl=urgent_high,
        ),
    )
    found = words_on(day, monkeypatch, Look(unit=unit))
    scale = [box for text, box in found.items() if box[2] < Look().size.value[0] * 0.07]
    boxes = sorted((top, bottom) for _, top, _, bottom in scale if bottom < 700)
    assert all(after[0] >= before[1] for before, after in pairwise(boxes))
    if unit is Unit.MG_DL:
        assert set(shown) <= set(found)


def test_100_percent_is_all_and_time_counts_not_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    calm = [reading(step / 12, 100) for step in range(179)]
    found = words_on(replace(empty(), readings=[*calm, reading(179 / 12, 300)]), monkeypatch)
    assert "99 % in range" in found
    assert "100 % in range" in words_on(replace(empty(), readings=calm), monkeypatch)
    # An hour high, read each minute, after three hours in range, read each 15.
    high = [replace(reading(3 + minute / 60, 300), series="live") for minute in range(60)]
    slow = [reading(step / 4, 100) for step in range(12)]
    mixed = words_on(replace(empty(), readings=[*slow, *high]), monkeypatch)
    # 180 of 254 minutes, as the last one stands for one of the longest steps; 16 % by number.
    assert "70 % in range" in mixed


def test_a_value_says_when_it_was_for_who_looks_later(monkeypatch: pytest.MonkeyPatch) -> None:
    day = full()
    found = words_on(replace(day, now=day.readings[179].time + timedelta(minutes=4)), monkeypatch)
    assert "14:55, 4 min ago" in found
