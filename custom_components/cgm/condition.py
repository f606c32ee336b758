"""The conditions that automations can choose, and those that ask the wearer: alarms, readings."""

from __future__ import annotations

from abc import abstractmethod
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, cast, override

import probatio
from homeassistant.const import CONF_OPTIONS, CONF_TARGET
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.condition import (
    ATTR_BEHAVIOR,
    BEHAVIOR_ALL,
    BEHAVIOR_ANY,
    Condition,
)
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids

from .alarms_chosen import ALARMS_FIELD, chosen
from .condition_glucose import GlucoseAbove, GlucoseBelow, GlucoseInRange
from .reading_age import CONF_MINUTES, MINUTES_FIELD, reading_age
from .targeted import ALARM, GLUCOSE, entities_of, entry_of, loaded

if TYPE_CHECKING:
    from typing import Unpack

    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.condition import ConditionCheckParams, ConditionConfig
    from homeassistant.helpers.typing import ConfigType

    from .wearer import Wearer


class _WearerCondition(Condition):
    """Asks each targeted wearer at the moment it is checked; `any` of them or `all`."""

    _kind: ClassVar[tuple[str, str]]
    _fields: ClassVar[dict[probatio.Marker, Any]]

    @override
    @classmethod
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        schema = probatio.Schema(
            {
                probatio.Required(CONF_TARGET): cv.TARGET_FIELDS,
                probatio.Optional(CONF_OPTIONS, default=dict): {
                    probatio.Optional(ATTR_BEHAVIOR, default=BEHAVIOR_ANY): probatio.In(
                        [BEHAVIOR_ANY, BEHAVIOR_ALL]
                    ),
                    **cls._fields,
                },
            }
        )
        return cast("ConfigType", schema(config))

    def __init__(self, hass: HomeAssistant, config: ConditionConfig) -> None:
        """Take the validated configuration."""
        super().__init__(hass, config)
        self._target = TargetSelection(config.target or {})
        self._options = config.options or {}

    @abstractmethod
    def _holds(self, wearer: Wearer | None) -> bool:
        """Tell whether it holds of one; None is one who is not set up now."""

    @override
    def _async_check(self, **kwargs: Unpack[ConditionCheckParams]) -> bool:
        hass = self._hass
        found = async_extract_referenced_entity_ids(hass, self._target, expand_group=False)
        entities = entities_of(hass, found.referenced | found.indirectly_referenced, self._kind)
        held = [self._holds(loaded(entry_of(hass, each))) for each in entities]
        every = self._options[ATTR_BEHAVIOR] == BEHAVIOR_ALL
        return bool(held) and (all(held) if every else any(held))


class AlarmOn(_WearerCondition):
    """One of the chosen alarms is on, silenced or not."""

    _kind: ClassVar[tuple[str, str]] = ALARM
    _fields: ClassVar[dict[probatio.Marker, Any]] = ALARMS_FIELD

    @override
    def _holds(self, wearer: Wearer | None) -> bool:
        return wearer is not None and not chosen(self._options).isdisjoint(wearer.alarms.alarms.on)


class ReadingsStale(_WearerCondition):
    """The newest reading is too old, or none is known."""

    _kind: ClassVar[tuple[str, str]] = GLUCOSE
    _fields: ClassVar[dict[probatio.Marker, Any]] = MINUTES_FIELD

    @override
    def _holds(self, wearer: Wearer | None) -> bool:
        age = None if wearer is None else reading_age(wearer)
        return age is None or age >= timedelta(minutes=self._options[CONF_MINUTES])


CONDITIONS: dict[str, type[Condition]] = {
    "glucose_in_range": GlucoseInRange,
    "glucose_below": GlucoseBelow,
    "glucose_above": GlucoseAbove,
    "alarm_on": AlarmOn,
    "readings_stale": ReadingsStale,
}


async def async_get_conditions(_hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions."""
    return CONDITIONS
