"""Targets as a form: fields in the wearer's unit, and what was typed as settings in mg/dL."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import probatio

from .number_boxes import level_box
from .shared.glucose.metrics.consensus import CONSENSUS
from .shared.glucose.units import Unit, mmol_l, threshold_mg_dl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .shared.glucose.metrics.consensus import Group
    from .shared.glucose.targets import Targets

_TARGETS = ("urgent_low", "low", "high", "urgent_high")
_UPPER = frozenset({"high", "urgent_high"})


def target_schema(unit: Unit) -> probatio.Schema:
    """Return the form of the four targets."""
    return probatio.Schema({probatio.Required(key): level_box(unit) for key in _TARGETS})


def shown_targets(targets: Targets, unit: Unit) -> dict[str, float]:
    """Return what the form has filled in."""
    return {key: _shown(mg_dl, unit) for key, mg_dl in _of(targets).items()}


def typed_targets(
    typed: Mapping[str, Any], known: Targets, unit: Unit, *, was: Group, group: Group
) -> dict[str, int]:
    """Return whole mg/dL; a number left as it was shown keeps the mg/dL it stands for.

    Where all were those of the group that it `was` and are left so, another `group` brings its own.
    """
    shown = shown_targets(known, unit)
    left = shown == {key: typed[key] for key in _TARGETS}
    if group is not was and known == CONSENSUS[was].targets and left:
        return asdict(CONSENSUS[group].targets)
    return {
        f"{key}_mg_dl": (
            mg_dl
            if typed[key] == shown[key]
            else threshold_mg_dl(typed[key], unit, upper=key in _UPPER)
        )
        for key, mg_dl in _of(known).items()
    }


def _of(targets: Targets) -> dict[str, int]:
    return {key: getattr(targets, f"{key}_mg_dl") for key in _TARGETS}


def _shown(mg_dl: int, unit: Unit) -> float:
    return mg_dl if unit is Unit.MG_DL else mmol_l(mg_dl)
