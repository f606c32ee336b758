"""The edge agents of this home: who was heard of, who is listened to, and the way to the broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.components import mqtt
from homeassistant.core import HomeAssistant, callback
from homeassistant.setup import async_when_setup
from homeassistant.util.hass_dict import HassKey

from .const import (
    CONF_CADENCE_SECONDS,
    CONF_CARRIED,
    CONF_KIND,
    CONF_NODE,
    CONF_PAIRING_KEY,
    CONF_WEARER,
    DOMAIN,
    KIND_EDGE,
    LOGGER,
    kept_under,
)
from .edge_node import EdgeNode
from .shared.glucose.wire import Announce, Topics, WireError, decode_announce, is_signed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homeassistant.config_entries import ConfigEntry, ConfigSubentry

    from .edge_feed import EdgeFeed
    from .shared.glucose.wire import Carried

_NODES: HassKey[EdgeNodes] = HassKey(f"{DOMAIN}_edge_nodes")


class EdgeNodes:
    """All agents: each is listened to as long as a wearer takes readings from it."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin with nobody heard of."""
        self.nodes: dict[str, EdgeNode] = {}
        self._hass = hass
        self._announced: dict[str, bytes] = {}
        self._connected = False
        self._waits_for_mqtt = False
        self._rubbish = 0

    # Who is listened to.

    @callback
    def async_join(self, feed: EdgeFeed) -> EdgeNode:
        """Listen to the node of a feed, whenever there is a broker."""
        node = self.nodes.get(feed.node_name)
        if node is None:
            node = self.nodes[feed.node_name] = EdgeNode(self._hass, feed.node_name)
        node.async_join(feed)
        if not self._waits_for_mqtt:
            self._waits_for_mqtt = True
            async_when_setup(self._hass, mqtt.DOMAIN, self._async_mqtt_is_there)
        node.async_connection(connected=self._connected)
        return node

    @callback
    def async_leave(self, feed: EdgeFeed) -> None:
        """Listen no longer for this feed."""
        node = self.nodes.get(feed.node_name)
        if node is not None and node.async_leave(feed):
            del self.nodes[feed.node_name]

    async def _async_mqtt_is_there(self, hass: HomeAssistant, _component: str) -> None:
        mqtt.async_subscribe_connection_status(hass, self._async_connection)
        self._async_connection(mqtt.DATA_MQTT in hass.data and mqtt.is_connected(hass))

    @callback
    def _async_connection(self, connected: bool) -> None:  # noqa: FBT001 - as mqtt calls it
        self._connected = connected
        for node in list(self.nodes.values()):
            node.async_connection(connected=connected)

    # Who was heard of.

    @callback
    def async_heard(self, topic: str, payload: bytes) -> Announce:
        """Take an announcement, remembered so that it can be offered later. Raises WireError.

        Where the node's pairing key is known, it must be signed with it.
        """
        try:
            node = decode_announce(topic, payload).node
            announce = decode_announce(topic, payload, pairing_key(self._hass, node))
        except WireError as error:
            self._rubbish += 1
            if self._rubbish == 1:
                LOGGER.info("An announcement of an edge agent is refused: %s", error)
            raise
        self._announced[node] = payload
        return announce

    @callback
    def async_withdrawn(self, topic: str) -> None:
        """Forget an announcement that its agent took back."""
        self._announced = {
            node: payload
            for node, payload in self._announced.items()
            if Topics(node).announce != topic
        }

    @property
    def announced(self) -> list[Announce]:
        """Every agent heard of, as it announced itself."""
        return [
            decode_announce(Topics(node).announce, payload)
            for node, payload in self._announced.items()
        ]

    def is_signed(self, node: str) -> bool:
        """Tell whether a node signs: then its pairing key is needed to trust it."""
        return is_signed(self._announced.get(node, b""))

    def accepts(self, node: str, key: str) -> bool:
        """Tell whether a typed pairing key is the one this node signs with."""
        try:
            decode_announce(Topics(node).announce, self._announced[node], key.encode())
        except WireError:
            return False
        return True


@callback
def async_nodes(hass: HomeAssistant) -> EdgeNodes:
    """Return the home's edge agents."""
    return hass.data.setdefault(_NODES, EdgeNodes(hass))


# What the wearers' settings say of agents.


def _adopted(hass: HomeAssistant) -> Iterator[tuple[ConfigEntry, ConfigSubentry]]:
    for entry in hass.config_entries.async_entries(DOMAIN, include_ignore=False):
        for subentry in entry.subentries.values():
            if subentry.data.get(CONF_KIND) == KIND_EDGE:
                yield entry, subentry


def pairing_key(hass: HomeAssistant, node: str) -> bytes | None:
    """Return the pairing key of a node that readings are taken from."""
    keys = [s.data.get(CONF_PAIRING_KEY) for _, s in _adopted(hass) if s.data[CONF_NODE] == node]
    return next((str(key).encode() for key in keys if key is not None), None)


def free_sources(hass: HomeAssistant, announce: Announce) -> list[Carried]:
    """Return what an agent carries and no wearer has yet."""
    taken = {s.data[CONF_CARRIED] for _, s in _adopted(hass) if s.data[CONF_NODE] == announce.node}
    return [one for one in announce.carries if one.source not in taken]


def edge_unique_id(node: str, carried: str) -> str:
    """Return the unique id of one source of one node, for subentries and discovery alike."""
    return f"{KIND_EDGE} {node} {carried}"


def edge_settings(node: str, carried: Carried, key: str | None) -> dict[str, object]:
    """Return the settings of a source that an edge agent brings, but for its rank."""
    settings: dict[str, object] = {
        CONF_KIND: KIND_EDGE,
        CONF_NODE: node,
        CONF_CARRIED: carried.source,
        CONF_CADENCE_SECONDS: carried.cadence_seconds,
        CONF_WEARER: f"{node} {carried.source}",
    }
    return settings if key is None else {**settings, CONF_PAIRING_KEY: key}


@callback
def async_give_pairing_key(hass: HomeAssistant, node: str, key: str | None) -> None:
    """Give a node's new pairing key to everybody who takes readings from it."""
    for entry, subentry in list(_adopted(hass)):
        if subentry.data[CONF_NODE] == node:
            data = {k: v for k, v in subentry.data.items() if k != CONF_PAIRING_KEY}
            if key is not None:
                data[CONF_PAIRING_KEY] = key
            hass.config_entries.async_update_subentry(entry, subentry, data=data)


def forsaken_keys(hass: HomeAssistant, removed: ConfigEntry) -> list[str]:
    """Return under which keys the history holds agents that only a removed wearer had."""
    left = {s.data[CONF_NODE] for entry, s in _adopted(hass) if entry is not removed}
    gone = {s.data.get(CONF_NODE) for s in removed.subentries.values()} - left - {None}
    return [kept_under(str(node)) for node in gone]
