"""What a bug report needs to know about a wearer, without anything that says who it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_EMAIL, CONF_PASSWORD, CONF_URL, CONF_USERNAME

from .const import CONF_CARRIED, CONF_NODE, CONF_PAIRING_KEY, CONF_PERSON, CONF_WEARER
from .shared.glucose.alarms.state import Phase

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

    from .feeds import AnyFeed
    from .wearer import CgmConfigEntry, Wearer

_SECRET = {
    CONF_CARRIED,
    CONF_EMAIL,
    CONF_NODE,
    CONF_PAIRING_KEY,
    CONF_PASSWORD,
    CONF_PERSON,
    CONF_URL,
    CONF_USERNAME,
    CONF_WEARER,
    "secret",
    "file",  # of a replay; a path may name anybody
}


async def async_get_config_entry_diagnostics(
    _hass: HomeAssistant, entry: CgmConfigEntry
) -> dict[str, Any]:
    """Return redacted settings and how things stand; no readings, names, accounts or addresses."""
    settings = {
        "data": async_redact_data(dict(entry.data), _SECRET),
        "options": async_redact_data(dict(entry.options), _SECRET),
    }
    if entry.state is not ConfigEntryState.LOADED:
        return settings
    wearer = entry.runtime_data
    now = wearer.now()
    newest = wearer.present.newest
    return {
        **settings,
        "clock_offset_seconds": wearer.clock.correction.total_seconds(),
        "history": await wearer.history.async_facts(),
        "treatments_of_a_day": len(wearer.records.treatments),
        "newest_reading_age_seconds": None
        if newest is None
        else (now - newest.time).total_seconds(),
        "held_ahead_of_the_clock": len(wearer.present.held),
        "status": wearer.present.status.value,
        "alarms": _alarms(wearer),
        "repairs": sorted({issue.key for issue in wearer.issues.values()}),
        "sources": [
            _source(wearer.feeds[key]) for key in wearer.chosen.order if key in wearer.feeds
        ],
    }


def _alarms(wearer: Wearer) -> dict[str, Any]:
    """Return how each alarm stands, by elapsed time: no values, which are readings."""
    watch = wearer.alarms
    return {
        "part_of_day": watch.rules.part(watch.view.now).value,
        "settling": watch.view.settling,
        "states": {
            kind.value: {
                "phase": state.phase.value,
                "fired": None if state.fired is None else state.fired.isoformat(),
                "quiet_seconds": state.quiet.total_seconds(),
                "silence_left_seconds": None
                if state.silence_left is None
                else state.silence_left.total_seconds(),
            }
            for kind, state in watch.alarms.states.items()
            if state.phase is not Phase.CLEAR
        },
    }


def _source(feed: AnyFeed) -> dict[str, Any]:
    status = feed.status
    return {
        "settings": async_redact_data(dict(feed.settings), _SECRET),
        "state": status.state.value,
        "until": None if status.until is None else status.until.isoformat(),
        "answered": None if status.answered is None else status.answered.isoformat(),
        "newest": None if status.newest is None else status.newest.isoformat(),
        "refused_rows": status.refused_rows,
        "agent_outbox": None if status.agent is None else status.agent.outbox,
        "agent_denied": []
        if status.agent is None
        else sorted(set(map(_leaf, status.agent.denied))),
        "learned": feed.cadence.learned.to_dict(),
    }


def _leaf(topic: str) -> str:
    """Return what a topic is for, without the agent's name and the names of its sources."""
    first, _, rest = topic.partition("/")
    return rest.partition("/")[2].partition("/")[0] if first == "cgm" else first
