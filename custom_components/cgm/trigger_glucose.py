"""The triggers on the value: glucose dropped below, or rose above, a threshold."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, cast, override

import probatio
from homeassistant.const import CONF_OPTIONS, CONF_TARGET, STATE_UNKNOWN
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, State, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.trigger import Trigger

from .listening import async_listen
from .sensed import (
    CONF_THRESHOLD,
    THRESHOLD_FIELDS,
    Sensed,
    Threshold,
    possible_threshold,
    sensed,
)
from .shared.glucose.units import in_unit, shown
from .targeted import GLUCOSE, entry_of, unit_of, whose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeassistant.helpers.trigger import (
        TriggerActionRunner,
        TriggerConfig,
        TriggerNotTriggeredReporter,
    )
    from homeassistant.helpers.typing import ConfigType

    from .wearer import CgmConfigEntry

_SCHEMA = probatio.Schema(
    {
        probatio.Required(CONF_TARGET): cv.TARGET_FIELDS,
        probatio.Required(CONF_OPTIONS): probatio.All(THRESHOLD_FIELDS, possible_threshold),
    }
)


class _GlucoseTrigger(Trigger):
    """Runs when glucose is found beyond the threshold and was not known to be before.

    Whatever came before counts: a value, nothing known, no entity yet, no automation yet.
    A wearer who is reloaded, renamed or shown in another unit has not crossed anything.
    """

    @override
    @classmethod
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        """Return the options as values; raises Invalid."""
        return cast("ConfigType", _SCHEMA(config))

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Take the validated configuration."""
        super().__init__(hass, config)
        self.hass = hass
        self._target = config.target or {}
        self._threshold = Threshold.of(config.options or {})

    @abstractmethod
    def beyond(self, glucose: Sensed) -> bool:
        """Tell whether the threshold is crossed."""

    @override
    async def async_attach_runner(
        self,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None = None,
    ) -> CALLBACK_TYPE:
        """Listen from now on, beginning with what is there."""
        return await async_listen(self._hass, self._target, GLUCOSE, _Eye(self, run_action))

    @callback
    def run(
        self,
        said: dict[str, object],
        state: State,
        before: State | None,
        run_action: TriggerActionRunner,
    ) -> None:
        """Run the actions for a state that is beyond the threshold; `said` is what it says."""
        run_action(
            {
                **said,
                CONF_THRESHOLD: self._threshold.value,
                "threshold_unit": self._threshold.unit.value,
                "from_state": before,
                "to_state": state,
            },
            f"glucose of {state.entity_id}",
            state.context,
        )


class _Eye:
    """Knows of each wearer whether glucose was beyond the threshold when last seen."""

    def __init__(self, trigger: _GlucoseTrigger, run_action: TriggerActionRunner) -> None:
        """Have seen nothing."""
        self._trigger = trigger
        self._hass = trigger.hass
        self._run_action = run_action
        # By wearer, as entities are renamed; who is not named was not known to be beyond.
        self._beyond: dict[str, bool] = {}
        self._wearers: dict[str, str] = {}
        self._begun = False

    def targeted(
        self, added: set[str], removed: set[str], states: Mapping[str, State | None]
    ) -> None:
        """Forget who is not meant any more, and look at who is new."""
        for entity_id in added:
            if (entry := entry_of(self._hass, entity_id)) is not None:
                self._wearers[entity_id] = entry.entry_id
        for entity_id in removed:
            self._wearers.pop(entity_id, None)
        for gone in self._beyond.keys() - self._wearers.values():
            del self._beyond[gone]
        if self._begun:
            for entity_id in sorted(added):
                if (state := states[entity_id]) is not None:
                    self.changed(state, None)

    def begin(self) -> None:
        """Look at what is there."""
        self._begun = True
        for entity_id in sorted(self._wearers):
            if (state := self._hass.states.get(entity_id)) is not None:
                self.changed(state, None)

    def changed(self, state: State, before: State | None) -> None:
        """Run the actions where glucose is beyond and was not known to be."""
        if (entry := entry_of(self._hass, state.entity_id)) is None:
            return
        glucose = sensed(state)
        if glucose is None:
            # Not so while unavailable, as during a reload: data may be there all the time.
            if state.state == STATE_UNKNOWN:
                self._beyond.pop(entry.entry_id, None)
            return
        was = self._beyond.get(entry.entry_id, False)
        self._beyond[entry.entry_id] = now = self._trigger.beyond(glucose)
        if now and not was:
            said = {**whose(self._hass, state.entity_id, entry), **_said(entry, glucose)}
            self._trigger.run(said, state, before, self._run_action)


def _said(entry: CgmConfigEntry, glucose: Sensed) -> dict[str, object]:
    unit = unit_of(entry)
    words = f"{shown(glucose.mg_dl, unit)} {unit}"
    if glucose.bound is not None:
        words = glucose.bound.upper()
    return {
        "text": f"{entry.title}: {words}.",
        "value": in_unit(glucose.mg_dl, unit),
        "unit": unit.value,
        "bound": None if glucose.bound is None else glucose.bound.value,
    }


class GlucoseDroppedBelow(_GlucoseTrigger):
    """Glucose is below the threshold; LOW is below every one."""

    @override
    def beyond(self, glucose: Sensed) -> bool:
        """Compare."""
        return glucose.below(self._threshold)


class GlucoseRoseAbove(_GlucoseTrigger):
    """Glucose is above the threshold; HIGH is above every one."""

    @override
    def beyond(self, glucose: Sensed) -> bool:
        """Compare."""
        return glucose.above(self._threshold)
