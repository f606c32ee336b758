"""Erases a wearer's history, a period or all of it, wherever this home keeps it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from homeassistant.components.recorder import (
    DOMAIN as RECORDER_DOMAIN,
    get_instance,
)
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er

from .const import DOMAIN
from .shared.glucose.errors import StoreError

if TYPE_CHECKING:
    from .shared.glucose.store import Erased, Store
    from .wearer import Wearer


_LONG_AGO = datetime(1900, 1, 1, tzinfo=UTC)


async def async_erase(
    wearer: Wearer, confirm: str, start: datetime | None, end: datetime | None
) -> Erased:
    """Erase [start, end), everything where both are None; `confirm` is the wearer's name, typed.

    Readings, treatments, measurements and the alarms' log go, and long-term statistics with
    them, which are then made anew of what is left. With everything, the recorder's states of
    this wearer's entities go too; of a period it lets go only as it forgets anyway. Raises
    ServiceValidationError where the name is another one, HomeAssistantError where the history
    cannot be written now, nothing is erased then, and where it cannot be read afterwards: then
    what is shown may be what was, and who tries again has it withdrawn.
    """
    if confirm.strip() != wearer.entry.title.strip():
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="erase_not_confirmed"
        )
    if wearer.history.still:
        raise HomeAssistantError(translation_domain=DOMAIN, translation_key="backup_under_way")
    key = wearer.id

    def erase(store: Store) -> tuple[Erased, datetime | None]:
        return store.erase(key, start, end), store.oldest(key)

    await wearer.async_look_again()
    try:
        if wearer.writing.error is not None:
            # What waits for the disk would be written behind our back.
            raise wearer.writing.error
        erased, first_left = await wearer.history.async_do(erase)
    except StoreError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="history_not_written"
        ) from error
    await _async_clear_statistics(wearer)
    if first_left is not None:
        await wearer.statistics.async_changed(first_left)
    try:
        await wearer.async_take_up_history(start or _LONG_AGO)
    except StoreError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="history_not_read"
        ) from error
    if start is None and end is None:
        await _async_purge_states(wearer)
    return erased


def _entities(wearer: Wearer) -> list[str]:
    found = er.async_entries_for_config_entry(er.async_get(wearer.hass), wearer.id)
    return [entity.entity_id for entity in found]


async def _async_clear_statistics(wearer: Wearer) -> None:
    """Erase the long-term statistics of the wearer's entities: the recorder knows no part of it."""
    hass = wearer.hass
    if RECORDER_DOMAIN not in hass.config.components:
        return
    cleared = asyncio.Event()

    def done() -> None:
        hass.loop.call_soon_threadsafe(cleared.set)

    get_instance(hass).async_clear_statistics(_entities(wearer), on_done=done)
    await cleared.wait()


async def _async_purge_states(wearer: Wearer) -> None:
    """Have the recorder forget the states of the wearer's entities."""
    if RECORDER_DOMAIN in wearer.hass.config.components and (entities := _entities(wearer)):
        await wearer.hass.services.async_call(
            RECORDER_DOMAIN, "purge_entities", {"entity_id": entities, "keep_days": 0}
        )
