"""The two units people read glucose in, and the one conversion between them."""

from __future__ import annotations

from enum import StrEnum

# Home Assistant's factor (BloodGlucoseConcentrationConverter), so that both agree on the screen.
MG_DL_PER_MMOL_L = 18.016


class Unit(StrEnum):
    """How glucose is shown; inside, everything is mg/dL."""

    MG_DL = "mg/dL"
    MMOL_L = "mmol/L"


def mmol_l(mg_dl: float) -> float:
    """Convert mg/dL to mmol/L as shown: one decimal, rounded once."""
    return round(mg_dl / MG_DL_PER_MMOL_L, 1)


def in_unit(mg_dl: float, unit: Unit, *, decimals: int = 0) -> float:
    """Return mg/dL in `unit`, rounded once: `decimals` in mg/dL, one more in mmol/L."""
    if unit is Unit.MG_DL:
        return round(mg_dl, decimals or None)
    return round(mg_dl / MG_DL_PER_MMOL_L, decimals + 1)


def threshold_mg_dl(value: float, unit: Unit, *, upper: bool = False) -> int:
    """Return the whole mg/dL to compare with for a threshold typed in `unit`.

    A lower threshold typed in mmol/L becomes the smallest whole mg/dL that is shown as that
    number, an `upper` one the largest, so that a reading shown as 3.9 is never "below 3.9"
    and one shown as 10.0 never "above 10.0".
    """
    if unit is Unit.MG_DL:
        return round(value)
    typed = round(value, 1)
    mg_dl = round((typed - 0.1) * MG_DL_PER_MMOL_L)
    while mmol_l(mg_dl) < typed or (upper and mmol_l(mg_dl + 1) <= typed):
        mg_dl += 1
    return mg_dl


def shown(mg_dl: float, unit: Unit) -> str:
    """Return the number as people read it: 0 decimals in mg/dL, 1 in mmol/L."""
    if unit is Unit.MG_DL:
        return str(round(mg_dl))
    return f"{mmol_l(mg_dl):.1f}"
