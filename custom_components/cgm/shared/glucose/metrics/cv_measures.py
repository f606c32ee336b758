"""Mean and spread of the days' coefficients of variation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .daily import known_in, means_of, sds_of
from .grid import DayGrid
from .number import average, finite, spread


@dataclass(frozen=True, slots=True)
class CvMeasures:
    """Per cent: the mean and the SD of 100 SD / mean over the days."""

    mean: float | None
    sd: float | None


def cv_measures(grid: DayGrid) -> CvMeasures:
    """Return both; a day counts with two known cells or more.

    Umpierrez 2018, Am J Med Sci 356:518; iglu 4.3.0 `cv_measures`.
    """
    counted = known_in(grid.cells) > 1
    variation = finite(100 * sds_of(grid.cells[counted]) / means_of(grid.cells[counted]))
    return CvMeasures(mean=average(variation), sd=spread(np.asarray(variation)))
