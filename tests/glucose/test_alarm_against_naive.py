"""The level alarms and stale against their slow twin, on random days and on real ones."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from fakes.rows import START, row
from glucose.alarms.engine import advance
from glucose.alarms.kinds import AlarmKind
from glucose.alarms.replay import RECENT, replayed
from glucose.alarms.rules import AlarmRules, Rule
from glucose.alarms.state import Alarms, What
from glucose.alarms.view import view
from glucose.formats import read_export
from glucose.merge import WITHDRAWN_AT_LEAST, fold
from glucose.reading import Bound, Kind, Reading
from naive.alarms import naive_alarms

MINUTE = timedelta(minutes=1)
EXPORTS = Path(__file__).parents[2].parent / "shared" / "data" / "exports"
COMPARED = ("urgent_low", "low", "high", "urgent_high", "stale")
RULES = AlarmRules(zone=UTC)


def random_day(seed: int, cadence: int) -> list[Reading]:
    """A day that wanders over all thresholds, with lost readings, gaps, jumps and bounds."""
    chance = random.Random(seed)
    readings: list[Reading] = []
    value, slope, minute = 120.0, 0.0, 0.0
    while minute < 24 * 60:
        if chance.random() < 0.1:
            slope = chance.choice([-3.0, -1.5, -0.5, 0.0, 0.5, 1.5, 3.0])
        if chance.random() < 0.02:
            value = float(chance.choice([50, 62, 72, 110, 245, 280, 320]))
        value = max(30.0, min(430.0, value + slope * cadence + chance.gauss(0, 1.5)))
        if chance.random() < 0.01:
            minute += chance.choice([7, 11, 12, 16, 20, 25, 60, 200])
        elif chance.random() > 0.05:
            bound = Bound.LOW if value < 40 else Bound.HIGH if value > 400 else None
            jitter = chance.choice([0, 0, 0.1, -0.2]) if cadence > 1 else 0
            readings.append(row(minute + jitter, round(value), bound=bound))
        minute += cadence
    return readings


def moments_of(readings: Sequence[Reading], every: timedelta) -> list[datetime]:
    """Each reading's time, and even distances between."""
    first, last = readings[0].time, readings[-1].time
    even = [first + i * every for i in range((last - first) // every + 1)]
    return sorted({*even, *(reading.time for reading in readings)})


def engine_says(
    readings: Sequence[Reading], cadence: timedelta, moments: Sequence[datetime]
) -> list[tuple[datetime, str, str]]:
    """What the engine tells of the compared alarms, looked at the same moments."""
    alarms, then, told = Alarms(), moments[0], []
    oldest = newest = 0
    for now in moments:
        while newest < len(readings) and readings[newest].time <= now:
            newest += 1
        while readings[oldest].time < now - timedelta(hours=6):
            oldest += 1
        seen = view(
            readings[max(0, min(oldest, newest - 1)) : newest],
            order=["a"],
            cadences={"a": cadence},
            now=now,
            withdrawn_at_least=WITHDRAWN_AT_LEAST,
        )
        alarms, happenings = advance(alarms, seen, RULES, now - then)
        told += [(now, str(h.kind), str(h.what)) for h in happenings if h.kind in COMPARED]
        then = now
    return told


def compare(readings: Sequence[Reading], cadence: int, every: timedelta) -> int:
    """Compare both; returns how much there was to tell."""
    moments = moments_of(readings, every)
    length = cadence * MINUTE
    expected = naive_alarms(readings, length, moments)
    assert sorted(engine_says(readings, length, moments)) == sorted(expected)
    return len(expected)


@pytest.mark.parametrize("cadence", [1, 5, 15])
def test_on_random_days(cadence: int) -> None:
    told = sum(compare(random_day(seed, cadence), cadence, 3 * MINUTE) for seed in range(8))
    assert told > 200
    assert START.tzinfo is UTC


@pytest.mark.parametrize("cadence", [1, 5, 15])
def test_a_long_high_began_where_the_readings_say(cadence: int) -> None:
    told = 0
    bridged = max(30 * MINUTE, cadence * 2.2 * MINUTE)
    # Often enough on days that wander far.
    long = Rule(threshold=120, delay=60 * MINUTE)
    rules = AlarmRules(zone=UTC, day={AlarmKind.SUSTAINED_HIGH: long})
    for seed in range(4 if cadence == 1 else 12):
        readings = random_day(seed, cadence)
        for _, happenings in replayed(
            readings, order=["a"], cadences={"a": cadence * MINUTE}, rules=rules
        ):
            for one in happenings:
                if (one.kind, one.what) != (AlarmKind.SUSTAINED_HIGH, What.FIRED):
                    continue
                told += 1
                seen = [r for r in readings if one.at - RECENT <= r.time <= one.at]
                first = 0
                for i, shown in enumerate(seen):
                    above = shown.bound is Bound.HIGH or (shown.bound is None and shown.mg_dl > 120)
                    if not above:
                        first = i + 1
                    elif i and shown.time - seen[i - 1].time > bridged:
                        first = i
                high = seen[first:]
                assert one.began == high[0].time
                assert one.extreme_mg_dl == max(r.mg_dl for r in high)
                assert one.at - one.began >= 60 * MINUTE
    assert told > 5


@pytest.mark.skipif(not EXPORTS.is_dir(), reason="the shared data is not beside this checkout")
@pytest.mark.parametrize(
    ("name", "zone", "series", "cadence"),
    [
        ("clarity_g6_en.csv", "Europe/Helsinki", "egv", 5),
        ("libreview_uk_mmol.csv", "Europe/London", "historic", 15),
    ],
)
def test_on_real_days(name: str, zone: str, series: str, cadence: int) -> None:
    export = read_export(EXPORTS / name, zone=ZoneInfo(zone), source="a")
    # The twin knows one series.
    rows = fold(r for r in export.readings if r.kind is Kind.CGM and r.series == series)
    end = rows[0].time + timedelta(days=15)
    assert compare([r for r in rows if r.time < end], cadence, 5 * MINUTE) > 50
