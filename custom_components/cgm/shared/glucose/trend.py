"""The direction glucose is moving in, as an arrow, and how it follows from a rate."""

from __future__ import annotations

from enum import StrEnum


class Trend(StrEnum):
    """Seven arrows and `none`; `none` means the source said that it cannot tell."""

    DOUBLE_UP = "double_up"
    UP = "up"
    SLIGHT_UP = "slight_up"
    FLAT = "flat"
    SLIGHT_DOWN = "slight_down"
    DOWN = "down"
    DOUBLE_DOWN = "double_down"
    NONE = "none"


SLIGHT = 1.0
PLAIN = 2.0
DOUBLE = 3.0


def trend_of_rate(mg_dl_per_minute: float) -> Trend:
    """Return the arrow for a rate in mg/dL/min.

    The edges 1, 2 and 3 mg/dL/min are Dexcom's convention; exactly 1 is still flat, as
    "up to 1 mg/dL each minute" reads, and the others belong to the steeper arrow.
    """
    steepness = abs(mg_dl_per_minute)
    falling = mg_dl_per_minute < 0
    if steepness <= SLIGHT:
        return Trend.FLAT
    if steepness < PLAIN:
        return Trend.SLIGHT_DOWN if falling else Trend.SLIGHT_UP
    if steepness < DOUBLE:
        return Trend.DOWN if falling else Trend.UP
    return Trend.DOUBLE_DOWN if falling else Trend.DOUBLE_UP
