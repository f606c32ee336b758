"""The repair "I have done that, try again now": asks the source the repair is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import probatio
from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState
from homeassistant.helpers import issue_registry as ir

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

    from .wearer import CgmConfigEntry


class TryAgainFlow(RepairsFlow):
    """Confirm that the cause is gone, then ask the source without waiting."""

    def __init__(self, entry_id: str, source: str) -> None:
        """Remember which source the repair is about."""
        self._entry_id = entry_id
        self._source = source

    async def async_step_init(self, _user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Go straight to the question."""
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Ask the source anew once the user says so; a cause that stands raises it again."""
        if user_input is not None:
            entry: CgmConfigEntry | None = self.hass.config_entries.async_get_entry(self._entry_id)
            if entry is not None and entry.state is ConfigEntryState.LOADED:
                entry.runtime_data.async_try_again(self._source)
            return self.async_create_entry(data={})
        return self.async_show_form(
            step_id="confirm",
            data_schema=probatio.Schema({}),
            description_placeholders=self._placeholders(),
        )

    def _placeholders(self) -> dict[str, str] | None:
        issue = ir.async_get(self.hass).async_get_issue(self.handler, self.issue_id)
        return None if issue is None else issue.translation_placeholders


async def async_create_fix_flow(
    _hass: HomeAssistant, _issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return the flow for a fixable repair; all of ours are about one source."""
    about = data or {}
    return TryAgainFlow(str(about.get("entry_id")), str(about.get("source")))
