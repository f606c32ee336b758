"""The step of the options on the heartbeat: where it goes, and how often."""

from __future__ import annotations

from typing import Any

import probatio
from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.helpers.selector import TextSelector, TextSelectorConfig, TextSelectorType

from .heartbeat import (
    CONF_EVERY_MINUTES,
    CONF_HEARTBEAT,
    CONF_HEARTBEAT_URL,
    EVERY_MINUTES,
    MOST_MINUTES,
    usable_address,
)
from .number_boxes import minutes_box


class HeartbeatOptions(OptionsFlow):
    """Sets a heartbeat up, and takes it away."""

    async def async_step_heartbeat(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show where a heartbeat goes and how often; without an address there is none."""
        others = {k: v for k, v in self.config_entry.options.items() if k != CONF_HEARTBEAT}
        errors: dict[str, str] = {}
        if user_input is not None:
            address = user_input.get(CONF_HEARTBEAT_URL, "").strip()
            if not address:
                return self.async_create_entry(data=others)
            if usable_address(address):
                heartbeat = {
                    CONF_HEARTBEAT_URL: address,
                    CONF_EVERY_MINUTES: int(user_input[CONF_EVERY_MINUTES]),
                }
                return self.async_create_entry(data={**others, CONF_HEARTBEAT: heartbeat})
            errors[CONF_HEARTBEAT_URL] = "invalid_heartbeat_url"
        shown = {
            CONF_EVERY_MINUTES: EVERY_MINUTES,
            **self.config_entry.options.get(CONF_HEARTBEAT, {}),
        }
        return self.async_show_form(
            step_id="heartbeat",
            data_schema=self.add_suggested_values_to_schema(_HEARTBEAT, user_input or shown),
            errors=errors,
        )


_HEARTBEAT = probatio.Schema(
    {
        # Whoever has the address can keep a dead home looking alive.
        probatio.Optional(CONF_HEARTBEAT_URL): TextSelector(
            TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off")
        ),
        probatio.Required(CONF_EVERY_MINUTES): minutes_box(1, MOST_MINUTES),
    }
)
