"""How fast one source's glucose is moving now: rate, and the change of the last five minutes."""

from __future__ import annotations

from datetime import timedelta
from itertools import takewhile
from typing import TYPE_CHECKING

from .merge import withdrawn_after

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .reading import Reading

WINDOW = timedelta(minutes=15)
# Two points of a one-minute sensor are mostly noise; four minutes let a five-minute one pass.
SHORTEST = timedelta(minutes=4)
DELTA_OVER = timedelta(minutes=5)
_MINUTE = timedelta(minutes=1)


def rate(readings: Sequence[Reading], cadence: timedelta) -> float | None:
    """Return mg/dL per minute by least squares over the last 15 minutes, or None.

    `readings` are one source's, oldest first; the newest is the one the rate belongs to. The
    window ends there and is 15 minutes, or one and a half cadences where that is longer, so
    that a 15-minute source has two points in it. A LOW, a HIGH or a gap as long as withdraws
    a value ends it earlier, because the way across them is not known. None where fewer than
    two readings over at least 4 minutes are left.
    """
    run = _run(readings, cadence)
    if not run or run[0].time - run[-1].time < SHORTEST:
        return None
    minutes = [(reading.time - run[0].time) / _MINUTE for reading in run]
    mean_minute = sum(minutes) / len(run)
    mean_mg_dl = sum(reading.mg_dl for reading in run) / len(run)
    spread = sum((minute - mean_minute) ** 2 for minute in minutes)
    together = sum(
        (minute - mean_minute) * (reading.mg_dl - mean_mg_dl)
        for minute, reading in zip(minutes, run, strict=True)
    )
    return together / spread


def delta_mg_dl(readings: Sequence[Reading], cadence: timedelta) -> int | None:
    """Return the newest reading minus the one about 5 minutes before it, or None.

    `readings` are one source's, oldest first. "About 5 minutes before" is the reading nearest
    to one step before the newest, at most half a step off it, of two equally near the newer;
    a step is 5 minutes, or one cadence where that is longer. None where no reading lies there
    and where one of the two is LOW or HIGH.
    """
    if not readings:
        return None
    newest = readings[-1]
    step = max(DELTA_OVER, cadence)
    wanted = newest.time - step

    def off(reading: Reading) -> timedelta:
        return abs(reading.time - wanted)

    recent = takewhile(lambda reading: reading.time >= wanted - step / 2, reversed(readings))
    before = min(recent, key=off)
    if off(before) > step / 2:
        return None
    if newest.bound is not None or before.bound is not None:
        return None
    return newest.mg_dl - before.mg_dl


def _run(readings: Sequence[Reading], cadence: timedelta) -> list[Reading]:
    """Return the readings the rate is made of, newest first."""
    window = max(WINDOW, cadence * 1.5)
    longest_gap = withdrawn_after(cadence)
    run: list[Reading] = []
    for reading in reversed(readings):
        if reading.bound is not None:
            break
        if run and run[0].time - reading.time > window:
            break
        if run and run[-1].time - reading.time > longest_gap:
            break
        run.append(reading)
    return run
