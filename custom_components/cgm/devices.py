"""The devices of a wearer: their own, one for each source, one for each agent that brings one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.core import callback
from homeassistant.helpers import device_registry as dr

from .const import CONF_NODE, DOMAIN, agent_device

if TYPE_CHECKING:
    from .wearer import Wearer


@callback
def async_register_devices(wearer: Wearer) -> None:
    """Make the devices that entities name, and have them bear today's names."""
    devices = dr.async_get(wearer.hass)
    of_wearer = devices.async_get_or_create(
        config_entry_id=wearer.entry.entry_id,
        identifiers={(DOMAIN, wearer.id)},
        entry_type=dr.DeviceEntryType.SERVICE,
        name=wearer.entry.title,
    )
    for subentry in wearer.entry.subentries.values():
        source = devices.async_get_or_create(
            config_entry_id=wearer.entry.entry_id,
            config_subentry_id=subentry.subentry_id,
            identifiers={(DOMAIN, subentry.subentry_id)},
            entry_type=dr.DeviceEntryType.SERVICE,
            name=f"{wearer.entry.title} {subentry.title}",
            via_device_id=of_wearer.id,
        )
        if (node := subentry.data.get(CONF_NODE)) is not None:
            devices.async_get_or_create(
                config_entry_id=wearer.entry.entry_id,
                config_subentry_id=subentry.subentry_id,
                identifiers={(DOMAIN, agent_device(subentry.subentry_id))},
                name=f"{wearer.entry.title} {node}",
                model="Edge agent",
                via_device_id=source.id,
            )
