"""What is asked of the times of day: which stretches, on which weekdays, and what counts as so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..insight import EVERY_DAY, WEEKEND, WORKING_DAYS, InsightKind
from ..metrics.number import BoolArray, FloatArray
from ..targets import Targets
from .day_table import STARTS, DayTable
from .day_values import (
    DRIFT_BINS,
    HOUR,
    NIGHT_BINS,
    RISE_BINS,
    WAKING_BINS,
    dawns,
    drifts,
    highest,
    lowest,
    rises,
)
from .faint_rhythm import without_rhythm

WEEKDAY_SETS = (EVERY_DAY, WORKING_DAYS, WEEKEND, *((day,) for day in EVERY_DAY))
# A night is a habit of the household's days, not of one weekday among seven.
_NIGHT_SETS = WEEKDAY_SETS[:3]
_LENGTHS = (3 * HOUR, 6 * HOUR)
_ALL_STARTS = tuple(range(STARTS))
_MIDNIGHT = (0,)
LEAST_RISE = 30.0
# A dawn of 20 mg/dL is what Monnier 2013 counts; a night's drift that a person would call one.
LEAST_DAWN = 20.0
LEAST_DRIFT = 15.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stretch:
    """Every stretch of one length: its `sizes` (days, starts) in mg/dL, and where it is `so`.

    The size is how far it goes beyond the target, or how much it rises; NaN where not known.
    """

    bins: int
    sizes: FloatArray
    so: BoolArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Question:
    """One kind of stretch: `told` as the readings are, `tested` without the faint rhythm.

    `starts` (the first ones of the day) and `weekday_sets` are what is tried. `signed` asks for
    falls as well as for rises. `shares` compares how often, else how much.
    """

    kind: InsightKind
    told: Stretch
    tested: Stretch
    starts: tuple[int, ...] = _ALL_STARTS
    weekday_sets: tuple[tuple[int, ...], ...] = WEEKDAY_SETS
    signed: bool = False
    shares: bool = False

    @property
    def known(self) -> BoolArray:
        """Which days and starts count."""
        both: BoolArray = ~np.isnan(self.told.sizes + self.tested.sizes)
        return both


def questions(table: DayTable, targets: Targets) -> Iterator[Question]:
    """Yield everything asked of the times of day; days hardly worn count nowhere."""
    told, tested = _stretches(table, targets), _stretches(without_rhythm(table), targets)
    for (kind, real), (_, flat) in zip(told, tested, strict=True):
        at_night = kind in {InsightKind.DAWN, InsightKind.OVERNIGHT_DRIFT}
        yield Question(
            kind=kind,
            told=real,
            tested=flat,
            starts=_MIDNIGHT if at_night else _ALL_STARTS,
            weekday_sets=_NIGHT_SETS if at_night else WEEKDAY_SETS,
            signed=kind is InsightKind.OVERNIGHT_DRIFT,
            shares=kind in {InsightKind.RECURRENT_LOW, InsightKind.RECURRENT_HIGH},
        )


def _stretches(table: DayTable, targets: Targets) -> Iterator[tuple[InsightKind, Stretch]]:
    def worn(sizes: FloatArray) -> FloatArray:
        return np.where(table.worn[:, None], sizes, np.nan)

    for bins in _LENGTHS:
        below = worn(lowest(table, bins) - targets.low_mg_dl)
        above = worn(highest(table, bins) - targets.high_mg_dl)
        yield InsightKind.RECURRENT_LOW, Stretch(bins=bins, sizes=below, so=below < 0)
        yield InsightKind.RECURRENT_HIGH, Stretch(bins=bins, sizes=above, so=above > 0)
    rise = worn(rises(table))
    yield InsightKind.RISE, Stretch(bins=RISE_BINS, sizes=rise, so=rise >= LEAST_RISE)
    dawn = worn(dawns(table, targets.low_mg_dl))
    night = NIGHT_BINS + WAKING_BINS
    yield InsightKind.DAWN, Stretch(bins=night, sizes=dawn, so=dawn >= LEAST_DAWN)
    drift = worn(drifts(table))
    so = np.abs(drift) >= LEAST_DRIFT
    yield InsightKind.OVERNIGHT_DRIFT, Stretch(bins=DRIFT_BINS, sizes=drift, so=so)
