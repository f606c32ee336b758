"""How long the pictures take to draw and how large they are: every kind, size, unit and paper.

A day of five-minute readings with treatments and an alarm, and a profile of 14 days with its
percentiles; the readings are simulated. The median of several drawings is shown, the first of a
process, which loads the font, beside it. Plain is Pillow saving an empty sheet of the size. Times
are of the processor, so that a busy machine weighs little.

Exit status 1 where the target is missed: each at most 150 ms and under 60 kB.

Run: python benchmarks/pictures.py [--runs N]
"""

from __future__ import annotations

import argparse
import asyncio
import io
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "custom_components" / "cgm" / "shared"))

from figures import Figure, add_option, conclude
from glucose.metrics.series import Series
from glucose.pictures.day import Day, day_picture
from glucose.pictures.look import Look, Size
from glucose.pictures.marks import Span
from glucose.pictures.profile import Profile, profile_picture
from glucose.sources.simulated import SimulatedAccount
from glucose.sources.simulated_settings import SimulatedSettings
from glucose.targets import Targets
from glucose.treatment import Treatment, TreatmentKind
from glucose.units import Unit

if TYPE_CHECKING:
    from glucose.reading import Reading

MOST_MS = 150.0
MOST_BYTES = 60_000
ZONE = ZoneInfo("Europe/Berlin")
LAST = date(2026, 11, 19)
END = datetime(2026, 11, 20, tzinfo=ZONE).astimezone(UTC)
CADENCE = timedelta(minutes=5)


def simulated() -> list[Reading]:
    """Return 14 days of a simulated wearer."""

    async def run[T](work: Callable[[], T]) -> T:
        return work()

    account = SimulatedAccount(
        SimulatedSettings(seed=7, zone=ZONE), clock=lambda: END, elapsed=time.monotonic, run=run
    )
    answer = asyncio.run(account.readings(account.wearer_id, "s", END - timedelta(days=14)))
    return list(answer.readings)


def day_of(readings: list[Reading]) -> Day:
    """Return the last day, in its evening, with meals, insulin and an alarm."""
    now = END - timedelta(hours=1)
    current = max((one for one in readings if one.time <= now), key=lambda one: one.time)
    treatments = [
        Treatment(
            time=END - timedelta(hours=hours),
            kind=kind,
            amount=amount,
            source="u",
            id=f"{hours}{kind}",
        )
        for hours in (4.5, 11, 16)
        for kind, amount in ((TreatmentKind.CARBS, 45.0), (TreatmentKind.INSULIN_RAPID, 4.5))
    ]
    alarm = Span(start=END - timedelta(hours=9), end=END - timedelta(hours=8), low=True)
    return Day(
        date=LAST,
        zone=ZONE,
        now=now,
        readings=readings,
        targets=Targets(),
        current=current,
        treatments=treatments,
        alarms=[alarm],
    )


def timed(draw: Callable[[], bytes], runs: int) -> tuple[float, float, int]:
    """Return the first and the median of the other times in ms, and the bytes."""
    times = []
    size = 0
    for _ in range(runs + 1):
        begun = time.process_time()
        size = len(draw())
        times.append((time.process_time() - begun) * 1000)
    return times[0], statistics.median(times[1:]), size


def plain(size: Size) -> bytes:
    """Return an empty sheet as Pillow saves it."""
    out = io.BytesIO()
    Image.new("RGB", size.value, (255, 255, 255)).save(out, "PNG")
    return out.getvalue()


def main() -> int:
    """Draw everything, print the table, return 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    add_option(parser)
    asked = parser.parse_args()
    runs = asked.runs
    readings = simulated()
    day = day_of(readings)
    profile = Profile.of(Series.of(readings, ZONE), END, CADENCE, Targets())
    print(f"{'picture':34} {'first':>8} {'median':>8} {'plain':>8} {'size':>9}")
    slowest, largest = 0.0, 0
    for size, dark, unit in product(Size, (False, True), Unit):
        look = Look(size=size, dark=dark, unit=unit, language="de" if dark else "en")
        _, floor, _ = timed(partial(plain, size), runs)
        draws = {
            "day": partial(day_picture, day, look),
            "profile": partial(profile_picture, profile, look),
        }
        for name, draw in draws.items():
            first, usual, length = timed(draw, runs)
            slowest, largest = max(slowest, usual), max(largest, length)
            what = f"{name} {size.name.lower()} {'dark' if dark else 'light'} {unit}"
            print(
                f"{what:34} {first:5.0f} ms {usual:5.0f} ms {floor:5.1f} ms {length / 1000:6.1f} kB"
            )
    figures = [
        Figure(
            what="the slowest picture",
            measured=f"{slowest:.0f} ms",
            target=f"at most {MOST_MS:.0f} ms",
            met=slowest <= MOST_MS,
        ),
        Figure(
            what="the largest picture",
            measured=f"{largest / 1000:.1f} kB",
            target=f"under {MOST_BYTES / 1000:.0f} kB",
            met=largest < MOST_BYTES,
        ),
    ]
    return conclude(figures, asked.figures)


if __name__ == "__main__":
    sys.exit(main())
