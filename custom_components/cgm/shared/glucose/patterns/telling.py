"""Windows of the day as insights: when it begins, how far it goes, on which dates it was so."""

from __future__ import annotations

from datetime import time

import numpy as np

from ..insight import EVERY_DAY, Insight, InsightKind
from ..metrics.number import BoolArray, FloatArray, IntArray, finite
from .day_table import BIN_MINUTES, START_BINS, DayTable
from .day_values import BEFORE_BINS, RISE_BINS, mean_of
from .windows import DAY_MINUTES, Window

# A typical value of fewer days is none.
_LEAST_TYPICAL = 4
# A rise has begun where a fifth of it is behind.
_BEGUN = 0.2
_FIVE = 5


def insight_of(window: Window, table: DayTable) -> Insight:
    """Return what the window tells."""
    rows = np.flatnonzero(window.chosen)[window.so]
    begins: float = window.begins
    if window.question.kind is InsightKind.RISE:
        begins = _onset(window, table, rows)
    extreme, extreme_at = _extreme(window, table, rows)
    low, high = np.percentile(window.sizes, (25, 75))
    return Insight(
        kind=window.question.kind,
        days=tuple(table.date_of(int(row)) for row in rows),
        n_eligible=int(window.chosen.sum()),
        effect=window.effect,
        low=float(low),
        high=float(high),
        chance=window.chance,
        weekdays=window.weekdays,
        start=clock(begins),
        end=clock(begins + window.minutes),
        elsewhere=_elsewhere(window, table),
        extreme_mg_dl=extreme,
        extreme_at=extreme_at,
        chart=chart(table, window.chosen),
    )


def chart(table: DayTable, chosen: BoolArray) -> tuple[tuple[int, float], ...]:
    """Return the chosen days' typical glucose: (minutes after midnight, mg/dL)."""
    return tuple(
        (place * BIN_MINUTES, round(float(np.median(values)), 1))
        for place, column in enumerate(table.days[chosen].T)
        if len(values := finite(column)) >= _LEAST_TYPICAL
    )


def clock(minutes: float) -> time:
    """Return minutes after midnight as a time of day, to five minutes."""
    hours, left = divmod(round(minutes / _FIVE) * _FIVE % DAY_MINUTES, 60)
    return time(hours, left)


def _elsewhere(window: Window, table: DayTable) -> float | None:
    others = np.isin(table.weekdays, sorted(set(EVERY_DAY) - set(window.weekdays)))
    sizes = finite(window.question.told.sizes[others, window.start])
    return float(np.median(sizes)) if len(sizes) >= _LEAST_TYPICAL else None


def _onset(window: Window, table: DayTable, rows: IntArray) -> float:
    """Return the typical minute at which a fifth of the rise is behind."""
    taken = table.stretches(BEFORE_BINS + RISE_BINS, before=BEFORE_BINS)[rows, window.start]
    before = mean_of(taken[:, :BEFORE_BINS])
    after = np.where(np.isnan(taken), -np.inf, taken)[:, BEFORE_BINS:]
    peak = after.argmax(axis=1)
    begun = before + _BEGUN * (after.max(axis=1) - before)
    places = np.arange(RISE_BINS)
    still = (after <= begun[:, None]) & (places < peak[:, None])
    last = np.where(still, places + 1, 0).max(axis=1)
    return window.begins + float(np.median(last)) * BIN_MINUTES


def _extreme(window: Window, table: DayTable, rows: IntArray) -> tuple[float | None, time | None]:
    """Return where glucose typically goes, and when: a peak, a low; the night's end of a drift."""
    kind, bins = window.question.kind, window.question.told.bins
    taken = table.stretches(bins)[rows, window.start]
    if kind in {InsightKind.DAWN, InsightKind.OVERNIGHT_DRIFT}:
        ends = finite(taken[:, -START_BINS:])
        value = float(np.median(ends)) if len(ends) else None
        return value, clock(window.begins + window.minutes) if len(ends) else None
    values: FloatArray = np.where(np.isnan(taken), -np.inf, taken)
    if kind is InsightKind.RECURRENT_LOW:
        values = np.where(np.isnan(taken), np.inf, taken)
        place, found = values.argmin(axis=1), values.min(axis=1)
    else:
        place, found = values.argmax(axis=1), values.max(axis=1)
    middle = (float(np.median(place)) + 0.5) * BIN_MINUTES
    return float(np.median(found)), clock(window.begins + middle)
