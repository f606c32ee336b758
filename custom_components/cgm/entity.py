"""What every entity of a wearer or of a source shares: device, unique id, and who tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.core import callback
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity

from .const import DOMAIN

if TYPE_CHECKING:
    from homeassistant.helpers.entity import EntityDescription

    from .wearer import Wearer


class CgmEntity(Entity):
    """An entity told by the wearer; `device` is the wearer's id or a source's."""

    _attr_has_entity_name = True
    _attr_should_poll = False
    # Of what lies further back than now an alarm need not wait until it is shown.
    _is_of_now = True

    def __init__(self, wearer: Wearer, description: EntityDescription, device: str) -> None:
        """Name the device that wearer.py registers."""
        self.wearer = wearer
        self.entity_description = description
        self._attr_unique_id = f"{device}_{description.key}"
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, device)})

    async def async_added_to_hass(self) -> None:
        """Listen from now until removed."""
        await super().async_added_to_hass()
        to = self.wearer.listeners
        listen = to.async_add if self._is_of_now else to.async_add_follower
        self.async_on_remove(listen(self.async_told))

    @callback
    def async_told(self) -> None:
        """Show what is true now."""
        self.async_write_ha_state()
