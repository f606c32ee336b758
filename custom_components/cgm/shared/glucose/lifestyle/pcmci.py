"""PCMCI of outcomes and factors, for who has installed tigramite: never needed, never shipped.

PCMCI (Runge 2019, Science Advances 5:eaau4996) tests each lagged link given the parents of both
sides. tigramite is GPL-3-or-later, so it is imported only when somebody asks for it by name.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol, cast

import numpy as np

from ..errors import GlucoseError
from ..insight import Outcome
from ..metrics.number import BoolArray, FloatArray
from .day_outcomes import DayOutcomes
from .laid import LEAST_DAYS, Laid

# Of all links that are told, this share may be false.
FALSE_SHARE = 0.05
MOST_LAG = 7


class TigramiteMissingError(GlucoseError):
    """Whoever wants PCMCI runs `pip install tigramite joblib`, or does without."""


class TooFewDaysError(GlucoseError):
    """PCMCI needs 28 days on which glucose is known, and at least one factor that is, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CausalLink:
    """A factor that PCMCI keeps: so many days before, with its partial correlation."""

    factor: str
    lag_days: int
    outcome: Outcome
    correlation: float
    chance: float


class _Pcmci(Protocol):
    def run_pcmci(self, *, tau_min: int, tau_max: int) -> Mapping[str, FloatArray]: ...


def causal_links(
    days: Sequence[DayOutcomes], factors: Mapping[str, Mapping[date, float]], *, lags: int = 2
) -> tuple[CausalLink, ...]:
    """Return the links from factors to outcomes one to `lags` (at most 7) days later, surest first.

    Ranks freed of weekday and trend, as links are; days unknown are left out with their lags.
    `chance` is corrected over all factors, lags and outcomes. Raises TigramiteMissingError,
    TooFewDaysError.
    """
    laid = Laid.of(days, factors, (0,))
    usable = [factor for factor in laid.factors if factor.row.known.sum() >= LEAST_DAYS]
    if not laid.outcomes or not usable:
        raise TooFewDaysError("PCMCI needs 28 days of glucose and of a factor")
    names = [factor.name for factor in usable]
    rows = [factor.row for factor in usable]
    reach = min(max(lags, 1), MOST_LAG)
    tested: list[CausalLink] = []
    # One outcome at a time: they are made of the same readings, and would explain each other.
    for outcome, row in laid.outcomes.items():
        table = np.column_stack([*(one.ranks for one in rows), row.ranks])
        unknown = ~np.column_stack([*(one.known for one in rows), row.known])
        result = _analysis(table, unknown).run_pcmci(tau_min=1, tau_max=reach)
        tested += [
            CausalLink(
                factor=name,
                lag_days=lag,
                outcome=outcome,
                correlation=float(result["val_matrix"][place, -1, lag]),
                chance=float(result["p_matrix"][place, -1, lag]),
            )
            for place, name in enumerate(names)
            for lag in range(1, reach + 1)
        ]
    tested.sort(key=lambda link: link.chance)
    corrected = false_shares([link.chance for link in tested])
    return tuple(
        replace(link, chance=chance)
        for link, chance in zip(tested, corrected, strict=True)
        if chance <= FALSE_SHARE
    )


def false_shares(chances: Sequence[float]) -> tuple[float, ...]:
    """Return, of rising p-values, the least false share at which each would be told.

    Benjamini and Hochberg 1995, J R Stat Soc B 57:289.
    """
    places = np.arange(1, len(chances) + 1)
    scaled = np.minimum(np.array(chances) * len(chances) / places, 1)
    return tuple(map(float, np.minimum.accumulate(scaled[::-1])[::-1]))


def _analysis(table: FloatArray, unknown: BoolArray) -> _Pcmci:
    """Build tigramite's own objects around the table."""
    try:
        frames = importlib.import_module("tigramite.data_processing")
        pcmci = importlib.import_module("tigramite.pcmci")
        tests = importlib.import_module("tigramite.independence_tests.parcorr")
    except ImportError as error:
        missing = error.name or "tigramite"
        raise TigramiteMissingError(
            f"PCMCI needs {missing}, which is not installed: pip install tigramite joblib"
        ) from error
    filled = np.where(unknown, _UNKNOWN, table)
    frame = frames.DataFrame(filled, missing_flag=_UNKNOWN)
    return cast("_Pcmci", pcmci.PCMCI(frame, tests.ParCorr(), verbosity=0))


# No rank freed of weekday and trend comes near.
_UNKNOWN = 1e6
