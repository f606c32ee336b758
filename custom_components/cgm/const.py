"""Names that more than one file of the integration uses."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from homeassistant.const import Platform

DOMAIN: Final = "cgm"
LOGGER: Final = logging.getLogger(__package__)
PLATFORMS: Final = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.CALENDAR,
    Platform.EVENT,
    Platform.IMAGE,
    Platform.SENSOR,
]

SUBENTRY_SOURCE: Final = "source"

# Config entry (a wearer): data.
CONF_PERSON: Final = "person"
CONF_TIME_ZONE: Final = "time_zone"

# Config entry (a wearer): options.
CONF_UNIT: Final = "unit"
CONF_TARGETS: Final = "targets"
CONF_CONSENSUS: Final = "consensus"
CONF_STALE: Final = "stale"
CONF_WITHDRAWN_AFTER_MINUTES: Final = "withdrawn_after_minutes"
CONF_ALARMS: Final = "alarms"
CONF_PICTURES: Final = "pictures"
CONF_DARK: Final = "dark"
CONF_LARGE: Final = "large"

# Config subentry (a source): data beside the vendor's own settings.
CONF_KIND: Final = "kind"
CONF_WEARER: Final = "wearer"
CONF_RANK: Final = "rank"
CONF_REFUSED: Final = "refused"

# Config subentry (a source that an edge agent brings): data.
KIND_EDGE: Final = "edge"
CONF_NODE: Final = "node"
CONF_CARRIED: Final = "carried"
CONF_CADENCE_SECONDS: Final = "cadence_seconds"
CONF_PAIRING_KEY: Final = "pairing_key"

# How far back a source is asked when it is new: the fortnight that the clinical pictures need.
# Longer histories are imported.
FIRST_REACH: Final = timedelta(days=14)
# How much of the past is kept in memory: the merge's longest look back with room to spare.
RECENT: Final = timedelta(hours=6)

# The source of what is logged by hand, in a history where all else is from a subentry.
LOGGED: Final = "logged"

# The stretches of time, up to now, that measures are taken of.
PERIODS: Final = {
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "14d": timedelta(days=14),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}

# The action that tells somebody; the log of who was told notes what it calls instead.
ACTION_TELL: Final = "tell"

# Shown where a time is not known.
NO_TIME: Final = "?"


def agent_device(source: str) -> str:
    """Return the id of the device of the edge agent that brings a source."""
    return f"{source}_agent"


def kept_under(node: str) -> str:
    """Return the key in the history for a node's notes, and readings nobody has taken over."""
    return f"edge {node}"
