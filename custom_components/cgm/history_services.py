"""The actions on a wearer's history: import a file, export, erase."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import probatio
from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import ServiceCall, SupportsResponse, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_get_config_entry, async_register_admin_service
from homeassistant.util import dt as dt_util

from .const import CONF_TIME_ZONE, DOMAIN
from .erasing import async_erase
from .exporting import FileKind, async_export
from .importing import async_import, reader

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import datetime

    from homeassistant.core import HomeAssistant
    from homeassistant.util.json import JsonObjectType

    from .importing import Imported
    from .wearer import CgmConfigEntry, Wearer

IMPORT_FILE = "import_file"
EXPORT = "export"
ERASE_HISTORY = "erase_history"
# An answer tells so many refused rows, and the number of all.
_TOLD_LINES = 100

type _Work = Callable[[ServiceCall], Coroutine[Any, Any, JsonObjectType]]
type _Fields = dict[probatio.Marker, Any]

_WHOSE: _Fields = {probatio.Optional(ATTR_CONFIG_ENTRY_ID): cv.string}
_WHEN: _Fields = {probatio.Optional("start"): cv.datetime, probatio.Optional("end"): cv.datetime}


@callback
def async_register_history_services(hass: HomeAssistant) -> None:
    """Offer the actions, once for all wearers; they reach files, so only administrators may."""
    actions: list[tuple[str, _Work, _Fields]] = [
        (
            IMPORT_FILE,
            _import,
            {
                probatio.Required("path"): cv.string,
                probatio.Optional("time_zone"): cv.time_zone,
                probatio.Optional("day_first"): cv.boolean,
            },
        ),
        (
            EXPORT,
            _export,
            {
                probatio.Required("folder"): cv.string,
                probatio.Optional("formats", default=[kind.value for kind in FileKind]): (
                    probatio.All(cv.ensure_list, [probatio.Coerce(FileKind)])
                ),
                **_WHEN,
            },
        ),
        (ERASE_HISTORY, _erase, {probatio.Required("confirm"): cv.string, **_WHEN}),
    ]
    for name, handle, fields in actions:
        async_register_admin_service(
            hass,
            DOMAIN,
            name,
            handle,
            probatio.Schema({**_WHOSE, **fields}),
            supports_response=SupportsResponse.OPTIONAL,
        )


async def _import(call: ServiceCall) -> JsonObjectType:
    """Import a file that Home Assistant may read; answers what became of its rows."""
    wearer = _wearer(call)
    path = Path(call.data["path"])
    if not await call.hass.async_add_executor_job(_may_read, call.hass, path):
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="path_not_allowed",
            translation_placeholders={"path": str(path)},
        )
    name = call.data.get("time_zone", wearer.entry.options[CONF_TIME_ZONE])
    zone = await call.hass.async_add_executor_job(ZoneInfo, name)
    return _told(
        await async_import(wearer, reader(path, zone, day_first=call.data.get("day_first")))
    )


def _may_read(hass: HomeAssistant, path: Path) -> bool:
    try:
        return path.is_absolute() and hass.config.is_allowed_path(str(path))
    except OSError, ValueError:  # a NUL in the name
        return False


def _told(imported: Imported) -> JsonObjectType:
    return {
        "format": imported.format,
        "added": imported.added,
        "replaced": imported.replaced,
        "already_known": imported.known,
        "ahead": imported.ahead,
        "others": dict(imported.others),
        "refused": len(imported.refused),
        "refused_rows": [
            {"line": row.line, "reason": row.reason} for row in imported.refused[:_TOLD_LINES]
        ],
        "first": None if imported.first is None else imported.first.isoformat(),
        "last": None if imported.last is None else imported.last.isoformat(),
    }


async def _export(call: ServiceCall) -> JsonObjectType:
    """Write files; answers where they are and how much is in them."""
    made = await async_export(
        _wearer(call), call.data["folder"], call.data["formats"], *_range(call)
    )
    return {
        "files": [str(path) for path in made.paths],
        "readings": made.readings,
        "treatments": made.treatments,
        "measurements": made.measurements,
    }


async def _erase(call: ServiceCall) -> JsonObjectType:
    """Erase a period or everything; answers how much."""
    erased = await async_erase(_wearer(call), call.data["confirm"], *_range(call))
    return {
        "readings": erased.readings,
        "treatments": erased.treatments,
        "measurements": erased.measurements,
    }


def _range(call: ServiceCall) -> tuple[datetime | None, datetime | None]:
    """Return from when to when, None where the call does not say; naive ones in the home's zone."""
    start, end = (
        dt_util.as_utc(call.data[key]) if key in call.data else None for key in ("start", "end")
    )
    if start is not None and end is not None and start >= end:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="range_is_empty")
    return start, end


def _wearer(call: ServiceCall) -> Wearer:
    """Return whom the call is about; a home with one wearer need not say. Raises if unclear."""
    entry: CgmConfigEntry = async_get_config_entry(
        call.hass, DOMAIN, call.data.get(ATTR_CONFIG_ENTRY_ID)
    )
    return entry.runtime_data
