"""What a bug report needs to know about a wearer, without anything that says who it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.const import CONF_EMAIL, CONF_PASSWORD, CONF_URL, CONF_USERNAME

from .const import CONF_PERSON, CONF_WEARER

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

    from .feed import Feed
    from .wearer import CgmConfigEntry

_SECRET = {CONF_PASSWORD, CONF_USERNAME, CONF_EMAIL, CONF_URL, CONF_WEARER, CONF_PERSON, "secret"}


async def async_get_config_entry_diagnostics(
    _hass: HomeAssistant, entry: CgmConfigEntry
) -> dict[str, Any]:
    """Return redacted settings and how things stand; no readings, names, accounts or addresses."""
    wearer = entry.runtime_data
    now = wearer.now()
    newest = wearer.present.newest
    return {
        "data": async_redact_data(dict(entry.data), _SECRET),
        "options": dict(entry.options),
        "clock_offset_seconds": wearer.clock.correction.total_seconds(),
        "history": await wearer.async_history_facts(),
        "newest_reading_age_seconds": None
        if newest is None
        else (now - newest.time).total_seconds(),
        "held_ahead_of_the_clock": len(wearer.present.held),
        "status": wearer.present.status.value,
        "repairs": sorted({issue.key for issue in wearer.issues.values()}),
        "sources": [_source(wearer.feeds[key]) for key in wearer.order if key in wearer.feeds],
    }


def _source(feed: Feed) -> dict[str, Any]:
    status = feed.status
    return {
        "settings": async_redact_data(dict(feed.settings), _SECRET),
        "state": status.state.value,
        "until": None if status.until is None else status.until.isoformat(),
        "answered": None if status.answered is None else status.answered.isoformat(),
        "newest": None if status.newest is None else status.newest.isoformat(),
        "refused_rows": status.refused_rows,
        "learned": feed.cadence.learned.to_dict(),
    }
