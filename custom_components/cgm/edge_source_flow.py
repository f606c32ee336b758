"""The part of the source flow that takes what an edge agent carries, and its pairing key."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import probatio
from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigSubentry,
    ConfigSubentryFlow,
    SubentryFlowResult,
)

from .const import CONF_CARRIED, CONF_NODE, CONF_PAIRING_KEY, CONF_WEARER, KIND_EDGE
from .edge_nodes import (
    async_give_pairing_key,
    async_nodes,
    edge_settings,
    free_sources,
    pairing_key,
)
from .shared.glucose.sources.source import VisibleWearer
from .source_forms import SOURCE_FORMS, one_of_carried

if TYPE_CHECKING:
    from .shared.glucose.wire import Carried


class EdgeSourceFlow(ConfigSubentryFlow):
    """Which of the agents' sources → the key it signs with → chosen."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._settings: dict[str, Any] = {}
        self._visible: tuple[VisibleWearer, ...] = ()

    async def async_step_edge(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for the key that an edge agent signs with: one that is new here, or a new key."""
        this = self._this()
        if this is None and not self._settings:
            return await self.async_step_carried()
        node = str((this.data if this is not None else self._settings)[CONF_NODE])
        nodes = async_nodes(self.hass)
        errors: dict[str, str] = {}
        if user_input is not None:
            key = user_input.get(CONF_PAIRING_KEY, "").strip() or None
            if nodes.is_signed(node) and not nodes.accepts(node, key or ""):
                errors[CONF_PAIRING_KEY] = "wrong_key"
            elif this is None:
                self._settings[CONF_PAIRING_KEY] = key
                return await self._async_chosen(self._visible[0])
            else:
                async_give_pairing_key(self.hass, node, key)
                return self.async_update_and_abort(self._get_entry(), this)
        return self.async_show_form(
            step_id=KIND_EDGE,
            data_schema=SOURCE_FORMS[KIND_EDGE].schema(),
            errors=errors,
            description_placeholders={CONF_NODE: node},
        )

    async def async_step_carried(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask which of the edge agents' sources to take."""
        offered = self._agents_sources()
        if not offered:
            return self.async_abort(reason="no_agents")
        if user_input is None:
            return self.async_show_form(
                step_id="carried",
                data_schema=probatio.Schema(
                    {
                        probatio.Required(CONF_CARRIED): one_of_carried(
                            {key: carried for key, (_, carried) in offered.items()}
                        )
                    }
                ),
            )
        if user_input[CONF_CARRIED] not in offered:
            return self.async_abort(reason="no_agents")
        node, carried = offered[user_input[CONF_CARRIED]]
        known = pairing_key(self.hass, node)
        self._settings = edge_settings(node, carried, None if known is None else known.decode())
        self._visible = (VisibleWearer(str(self._settings[CONF_WEARER]), carried.wearer),)
        if known is None and async_nodes(self.hass).is_signed(node):
            return await self.async_step_edge()
        return await self._async_chosen(self._visible[0])

    def _agents_sources(self) -> dict[str, tuple[str, Carried]]:
        """Return what agents that were heard of carry and no wearer has: by node and source."""
        return {
            f"{announce.node} {carried.source}": (announce.node, carried)
            for announce in async_nodes(self.hass).announced
            for carried in free_sources(self.hass, announce)
        }

    @abstractmethod
    async def _async_chosen(self, wearer: VisibleWearer) -> SubentryFlowResult:
        """Go on with the source of this wearer."""

    def _this(self) -> ConfigSubentry | None:
        """Return the source that is changed; None while it is added."""
        return self._get_reconfigure_subentry() if self.source == SOURCE_RECONFIGURE else None
