"""The lines CGM adds to Home Assistant's system health page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeassistant.components import system_health
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback

from .const import DOMAIN
from .feed_status import FeedState

if TYPE_CHECKING:
    from .wearer import CgmConfigEntry


@callback
def async_register(_hass: HomeAssistant, register: system_health.SystemHealthRegistration) -> None:
    """Register the lines."""
    register.async_register_info(async_info)


async def async_info(hass: HomeAssistant) -> dict[str, Any]:
    """Return counts only: nothing of it says whose or what values."""
    entries: list[CgmConfigEntry] = hass.config_entries.async_entries(DOMAIN)
    wearers = [e.runtime_data for e in entries if e.state is ConfigEntryState.LOADED]
    feeds = [feed for wearer in wearers for feed in wearer.feeds.values()]
    facts = await wearers[0].history.async_facts() if wearers else {}
    return {
        "wearers": len(wearers),
        "sources": len(feeds),
        "sources_ok": sum(feed.status.state is FeedState.OK for feed in feeds),
        "readings": facts.get("readings"),
        "history_megabytes": facts.get("megabytes"),
    }
