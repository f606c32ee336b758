"""What two windows have in common, for each pair: grown from the pair one place earlier.

For the pair of windows at i and j of length m, the product sum q = x_i·x_j + … becomes that of
i + 1 and j + 1 by one product more and one less (Zhu 2016, STOMP, ICDM, eq. 3), and so does their
covariance (Yeh 2016; Mueen's MPX form: two products of what a window gains). Sums of whole
numbers, or of halves, quarters … sixteenths, stay exact in a double.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..metrics.number import FloatArray


def window_sums(values: FloatArray, m: int) -> FloatArray:
    """Return the sum of each m neighbouring values."""
    return _along(values, np.ones(m))


@dataclass(frozen=True, slots=True, eq=False)
class WindowProducts:
    """One number for each pair of windows of `values`, which have no gaps.

    It is scale · (x_i·x_j - s_i s_j), where x are the windows' values and s the `sums` given.
    From (i, j) to (i + 1, j + 1) it grows by a[i] A[j] + b[i] B[j]: `rows` are a and b, `columns`
    A and B.
    """

    values: FloatArray
    m: int
    scale: float
    sums: FloatArray | None
    rows: tuple[FloatArray, FloatArray]
    columns: tuple[FloatArray, FloatArray]

    @classmethod
    def dot(cls, values: FloatArray, m: int, scale: float) -> WindowProducts:
        """Take scale · Σ x_i x_j."""
        old, new = values[:-m], values[m:]
        return cls(values, m, scale, None, (scale * new, -scale * old), (new, old))

    @classmethod
    def covariance(cls, values: FloatArray, m: int, scale: float) -> WindowProducts:
        """Take scale · 2m · Σ (x_i - mean_i)(x_j - mean_j), which of whole numbers is whole."""
        sums = window_sums(values, m)
        old, new = values[:-m], values[m:]
        gained = new - old
        beyond = m * (new + old) - sums[1:] - sums[:-1]
        rows = (scale * gained, scale * beyond)
        return cls(values, m, scale, sums, rows, (beyond, gained))

    def of_row(self, row: int, first: int, count: int) -> FloatArray:
        """Return, from nothing before, the numbers of `row` with `count` windows from `first`."""
        window = self.values[row : row + self.m]
        found = _along(self.values[first : first + count + self.m - 1], window)
        if self.sums is not None:
            found = 2 * (self.m * found - self.sums[row] * self.sums[first : first + count])
        return found * self.scale


def _along(values: FloatArray, window: FloatArray) -> FloatArray:
    """Return the product sum of the window with each stretch of the values, without drift."""
    found: FloatArray = np.correlate(values, window, "valid").astype(np.float64, copy=False)
    return found
