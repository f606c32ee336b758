"""Whether anything in the home listens to a wearer's alarms: automations, scripts, triggers."""

from __future__ import annotations

from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING

from homeassistant.components import automation, script
from homeassistant.core import callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util import dt as dt_util

from .const import DOMAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homeassistant.core import HomeAssistant

    from .wearer import Wearer

# Who has just set a wearer up has other things to do first.
GRACE = timedelta(days=1)
# Automations come and go by hand: soon enough for a repair, and no work with each reading.
_ASK_EVERY = timedelta(minutes=1)
_OF_ALARMS = ("event", "binary_sensor", "button")


class Audience:
    """Answers whether somebody listens; asks the home once a minute at most."""

    def __init__(self, wearer: Wearer) -> None:
        """Take it that somebody does until it was asked."""
        self._wearer = wearer
        self._asked: float | None = None
        self._missing = False

    @callback
    def missing(self) -> bool:
        """Tell whether alarms are on, a day has passed since set-up, and nothing listens."""
        hass, now = self._wearer.hass, monotonic()
        # While Home Assistant starts, automations are not there yet.
        if not hass.is_running:
            return False
        if self._asked is None or now - self._asked >= _ASK_EVERY.total_seconds():
            self._asked = now
            self._missing = self._is_missing(hass)
        return self._missing

    def _is_missing(self, hass: HomeAssistant) -> bool:
        if dt_util.utcnow() - self._wearer.entry.created_at < GRACE:
            return False
        rules = self._wearer.alarms.rules
        on = any(rule.on for part in (rules.day, rules.night) for rule in part.values())
        return on and not _heard(hass, self._wearer.id)


def _heard(hass: HomeAssistant, wearer: str) -> bool:
    entities = [
        entry.entity_id
        for entry in er.async_entries_for_config_entry(er.async_get(hass), wearer)
        if entry.domain in _OF_ALARMS and "alarm" in entry.unique_id
    ]
    if any(
        _running(hass, automation.automations_with_entity(hass, entity))
        or script.scripts_with_entity(hass, entity)
        for entity in entities
    ):
        return True
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, wearer), config_entry_id=wearer
    )
    if device is not None and (
        _running(hass, automation.automations_with_device(hass, device.id))
        or script.scripts_with_device(hass, device.id)
    ):
        return True
    return any(_mentions(config, entities) for config in _automations(hass))


def _running(hass: HomeAssistant, automations: list[str]) -> bool:
    """Tell whether one of them is switched on: another hears nothing."""
    return any(hass.states.is_state(one, "on") for one in automations)


def _automations(hass: HomeAssistant) -> Iterator[Mapping[str, object]]:
    """Yield the configurations of all automations that are switched on."""
    component = hass.data.get(automation.DATA_COMPONENT)
    for entity in () if component is None else component.entities:
        if entity.is_on and entity.raw_config is not None:
            yield entity.raw_config


def _mentions(config: object, entities: list[str]) -> bool:
    """Tell whether a configuration has a trigger of ours, or names an entity in a template."""
    if isinstance(config, dict):
        triggers = (config.get("trigger"), config.get("platform"))
        ours = any(isinstance(one, str) and one.startswith(f"{DOMAIN}.") for one in triggers)
        return ours or any(_mentions(value, entities) for value in config.values())
    if isinstance(config, list):
        return any(_mentions(value, entities) for value in config)
    return isinstance(config, str) and any(entity in config for entity in entities)
