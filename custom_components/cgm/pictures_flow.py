"""The step of the options on the pictures: how they look."""

from __future__ import annotations

from typing import Any

import probatio
from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.helpers.selector import BooleanSelector

from .const import CONF_DARK, CONF_LARGE, CONF_PICTURES


class PictureOptions(OptionsFlow):
    """Chooses dark or light, and large or small letters."""

    async def async_step_pictures(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show how the pictures look."""
        options = self.config_entry.options
        if user_input is not None:
            return self.async_create_entry(data={**options, CONF_PICTURES: user_input})
        shown = {CONF_DARK: False, CONF_LARGE: False, **options.get(CONF_PICTURES, {})}
        return self.async_show_form(
            step_id="pictures",
            data_schema=self.add_suggested_values_to_schema(_PICTURES, shown),
        )


_PICTURES = probatio.Schema(
    {
        probatio.Required(CONF_DARK): BooleanSelector(),
        probatio.Required(CONF_LARGE): BooleanSelector(),
    }
)
