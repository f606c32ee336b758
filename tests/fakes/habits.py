"""Invented wearers: glucose that repeats nothing, and habits planted into it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo

import numpy as np
from numpy.typing import NDArray

from glucose.metrics.series import Series

PER_DAY = 288
STEP_MS = 300_000
# A Monday.
FIRST = date(2026, 6, 1)
Days = NDArray[np.float64]


@dataclass
class Wearer:
    """Days of five-minute glucose, mg/dL, without any habit.

    Noise of two hours' memory (SD 40, as in type 1 diabetes), days that resemble the day before
    (SD 15), a faint rhythm of the day (8 mg/dL, hardly anybody has less), sensor noise (SD 4).
    """

    days: int
    seed: int
    mean: float = 145
    sd: float = 40
    hours: float = 2
    day_sd: float = 15
    day_share: float = 0.3
    rhythm: float = 8
    lost: float = 0.03
    glucose: Days = field(init=False)

    def __post_init__(self) -> None:
        """Invent the glucose."""
        self.rng = np.random.default_rng(self.seed)
        count = self.days * PER_DAY
        noise = _remembering(self.rng, count // 3, np.exp(-0.25 / self.hours))
        smooth = np.interp(np.arange(count) / 3, np.arange(count // 3), noise) * self.sd
        levels = _remembering(self.rng, self.days, self.day_share) * self.day_sd
        level = np.interp(np.arange(count) / PER_DAY - 0.5, np.arange(self.days), levels)
        phase = self.rng.uniform(0, 2 * np.pi)
        rhythm = self.rhythm * np.sin(2 * np.pi * np.arange(count) / PER_DAY + phase)
        self.glucose = self.mean + smooth + level + rhythm

    @property
    def weekdays(self) -> NDArray[np.int64]:
        """0 is Monday."""
        return np.arange(self.days) % 7

    @property
    def today(self) -> date:
        """The day after the last."""
        return FIRST + timedelta(days=self.days)

    def rise(self, hour: float, mg_dl: float, weekdays: tuple[int, ...]) -> Wearer:
        """Let glucose rise for 70 minutes after about `hour` (20 minutes' SD) and fall again."""
        for day in np.flatnonzero(np.isin(self.weekdays, weekdays)):
            begin = day * PER_DAY + round((hour + self.rng.normal(0, 1 / 3)) * 12)
            self._add(begin, mg_dl * np.interp(np.arange(48), (0, 14, 22, 48), (0, 1, 0.8, 0)))
        return self

    def low(self, hour: float, share: float, weekdays: tuple[int, ...]) -> Wearer:
        """Let glucose be about 58 for an hour after about `hour` on a `share` of the days."""
        for day in np.flatnonzero(np.isin(self.weekdays, weekdays)):
            if self.rng.random() < share:
                begin = day * PER_DAY + round((hour + self.rng.normal(0, 0.5)) * 12)
                weight = np.interp(np.arange(30), (0, 9, 21, 30), (0, 1, 1, 0))
                end = min(begin + 30, len(self.glucose))
                weight = weight[: end - begin]
                part = self.glucose[begin:end]
                self.glucose[begin:end] = part + weight * (np.minimum(58, part) - part)
        return self

    def dawn(self, mg_dl: float) -> Wearer:
        """Let glucose rise from 03:30 to 06:30 and fall back until noon."""
        for day in range(self.days):
            begin = day * PER_DAY + 42
            self._add(begin, mg_dl * np.interp(np.arange(102), (0, 36, 48, 102), (0, 1, 1, 0)))
        return self

    def drift(self, mg_dl: float) -> Wearer:
        """Let glucose drift through the night from midnight to six, and back by noon."""
        for day in range(self.days):
            self._add(
                day * PER_DAY, mg_dl * np.interp(np.arange(144), (0, 72, 84, 144), (0, 1, 1, 0))
            )
        return self

    def shift(self, mg_dl: float, days: NDArray[np.bool_]) -> Wearer:
        """Lift whole days."""
        self.glucose += np.repeat(days * mg_dl, PER_DAY)
        return self

    def weekend(self, mg_dl: float) -> Wearer:
        """Lift Saturdays and Sundays."""
        return self.shift(mg_dl, self.weekdays >= 5)

    def last_fortnight(self, mg_dl: float) -> Wearer:
        """Lift the last 14 days."""
        return self.shift(mg_dl, np.arange(self.days) >= self.days - 14)

    def series(self, zone: tzinfo = UTC) -> Series:
        """Return what the sensor read: whole mg/dL with its noise, hours lost here and there."""
        read = np.rint(np.clip(self.glucose + self.rng.normal(0, 4, len(self.glucose)), 40, 400))
        there = np.repeat(self.rng.random(len(read) // 12) >= self.lost, 12)
        start = round(datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=zone).timestamp()) * 1000
        times = start + np.arange(len(read), dtype=np.int64) * STEP_MS
        return Series(times=times[there], mg_dl=read[there], zone=zone)

    def _add(self, begin: int, bump: Days) -> None:
        end = min(begin + len(bump), len(self.glucose))
        self.glucose[begin:end] += bump[: end - begin]


def _remembering(rng: np.random.Generator, count: int, share: float) -> Days:
    """Return a series of SD 1 that keeps a `share` of itself from step to step."""
    found = rng.standard_normal(count)
    found[1:] *= np.sqrt(1 - share**2)
    for at in range(1, count):
        found[at] += share * found[at - 1]
    return found
