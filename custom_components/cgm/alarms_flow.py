"""The steps of the options on a wearer's alarms: by day, and at night."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow

from .alarm_forms import alarm_schema, shown_alarms, typed_alarms
from .alarm_settings import alarm_rules, usable_alarm_rules
from .const import CONF_ALARMS, CONF_TIME_ZONE, CONF_UNIT
from .shared.glucose.alarms.rules import ContradictoryRules, Part
from .shared.glucose.units import Unit


class AlarmOptions(OptionsFlow):
    """Changes the alarms of one part of the day at a time."""

    async def async_step_alarms_day(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the alarms as they are by day."""
        return self._alarms(Part.DAY, user_input)

    async def async_step_alarms_night(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show when it is night, and the alarms as they are then."""
        return self._alarms(Part.NIGHT, user_input)

    def _alarms(self, part: Part, user_input: dict[str, Any] | None) -> ConfigFlowResult:
        """Show one part of the day's alarms, and refuse what contradicts itself with the reason."""
        options = self.config_entry.options
        unit = Unit(options[CONF_UNIT])
        settings = options.get(CONF_ALARMS, {})
        zone = ZoneInfo(options[CONF_TIME_ZONE])
        rules, usable = usable_alarm_rules(settings, zone)
        shown = shown_alarms(rules, part, unit)
        changed: set[str] = set()
        errors: dict[str, str] = {}
        if user_input is not None:
            # What could not be used is what is set anew here.
            kept = typed_alarms(user_input, rules, part, unit)
            kept = {**settings, **kept} if usable else kept
            try:
                alarm_rules(kept, zone)
            except ContradictoryRules as contradiction:
                errors["base"] = contradiction.reason.value
                # What is to be corrected is among what was just changed: it stays in sight.
                changed = {key for key, typed in user_input.items() if typed != shown[key]}
            else:
                return self.async_create_entry(data={**options, CONF_ALARMS: kept})
        return self.async_show_form(
            step_id=f"alarms_{part}",
            data_schema=self.add_suggested_values_to_schema(
                alarm_schema(part, unit, changed), user_input or shown
            ),
            errors=errors,
        )
