"""Who a wearer is, as fields of a form, for the first form and for the options."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

import probatio
from homeassistant.components.person import DOMAIN as PERSON_DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    EntitySelector,
    EntitySelectorConfig,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)

from .const import CONF_PERSON, CONF_TIME_ZONE, CONF_UNIT
from .shared.glucose.units import Unit

ABOUT_FIELDS = (CONF_UNIT, CONF_TIME_ZONE, CONF_PERSON)
# Where meters show mmol/L, by ISO country code. Where both are in use (Germany), mg/dL leads.
_MMOL_COUNTRIES = frozenset(
    "AU BA CA CH CN CZ DK EE FI GB HK HR HU IE IM IS KZ LT LV MT MY NL NO NZ RU SE SG SI SK UA "  # noqa: SIM905 - as a list it would fill the page
    "VN ZA".split()
)


def default_about(hass: HomeAssistant) -> dict[str, Any]:
    """Return the unit usual in the home's country, and the home's time zone."""
    unit = Unit.MMOL_L if hass.config.country in _MMOL_COUNTRIES else Unit.MG_DL
    return {CONF_UNIT: unit.value, CONF_TIME_ZONE: hass.config.time_zone}


async def async_about_fields(hass: HomeAssistant) -> dict[probatio.Marker, object]:
    """Return the fields by their keys."""
    zones = sorted(await hass.async_add_executor_job(available_timezones))
    return {
        probatio.Required(CONF_UNIT): SelectSelector(
            SelectSelectorConfig(
                options=[unit.value for unit in Unit], mode=SelectSelectorMode.LIST
            )
        ),
        probatio.Required(CONF_TIME_ZONE): SelectSelector(
            SelectSelectorConfig(options=zones, mode=SelectSelectorMode.DROPDOWN)
        ),
        probatio.Optional(CONF_PERSON): EntitySelector(EntitySelectorConfig(domain=PERSON_DOMAIN)),
    }
