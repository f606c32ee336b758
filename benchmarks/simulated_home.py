"""A real Home Assistant whose clock jumps from one due timer to the next; HTTP stays real."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.util import dt as dt_util
from homeassistant.util.async_ import get_scheduled_timer_handles
from pytest_homeassistant_custom_component.common import async_fire_time_changed_exact

if TYPE_CHECKING:
    from collections.abc import Callable

    from freezegun.api import FrozenDateTimeFactory

# Timers that fall this close together are run as one step.
_STEP = timedelta(milliseconds=20)


async def play(hass: HomeAssistant, freezer: FrozenDateTimeFactory, until: datetime) -> None:
    """Let time pass until `until`, running every timer at its moment and all it sets off."""
    await hass.async_block_till_done(wait_background_tasks=True)
    while (due := _next_due(hass)) < until:
        freezer.move_to(due + _STEP)
        async_fire_time_changed_exact(hass)
        await hass.async_block_till_done(wait_background_tasks=True)
    freezer.move_to(until)


def _next_due(hass: HomeAssistant) -> datetime:
    """Return when the next timer is due, by the home's clock; far ahead where there is none."""
    loop_now = hass.loop.time()
    waits = [
        handle.when() - loop_now
        for handle in get_scheduled_timer_handles(hass.loop)
        if not handle.cancelled()
    ]
    return dt_util.utcnow() + timedelta(seconds=max(0.0, min(waits, default=1e6)))


class Watch:
    """Notes when each reading first shows in an entity's state.

    `reading_of` says which reading (by its own time) a state shows, None for none.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entity_id: str,
        reading_of: Callable[[str], datetime | None],
    ) -> None:
        """Begin watching."""
        self.first_shown: dict[datetime, datetime] = {}
        self.states: list[tuple[datetime, str]] = []
        self._entity_id = entity_id
        self._reading_of = reading_of
        hass.bus.async_listen("state_changed", self._changed)

    @callback
    def _changed(self, event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if event.data["entity_id"] != self._entity_id or state is None:
            return
        now = dt_util.utcnow()
        self.states.append((now, state.state))
        reading = self._reading_of(state.state)
        if reading is not None:
            self.first_shown.setdefault(reading, now)


def by_time(state: str) -> datetime | None:
    """Read the state of a last-reading sensor."""
    parsed = dt_util.parse_datetime(state)
    return None if parsed is None else parsed.astimezone(UTC)
