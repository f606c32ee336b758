"""The days with much and the days with little of a factor: its upper and its lower third."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..metrics.number import BoolArray, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Thirds:
    """Which days have at least `at_least`, and which at most `at_most`."""

    upper: BoolArray
    lower: BoolArray
    at_least: float
    at_most: float

    @classmethod
    def of(cls, values: FloatArray) -> Thirds | None:
        """Take the thirds of the known days (NaN is unknown); None where all days are equal.

        Equal days stay together, so a third may be more or less than one: of days with and
        without exercise, those with and those without.
        """
        known = values[~np.isnan(values)]
        different = np.unique(known)
        if len(different) <= 1:
            return None
        low, high = np.percentile(known, (100 / 3, 200 / 3), method="closest_observation")
        if low == high:
            # Most days are equal: the few others against them.
            if high < different[-1]:
                high = different[np.searchsorted(different, high) + 1]
            else:
                low = different[np.searchsorted(different, low) - 1]
        return cls(
            upper=values >= high,
            lower=values <= low,
            at_least=float(high),
            at_most=float(low),
        )
