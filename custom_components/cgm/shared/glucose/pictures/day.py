"""One day as a picture: every reading, gaps left open, treatments, alarms, and what is true now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from ..metrics.series import Series
from ..metrics.standing import standing_minutes
from ..reading import Bound, Kind
from ..targets import Status, status_of
from ..units import shown
from .arrow import draw_arrow
from .frame import Frame, draw_frame, draw_hours, hours_of, top_for
from .marks import LINES, DayScale, Span, draw_alarms, draw_treatments
from .sheet import Sheet
from .words import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date
    from zoneinfo import ZoneInfo

    from ..reading import Reading
    from ..targets import Targets
    from ..treatment import Treatment
    from ..trend import Trend
    from .look import Colour, Look, Palette

# A line is not drawn over missing readings: as long as withdraws a value (merge.py).
_GAP_AT_LEAST = timedelta(minutes=11)
_GAP_CADENCES = 2.2
_MINUTE = timedelta(minutes=1)
_USUAL_CADENCE = timedelta(minutes=5)
# What no rounding of a sum of minutes may decide.
_SLIP = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What is known of one local day; any order, and what is of other days is not drawn.

    `readings` are the wearer's, merged; those of meters are drawn as rings of their own.
    `current` is the reading that is true at `now`, with its `trend`; both None where nothing
    is, and for a day of the past.
    """

    date: date
    zone: ZoneInfo
    now: datetime
    readings: Sequence[Reading]
    targets: Targets
    current: Reading | None = None
    trend: Trend | None = None
    treatments: Sequence[Treatment] = ()
    alarms: Sequence[Span] = ()

    @property
    def start(self) -> datetime:
        """The first moment of the day, aware UTC."""
        return datetime.combine(self.date, time(), self.zone).astimezone(UTC)

    @property
    def end(self) -> datetime:
        """The first moment after the day, aware UTC: 23 to 25 hours later."""
        tomorrow = self.date + timedelta(days=1)
        return datetime.combine(tomorrow, time(), self.zone).astimezone(UTC)


def day_picture(day: Day, look: Look) -> bytes:
    """Return the day as a PNG."""
    sheet, words = Sheet(look), words_of(look.language)
    seen = sorted((r for r in day.readings if day.start <= r.time < day.end), key=_time)
    small = sheet.height // 32
    frame = Frame(
        left=small * 3.4,
        top=sheet.height * 0.235,
        right=sheet.width - small * 1.6,
        bottom=sheet.height - small * (2.4 + LINES * 1.25),
        top_mg_dl=top_for((reading.mg_dl for reading in seen), day.targets),
    )
    scale = DayScale(frame=frame, start=day.start, end=day.end)
    draw_frame(sheet, frame, look, day.targets)
    draw_hours(sheet, frame, hours_of(day.start, day.end, day.zone))
    draw_treatments(sheet, scale, day.treatments, words)
    draw_alarms(sheet, scale, day.alarms, day.now)
    _draw_readings(sheet, scale, seen, day.targets)
    if scale.has(day.now):
        x = scale.x(day.now)
        sheet.line([(x, frame.top), (x, frame.bottom)], sheet.palette.faint, 1.5)
    _draw_head(sheet, day, look, seen)
    if not seen:
        middle = ((frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2)
        sheet.words(middle, words.no_readings, small, sheet.palette.faint, "mm")
    return sheet.png()


def _draw_readings(
    sheet: Sheet, scale: DayScale, seen: Sequence[Reading], targets: Targets
) -> None:
    """Draw the sensor's line where it is unbroken, each reading, and finger-sticks as rings."""
    sensor = [reading for reading in seen if reading.kind is Kind.CGM]
    radius = sheet.width / 330

    def place(reading: Reading) -> tuple[float, float]:
        return scale.x(reading.time), scale.frame.y(reading.mg_dl)

    for run in _runs(sensor):
        for before, after in pairwise(run):
            colour = _colour(sheet.palette, after, targets)
            sheet.line([place(before), place(after)], colour, radius * 0.9)
    for reading in sensor:
        colour = _colour(sheet.palette, reading, targets)
        x, y = place(reading)
        if reading.bound is None:
            sheet.dot((x, y), colour, radius)
        else:
            # The true value lies beyond: a wedge that points there.
            away = radius * (2 if reading.bound is Bound.LOW else -2)
            sheet.area([(x - radius * 1.4, y), (x + radius * 1.4, y), (x, y + away)], colour)
    for reading in seen:
        if reading.kind is Kind.METER:
            sheet.dot(place(reading), sheet.palette.ink, radius * 2.4)
            sheet.dot(place(reading), sheet.palette.paper, radius * 1.4)


def _runs(sensor: Sequence[Reading]) -> Iterator[list[Reading]]:
    """Part the readings where some are missing, by how often their own series has one."""
    usual = _cadences(sensor)
    run: list[Reading] = []
    for reading in sensor:
        if run:
            cadence = max(usual[_series_of(run[-1])], usual[_series_of(reading)])
            if reading.time - run[-1].time > max(_GAP_AT_LEAST, cadence * _GAP_CADENCES):
                yield run
                run = []
        run.append(reading)
    if run:
        yield run


def _cadences(sensor: Sequence[Reading]) -> dict[tuple[str, str], timedelta]:
    """Return each series' usual step: Libre's graph has one in 15 minutes between live ones."""
    times: dict[tuple[str, str], list[datetime]] = {}
    for reading in sensor:
        times.setdefault(_series_of(reading), []).append(reading.time)
    return {series: _usual_step(rows) for series, rows in times.items()}


def _usual_step(times: Sequence[datetime]) -> timedelta:
    steps = [(after - before) / _MINUTE for before, after in pairwise(times)]
    return (median(steps) * _MINUTE if steps else timedelta()) or _USUAL_CADENCE


def _series_of(reading: Reading) -> tuple[str, str]:
    return reading.source, reading.series


def _draw_head(sheet: Sheet, day: Day, look: Look, seen: Sequence[Reading]) -> None:
    """Draw the date, and on a day that is today the current value, its arrow and age."""
    words, palette, small = words_of(look.language), sheet.palette, sheet.height // 28
    left, right, line = small * 1.4, sheet.width - small * 1.4, small * 1.45
    today = day.start <= day.now < day.end
    lines = [(words.date(day.date), palette.ink)]
    if today:
        lines.append((words.today, palette.faint))
    share = _share_in_range(seen, day)
    if share is not None:
        # Never more than it is: 100 % is all of it.
        lines.append((f"{int(share + _SLIP)} % {words.in_range}", palette.ink))
    for place, (text, colour) in enumerate(lines):
        sheet.words((right, small * 1.1 + line * place), text, small, colour, "ra")
    if not today:
        return
    if day.current is None:
        sheet.words((left, small * 1.6), words.no_data, round(small * 1.5), palette.ink)
        last = max((r for r in seen if r.kind is Kind.CGM), key=_time, default=None)
        if last is not None:
            ago = _ago(last, day, look)
            sheet.words((left, small * 1.6 + line * 1.6), ago, small, palette.faint)
        return
    shade = _colour(palette, day.current, day.targets)
    number = _number(day.current, look)
    width = sheet.words((left, small * 0.9), number, small * 3, shade)
    if day.trend is not None:
        draw_arrow(sheet, day.trend, (left + width + small * 1.9, small * 2.6), small * 1.6, shade)
    beside = left + width + small * 3.8
    sheet.words((beside, small * 1.35), look.unit.value, small, palette.faint)
    ago = _ago(day.current, day, look)
    sheet.words((beside, small * 1.35 + line), ago, small, palette.ink)


def _number(reading: Reading, look: Look) -> str:
    words = words_of(look.language)
    if reading.bound is Bound.LOW:
        return words.low
    if reading.bound is Bound.HIGH:
        return words.high
    return words.number(shown(reading.mg_dl, look.unit))


def _ago(reading: Reading, day: Day, look: Look) -> str:
    """Return when a reading was, by the clock and by its age: a picture is looked at later, too."""
    minutes = max((day.now - reading.time) // _MINUTE, 0)
    ago = words_of(look.language).minutes_ago.format(minutes=minutes)
    return f"{reading.time.astimezone(day.zone):%H:%M}, {ago}"


def _share_in_range(seen: Sequence[Reading], day: Day) -> float | None:
    """Return the percentage of the known time in range, None where nothing is known."""
    sensor = [reading for reading in seen if reading.kind is Kind.CGM]
    if not sensor:
        return None
    minutes = standing_minutes(Series.of(sensor, day.zone), max(_cadences(sensor).values()))
    inside = [status_of(reading, day.targets) is Status.IN_RANGE for reading in sensor]
    return float(100 * minutes[inside].sum() / minutes.sum())


def _colour(palette: Palette, reading: Reading, targets: Targets) -> Colour:
    status = status_of(reading, targets)
    if status in {Status.LOW, Status.URGENT_LOW}:
        return palette.low
    return palette.in_range if status is Status.IN_RANGE else palette.high


def _time(reading: Reading) -> datetime:
    return reading.time
