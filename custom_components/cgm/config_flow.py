"""The flow that adds a wearer, logs refused sources in again, and opens the options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, override

import probatio
from homeassistant.config_entries import (
    SOURCE_USER,
    ConfigEntry,
    ConfigFlowResult,
    ConfigSubentry,
    ConfigSubentryFlow,
    FlowType,
    SubentryFlowContext,
)
from homeassistant.const import CONF_NAME
from homeassistant.core import callback
from homeassistant.helpers.selector import TextSelector

from .about_fields import async_about_fields, default_about
from .accounts import account_settings, async_give_login, async_let_go
from .const import CONF_KIND, CONF_REFUSED, CONF_WEARER, DOMAIN, NO_TIME, SUBENTRY_SOURCE
from .edge_card_flow import EdgeCardFlow
from .login import async_try_login
from .options_flow import WearerOptionsFlow
from .source_flow import SourceFlow
from .source_forms import SOURCE_FORMS, Fields


class CgmConfigFlow(EdgeCardFlow, domain=DOMAIN):
    """Who wears the sensor; straight on into the source flow."""

    VERSION = 1

    def __init__(self) -> None:
        """Begin with no source to log in."""
        super().__init__()
        self._subentry_id = ""

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> WearerOptionsFlow:
        """Return the wearer's options."""
        return WearerOptionsFlow()

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: ConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Offer to add sources to a wearer."""
        return {SUBENTRY_SOURCE: SourceFlow}

    @callback
    @override
    def async_remove(self) -> None:
        """Let accounts go that this flow logged in."""
        async_let_go(self.hass, self.flow_id)

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask whose glucose it is and how they read it."""
        if user_input is not None:
            options = {key: value for key, value in user_input.items() if key != CONF_NAME}
            return self.async_create_entry(
                title=user_input[CONF_NAME].strip(), data={}, options=options
            )
        fields: Fields = {
            probatio.Required(CONF_NAME): TextSelector(),
            **await async_about_fields(self.hass),
        }
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(
                probatio.Schema(fields), default_about(self.hass)
            ),
        )

    @override
    async def async_on_create_entry(self, result: ConfigFlowResult) -> ConfigFlowResult:
        """Go straight on to the wearer's first source, unless it was found and is there."""
        if self.was_found:
            return result
        flow = await self.hass.config_entries.subentries.async_init(
            (result["result"].entry_id, SUBENTRY_SOURCE),
            context=SubentryFlowContext(source=SOURCE_USER),
        )
        result["next_flow"] = (FlowType.CONFIG_SUBENTRIES_FLOW, flow["flow_id"])
        return result

    async def async_step_reauth(self, _entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Begin with the first source that was refused."""
        return await self._async_next_refused()

    async def _async_next_refused(self) -> ConfigFlowResult:
        """Walk all refused sources: core allows one such flow an entry at a time."""
        entry = self._get_reauth_entry()
        waiting = refused_sources(entry)
        if not waiting:
            return self.async_update_and_abort(entry)
        self._subentry_id = waiting[0].subentry_id
        self.context["title_placeholders"] = {CONF_NAME: f"{entry.title}: {waiting[0].title}"}
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the login of exactly the source that was refused, and try it."""
        entry = self._get_reauth_entry()
        subentry = entry.subentries.get(self._subentry_id)
        if subentry is None or not subentry.data.get(CONF_REFUSED):
            return await self._async_next_refused()
        form = SOURCE_FORMS[subentry.data[CONF_KIND]]
        errors: dict[str, str] = {}
        until = NO_TIME
        if user_input is not None:
            old = account_settings(subentry.data)
            # A field left empty is left out: a site may have been opened to everybody.
            new = {key: old[key] for key in old.keys() - form.login} | user_input
            outcome = await async_try_login(self.hass, new, self.flow_id)
            errors, until = dict(outcome.errors), outcome.until
            if not errors and subentry.data[CONF_WEARER] not in {w.id for w in outcome.wearers}:
                errors["base"] = "wrong_account"
            if not errors:
                async_give_login(self.hass, old, new, outcome.wearers)
                return await self._async_next_refused()
        return self.async_show_form(
            step_id="reauth_confirm",
            data_schema=self.add_suggested_values_to_schema(
                form.schema(login_only=True),
                form.without_secrets({**subentry.data, **(user_input or {})}),
            ),
            errors=errors,
            description_placeholders={
                CONF_NAME: entry.title,
                "source": subentry.title,
                "until": until,
            },
        )


def refused_sources(entry: ConfigEntry) -> list[ConfigSubentry]:
    """Return the sources whose login was refused for good."""
    return [s for s in entry.subentries.values() if s.data.get(CONF_REFUSED)]
