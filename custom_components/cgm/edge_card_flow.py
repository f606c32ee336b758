"""The card of an edge agent that was found, from "whose readings are these" to a wearer."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import probatio
from homeassistant.config_entries import (
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentry,
    ConfigSubentryData,
)
from homeassistant.const import CONF_NAME
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
from homeassistant.helpers.service_info.mqtt import MqttServiceInfo

from .about_fields import async_about_fields, default_about
from .const import (
    CONF_CARRIED,
    CONF_NODE,
    CONF_PAIRING_KEY,
    CONF_RANK,
    CONF_WEARER,
    DOMAIN,
    KIND_EDGE,
    SUBENTRY_SOURCE,
)
from .edge_cards import (
    async_dismiss_cards,
    async_offer_cards,
    async_watch,
    card_names,
    offered,
    standing_cards,
)
from .edge_nodes import async_nodes, edge_settings, edge_unique_id, free_sources, pairing_key
from .shared.glucose.wire import Announce, WireError
from .source_forms import SECRET_TEXT, SOURCE_FORMS, Fields, untaken
from .source_order import rank

if TYPE_CHECKING:
    from homeassistant.helpers.typing import DiscoveryInfoType

    from .shared.glucose.wire import Carried


class EdgeCardFlow(ConfigFlow):
    """The steps from a found agent's source to a wearer, a new one or one that is known."""

    def __init__(self) -> None:
        """Begin with no agent found."""
        self._node: str | None = None
        self._carried: Carried | None = None
        self._key: str | None = None
        self._asked_whose = False

    @property
    def was_found(self) -> bool:
        """Whether an agent's card began this flow."""
        return self._node is not None

    async def async_step_mqtt(self, discovery_info: MqttServiceInfo) -> ConfigFlowResult:
        """Hear an agent's announcement: this card is for one source, others get their own."""
        nodes = async_nodes(self.hass)
        async_watch(self.hass)
        payload = _bytes_of(discovery_info)
        if not payload:
            nodes.async_withdrawn(discovery_info.topic)
            async_dismiss_cards(self.hass)
            return self.async_abort(reason="withdrawn")
        try:
            announce = nodes.async_heard(discovery_info.topic, payload)
        except WireError:
            return self.async_abort(reason="not_an_agent")
        async_dismiss_cards(self.hass)
        sources, standing = offered(self.hass, announce), standing_cards(self.hass)
        if not sources:
            return self.async_abort(reason="already_configured")
        first = next((key for key in sources if key not in standing), next(iter(sources)))
        await self._async_offer(announce, sources[first])
        async_offer_cards(self.hass)
        return await self._async_ask()

    async def async_step_integration_discovery(
        self, discovery_info: DiscoveryInfoType
    ) -> ConfigFlowResult:
        """Offer one more source of an agent that was heard."""
        for announce in async_nodes(self.hass).announced:
            for carried in offered(self.hass, announce).values():
                if (announce.node, carried.source) == (
                    discovery_info[CONF_NODE],
                    discovery_info[CONF_CARRIED],
                ):
                    await self._async_offer(announce, carried)
                    return await self._async_ask()
        return self.async_abort(reason="already_configured")

    async def _async_offer(self, announce: Announce, carried: Carried) -> None:
        """Make this the card of one source. Ends the flow where that has its card already."""
        await self.async_set_unique_id(edge_unique_id(announce.node, carried.source))
        self._node, self._carried = announce.node, carried
        self.context["title_placeholders"] = card_names(announce, carried)

    async def _async_ask(self) -> ConfigFlowResult:
        """Begin with what is not known now; a card may stand for days before it is opened."""
        if async_nodes(self.hass).is_signed(self._found_node):
            return await self.async_step_pairing_key()
        return await self.async_step_whose()

    async def async_step_pairing_key(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the key that the agent signs with, and try it."""
        errors: dict[str, str] = {}
        if user_input is None and pairing_key(self.hass, self._found_node) is not None:
            return await self.async_step_whose()
        if user_input is not None:
            self._key = user_input[CONF_PAIRING_KEY].strip()
            if async_nodes(self.hass).accepts(self._found_node, self._key):
                return await self.async_step_whose()
            errors[CONF_PAIRING_KEY] = "wrong_key"
        return self.async_show_form(
            step_id="pairing_key",
            data_schema=probatio.Schema({probatio.Required(CONF_PAIRING_KEY): SECRET_TEXT}),
            errors=errors,
            description_placeholders={CONF_NODE: self._found_node},
        )

    async def async_step_whose(self, _user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask whether it is somebody new, where somebody is known."""
        self._asked_whose = bool(self._wearers)
        if not self._asked_whose:
            return await self.async_step_new_wearer()
        return self.async_show_menu(
            step_id="whose",
            menu_options=["new_wearer", "known_wearer"],
            description_placeholders=self._found_names,
        )

    async def async_step_new_wearer(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask who it is, as for any wearer, and add them with this source."""
        if user_input is None and self._wearers and not self._asked_whose:
            # Somebody was added while the card stood.
            return await self.async_step_whose()
        carried = self._found_source
        if user_input is not None:
            if self._is_taken(carried):
                return self.async_abort(reason="already_configured")
            # Else the source's id would become the wearer's.
            await self.async_set_unique_id(None)
            return self.async_create_entry(
                title=user_input[CONF_NAME].strip(),
                data={},
                options={key: value for key, value in user_input.items() if key != CONF_NAME},
                subentries=[self._source_data(carried, set(), place=0.0)],
            )
        fields: Fields = {
            probatio.Required(CONF_NAME): TextSelector(),
            **await async_about_fields(self.hass),
        }
        return self.async_show_form(
            step_id="new_wearer",
            data_schema=self.add_suggested_values_to_schema(
                probatio.Schema(fields), {CONF_NAME: carried.wearer, **default_about(self.hass)}
            ),
            description_placeholders=self._found_names,
        )

    async def async_step_known_wearer(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask which wearer it is, and add this source behind those they have."""
        wearers = {entry.entry_id: entry for entry in self._wearers}
        if user_input is not None:
            carried, entry = self._found_source, wearers.get(user_input[CONF_WEARER])
            if entry is None or self._is_taken(carried):
                return self.async_abort(reason="already_configured")
            others = entry.subentries.values()
            last = max(map(rank, others), default=-1.0)
            found = self._source_data(carried, {s.title for s in others}, place=last + 1.0)
            source = ConfigSubentry(
                data=MappingProxyType(dict(found["data"])),
                subentry_type=found["subentry_type"],
                title=found["title"],
                unique_id=found["unique_id"],
            )
            self.hass.config_entries.async_add_subentry(entry, source)
            return self.async_abort(
                reason="source_added", description_placeholders={CONF_NAME: entry.title}
            )
        return self.async_show_form(
            step_id="known_wearer",
            data_schema=probatio.Schema(
                {
                    probatio.Required(CONF_WEARER): SelectSelector(
                        SelectSelectorConfig(
                            options=[
                                SelectOptionDict(value=key, label=entry.title)
                                for key, entry in wearers.items()
                            ],
                            mode=SelectSelectorMode.LIST,
                        )
                    )
                }
            ),
            description_placeholders=self._found_names,
        )

    @property
    def _found_node(self) -> str:
        """The agent that was found; only steps that follow its discovery ask."""
        return str(self._node)

    @property
    def _found_source(self) -> Carried:
        """The source of that agent that this card is about."""
        return cast("Carried", self._carried)

    @property
    def _found_names(self) -> dict[str, str]:
        return {CONF_NODE: self._found_node, CONF_CARRIED: self._found_source.wearer}

    @property
    def _wearers(self) -> list[ConfigEntry]:
        return self.hass.config_entries.async_entries(DOMAIN, include_ignore=False)

    def _is_taken(self, carried: Carried) -> bool:
        """Tell whether another dialog was quicker."""
        alone = Announce(node=self._found_node, software="", carries=(carried,))
        return not free_sources(self.hass, alone)

    def _source_data(
        self, carried: Carried, titles: set[str], *, place: float
    ) -> ConfigSubentryData:
        known = pairing_key(self.hass, self._found_node)
        key = self._key if known is None else known.decode()
        settings = edge_settings(self._found_node, carried, key)
        return ConfigSubentryData(
            data={**settings, CONF_RANK: place},
            subentry_type=SUBENTRY_SOURCE,
            title=untaken(SOURCE_FORMS[KIND_EDGE].title, titles),
            unique_id=edge_unique_id(self._found_node, carried.source),
        )


def _bytes_of(info: MqttServiceInfo) -> bytes:
    payload = info.payload
    return payload.encode() if isinstance(payload, str) else bytes(payload)
