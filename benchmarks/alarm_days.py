"""The days on which benchmarks/alarms.py compares rules: real ones, and nights of known truth."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from alarm_events import Point

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "custom_components/cgm/shared"))

from glucose.cli.alarms import as_one_series, cadence_of
from glucose.formats import read_export
from glucose.reading import Bound, Kind, Reading
from glucose.sources.simulated_body import STEP, Body
from glucose.sources.simulated_sensor import Sensors
from glucose.sources.simulated_settings import SimulatedSettings

# Zones as the files show them: only the changes of the clocks depend on it.
REAL = (
    ("cgm/hall_1636-69-001.csv", "UTC"),
    ("cgm/hall_2133-004.csv", "UTC"),
    ("exports/clarity_g6_en.csv", "Europe/Helsinki"),
    ("exports/libreview_uk_mmol.csv", "Europe/London"),
)
SEEDS = range(1, 9)
NIGHTS = 28
NIGHT_FROM, NIGHT_TO = time(22), time(7)
FIRST = datetime(2026, 3, 2, tzinfo=UTC)
# A phone that was away brings readings when nobody can be warned by them any more.
TOO_LATE = timedelta(minutes=10)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wearer:
    """One wearer's readings, and the values by which it is decided what ought to be said.

    `truth` is what the sensor read where nothing better is known. With `nights`, only what begins
    between 22:00 and 07:00 UTC counts, and a day is a night.
    """

    name: str
    readings: Sequence[Reading]
    cadence: timedelta
    truth: Sequence[Point]
    truth_cadence: timedelta
    nights: int | None = None

    @property
    def days(self) -> float:
        """How many days of readings, or nights, there are."""
        if self.nights is not None:
            return float(self.nights)
        gaps = (later.time - earlier.time for earlier, later in pairwise(self.truth))
        return sum((gap for gap in gaps if gap <= 3 * self.cadence), timedelta()) / _DAY

    def counts(self, moment: datetime) -> bool:
        """Tell whether what happens at this moment is counted."""
        if self.nights is None:
            return True
        in_run = FIRST <= moment < FIRST + self.nights * _DAY
        return in_run and (moment.time() >= NIGHT_FROM or moment.time() < NIGHT_TO)


def real(data: Path) -> list[Wearer]:
    """Return the wearers of the shared data."""
    return [_of_file(data / name, zone) for name, zone in REAL]


def _of_file(path: Path, zone: str) -> Wearer:
    export = read_export(path, zone=ZoneInfo(zone), source="export")
    readings = as_one_series(export.readings)
    cadence = cadence_of(export.readings)
    points = [Point(row.time, row.mg_dl) for row in readings if row.kind is Kind.CGM]
    return Wearer(
        name=path.stem,
        readings=readings,
        cadence=cadence,
        truth=points,
        truth_cadence=cadence,
    )


def simulated() -> list[Wearer]:
    """Return simulated wearers, whose true glucose is known beside what the sensor made of it."""
    return [_of_seed(seed) for seed in SEEDS]


def _of_seed(seed: int) -> Wearer:
    zone = ZoneInfo("UTC")
    body = Body(seed, zone)
    first, last = FIRST.timestamp(), (FIRST + NIGHTS * _DAY).timestamp()
    settings = SimulatedSettings(seed=seed, zone=zone)
    readings = [
        _reading(shown.time, shown.mg_dl)
        for shown in Sensors(settings, body).shown(first, last)
        if shown.available - shown.time <= TOO_LATE.total_seconds()
    ]
    day = int(first // _DAY.total_seconds())
    true = body.glucose(day, day + NIGHTS - 1)
    return Wearer(
        name=f"simulated {seed}",
        readings=readings,
        cadence=timedelta(minutes=5),
        truth=[
            Point(FIRST + place * timedelta(seconds=STEP), mg_dl)
            for place, mg_dl in enumerate(true)
        ],
        truth_cadence=timedelta(seconds=STEP),
        nights=NIGHTS,
    )


def _reading(when: int, value: float) -> Reading:
    """Return a reading as a Dexcom shows it: LOW under 40, HIGH over 400."""
    mg_dl = round(value)
    bound = Bound.LOW if mg_dl < 40 else Bound.HIGH if mg_dl > 400 else None
    return Reading(
        time=datetime.fromtimestamp(when, UTC),
        mg_dl=39 if bound is Bound.LOW else 401 if bound is Bound.HIGH else mg_dl,
        source="simulated",
        series="sensor",
        bound=bound,
    )
