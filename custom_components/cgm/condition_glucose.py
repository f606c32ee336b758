"""The conditions on the value: glucose is in range, below or above."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, override

import probatio
from homeassistant.components.sensor import DOMAIN as SENSOR_DOMAIN
from homeassistant.const import CONF_FOR, CONF_OPTIONS, CONF_TARGET
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.condition import (
    ATTR_BEHAVIOR,
    BEHAVIOR_ALL,
    BEHAVIOR_ANY,
    EntityConditionBase,
)

from .const import CONF_TARGETS
from .sensed import THRESHOLD_FIELDS, Threshold, possible_threshold, sensed
from .shared.glucose.targets import Targets
from .targeted import GLUCOSE, entities_of, entry_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeassistant.core import HomeAssistant, State
    from homeassistant.helpers.condition import ConditionConfig

_BEHAVIOUR: dict[probatio.Marker, Any] = {
    probatio.Optional(ATTR_BEHAVIOR, default=BEHAVIOR_ANY): probatio.In(
        [BEHAVIOR_ANY, BEHAVIOR_ALL]
    ),
    probatio.Optional(CONF_FOR): cv.positive_time_period,
}


class _GlucoseCondition(EntityConditionBase):
    """Holds of what is current: of a wearer whose glucose is not known it does not hold."""

    _domain_specs: Mapping[str, DomainSpec] = {SENSOR_DOMAIN: DomainSpec()}

    @override
    def entity_filter(self, entities: set[str]) -> set[str]:
        return entities_of(self._hass, entities, GLUCOSE)

    @override
    def _should_include(self, _state: State) -> bool:
        # Home Assistant leaves out who is unknown, so that of nobody everything is true.
        return True

    @override
    def _check_all_match_state(self, states: list[State]) -> bool:
        return bool(states) and super()._check_all_match_state(states)


class GlucoseInRange(_GlucoseCondition):
    """Within the wearer's own targets, both ends included."""

    _schema: probatio.Schema = probatio.Schema(
        {
            probatio.Required(CONF_TARGET): cv.TARGET_FIELDS,
            probatio.Required(CONF_OPTIONS, default=dict): _BEHAVIOUR,
        }
    )

    @override
    def is_valid_state(self, entity_state: State) -> bool:
        glucose, entry = sensed(entity_state), entry_of(self._hass, entity_state.entity_id)
        if glucose is None or entry is None or glucose.bound is not None:
            return False
        targets = Targets(**entry.options.get(CONF_TARGETS, {}))
        return targets.low_mg_dl <= glucose.mg_dl <= targets.high_mg_dl


class _ThresholdCondition(_GlucoseCondition):
    _upper: ClassVar[bool]
    _schema: probatio.Schema = probatio.Schema(
        {
            probatio.Required(CONF_TARGET): cv.TARGET_FIELDS,
            probatio.Required(CONF_OPTIONS): probatio.All(
                {**_BEHAVIOUR, **THRESHOLD_FIELDS}, possible_threshold
            ),
        }
    )

    def __init__(self, hass: HomeAssistant, config: ConditionConfig) -> None:
        """Take the validated configuration."""
        super().__init__(hass, config)
        self._threshold = Threshold.of(config.options or {})

    @override
    def is_valid_state(self, entity_state: State) -> bool:
        glucose = sensed(entity_state)
        if glucose is None:
            return False
        compares = glucose.above if self._upper else glucose.below
        return compares(self._threshold)


class GlucoseBelow(_ThresholdCondition):
    """Below a threshold; LOW is below every one."""

    _upper = False


class GlucoseAbove(_ThresholdCondition):
    """Above a threshold; HIGH is above every one."""

    _upper = True
