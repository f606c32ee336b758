"""One wearer's readings as arrays: what every measure is taken of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..reading import HIGHEST_MG_DL, LOWEST_MG_DL, Bound, Kind
from .grid import DayGrid
from .local_clock import DAY_MS, MINUTE_MS, epoch_ms, utc_time, wall_of
from .number import FloatArray, IntArray

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..reading import Reading


@dataclass(frozen=True, eq=False)
class Series:
    """A sensor's readings, oldest first: UTC epoch milliseconds, mg/dL, the wearer's zone.

    Two readings may share a time: measures of values count both, measures over time say in
    their files what they do. `lows` and `highs` are how many are the sensor's limit instead of
    a measured number. Raises ValueError for what is not sorted or not in 10..600 mg/dL.
    """

    times: IntArray
    mg_dl: FloatArray
    zone: tzinfo
    lows: int = 0
    highs: int = 0

    def __post_init__(self) -> None:
        """Refuse what no measure could be taken of."""
        if self.times.shape != self.mg_dl.shape or self.times.ndim != 1:
            raise ValueError("as many times as values, in one row")
        if np.any(np.diff(self.times) < 0):
            raise ValueError("readings must be oldest first")
        if not np.all((self.mg_dl >= LOWEST_MG_DL) & (self.mg_dl <= HIGHEST_MG_DL)):
            raise ValueError(f"glucose must lie in {LOWEST_MG_DL}..{HIGHEST_MG_DL} mg/dL")
        self.times.flags.writeable = False
        self.mg_dl.flags.writeable = False

    @classmethod
    def of(cls, readings: Iterable[Reading], zone: tzinfo) -> Series:
        """Take the sensor's readings among `readings`, in any order; meters never count."""
        sensor = sorted(
            (reading for reading in readings if reading.kind is Kind.CGM),
            key=lambda reading: reading.time,
        )
        bounds = [reading.bound for reading in sensor]
        return cls(
            times=np.array([epoch_ms(reading.time) for reading in sensor], dtype=np.int64),
            mg_dl=np.array([reading.mg_dl for reading in sensor], dtype=np.float64),
            zone=zone,
            lows=bounds.count(Bound.LOW),
            highs=bounds.count(Bound.HIGH),
        )

    def __len__(self) -> int:
        """Count the readings."""
        return len(self.times)

    @property
    def first(self) -> datetime | None:
        """The time of the first reading, UTC."""
        return utc_time(int(self.times[0])) if len(self) else None

    @property
    def last(self) -> datetime | None:
        """The time of the last reading, UTC."""
        return utc_time(int(self.times[-1])) if len(self) else None

    @cached_property
    def walls(self) -> IntArray:
        """The wearer's wall clock at each reading, in milliseconds."""
        return wall_of(self.times, self.zone)

    @cached_property
    def local_days(self) -> IntArray:
        """The wearer's date at each reading, in days since 1970-01-01."""
        return self.walls // DAY_MS

    @cached_property
    def gaps(self) -> FloatArray:
        """The minutes between each two different times, as iglu takes them."""
        steps = np.diff(self.times)
        return steps[steps > 0] / MINUTE_MS

    @cached_property
    def step(self) -> int | None:
        """The usual spacing in whole minutes: the median gap, half to even; None of one time."""
        return int(np.rint(np.median(self.gaps))) if len(self.gaps) else None

    @cached_property
    def averaged(self) -> Series:
        """The same with readings of one time averaged into one, as some of iglu's measures do."""
        if len(self.gaps) == max(len(self) - 1, 0):
            return self
        times, place = np.unique(self.times, return_inverse=True)
        return Series(
            times=times,
            mg_dl=np.bincount(place, weights=self.mg_dl) / np.bincount(place),
            zone=self.zone,
            lows=self.lows,
            highs=self.highs,
        )

    @cached_property
    def grid(self) -> DayGrid | None:
        """The days on an even grid of the usual spacing; None where there is none (grid.py)."""
        return (
            None if self.step is None else DayGrid.of(self.times, self.mg_dl, self.zone, self.step)
        )

    @cached_property
    def five_minute_grid(self) -> DayGrid | None:
        """The days on a grid of 5 minutes, whatever the usual spacing is."""
        if self.grid is not None and self.grid.step == FIVE_MINUTES:
            return self.grid
        return (
            None
            if self.step is None
            else DayGrid.of(self.times, self.mg_dl, self.zone, FIVE_MINUTES)
        )

    def between(self, start: datetime, end: datetime) -> Series:
        """Return the readings from `start` to `end`, both included.

        `lows` and `highs` of a part are not known and count nothing: take parts of readings
        where they matter.
        """
        kept = slice(
            np.searchsorted(self.times, epoch_ms(start), side="left"),
            np.searchsorted(self.times, epoch_ms(end), side="right"),
        )
        return Series(times=self.times[kept], mg_dl=self.mg_dl[kept], zone=self.zone)


FIVE_MINUTES = 5
