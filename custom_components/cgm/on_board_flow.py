"""The step of the options on treatments: by which model insulin and carbs are counted down."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import probatio
from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.helpers.selector import (
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)

from .number_boxes import minutes_box
from .on_board import (
    CONF_ABSORPTION,
    CONF_CARBS_MINUTES,
    CONF_DURATION_MINUTES,
    CONF_INSULIN,
    CONF_ON_BOARD,
    CONF_PEAK_MINUTES,
    CUSTOM_INSULIN,
    USUAL_INSULIN,
    insulin_model,
    usable_models,
)
from .shared.glucose.forecast import carbs_on_board, insulin_on_board
from .shared.glucose.forecast.carbs_on_board import Absorption
from .shared.glucose.forecast.insulin_on_board import INSULIN_MODELS

if TYPE_CHECKING:
    from collections.abc import Mapping

_MINUTE = timedelta(minutes=1)
_CHOICES = (*INSULIN_MODELS, CUSTOM_INSULIN)


class OnBoardOptions(OptionsFlow):
    """Chooses how long treatments act; only an insulin of one's own is asked for its minutes."""

    # What the first of the two forms said.
    _typed_treatments: dict[str, Any]

    async def async_step_treatments(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show which insulin it is and how carbs are absorbed."""
        if user_input is not None:
            self._typed_treatments = {
                **user_input,
                CONF_CARBS_MINUTES: int(user_input[CONF_CARBS_MINUTES]),
            }
            if user_input[CONF_INSULIN] == CUSTOM_INSULIN:
                return await self.async_step_own_insulin()
            return self._with_on_board(self._typed_treatments)
        return self.async_show_form(
            step_id="treatments",
            data_schema=self.add_suggested_values_to_schema(_TREATMENTS, _in_force(self._on_board)),
        )

    async def async_step_own_insulin(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show how long an insulin of one's own acts and when most, and refuse what cannot be."""
        errors: dict[str, str] = {}
        if user_input is not None:
            typed = {
                **self._typed_treatments,
                **{key: int(value) for key, value in user_input.items()},
            }
            try:
                insulin_model(typed)
            except ValueError:
                # Each number by itself is held within its range by the form.
                errors[CONF_PEAK_MINUTES] = "insulin_peaks_too_late"
            else:
                return self._with_on_board(typed)
        return self.async_show_form(
            step_id="own_insulin",
            data_schema=self.add_suggested_values_to_schema(
                _OWN_INSULIN, user_input or _in_force(self._on_board)
            ),
            errors=errors,
        )

    @property
    def _on_board(self) -> Mapping[str, Any]:
        settings: Mapping[str, Any] = self.config_entry.options.get(CONF_ON_BOARD, {})
        return settings

    def _with_on_board(self, settings: dict[str, Any]) -> ConfigFlowResult:
        return self.async_create_entry(data={**self.config_entry.options, CONF_ON_BOARD: settings})


def _in_force(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the forms have filled in: the usual where the settings cannot be used."""
    (insulin, carbs), usable = usable_models(settings)
    return {
        CONF_INSULIN: settings.get(CONF_INSULIN, USUAL_INSULIN) if usable else USUAL_INSULIN,
        CONF_DURATION_MINUTES: insulin.duration // _MINUTE,
        CONF_PEAK_MINUTES: insulin.peak // _MINUTE,
        CONF_ABSORPTION: carbs.absorption.value,
        CONF_CARBS_MINUTES: carbs.duration // _MINUTE,
    }


def _choice(options: list[str], key: str) -> SelectSelector:
    return SelectSelector(
        SelectSelectorConfig(options=options, translation_key=key, mode=SelectSelectorMode.DROPDOWN)
    )


_TREATMENTS = probatio.Schema(
    {
        probatio.Required(CONF_INSULIN): _choice([*_CHOICES], "insulin_model"),
        probatio.Required(CONF_ABSORPTION): _choice(
            [shape.value for shape in Absorption], "carb_absorption"
        ),
        probatio.Required(CONF_CARBS_MINUTES): minutes_box(
            carbs_on_board.SHORTEST / _MINUTE,
            carbs_on_board.LONGEST / _MINUTE,
        ),
    }
)
_OWN_INSULIN = probatio.Schema(
    {
        probatio.Required(CONF_DURATION_MINUTES): minutes_box(
            insulin_on_board.SHORTEST / _MINUTE,
            insulin_on_board.LONGEST / _MINUTE,
        ),
        probatio.Required(CONF_PEAK_MINUTES): minutes_box(1, insulin_on_board.LONGEST / _MINUTE),
    }
)
