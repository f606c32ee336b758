"""How old a wearer's newest reading is, for what waits for readings to be missing."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import probatio

if TYPE_CHECKING:
    from .wearer import Wearer

CONF_MINUTES: Final = "minutes"
# As the alarm on missing readings; below that one missed reading would count.
MINUTES_FIELD: Final[dict[probatio.Marker, Any]] = {
    probatio.Optional(CONF_MINUTES, default=20): probatio.All(
        probatio.Coerce(int), probatio.Range(min=5, max=1440)
    )
}


def reading_age(wearer: Wearer) -> timedelta | None:
    """Return the age by the wearer's clock; None where no reading of the last hours is known."""
    newest = wearer.present.newest
    return None if newest is None else wearer.now() - newest.time
