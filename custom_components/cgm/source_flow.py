"""The flow that adds a source to a wearer, changes its login, or moves it in the order."""

from __future__ import annotations

import secrets
from typing import Any, override

import probatio
from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigSubentry,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.const import CONF_NAME
from homeassistant.core import callback
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)

from .accounts import account_settings, async_let_go
from .const import (
    CONF_KIND,
    CONF_RANK,
    CONF_TIME_ZONE,
    CONF_WEARER,
    DOMAIN,
    NO_TIME,
)
from .login import async_try_login
from .shared.glucose.sources.source import VisibleWearer
from .source_forms import CONF_SEED, SOURCE_FORMS
from .wearer import CgmConfigEntry

CONF_PLACE = "place"
_FIRST = "first"
_MENU = list(SOURCE_FORMS)


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
        return self.async_show_menu(step_id="user", menu_options=_MENU)

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
        if user_input is not None:
            user_input = {
                **user_input,
                CONF_SEED: secrets.randbelow(1_000_000),
                CONF_TIME_ZONE: self._get_entry().options[CONF_TIME_ZONE],
            }
        return await self._async_credentials("simulated", user_input)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Offer to change the login or, where there are several, the order."""
        kind = self._get_reconfigure_subentry().data[CONF_KIND]
        if kind not in SOURCE_FORMS:
            return self.async_abort(reason="nothing_to_change")
        if len(self._get_entry().subentries) == 1:
            return await self._async_credentials(kind, None)
        return self.async_show_menu(step_id="reconfigure", menu_options=[kind, CONF_PLACE])

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
            if outcome.error is None:
                self._visible = outcome.wearers
                return await self._async_logged_in()
            errors["base"] = outcome.error
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
        if self.source != SOURCE_RECONFIGURE:
            return {}
        return dict(self._get_reconfigure_subentry().data)

    def _fixed_settings(self) -> dict[str, Any]:
        """Return what no form asks for and a change must keep (a simulated wearer's seed)."""
        known = account_settings(self._known_settings())
        kind = self._known_settings().get(CONF_KIND)
        asked = set() if kind is None else {str(marker) for marker in SOURCE_FORMS[kind].fields}
        return {key: value for key, value in known.items() if key not in asked}

    async def _async_logged_in(self) -> SubentryFlowResult:
        if self.source == SOURCE_RECONFIGURE:
            subentry = self._get_reconfigure_subentry()
            if subentry.data[CONF_WEARER] not in {wearer.id for wearer in self._visible}:
                return self.async_abort(reason="wrong_account")
            return self.async_update_and_abort(
                self._get_entry(),
                subentry,
                data={
                    **self._settings,
                    CONF_WEARER: subentry.data[CONF_WEARER],
                    CONF_RANK: subentry.data.get(CONF_RANK, 0.0),
                },
            )
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
        options = [SelectOptionDict(value=w.id, label=w.name or w.id) for w in self._visible]
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
        if (owner := self._owner(self._unique_id(wearer))) is not None:
            return self.async_abort(
                reason="already_configured", description_placeholders={CONF_NAME: owner}
            )
        if self._get_entry().subentries:
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
        others = self._others()
        options = [
            SelectOptionDict(value=_FIRST, label=_FIRST),
            *(SelectOptionDict(value=s.subentry_id, label=s.title) for s in others),
        ]
        return self.async_show_form(
            step_id=CONF_PLACE,
            data_schema=probatio.Schema(
                {
                    probatio.Required(CONF_PLACE, default=others[-1].subentry_id): SelectSelector(
                        SelectSelectorConfig(
                            options=options,
                            mode=SelectSelectorMode.LIST,
                            translation_key=CONF_PLACE,
                        )
                    )
                }
            ),
        )

    def _others(self) -> list[ConfigSubentry]:
        """Return the wearer's other sources in their order."""
        this = (
            self._get_reconfigure_subentry().subentry_id
            if self.source == SOURCE_RECONFIGURE
            else None
        )
        others = [s for s in self._get_entry().subentries.values() if s.subentry_id != this]
        return sorted(others, key=lambda s: s.data.get(CONF_RANK, 0.0))

    def _rank_after(self, place: str) -> float:
        """Return a number between the ranks of the neighbours of the chosen place."""
        others = self._others()
        ranks = [float(s.data.get(CONF_RANK, 0.0)) for s in others]
        if place == _FIRST:
            return ranks[0] - 1.0
        at = next(i for i, s in enumerate(others) if s.subentry_id == place)
        if at + 1 == len(ranks):
            return ranks[at] + 1.0
        return (ranks[at] + ranks[at + 1]) / 2

    def _create(self, rank: float) -> SubentryFlowResult:
        title = SOURCE_FORMS[self._settings[CONF_KIND]].title
        if len(self._visible) > 1:
            title = f"{title} ({self._wearer.name})"
        return self.async_create_entry(
            title=title,
            data={**self._settings, CONF_WEARER: self._wearer.id, CONF_RANK: rank},
            unique_id=self._unique_id(self._wearer),
        )

    def _unique_id(self, wearer: VisibleWearer) -> str:
        return f"{self._settings[CONF_KIND]} {wearer.id}"

    def _owner(self, unique_id: str) -> str | None:
        """Return the name of the wearer who has this source already; core checks one entry only."""
        entries: list[CgmConfigEntry] = self.hass.config_entries.async_entries(DOMAIN)
        return next(
            (
                entry.title
                for entry in entries
                for subentry in entry.subentries.values()
                if subentry.unique_id == unique_id
            ),
            None,
        )
