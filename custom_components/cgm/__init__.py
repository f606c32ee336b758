"""CGM: one config entry is one wearer, set up and unloaded here."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import Event
from homeassistant.exceptions import ConfigEntryError, ConfigEntryNotReady
from homeassistant.helpers import config_validation as cv

from .alarm_report import async_register_alarm_report
from .const import DOMAIN, LOGGER, PLATFORMS
from .devices import async_register_devices
from .edge_nodes import forsaken_keys
from .history import async_history
from .history_services import async_register_history_services
from .issues import async_show_history_too_new
from .lamps import async_register_lamps
from .measure_services import async_register_measures
from .record_services import async_register_record_services
from .services import async_register_services
from .shared.glucose.errors import StoreError, StoreTooNew
from .speakers import async_register_speakers
from .tell import async_register_tell
from .wearer import CgmConfigEntry, Wearer

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.typing import ConfigType

    from .shared.glucose.store import Store

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, _config: ConfigType) -> bool:
    """Offer the actions, also while no wearer is loaded: then they say so."""
    async_register_services(hass)
    async_register_record_services(hass)
    async_register_lamps(hass)
    async_register_speakers(hass)
    async_register_tell(hass)
    async_register_alarm_report(hass)
    async_register_history_services(hass)
    async_register_measures(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: CgmConfigEntry) -> bool:
    """Set up one wearer; succeeds with every source down, for the store is here."""
    wearer = Wearer(hass, entry)
    try:
        await wearer.async_load()
    except StoreTooNew as error:
        async_show_history_too_new(hass, too_new=True)
        raise ConfigEntryError(
            translation_domain=DOMAIN, translation_key="history_too_new"
        ) from error
    except StoreError as error:
        raise ConfigEntryNotReady(
            translation_domain=DOMAIN, translation_key="history_unavailable"
        ) from error
    async_show_history_too_new(hass, too_new=False)
    entry.runtime_data = wearer
    entry.async_on_unload(wearer.async_stop)

    async def stop(_event: Event) -> None:
        await wearer.async_stop()

    # Entries are not unloaded when Home Assistant stops; the history is closed all the same.
    entry.async_on_unload(hass.bus.async_listen_once(EVENT_HOMEASSISTANT_FINAL_WRITE, stop))
    # The listener stands before the platforms: changes made during set-up must not be lost.
    entry.async_on_unload(entry.add_update_listener(_async_entry_changed))
    async_register_devices(wearer)
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    wearer.async_follow()
    return True


async def async_unload_entry(hass: HomeAssistant, entry: CgmConfigEntry) -> bool:
    """Unload one wearer; feeds, timers and the history go with it."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: CgmConfigEntry) -> None:
    """Erase the wearer's history: who removes a wearer removes what was kept of them."""
    history = async_history(hass)
    if not any(other is not entry for other in hass.config_entries.async_entries(DOMAIN)):
        async_show_history_too_new(hass, too_new=False)
    try:
        await history.async_hold(entry.entry_id)
        try:
            for key in (entry.entry_id, *forsaken_keys(hass, entry)):
                await history.async_do(partial(_forget, key=key))
        finally:
            await history.async_let_go(entry.entry_id)
    except StoreError as error:
        LOGGER.error("The history of a removed wearer could not be erased: %s", error)


def _forget(store: Store, key: str) -> int:
    return store.forget_wearer(key)


async def _async_entry_changed(_hass: HomeAssistant, entry: CgmConfigEntry) -> None:
    """Follow what the user changed; nothing reloads."""
    entry.runtime_data.async_follow()
