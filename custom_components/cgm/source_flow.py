"""The flow that adds a source to a wearer, changes its login, or moves it in the order."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, override

import probatio
from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntryState,
    ConfigSubentry,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.const import CONF_NAME, CONF_REGION
from homeassistant.core import callback
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
from homeassistant.util import dt as dt_util

from .accounts import account_settings, async_give_login, async_let_go
from .const import (
    CONF_CARRIED,
    CONF_KIND,
    CONF_NODE,
    CONF_PAIRING_KEY,
    CONF_RANK,
    CONF_TIME_ZONE,
    CONF_WEARER,
    DOMAIN,
    KIND_EDGE,
    NO_TIME,
)
from .edge_nodes import (
    async_give_pairing_key,
    async_nodes,
    edge_settings,
    free_sources,
    pairing_key,
)
from .login import async_try_login
from .shared.glucose.sources.source import VisibleWearer
from .source_forms import CONF_SEED, CONF_STARTED, SOURCE_FORMS, one_of_carried, untaken
from .wearer import CgmConfigEntry

if TYPE_CHECKING:
    from .shared.glucose.wire import Carried

CONF_PLACE = "place"
_FIRST = "first"
_MENU = [kind for kind in SOURCE_FORMS if kind != KIND_EDGE]
# By the home's country; a wrong region looks like a wrong password.
_DEXCOM_REGIONS = {"US": "us", "JP": "jp"}


class SourceFlow(ConfigSubentryFlow):
    """Which kind → credentials, checked by logging in → which wearer → which place → done."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._settings: dict[str, Any] = {}
        self._visible: tuple[VisibleWearer, ...] = ()
        self._wearer = VisibleWearer("", "")

    @callback
    @override
    def async_remove(self) -> None:
        """Let the account go that this flow logged in; the new feed holds it by now."""
        async_let_go(self.hass, self.flow_id)

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for the kind of source."""
        offers = [KIND_EDGE] if self._agents_sources() else []
        return self.async_show_menu(step_id="user", menu_options=[*_MENU, *offers])

    async def async_step_dexcom(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for a Dexcom account."""
        return await self._async_credentials("dexcom", user_input)

    async def async_step_librelinkup(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for a LibreLinkUp account."""
        return await self._async_credentials("librelinkup", user_input)

    async def async_step_nightscout(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for a Nightscout site or a phone's own server."""
        return await self._async_credentials("nightscout", user_input)

    async def async_step_simulated(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask how often the simulated sensor measures."""
        if user_input is not None and self.source != SOURCE_RECONFIGURE:
            user_input = {
                **user_input,
                CONF_SEED: secrets.randbelow(1_000_000),
                # The first hour is sure to have readings: somebody is looking.
                CONF_STARTED: dt_util.utcnow().isoformat(),
                CONF_TIME_ZONE: self._get_entry().options[CONF_TIME_ZONE],
            }
        return await self._async_credentials("simulated", user_input)

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

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Offer to change the login or, where there are several, the order."""
        kind = self._get_reconfigure_subentry().data[CONF_KIND]
        has_form, has_others = kind in SOURCE_FORMS, bool(self._others())
        if has_form and has_others:
            return self.async_show_menu(step_id="reconfigure", menu_options=[kind, CONF_PLACE])
        if has_form:
            edge = kind == KIND_EDGE
            return await (self.async_step_edge() if edge else self._async_credentials(kind, None))
        if has_others:
            return await self.async_step_place()
        return self.async_abort(reason="nothing_to_change")

    async def _async_credentials(
        self, kind: str, user_input: dict[str, Any] | None
    ) -> SubentryFlowResult:
        form = SOURCE_FORMS[kind]
        errors: dict[str, str] = {}
        placeholders = {"until": NO_TIME}
        known = self._known_settings()
        if user_input is not None:
            self._settings = {**self._fixed_settings(), **user_input, CONF_KIND: kind}
            outcome = await async_try_login(self.hass, self._settings, self.flow_id)
            if not outcome.errors:
                self._visible = outcome.wearers
                return await self._async_logged_in()
            errors = dict(outcome.errors)
            placeholders["until"] = outcome.until
            known = user_input
        return self.async_show_form(
            step_id=kind,
            data_schema=self.add_suggested_values_to_schema(
                form.schema(), form.without_secrets(known)
            ),
            errors=errors,
            description_placeholders=placeholders,
        )

    def _known_settings(self) -> dict[str, Any]:
        """Return what the form begins with: the source's settings, or what is usual here."""
        if (this := self._this()) is not None:
            return dict(this.data)
        country = self.hass.config.country
        return {} if country is None else {CONF_REGION: _DEXCOM_REGIONS.get(country, "ous")}

    def _fixed_settings(self) -> dict[str, Any]:
        """Return what no form asks for and a change must keep (a simulated wearer's seed)."""
        if (this := self._this()) is None:
            return {}
        asked = {str(marker) for marker in SOURCE_FORMS[this.data[CONF_KIND]].fields}
        return {k: v for k, v in account_settings(this.data).items() if k not in asked}

    async def _async_logged_in(self) -> SubentryFlowResult:
        if self.source == SOURCE_RECONFIGURE:
            subentry = self._get_reconfigure_subentry()
            if subentry.data[CONF_WEARER] not in {wearer.id for wearer in self._visible}:
                return self.async_abort(reason="wrong_account")
            old = account_settings(subentry.data)
            async_give_login(self.hass, old, self._settings, self._visible)
            entry: CgmConfigEntry = self._get_entry()
            if entry.state is ConfigEntryState.LOADED:
                # With the same login as before, the source would go on waiting as its last fault
                # demanded.
                entry.runtime_data.async_try_again(subentry.subentry_id)
            return self.async_update_and_abort(entry, subentry)
        if len(self._visible) > 1:
            return await self.async_step_wearer()
        return await self._async_chosen(self._visible[0])

    async def async_step_wearer(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask whose readings to take where the account sees several people."""
        if user_input is not None:
            chosen = next(w for w in self._visible if w.id == user_input[CONF_WEARER])
            return await self._async_chosen(chosen)
        names = [w.name for w in self._visible]
        options = [
            # Somebody who was invited twice is there twice, under one name.
            SelectOptionDict(
                value=w.id, label=w.name if names.count(w.name) == 1 else f"{w.name} ({w.id})"
            )
            for w in self._visible
        ]
        return self.async_show_form(
            step_id="wearer",
            data_schema=probatio.Schema(
                {
                    probatio.Required(CONF_WEARER): SelectSelector(
                        SelectSelectorConfig(options=options, mode=SelectSelectorMode.LIST)
                    )
                }
            ),
        )

    async def _async_chosen(self, wearer: VisibleWearer) -> SubentryFlowResult:
        self._wearer = wearer
        if self._owner() is None and self._others():
            return await self.async_step_place()
        return self._create(rank=0.0)

    async def async_step_place(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask which source this one comes after when several have readings."""
        if user_input is not None:
            rank = self._rank_after(user_input[CONF_PLACE])
            if self.source != SOURCE_RECONFIGURE:
                return self._create(rank)
            subentry = self._get_reconfigure_subentry()
            return self.async_update_and_abort(
                self._get_entry(), subentry, data={**subentry.data, CONF_RANK: rank}
            )
        return self.async_show_form(
            step_id=CONF_PLACE,
            data_schema=probatio.Schema(
                {
                    probatio.Required(CONF_PLACE, default=self._place_now()): SelectSelector(
                        SelectSelectorConfig(
                            options=[
                                SelectOptionDict(value=_FIRST, label=_FIRST),
                                *(
                                    SelectOptionDict(value=s.subentry_id, label=s.title)
                                    for s in self._others()
                                ),
                            ],
                            mode=SelectSelectorMode.LIST,
                            translation_key=CONF_PLACE,
                        )
                    )
                }
            ),
        )

    def _this(self) -> ConfigSubentry | None:
        """Return the source that is changed; None while it is added."""
        return self._get_reconfigure_subentry() if self.source == SOURCE_RECONFIGURE else None

    def _place_now(self) -> str:
        """Return after which source this one comes now; a new one comes last."""
        this = self._this()
        before = [s for s in self._others() if this is None or _rank(s) <= _rank(this)]
        return before[-1].subentry_id if before else _FIRST

    def _others(self) -> list[ConfigSubentry]:
        """Return the wearer's other sources in their order."""
        this = self._this()
        others = [s for s in self._get_entry().subentries.values() if s is not this]
        return sorted(others, key=_rank)

    def _rank_after(self, place: str) -> float:
        """Return a number between the ranks of the neighbours of the chosen place.

        A source that was removed while the form was open is no neighbour: then it is the last.
        """
        others = self._others()
        ranks = [_rank(s) for s in others]
        if not ranks:
            return 0.0
        if place == _FIRST:
            return ranks[0] - 1.0
        keys = [s.subentry_id for s in others]
        after = keys.index(place) + 1 if place in keys else len(keys)
        if after == len(ranks):
            return ranks[-1] + 1.0
        return (ranks[after - 1] + ranks[after]) / 2

    def _create(self, rank: float) -> SubentryFlowResult:
        # Asked here, at the end: another dialog may have added the same meanwhile.
        if (owner := self._owner()) is not None:
            return self.async_abort(
                reason="already_configured", description_placeholders={CONF_NAME: owner}
            )
        return self.async_create_entry(
            title=self._title(),
            data={**self._settings, CONF_WEARER: self._wearer.id, CONF_RANK: rank},
            unique_id=self._unique_id,
        )

    def _title(self) -> str:
        """Return what tells this source from the wearer's others."""
        title = SOURCE_FORMS[self._settings[CONF_KIND]].title
        if len(self._visible) > 1:
            title = f"{title} ({self._wearer.name})"
        return untaken(title, {s.title for s in self._others()})

    @property
    def _unique_id(self) -> str:
        return f"{self._settings[CONF_KIND]} {self._wearer.id}"

    def _owner(self) -> str | None:
        """Return the name of the wearer who has this source already; core checks one entry only."""
        return next(
            (
                entry.title
                for entry in self.hass.config_entries.async_entries(DOMAIN)
                for subentry in entry.subentries.values()
                if subentry.unique_id == self._unique_id
            ),
            None,
        )


def _rank(subentry: ConfigSubentry) -> float:
    return float(subentry.data.get(CONF_RANK, 0.0))
