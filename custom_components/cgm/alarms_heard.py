"""What alarms said while Home Assistant started, for triggers that begin to listen only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.const import EVENT_HOMEASSISTANT_STARTED, EVENT_STATE_CHANGED
from homeassistant.core import CoreState, Event, EventStateChangedData, callback
from homeassistant.helpers import restore_state
from homeassistant.util.hass_dict import HassKey

from .targeted import ALARM

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant, State

_HEARD: HassKey[AlarmsHeard] = HassKey("cgm_alarms_heard")
# The attribute by which an event is one of ours; a trigger asks for its own entities' only.
_ALARM = "alarm"
_BEFORE_STARTED = frozenset({CoreState.not_running, CoreState.starting})


class AlarmsHeard:
    """The last thing that each alarm said since Home Assistant began, in order."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Take up what has been said before anybody asked."""
        self._hass = hass
        self._last: dict[tuple[str, str], State] = {}
        for state in hass.states.async_all(ALARM[0]):
            self._take(state)

    @callback
    def async_note(self, event: Event[EventStateChangedData]) -> None:
        """Take what has just been said."""
        self._take(event.data["new_state"])

    def _take(self, state: State | None) -> None:
        if state is None or _ALARM not in state.attributes or not said_now(self._hass, state):
            return
        key = state.entity_id, state.attributes[_ALARM]
        self._last.pop(key, None)
        self._last[key] = state

    def said(self, entity_id: str) -> list[State]:
        """Return what is still true of an alarm's own: what it said last, each alarm once."""
        return [state for key, state in self._last.items() if key[0] == entity_id]


@callback
def async_hear_while_starting(hass: HomeAssistant) -> None:
    """Listen until Home Assistant has started: automations listen only from shortly before."""
    if hass.state not in _BEFORE_STARTED or _HEARD in hass.data:
        return
    heard = hass.data[_HEARD] = AlarmsHeard(hass)

    @callback
    def ours(data: EventStateChangedData) -> bool:
        return data["entity_id"].startswith(f"{ALARM[0]}.")

    stop = hass.bus.async_listen(EVENT_STATE_CHANGED, heard.async_note, event_filter=ours)

    @callback
    def started(_event: Event) -> None:
        stop()
        del hass.data[_HEARD]

    hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STARTED, started)


def said_while_starting(hass: HomeAssistant, entity_id: str) -> list[State]:
    """Return what the alarms of an event entity said in this start; nothing later on."""
    heard = hass.data.get(_HEARD)
    return [] if heard is None else heard.said(entity_id)


def said_now(hass: HomeAssistant, state: State) -> bool:
    """Tell whether an event, which is one, was said since it is here, and not taken up again.

    No clock is asked: at its start a home's may be wrong.
    """
    kept = restore_state.async_get(hass).last_states.get(state.entity_id)
    return kept is None or kept.state.state != state.state
