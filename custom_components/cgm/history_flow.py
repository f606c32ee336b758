"""The steps of the options on a wearer's history: import an uploaded file, export by the clock."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import probatio
from homeassistant.components.file_upload import process_uploaded_file
from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult, OptionsFlow
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.selector import (
    FileSelector,
    FileSelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)

from .const import CONF_TIME_ZONE
from .exporting import FileKind, async_allowed_folder
from .importing import async_import
from .scheduled_export import (
    CONF_EVERY,
    CONF_EXPORT,
    CONF_FOLDER,
    CONF_FORMAT,
    CONF_KEEP,
    KEEP,
    MOST_KEPT,
    Every,
)
from .shared.glucose.formats import Export, read_export

_FILE = "file"
_DATE_ORDER = "date_order"
_DAY_FIRST: dict[str, bool | None] = {
    "from_file": None,
    "day_first": True,
    "month_first": False,
}


class HistoryOptions(OptionsFlow):
    """Takes a file in, and sets when files are written."""

    async def async_step_import_file(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for an export, import it, and say what became of its rows."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="not_loaded")
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        if user_input is not None:
            zone = user_input[CONF_TIME_ZONE]
            day_first = _DAY_FIRST[user_input[_DATE_ORDER]]

            def read() -> Export:
                return _read_upload(self.hass, user_input[_FILE], zone, day_first=day_first)

            try:
                imported = await async_import(self.config_entry.runtime_data, read)
            except HomeAssistantError as error:
                errors["base"] = error.translation_key or "unknown"
                placeholders = dict(error.translation_placeholders or {})
            else:
                return self.async_abort(reason="imported", description_placeholders=imported.counts)
        shown = {
            CONF_TIME_ZONE: self.config_entry.options[CONF_TIME_ZONE],
            _DATE_ORDER: "from_file",
            **{key: value for key, value in (user_input or {}).items() if key != _FILE},
        }
        zones = sorted(await self.hass.async_add_executor_job(available_timezones))
        return self.async_show_form(
            step_id="import_file",
            data_schema=self.add_suggested_values_to_schema(_upload(zones), shown),
            errors=errors,
            description_placeholders=placeholders,
        )

    async def async_step_scheduled_export(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show where to, how often and how much is kept; without a folder there is no export."""
        options = {k: v for k, v in self.config_entry.options.items() if k != CONF_EXPORT}
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        if user_input is not None:
            folder = user_input.get(CONF_FOLDER, "").strip()
            if not folder:
                return self.async_create_entry(data=options)
            try:
                await async_allowed_folder(self.hass, folder)
            except HomeAssistantError as error:
                errors[CONF_FOLDER] = error.translation_key or "unknown"
                placeholders = dict(error.translation_placeholders or {})
            else:
                settings = {
                    **user_input,
                    CONF_FOLDER: folder,
                    CONF_KEEP: int(user_input[CONF_KEEP]),
                }
                return self.async_create_entry(data={**options, CONF_EXPORT: settings})
        shown = {
            CONF_EVERY: Every.DAY.value,
            CONF_FORMAT: FileKind.JSON.value,
            CONF_KEEP: KEEP,
            **self.config_entry.options.get(CONF_EXPORT, {}),
        }
        return self.async_show_form(
            step_id="scheduled_export",
            data_schema=self.add_suggested_values_to_schema(_SCHEDULE, user_input or shown),
            errors=errors,
            description_placeholders=placeholders,
        )


def _read_upload(hass: HomeAssistant, file_id: str, zone: str, *, day_first: bool | None) -> Export:
    """Read an uploaded file, which is removed then, whatever it was. For another thread."""
    with process_uploaded_file(hass, file_id) as path:
        return read_export(path, zone=ZoneInfo(zone), source=None, day_first=day_first)


def _upload(zones: list[str]) -> probatio.Schema:
    return probatio.Schema(
        {
            probatio.Required(_FILE): FileSelector(FileSelectorConfig(accept=".csv,.json,.txt")),
            probatio.Required(CONF_TIME_ZONE): SelectSelector(
                SelectSelectorConfig(options=zones, mode=SelectSelectorMode.DROPDOWN)
            ),
            probatio.Required(_DATE_ORDER): SelectSelector(
                SelectSelectorConfig(options=[*_DAY_FIRST], translation_key=_DATE_ORDER)
            ),
        }
    )


_SCHEDULE = probatio.Schema(
    {
        probatio.Optional(CONF_FOLDER): TextSelector(),
        probatio.Required(CONF_EVERY): SelectSelector(
            SelectSelectorConfig(
                options=[every.value for every in Every], translation_key="export_every"
            )
        ),
        probatio.Required(CONF_FORMAT): SelectSelector(
            SelectSelectorConfig(
                options=[kind.value for kind in FileKind], translation_key="export_format"
            )
        ),
        probatio.Required(CONF_KEEP): NumberSelector(
            NumberSelectorConfig(min=1, max=MOST_KEPT, step=1, mode=NumberSelectorMode.BOX)
        ),
    }
)
