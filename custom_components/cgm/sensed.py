"""What a glucose sensor's state says in whole mg/dL, and how it compares with a typed threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import probatio
from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT

from .shared.glucose.reading import Bound
from .shared.glucose.units import MG_DL_PER_MMOL_L, Unit, threshold_mg_dl

if TYPE_CHECKING:
    from homeassistant.core import State

CONF_THRESHOLD: Final = "threshold"
CONF_UNIT: Final = "unit"

# The options of whatever compares; possible_threshold validates the two together.
THRESHOLD_FIELDS: Final[dict[probatio.Marker, Any]] = {
    probatio.Required(CONF_THRESHOLD): probatio.Coerce(float),
    probatio.Required(CONF_UNIT): probatio.Coerce(Unit),
}
# They do not meet: who types a number of the other unit is told so, instead of never alarmed.
_POSSIBLE = {Unit.MG_DL: (40, 600), Unit.MMOL_L: (2.2, 33.3)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A threshold as it was typed."""

    value: float
    unit: Unit

    @classmethod
    def of(cls, options: dict[str, Any]) -> Self:
        """Return what validated options say."""
        return cls(value=options[CONF_THRESHOLD], unit=options[CONF_UNIT])


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensed:
    """A current value in whole mg/dL; with a bound the true one lies at or beyond it.

    What reads as a threshold itself is neither below nor above it; LOW is below and HIGH above
    every one.
    """

    mg_dl: int
    bound: Bound | None = None

    def below(self, threshold: Threshold) -> bool:
        """Tell whether glucose is below a threshold."""
        if self.bound is not None:
            return self.bound is Bound.LOW
        return self.mg_dl < threshold_mg_dl(threshold.value, threshold.unit)

    def above(self, threshold: Threshold) -> bool:
        """Tell whether glucose is above a threshold."""
        if self.bound is not None:
            return self.bound is Bound.HIGH
        return self.mg_dl > threshold_mg_dl(threshold.value, threshold.unit, upper=True)


def sensed(state: State) -> Sensed | None:
    """Return what a glucose sensor says, whichever unit the user shows it in; None where nothing.

    In mmol/L its state is the exact conversion: rounding gives back what was measured.
    """
    try:
        value = float(state.state)
    except ValueError:
        return None
    if state.attributes.get(ATTR_UNIT_OF_MEASUREMENT) == Unit.MMOL_L:
        value *= MG_DL_PER_MMOL_L
    bound = state.attributes.get("bound")
    return Sensed(mg_dl=round(value), bound=None if bound is None else Bound(bound))


def possible_threshold(options: dict[str, Any]) -> dict[str, Any]:
    """Return options whose threshold is one in its unit; raises Invalid."""
    value, unit = options[CONF_THRESHOLD], options[CONF_UNIT]
    lowest, highest = _POSSIBLE[unit]
    if not lowest <= value <= highest:
        msg = f"a threshold in {unit} lies between {lowest} and {highest}: is {value} in {unit}?"
        raise probatio.Invalid(msg, path=[CONF_THRESHOLD])
    return options
