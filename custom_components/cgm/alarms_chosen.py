"""The option in which a trigger or condition has its alarms chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import probatio

from .shared.glucose.alarms.kinds import AlarmKind

if TYPE_CHECKING:
    from collections.abc import Mapping

CONF_ALARMS: Final = "alarms"
ALARMS_FIELD: Final[dict[probatio.Marker, Any]] = {
    probatio.Optional(CONF_ALARMS, default=list): probatio.All(
        probatio.EnsureList(), [probatio.Coerce(AlarmKind)]
    )
}


def chosen(options: Mapping[str, Any]) -> frozenset[AlarmKind]:
    """Return the alarms that validated options choose: all where none is named."""
    return frozenset(options[CONF_ALARMS] or AlarmKind)
