"""Made-up readings, told in minutes after a fixed start: by hand for tables, and by Hypothesis."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from glucose.reading import Bound, Kind, Reading
from glucose.trend import Trend

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIVE = timedelta(minutes=5)


def at(minutes: float) -> datetime:
    """Return the time so many minutes after the start."""
    return START + timedelta(minutes=minutes)


def row(
    minutes: float,
    mg_dl: int = 120,
    source: str = "a",
    *,
    series: str = "live",
    kind: Kind = Kind.CGM,
    bound: Bound | None = None,
    trend: Trend | None = None,
) -> Reading:
    """Return a reading so many minutes after the start."""
    return Reading(
        time=at(minutes),
        mg_dl=mg_dl,
        source=source,
        series=series,
        kind=kind,
        bound=bound,
        trend=trend,
    )


def rows(source: str, *points: tuple[float, int], series: str = "live") -> list[Reading]:
    """Return one source's readings from (minutes, mg/dL)."""
    return [row(minutes, mg_dl, source, series=series) for minutes, mg_dl in points]


@dataclass(frozen=True, slots=True)
class Situation:
    """Rows of up to three sources, how the wearer orders them, how often each measures, and now."""

    readings: list[Reading]
    order: list[str]
    cadences: dict[str, timedelta]
    now: datetime


_VALUES = st.sampled_from(
    [
        (39, Bound.LOW),
        (39, None),
        (53, None),
        (100, None),
        (100, None),
        (101, None),
        (140, None),
        (260, None),
        (401, Bound.HIGH),
    ]
)
_TRENDS = st.sampled_from([None, None, Trend.FLAT, Trend.NONE])
# Tens of seconds are what phones and watches add to a sensor's time.
_JITTER = st.sampled_from([0, 0, 0, 10, 20, 30])


@st.composite
def _one_row(draw: st.DrawFn) -> Reading:
    """A row anywhere in the hour and a half, of any kind."""
    mg_dl, bound = draw(_VALUES)
    return row(
        draw(st.integers(0, 90)) + draw(_JITTER) / 60,
        mg_dl,
        draw(st.sampled_from("abc")),
        series=draw(st.sampled_from(["live", "live", "graph"])),
        kind=draw(st.sampled_from([Kind.CGM, Kind.CGM, Kind.CGM, Kind.METER])),
        bound=bound,
        trend=draw(_TRENDS),
    )


@st.composite
def _one_run(draw: st.DrawFn, source: str, cadence: timedelta) -> list[Reading]:
    """Rows of one source as it measures, some missing, some late by seconds."""
    start, step = draw(st.integers(0, 60)), cadence / timedelta(minutes=1)
    values = draw(st.lists(st.none() | _VALUES, max_size=12))
    return [
        row(
            start + i * step + draw(_JITTER) / 60,
            value[0],
            source,
            bound=value[1],
            trend=draw(_TRENDS),
        )
        for i, value in enumerate(values)
        if value is not None
    ]


@st.composite
def situations(draw: st.DrawFn, *, repeated: bool = False) -> Situation:
    """Rows in any order, and a moment most often soon after one of them.

    Each identity comes once, as from a store; `repeated`, some come again with other values.
    """
    minutes = st.sampled_from([1, 3, 5, 5, 15]).map(lambda each: timedelta(minutes=each))
    cadences = {source: draw(minutes) for source in "abc"}
    readings = [
        reading
        for source, cadence in cadences.items()
        for reading in draw(_one_run(source, cadence))
    ]
    readings += draw(st.lists(_one_row(), max_size=10))
    if not repeated:
        readings = list({reading.identity: reading for reading in readings}.values())
    readings = draw(st.permutations(readings))
    order = draw(st.permutations(["a", "b", "c", "silent"]))[: draw(st.sampled_from([4, 4, 4, 2]))]
    near = draw(st.sampled_from([reading.time for reading in readings] or [START]))
    away = draw(st.integers(-60, 700) | st.integers(-4000, 4000))
    return Situation(readings, order, cadences, near + timedelta(seconds=away))
