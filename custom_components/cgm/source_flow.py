"""The flow that adds a source to a wearer, changes its login, or moves it in the order."""

from __future__ import annotations

import secrets
from typing import Any, override

import probatio
from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntryState,
    ConfigSubentry,
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
    CONF_KIND,
    CONF_RANK,
    CONF_TIME_ZONE,
    CONF_WEARER,
    DOMAIN,
    KIND_EDGE,
    NO_TIME,
)
from .edge_source_flow import EdgeSourceFlow
from .login import async_try_login
from .shared.glucose.sources.source import VisibleWearer
from .source_forms import CONF_SEED, CONF_STARTED, SOURCE_FORMS, untaken
from .source_order import CONF_PLACE, in_order, one_of_places, place_now, rank_after
from .wearer import CgmConfigEntry

_MENU = [kind for kind in SOURCE_FORMS if kind != KIND_EDGE]
# By the home's country; a wrong region looks like a wrong password.
_DEXCOM_REGIONS = {"US": "us", "JP": "jp"}


class SourceFlow(EdgeSourceFlow):
    """Which kind → credentials, checked by logging in → which wearer → which place → done."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        super().__init__()
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

    @override
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
            rank = rank_after(user_input[CONF_PLACE], self._others())
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
                    probatio.Required(
                        CONF_PLACE, default=place_now(self._this(), self._others())
                    ): one_of_places(self._others())
                }
            ),
        )

    def _others(self) -> list[ConfigSubentry]:
        """Return the wearer's other sources in their order."""
        this = self._this()
        return in_order(s for s in self._get_entry().subentries.values() if s is not this)

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
