"""What an agent's messages of health tell about its clock beside ours."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from homeassistant.util import dt as dt_util

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from .shared.glucose.wire import Health

# How far the steps of both clocks may differ between two messages of health that went straight
# from hand to hand; one that lay somewhere tells nothing about the agent's clock.
_STRAIGHT_SECONDS = 5.0


class AgentClock:
    """Compares the steps of two clocks from one message of health to the next."""

    def __init__(self) -> None:
        """Begin with no message to compare with."""
        self._before: tuple[datetime, float] | None = None

    def offset(self, health: Health) -> timedelta | None:
        """Return the agent's clock minus ours, where it is synchronised and came straight."""
        before, elapsed = self._before, monotonic()
        self._before = health.sent_at, elapsed
        if before is None or not health.clock_synchronised:
            return None
        step = (health.sent_at - before[0]).total_seconds() - (elapsed - before[1])
        return health.sent_at - dt_util.utcnow() if abs(step) <= _STRAIGHT_SECONDS else None
