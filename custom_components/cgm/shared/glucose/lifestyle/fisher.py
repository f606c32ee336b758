"""How probable it is that so many of some days are of another kind by chance: Fisher's exact test.

Fisher 1935, J R Stat Soc 98:39. With the margins given, the count is hypergeometric; two-sided is
the sum of all tables that are no more probable than the one that is there.
"""

from __future__ import annotations

import numpy as np

from ..metrics.number import FloatArray

# Tables that are equally probable but for rounding.
_ROUNDING = 1e-7


def fisher_table(days: int, chosen: int, most: int) -> FloatArray:
    """Return p[marked, both] of `chosen` of `days`, for up to `most` marked days.

    `marked` of the days are of the other kind, `both` of the chosen. NaN where no table has
    these margins.
    """
    logs = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, days + 1)))))
    size = np.arange(most + 1)
    marked, both = size[:, None], size[None, :]
    possible = (
        (both <= marked) & (marked <= days) & (both <= chosen) & (marked - both <= days - chosen)
    )

    def log(count: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> FloatArray:
        found: FloatArray = logs[np.clip(count, 0, days)]
        return found

    each = (
        (logs[chosen] - log(both) - log(chosen - both))
        + (logs[days - chosen] - log(marked - both) - log(days - chosen - marked + both))
        - (logs[days] - log(marked) - log(days - marked))
    )
    probable = np.where(possible, np.exp(each), 0.0)
    ordered = np.sort(probable, axis=1)
    sums = np.cumsum(ordered, axis=1)
    alike = ordered[:, None, :] <= probable[:, :, None] * (1 + _ROUNDING)
    place = np.maximum(np.count_nonzero(alike, axis=2) - 1, 0)
    found = np.minimum(np.take_along_axis(sums, place, axis=1), 1)
    return np.where(possible, found, np.nan)


def fisher(days: int, chosen: int, marked: int, both: int) -> float:
    """Return the two-sided probability of one table. Raises ValueError for an impossible one."""
    found = fisher_table(days, chosen, marked)[marked, both] if both <= marked else np.nan
    if np.isnan(found):
        raise ValueError("no table has these margins")
    return float(found)
