"""GRADE: how bad clinicians find each reading, and which part of it lows and highs make."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .number import FloatArray, average, known

MOST = 50.0
# Also the factor by which the formula takes mg/dL to mmol/L: at it the logarithm has no value.
UNDEFINED_BELOW_MG_DL = 18.0
HYPO_BELOW_MG_DL = 80.0
EUGLY_FROM_MG_DL = 70.0
HYPER_ABOVE_MG_DL = 140.0


@dataclass(frozen=True, slots=True)
class GradeShares:
    """Per cent of the sum of GRADE: under 80, 70..140, over 140 mg/dL, as iglu parts it."""

    hypo: float | None
    eugly: float | None
    hyper: float | None


def grade(mg_dl: FloatArray) -> float | None:
    """Return the mean of min(50, 425 (log10(log10(g / 18)) + 0.16)^2).

    Hill 2007, Diabet Med 24:753; iglu 4.3.0 `grade`. Readings under 18 mg/dL, where the formula
    has no value, are left out. None of nothing.
    """
    return average(_grades(mg_dl[mg_dl >= UNDEFINED_BELOW_MG_DL]))


def grade_shares(mg_dl: FloatArray) -> GradeShares:
    """Return the shares as iglu 4.3.0 does: they overlap at 70..80, so their sum is open."""
    mg_dl = mg_dl[mg_dl >= UNDEFINED_BELOW_MG_DL]
    grades = _grades(mg_dl)
    total = float(grades.sum())

    def share(part: FloatArray) -> float | None:
        return known(100 * part.sum() / total) if total > 0 else None

    return GradeShares(
        hypo=share(grades[mg_dl < HYPO_BELOW_MG_DL]),
        eugly=share(grades[(mg_dl >= EUGLY_FROM_MG_DL) & (mg_dl <= HYPER_ABOVE_MG_DL)]),
        hyper=share(grades[mg_dl > HYPER_ABOVE_MG_DL]),
    )


def _grades(mg_dl: FloatArray) -> FloatArray:
    grades = np.full(len(mg_dl), MOST)
    beyond = mg_dl > UNDEFINED_BELOW_MG_DL
    scaled = np.log10(np.log10(mg_dl[beyond] / 18)) + 0.16
    grades[beyond] = np.minimum(425 * scaled**2, MOST)
    return grades
