"""Glucose without the faint rhythm of the day that nearly everybody has and nobody means.

A wave of a few mg/dL through the day is no habit, yet weeks of readings would prove it sooner or
later, as highs that come more often in one half of the day. So of the day's first harmonic, fitted
to the mean day, up to 10 mg/dL is taken off before anything is tested; what is told, and whether
it matters, is of the readings as they are.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..metrics.number import FloatArray, finite
from .day_table import BINS, DayTable

FAINT_MG_DL = 10.0


def without_rhythm(table: DayTable) -> DayTable:
    """Return the days less their rhythm's first harmonic, of which at most 10 mg/dL."""
    wave = np.exp(2j * np.pi * np.arange(BINS) / BINS)
    away = _mean_day(table)
    fitted = complex(2 * np.mean(away * wave.conj()))
    taken = fitted * min(1.0, FAINT_MG_DL / max(abs(fitted), FAINT_MG_DL))
    return replace(table, cells=table.cells - (taken * wave).real)


def _mean_day(table: DayTable) -> FloatArray:
    """Return how far each quarter hour's mean is from the mean of all, 0 where none is known."""
    columns = [finite(column) for column in table.days[table.worn].T]
    means = np.array([column.mean() if len(column) else np.nan for column in columns])
    return np.nan_to_num(means - means[~np.isnan(means)].mean()) if len(finite(means)) else means
