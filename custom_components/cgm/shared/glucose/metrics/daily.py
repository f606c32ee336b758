"""Means and spreads along the rows of a table with holes."""

from __future__ import annotations

import numpy as np

from .number import FloatArray, IntArray


def known_in(table: FloatArray) -> IntArray:
    """Count the known cells of each row."""
    counted: IntArray = np.count_nonzero(~np.isnan(table), axis=1).astype(np.int64)
    return counted


def means_of(table: FloatArray) -> FloatArray:
    """Return the mean of each row's known cells, NaN of an empty row."""
    counts = known_in(table)
    found = np.full(len(table), np.nan)
    np.divide(
        np.where(np.isnan(table), 0.0, table).sum(axis=1), counts, out=found, where=counts > 0
    )
    return found


def sds_of(table: FloatArray) -> FloatArray:
    """Return the sample SD (n - 1) of each row's known cells, NaN of fewer than two."""
    counts = known_in(table)
    away = table - means_of(table)[:, None]
    squares = np.where(np.isnan(away), 0.0, away**2).sum(axis=1)
    found = np.full(len(table), np.nan)
    np.divide(squares, counts - 1, out=found, where=counts > 1)
    roots: FloatArray = np.sqrt(found)
    return roots
