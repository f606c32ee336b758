"""Which cards stand under "Discovered": one for each source of an agent that no wearer has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    SOURCE_INTEGRATION_DISCOVERY,
    SOURCE_MQTT,
    ConfigEntry,
    ConfigEntryChange,
)
from homeassistant.const import CONF_NAME
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.discovery_flow import async_create_flow
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.util.hass_dict import HassKey

from .const import CONF_CARRIED, CONF_NODE, DOMAIN
from .edge_nodes import async_nodes, edge_unique_id, free_sources

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigFlowResult

    from .shared.glucose.wire import Announce, Carried

_WATCHED: HassKey[CALLBACK_TYPE] = HassKey(f"{DOMAIN}_edge_cards")
_FOUND_BY = {SOURCE_MQTT, SOURCE_INTEGRATION_DISCOVERY}


@callback
def async_watch(hass: HomeAssistant) -> None:
    """From now on follow what becomes of wearers, sources and ignored cards."""
    if _WATCHED in hass.data:
        return

    @callback
    def changed(_change: ConfigEntryChange, entry: ConfigEntry) -> None:
        if entry.domain == DOMAIN:
            async_dismiss_cards(hass)
            async_offer_cards(hass)

    hass.data[_WATCHED] = async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, changed)


def offered(hass: HomeAssistant, announce: Announce) -> dict[str, Carried]:
    """Return what an agent carries that no wearer has and nobody ignores, by unique id."""
    entry_of = hass.config_entries.async_entry_for_domain_unique_id
    return {
        key: carried
        for carried in free_sources(hass, announce)
        if entry_of(DOMAIN, key := edge_unique_id(announce.node, carried.source)) is None
    }


def card_names(announce: Announce, carried: Carried) -> dict[str, str]:
    """Return what the title of a card is made of: whose readings, from which agent."""
    wearers = [one.wearer for one in announce.carries]
    where = announce.node
    if wearers.count(carried.wearer) > 1:
        where = f"{where}, {carried.source}"
    return {CONF_NAME: f"{carried.wearer} ({where})", CONF_NODE: announce.node}


def _cards(hass: HomeAssistant, *, about_to_stand: bool) -> list[ConfigFlowResult]:
    flows = hass.config_entries.flow.async_progress_by_handler(
        DOMAIN, include_uninitialized=about_to_stand
    )
    return [flow for flow in flows if flow["context"]["source"] in _FOUND_BY]


@callback
def standing_cards(hass: HomeAssistant) -> set[str | None]:
    """Return the unique ids of the cards that stand, or are about to."""
    cards = _cards(hass, about_to_stand=True)
    return {card["context"].get("unique_id") for card in cards}


@callback
def async_dismiss_cards(hass: HomeAssistant) -> None:
    """Take cards away that have nothing to offer or another title; not those being answered."""
    wanted = {
        key: card_names(announce, carried)
        for announce in async_nodes(hass).announced
        for key, carried in offered(hass, announce).items()
    }
    for card in _cards(hass, about_to_stand=False):
        context = card["context"]
        stale = context.get("title_placeholders") != wanted.get(str(context.get("unique_id")))
        if stale and not context.get("dismiss_protected"):
            hass.config_entries.flow.async_abort(card["flow_id"])


@callback
def async_offer_cards(hass: HomeAssistant) -> None:
    """Put up a card for each source that has none."""
    standing = standing_cards(hass)
    for announce in async_nodes(hass).announced:
        for key, carried in offered(hass, announce).items():
            if key not in standing:
                found = {CONF_NODE: announce.node, CONF_CARRIED: carried.source}
                async_create_flow(hass, DOMAIN, {"source": SOURCE_INTEGRATION_DISCOVERY}, found)
