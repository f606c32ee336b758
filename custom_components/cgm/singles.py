"""Which single entities an action's target means: groups resolved to their members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant


def singles(hass: HomeAssistant, target: dict[str, Any], domain: str) -> list[str]:
    """Return the targeted entities of `domain`, sorted; a group's colour or volume is nobody's."""
    selected = async_extract_referenced_entity_ids(hass, TargetSelection(target))
    found: set[str] = set()
    waiting = [
        one
        for one in selected.referenced | selected.indirectly_referenced
        if one.startswith(f"{domain}.")
    ]
    seen = set(waiting)
    while waiting:
        entity = waiting.pop()
        state = hass.states.get(entity)
        members = () if state is None else state.attributes.get("entity_id", ())
        inner = {one for one in members if one.startswith(f"{domain}.")}
        if not inner:
            found.add(entity)
        waiting += inner - seen
        seen |= inner
    return sorted(found)
