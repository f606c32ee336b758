"""The second-order autoregression of Nightscout: where glucose is in half an hour, untrained."""

from __future__ import annotations

import math
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..reading import Reading

# Facts about Nightscout's AR2 (its lib/plugins/ar2.js): two coefficients on ln(g / 140), steps
# of five minutes, and the range it answers in.
REFERENCE_MG_DL = 140.0
OF_NOW = 1.716
OF_BEFORE = -0.723
STEP = timedelta(minutes=5)
LOWEST_MG_DL = 36.0
HIGHEST_MG_DL = 400.0
# Across more than this the way between two readings is a guess; a source that measures every
# 15 minutes has its neighbours further apart than that, give or take a tenth.
LONGEST_GAP = timedelta(minutes=11)
GAP_CADENCES = 1.1
HORIZON = timedelta(minutes=30)


def ar2_mg_dl(now_mg_dl: float, before_mg_dl: float, horizon: timedelta = HORIZON) -> float:
    """Return mg/dL at `horizon` (whole steps of 5 minutes), of now and of 5 minutes before.

    x = ln(g / 140); x[n+1] = 1.716 x[n] - 0.723 x[n-1]; the answer lies in 36..400.
    """
    before = math.log(before_mg_dl / REFERENCE_MG_DL)
    now = math.log(now_mg_dl / REFERENCE_MG_DL)
    for _ in range(horizon // STEP):
        before, now = now, OF_NOW * now + OF_BEFORE * before
    mg_dl = REFERENCE_MG_DL * math.exp(min(now, 2.0))
    return max(LOWEST_MG_DL, min(HIGHEST_MG_DL, mg_dl))


def forecast_mg_dl(
    readings: Sequence[Reading], cadence: timedelta, horizon: timedelta = HORIZON
) -> float | None:
    """Return mg/dL at `horizon` after the newest of one source's readings, oldest first.

    The value five minutes before the newest lies on the line between the two readings around
    that moment, which are at most 11 minutes apart (1.1 cadences of a slower source). None
    where there are no such two, and where one of them or the newest is LOW or HIGH.
    """
    if not readings or readings[-1].bound is not None:
        return None
    newest = readings[-1]
    wanted = newest.time - STEP
    longest = max(LONGEST_GAP, cadence * GAP_CADENCES)
    for after, before in pairwise(reversed(readings)):
        if before.time > wanted:
            continue
        gap = after.time - before.time
        if gap > longest or before.bound is not None or after.bound is not None:
            return None
        share = (wanted - before.time) / gap
        then = before.mg_dl + share * (after.mg_dl - before.mg_dl)
        return ar2_mg_dl(newest.mg_dl, then, horizon)
    return None
