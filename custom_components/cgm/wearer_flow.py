"""The step of the options on the wearer: who it is, targets, goals, when a value is too old."""

from __future__ import annotations

from typing import Any

import probatio
from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import SelectSelector, SelectSelectorConfig, SelectSelectorMode

from .about_fields import ABOUT_FIELDS, async_about_fields
from .const import (
    CONF_CONSENSUS,
    CONF_STALE,
    CONF_TARGETS,
    CONF_UNIT,
    CONF_WITHDRAWN_AFTER_MINUTES,
)
from .number_boxes import minutes_box
from .shared.glucose.metrics.consensus import Group
from .shared.glucose.targets import Targets
from .shared.glucose.units import Unit
from .target_forms import shown_targets, target_schema, typed_targets

_ABOUT = "about"
_GOALS = "goals"
_SHORTEST_MINUTES = 11
_LONGEST_MINUTES = 30


class WearerOptions(OptionsFlow):
    """Changes what is known of the wearer; targets go with the group whose goals hold."""

    async def async_step_wearer(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show who it is in sections and refuse targets that contradict each other."""
        options = self.config_entry.options
        unit = Unit(options[CONF_UNIT])
        errors: dict[str, str] = {}
        if user_input is not None:
            group = Group(user_input.get(_GOALS, {}).get(CONF_CONSENSUS, self._group))
            targets = typed_targets(
                user_input[CONF_TARGETS], self._targets, unit, was=self._group, group=group
            )
            try:
                Targets(**targets)
            except ValueError:
                errors["base"] = "targets_contradict"
            else:
                return self.async_create_entry(
                    data={
                        **self._others_keep(),
                        **user_input[_ABOUT],
                        CONF_TARGETS: targets,
                        CONF_CONSENSUS: group.value,
                        CONF_STALE: {
                            CONF_WITHDRAWN_AFTER_MINUTES: int(
                                user_input[CONF_STALE][CONF_WITHDRAWN_AFTER_MINUTES]
                            )
                        },
                    }
                )
        schema = probatio.Schema(
            {
                probatio.Required(_ABOUT): section(
                    probatio.Schema(await async_about_fields(self.hass))
                ),
                probatio.Required(CONF_TARGETS): section(target_schema(unit)),
                probatio.Optional(_GOALS): section(
                    probatio.Schema({probatio.Required(CONF_CONSENSUS): _GROUP})
                ),
                probatio.Required(CONF_STALE): section(
                    probatio.Schema(
                        {
                            probatio.Required(CONF_WITHDRAWN_AFTER_MINUTES): minutes_box(
                                _SHORTEST_MINUTES, _LONGEST_MINUTES
                            )
                        }
                    ),
                    # Most never need it, and on a phone the form is long.
                    {"collapsed": True},
                ),
            }
        )
        return self.async_show_form(
            step_id="wearer",
            data_schema=self.add_suggested_values_to_schema(
                schema, user_input or self._shown_wearer(unit)
            ),
            errors=errors,
        )

    def _others_keep(self) -> dict[str, Any]:
        """Return what other code keeps in the options: the result replaces all of them."""
        ours = {*ABOUT_FIELDS, CONF_TARGETS, CONF_CONSENSUS, CONF_STALE}
        return {key: value for key, value in self.config_entry.options.items() if key not in ours}

    @property
    def _group(self) -> Group:
        return Group(self.config_entry.options.get(CONF_CONSENSUS, Group.ADULT))

    @property
    def _targets(self) -> Targets:
        return Targets(**self.config_entry.options.get(CONF_TARGETS, {}))

    def _shown_wearer(self, unit: Unit) -> dict[str, Any]:
        """Return the options as the form shows them: targets in the wearer's unit."""
        options = self.config_entry.options
        return {
            _ABOUT: {key: options[key] for key in ABOUT_FIELDS if key in options},
            CONF_TARGETS: shown_targets(self._targets, unit),
            _GOALS: {CONF_CONSENSUS: self._group.value},
            CONF_STALE: {
                CONF_WITHDRAWN_AFTER_MINUTES: _SHORTEST_MINUTES,
                **options.get(CONF_STALE, {}),
            },
        }


_GROUP = SelectSelector(
    SelectSelectorConfig(
        options=[group.value for group in Group],
        mode=SelectSelectorMode.DROPDOWN,
        translation_key=CONF_CONSENSUS,
    )
)
