"""Keeps the history's file still while Home Assistant makes a backup; readings go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.core import callback

from .const import DOMAIN, LOGGER
from .shared.glucose.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homeassistant.core import HomeAssistant

    from .wearer import CgmConfigEntry, Wearer


async def async_pre_backup(hass: HomeAssistant) -> None:
    """Have a copy of the history be whole, however long it takes.

    Where that cannot be had, the home's backup is made all the same: the log tells.
    """
    for wearer in _any_wearer(hass):
        try:
            await wearer.history.async_hold_still()
        except StoreError as error:
            LOGGER.error("The history in this backup may not be whole: %s", error)


async def async_post_backup(hass: HomeAssistant) -> None:
    """Go on as before."""
    for wearer in _any_wearer(hass):
        try:
            await wearer.history.async_let_move()
        except StoreError as error:
            LOGGER.debug("The history was closed during the backup: %s", error)


@callback
def _any_wearer(hass: HomeAssistant) -> Iterator[Wearer]:
    """Yield one wearer, if any is loaded: all share one history."""
    entries: list[CgmConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    yield from (entry.runtime_data for entry in entries[:1])
