"""What lamps and speakers were before an alarm took them: on the disk until they are so again."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from homeassistant.core import Event, EventStateChangedData, State, callback
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from homeassistant.core import HomeAssistant

# What cannot be reached is given back when it comes again; after so long it is left alone.
REMEMBERED_FOR = timedelta(hours=12)
TAKEN = "taken"


class SetAside:
    """By entity what it was, with the time it was `taken`; saved before the first change."""

    def __init__(self, hass: HomeAssistant, key: str) -> None:
        """Know of nothing yet; the disk is read when it is first needed."""
        self._hass = hass
        self._disk: Store[dict[str, dict[str, Any]]] = Store(hass, 1, key)
        self._kept: dict[str, dict[str, Any]] | None = None
        self._reading = asyncio.Lock()
        self._waiting: dict[str, Callable[[], None]] = {}

    async def async_kept(self) -> dict[str, dict[str, Any]]:
        """Return what is kept: whoever changes it has it saved."""
        async with self._reading:
            if self._kept is None:
                oldest = dt_util.utcnow() - REMEMBERED_FOR
                kept = await self._disk.async_load() or {}
                self._kept = {
                    entity: one
                    for entity, one in kept.items()
                    if datetime.fromisoformat(one[TAKEN]) > oldest
                }
        return self._kept

    async def async_save(self) -> None:
        """Have the disk know what is kept."""
        await self._disk.async_save(await self.async_kept())

    def wait_for(
        self,
        entity: str,
        can: Callable[[State], bool],
        give_back: Callable[[str], Coroutine[Any, Any, None]],
    ) -> None:
        """Give an entity back once it says something again and `can` be given back."""
        if entity in self._waiting:
            return

        @callback
        def came(event: Event[EventStateChangedData]) -> None:
            new = event.data["new_state"]
            if new is not None and can(new):
                self._waiting.pop(entity)()
                self._hass.async_create_task(give_back(entity))

        self._waiting[entity] = async_track_state_change_event(self._hass, entity, came)
