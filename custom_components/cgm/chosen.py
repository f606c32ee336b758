"""What the user chose for a wearer, as it stands in the entry at the moment it is asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from .const import (
    CONF_CONSENSUS,
    CONF_STALE,
    CONF_TARGETS,
    CONF_TIME_ZONE,
    CONF_UNIT,
    CONF_WITHDRAWN_AFTER_MINUTES,
)
from .shared.glucose.metrics.consensus import Group
from .shared.glucose.targets import Targets
from .shared.glucose.units import Unit
from .source_order import in_order

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigEntry

_WITHDRAWN_AFTER_MINUTES = 11


class Chosen:
    """One wearer's choices; nothing is kept, for options change while Home Assistant runs."""

    def __init__(self, entry: ConfigEntry) -> None:
        """Read from this entry."""
        self._entry = entry

    @property
    def unit(self) -> Unit:
        """The unit this wearer reads glucose in."""
        return Unit(self._entry.options[CONF_UNIT])

    @property
    def zone(self) -> ZoneInfo:
        """Where the wearer's days begin and end."""
        return ZoneInfo(self._entry.options.get(CONF_TIME_ZONE, "UTC"))

    @property
    def targets(self) -> Targets:
        """The limits between low, in range and high, whole mg/dL."""
        return Targets(**self._entry.options.get(CONF_TARGETS, {}))

    @property
    def group(self) -> Group:
        """Whose aims of the consensus this wearer is compared with."""
        return Group(self._entry.options.get(CONF_CONSENSUS, Group.ADULT))

    @property
    def order(self) -> list[str]:
        """The sources in the order in which they lead."""
        return [source.subentry_id for source in in_order(self._entry.subentries.values())]

    @property
    def withdrawn_after(self) -> timedelta:
        """The least age at which a value is withdrawn."""
        stale = self._entry.options.get(CONF_STALE, {})
        minutes = stale.get(CONF_WITHDRAWN_AFTER_MINUTES, _WITHDRAWN_AFTER_MINUTES)
        return timedelta(minutes=minutes)
