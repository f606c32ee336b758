"""Whether the edge agent behind a source is connected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.const import EntityCategory
from homeassistant.core import callback

from .const import agent_device
from .entity import CgmEntity
from .wearer import CgmConfigEntry, Wearer

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

PARALLEL_UPDATES = 0

CONNECTED = BinarySensorEntityDescription(
    key="connected",
    translation_key="connected",
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
    entity_category=EntityCategory.DIAGNOSTIC,
)


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: CgmConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add one for each source that an edge agent brings, as soon as it is there."""
    wearer = entry.runtime_data
    added: set[str] = set()

    @callback
    def add_connected() -> None:
        brought = {key for key, feed in wearer.feeds.items() if feed.status.agent is not None}
        new = brought - added
        added.clear()
        added.update(brought)
        for source in new:
            async_add_entities([AgentConnected(wearer, source)], config_subentry_id=source)

    entry.async_on_unload(wearer.async_add_listener(add_connected))
    add_connected()


class AgentConnected(CgmEntity, BinarySensorEntity):
    """Whether the agent is heard; its readings' own age decides what is current."""

    def __init__(self, wearer: Wearer, source: str) -> None:
        """Belong to the agent's device."""
        super().__init__(wearer, CONNECTED, agent_device(source))
        self._source = source

    @property
    def is_on(self) -> bool | None:
        """On while the agent is heard; unknown until it was, or could have been."""
        feed = self.wearer.feeds.get(self._source)
        agent = None if feed is None else feed.status.agent
        return None if agent is None else agent.connected
