"""Who in the home listens to a wearer's alarms, read from automations and scripts as written.

Home Assistant's own answers (`automations_with_area` and its like) take an automation that
switches on the lights of a room for one that hears the alarms of whoever sleeps there. What only
acts on something hears nothing, so triggers, conditions and waits are told from the rest here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from homeassistant.components import automation, script
from homeassistant.components.group import groups_with_entity
from homeassistant.const import Platform
from homeassistant.core import callback, valid_entity_id
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids

from .const import DOMAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homeassistant.core import HomeAssistant

# Entities that say something of an alarm; its buttons only take something.
_SPEAKING = (Platform.EVENT, Platform.BINARY_SENSOR)
# What triggers and conditions of ours hear: of each a wearer has one.
_ALARM = (Platform.EVENT, "alarm")
_GLUCOSE = (Platform.SENSOR, "glucose")
_WAITS = frozenset({"wait_for_trigger", "wait_template"})
_LOOKS = frozenset({"if", "conditions", "while", "until"})
_TEMPLATE = ("{{", "{%")


@callback
def anybody_listens(hass: HomeAssistant, wearer: str) -> bool:
    """Tell whether an automation that is on, or a script that waits, hears a wearer's alarms."""
    ear = _Ear(hass, wearer)
    return any(
        ear.hears(config.get("triggers", config.get("trigger")))
        or ear.hears(config.get("conditions", config.get("condition")))
        or ear.hears_in(config.get("actions", config.get("action")), looks=True)
        for config in _automations(hass)
    ) or any(ear.hears_in(config.get("sequence"), looks=False) for config in _scripts(hass))


def _automations(hass: HomeAssistant) -> Iterator[Mapping[str, object]]:
    """Yield the configurations of all automations that are switched on, blueprints filled in."""
    component = hass.data.get(automation.DATA_COMPONENT)
    for entity in () if component is None else component.entities:
        if entity.is_on and entity.raw_config is not None:
            yield entity.raw_config


def _scripts(hass: HomeAssistant) -> Iterator[Mapping[str, object]]:
    component = hass.data.get(script.DOMAIN)
    for entity in () if component is None else component.entities:
        if entity.raw_config is not None:
            yield entity.raw_config


class _Ear:
    """Tells of a part of a configuration whether it hears one wearer's alarms."""

    def __init__(self, hass: HomeAssistant, wearer: str) -> None:
        """Look up all names that a configuration may call the alarms by."""
        self._hass = hass
        registry = er.async_get(hass)
        own = er.async_entries_for_config_entry(registry, wearer)
        speaking = [one for one in own if one.domain in _SPEAKING and "alarm" in one.unique_id]
        names = {wearer}
        for one in speaking:
            # The visual editor writes the registry's id in places.
            names |= {one.entity_id, one.id, *groups_with_entity(hass, one.entity_id)}
        device = dr.async_get(hass).async_get_device_by_identifier(
            (DOMAIN, wearer), config_entry_id=wearer
        )
        if device is not None:
            names.add(device.id)
        # A whole name: event.alex_alarm_2 is another wearer's.
        self._names = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(names)))})(?!\w)")
        self._targets: dict[tuple[str, str], str | None] = {
            (platform, key): registry.async_get_entity_id(platform, DOMAIN, f"{wearer}_{key}")
            for platform, key in (_ALARM, _GLUCOSE)
        }

    def hears(self, part: object) -> bool:
        """Tell it of triggers, conditions and templates: what is named there is listened to."""
        if isinstance(part, str):
            return self._names.search(part) is not None
        if isinstance(part, list):
            return any(self.hears(one) for one in part)
        if not isinstance(part, dict) or part.get("enabled") is False:
            return False
        for what in ("trigger", "platform", "condition"):
            key = part.get(what)
            if isinstance(key, str) and valid_entity_id(key):
                return self._is_targeted(part.get("target"), _kind(what, key))
        return any(self.hears(one) for one in part.values())

    def hears_in(self, step: object, *, looks: bool) -> bool:
        """Tell it of actions: of what they wait for and, with `looks`, what they look at."""
        if isinstance(step, str):
            return looks and any(sign in step for sign in _TEMPLATE) and self.hears(step)
        if isinstance(step, list):
            return any(self.hears_in(one, looks=looks) for one in step)
        if not isinstance(step, dict) or step.get("enabled") is False:
            return False
        if "condition" in step:
            return looks and self.hears(step)
        return any(
            self.hears(part)
            if key in _WAITS or (looks and key in _LOOKS)
            else self.hears_in(part, looks=looks)
            for key, part in step.items()
        )

    def _is_targeted(self, target: object, kind: tuple[str, str] | None) -> bool:
        """Tell whether a target, by whatever it names, means the wearer's entity of `kind`."""
        if kind is None or not isinstance(target, dict):
            return False
        found = async_extract_referenced_entity_ids(self._hass, TargetSelection(target))
        own = self._targets[kind]
        return own is not None and own in found.referenced | found.indirectly_referenced


def _kind(what: str, key: str) -> tuple[str, str] | None:
    """Return which entity a trigger or condition with a target listens to, if to one of ours."""
    domain, _, name = key.partition(".")
    if domain == Platform.EVENT or (domain == DOMAIN and name.startswith("alarm_")):
        return _ALARM
    # Who waits for a low by the value hears of it; who asks for the value as an aside does not.
    return _GLUCOSE if domain == DOMAIN and what != "condition" else None
