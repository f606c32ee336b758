"""What of whole days is compared between days: mean, time in range, time low, hours of the day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time

import numpy as np

from ..insight import Outcome
from ..metrics.number import BoolArray, FloatArray
from ..targets import Targets
from .day_table import BINS, KNOWN_SHARE, DayTable
from .day_values import HOUR

_QUARTER = 6 * HOUR


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayOutcome:
    """One value a day, NaN where the day does not count; `start` and `end` None for whole days.

    `least` is the smallest difference that matters.
    """

    outcome: Outcome
    values: FloatArray
    least: float
    start: time | None = None
    end: time | None = None

    @property
    def tested(self) -> FloatArray:
        """The values as they are compared: time low by its root, which a few days rule less."""
        return np.sqrt(self.values) if self.outcome is Outcome.LOW else self.values


LEAST_MG_DL = 15.0
LEAST_IN_RANGE = 10.0
LEAST_LOW = 3.0


def whole_days(table: DayTable, targets: Targets) -> tuple[DayOutcome, ...]:
    """Return mean (mg/dL), time in range and time low (percent) of each worn day."""
    cells = table.days
    known = ~np.isnan(cells)
    count = np.maximum(known.sum(axis=1), 1)

    def mean(values: FloatArray | BoolArray) -> FloatArray:
        return np.where(table.worn, np.where(known, values, 0.0).sum(axis=1) / count, np.nan)

    within = (cells >= targets.low_mg_dl) & (cells <= targets.high_mg_dl)
    return (
        DayOutcome(outcome=Outcome.MEAN, values=mean(cells), least=LEAST_MG_DL),
        DayOutcome(outcome=Outcome.IN_RANGE, values=100 * mean(within), least=LEAST_IN_RANGE),
        DayOutcome(
            outcome=Outcome.LOW, values=100 * mean(cells < targets.low_mg_dl), least=LEAST_LOW
        ),
    )


def quarters(table: DayTable) -> tuple[DayOutcome, ...]:
    """Return the mean of each six hours of each worn day, mg/dL."""
    found = []
    for begin in range(0, BINS, _QUARTER):
        cells = table.days[:, begin : begin + _QUARTER]
        known = ~np.isnan(cells)
        count = known.sum(axis=1)
        values = np.where(known, cells, 0.0).sum(axis=1) / np.maximum(count, 1)
        values[(count < KNOWN_SHARE * _QUARTER) | ~table.worn] = np.nan
        found.append(
            DayOutcome(
                outcome=Outcome.MEAN,
                values=values,
                least=LEAST_MG_DL,
                start=time(begin // HOUR),
                end=time((begin + _QUARTER) // HOUR % 24),
            )
        )
    return tuple(found)
