"""Whom a target means: the wearers who have their entity of one kind in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import ATTR_CONFIG_ENTRY_ID, ATTR_ENTITY_ID, Platform
from homeassistant.helpers import entity_registry as er

from .const import CONF_UNIT, DOMAIN
from .shared.glucose.units import Unit

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

    from .wearer import CgmConfigEntry, Wearer

# The entity that stands for a wearer: of each kind a wearer has one.
GLUCOSE = (Platform.SENSOR, "glucose")
ALARM = (Platform.EVENT, "alarm")


def entities_of(hass: HomeAssistant, targeted: set[str], kind: tuple[str, str]) -> set[str]:
    """Return those of the targeted entities that are a wearer's own of `kind`."""
    platform, key = kind
    registry = er.async_get(hass)
    return {
        entity_id
        for entity_id in targeted
        if (entry := registry.async_get(entity_id)) is not None
        and (entry.platform, entry.domain) == (DOMAIN, platform)
        and entry.unique_id == f"{entry.config_entry_id}_{key}"
    }


def entry_of(hass: HomeAssistant, entity_id: str) -> CgmConfigEntry | None:
    """Return the entry of the wearer an entity belongs to; None where either is gone."""
    entity = er.async_get(hass).async_get(entity_id)
    wearer = None if entity is None else entity.config_entry_id
    return None if wearer is None else hass.config_entries.async_get_entry(wearer)


def loaded(entry: CgmConfigEntry | None) -> Wearer | None:
    """Return the wearer at run time, of this moment; None while not set up."""
    if entry is None or entry.state is not ConfigEntryState.LOADED:
        return None
    return entry.runtime_data


def unit_of(entry: CgmConfigEntry) -> Unit:
    """Return the unit a wearer reads glucose in."""
    return Unit(entry.options[CONF_UNIT])


def whose(hass: HomeAssistant, entity_id: str, entry: CgmConfigEntry) -> dict[str, Any]:
    """Return what every trigger of ours tells of the wearer."""
    platform, key = GLUCOSE
    return {
        ATTR_ENTITY_ID: entity_id,
        "wearer": entry.title,
        ATTR_CONFIG_ENTRY_ID: entry.entry_id,
        "glucose": er.async_get(hass).async_get_entity_id(
            platform, DOMAIN, f"{entry.entry_id}_{key}"
        ),
    }
