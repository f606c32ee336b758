"""Readings laid on an even grid of the wearer's days, gaps left open, as iglu's CGMS2DayByDay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from functools import cached_property

import numpy as np

from .local_clock import DAY_MS, MINUTE_MS, utc_of, wall_of
from .number import FloatArray, IntArray

LONGEST_GAP_MINUTES = 45
DAY_MINUTES = 1440
# A spacing that no day is a multiple of: over 20 minutes it becomes 20, below a multiple of 5.
_COARSEST = 20
_FIFTH = 5
# Days without readings are not laid out, so only a scattered history of many years gets here.
_MOST_CELLS = 30_000_000


@dataclass(frozen=True, eq=False)
class DayGrid:
    """Glucose at each `step` minutes of each day, NaN where none is known.

    `cells` has a row for a day, from midnight + step to the next midnight, which is its last
    cell. `days` is how many days the grid spans; of those without readings only one between two
    others has a row. `rows` says which day of the span each row is. `times` are the cells' UTC
    epoch milliseconds.
    """

    step: int
    days: int
    rows: IntArray
    cells: FloatArray
    times: IntArray

    @classmethod
    def of(cls, times: IntArray, mg_dl: FloatArray, zone: tzinfo, step: int) -> DayGrid | None:
        """Interpolate between readings at most 45 minutes apart; None where no grid is possible.

        Of readings at one time the last counts. The grid is the wall clock's: what spring skips
        is NaN, and of what autumn repeats the first pass is meant, as in iglu. None of fewer
        than two different times, and of a spacing under half a minute or over 45.
        """
        last = np.append(np.diff(times) > 0, True)
        times, mg_dl = times[last], mg_dl[last]
        if len(times) < 2 or not 0 < step <= LONGEST_GAP_MINUTES:  # noqa: PLR2004 - two ends
            return None
        step = _fitting(step)
        per_day = DAY_MINUTES // step
        days = -int(-(times[-1] - times[0]) // DAY_MS) + 1
        walls = wall_of(times, zone)
        midnight = int(walls[0] // DAY_MS * DAY_MS)
        rows = _rows((walls - midnight - 1) // DAY_MS, days)
        if len(rows) * per_day > _MOST_CELLS:
            return None
        within = np.arange(1, per_day + 1, dtype=np.int64) * (step * MINUTE_MS)
        moments, exists = utc_of((midnight + rows[:, None] * DAY_MS + within).ravel(), zone)
        cells = _interpolated(moments, times, mg_dl)
        cells[~exists] = np.nan
        return cls(
            step=step,
            days=days,
            rows=rows,
            cells=cells.reshape(len(rows), per_day),
            times=moments,
        )

    @cached_property
    def flat(self) -> FloatArray:
        """The cells of all rows, one after the other."""
        return self.cells.ravel()

    def differences(self, lag: int) -> FloatArray:
        """Return what the known cells differ by from those `lag` cells before, at most a day."""
        changes = self.flat[lag:] - self.flat[: max(len(self.flat) - lag, 0)]
        there: FloatArray = changes[~np.isnan(changes)]
        return there


def _fitting(step: int) -> int:
    """Return the spacing that divides a day, as iglu chooses it."""
    if DAY_MINUTES % step == 0:
        return step
    if step > _COARSEST:
        return _COARSEST
    over = step % _FIFTH
    return step - over if over <= _FIFTH // 2 else step + _FIFTH - over


def _rows(read_on: IntArray, days: int) -> IntArray:
    """Return the days with a row: the first, those with readings, and one empty after each."""
    found = np.unique(read_on)
    rows = np.unique(np.concatenate(([0], found, found + 1)))
    return rows[(rows >= 0) & (rows < days)]


def _interpolated(moments: IntArray, times: IntArray, mg_dl: FloatArray) -> FloatArray:
    """Return glucose at each moment on the line between its neighbours, NaN in longer gaps."""
    before = np.searchsorted(times, moments, side="right") - 1
    before = np.clip(before, 0, len(times) - 2)
    start, end = times[before], times[before + 1]
    from_, to = mg_dl[before], mg_dl[before + 1]
    found: FloatArray = from_ + (to - from_) * ((moments - start) / (end - start))
    open_gap = (
        (end - start > LONGEST_GAP_MINUTES * MINUTE_MS) & (moments != start) & (moments != end)
    )
    found[open_gap | (moments < times[0]) | (moments > times[-1])] = np.nan
    return found
