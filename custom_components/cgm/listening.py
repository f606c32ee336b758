"""How a trigger listens to the entities that its target means, now and as the target changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, State, callback
from homeassistant.helpers.target import async_track_target_selector_state_change_event

from .targeted import entities_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeassistant.helpers.target import TargetStateChangedData


class Listener(Protocol):
    """What is told of the entities of one trigger; nothing is to run while it is attached."""

    def targeted(
        self, added: set[str], removed: set[str], states: Mapping[str, State | None]
    ) -> None:
        """Take note of which entities are meant: `states` are those of all."""

    def changed(self, state: State, before: State | None) -> None:
        """Take note of a state that is there."""

    def begin(self) -> None:
        """Do what is due at first: in the turn after all was attached."""


async def async_listen(
    hass: HomeAssistant, target: dict[str, Any], kind: tuple[str, str], listener: Listener
) -> CALLBACK_TYPE:
    """Have the listener told of the targeted wearers' entities of `kind`; returns how to stop.

    Renamed entities are followed where the target is not an entity's id; raises
    HomeAssistantError for a target that names nothing.
    """

    @callback
    def targeted(added: set[str], removed: set[str], states: Mapping[str, State | None]) -> None:
        listener.targeted(added, removed, states)

    @callback
    def changed(data: TargetStateChangedData) -> None:
        event = data.state_change_event.data
        if (state := event["new_state"]) is not None:
            listener.changed(state, event["old_state"])

    stop = await async_track_target_selector_state_change_event(
        hass, target, changed, lambda entities: entities_of(hass, entities, kind), targeted
    )
    begin = hass.loop.call_soon(listener.begin)

    @callback
    def detach() -> None:
        begin.cancel()
        stop()

    return detach
