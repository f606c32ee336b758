"""Where a form asks for a number: a box to type into, in its unit."""

from __future__ import annotations

from types import MappingProxyType

from homeassistant.helpers.selector import NumberSelector, NumberSelectorConfig, NumberSelectorMode

from .shared.glucose.units import Unit

# What the lowest and the highest level may be that somebody sets: a target, an alarm's threshold.
_LEVELS = MappingProxyType({Unit.MG_DL: (40, 400, 1), Unit.MMOL_L: (2.2, 22.2, 0.1)})


def number_box(least: float, most: float, step: float, unit: str) -> NumberSelector:
    """Return a box for a number in `unit`, from `least` to `most`."""
    return NumberSelector(
        NumberSelectorConfig(
            min=least, max=most, step=step, mode=NumberSelectorMode.BOX, unit_of_measurement=unit
        )
    )


def minutes_box(least: float, most: float) -> NumberSelector:
    """Return a box for whole minutes."""
    return number_box(least, most, 1, "min")


def level_box(unit: Unit) -> NumberSelector:
    """Return a box for a glucose level in the wearer's unit."""
    return number_box(*_LEVELS[unit], unit)
