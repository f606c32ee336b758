"""Who was told of an alarm: the actions that automations ran because one of ours spoke."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from homeassistant.const import ATTR_ENTITY_ID, EVENT_CALL_SERVICE
from homeassistant.core import CALLBACK_TYPE, Context, Event, callback
from homeassistant.util import dt as dt_util

from .const import ACTION_TELL, DOMAIN
from .shared.glucose.store import LoggedAlarm

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from homeassistant.core import HomeAssistant

    from .alarm_watch import AlarmWatch
    from .shared.glucose.alarms.state import Happening

TOLD = "told"
# An automation may wait for long before it calls the next person; this many happenings later the
# first is forgotten.
_MOST_CONTEXTS = 200


class Told:
    """The contexts under which alarms spoke, and what was called because of them."""

    def __init__(self, watch: AlarmWatch) -> None:
        """Know of nothing yet."""
        self._watch = watch
        self._begun: OrderedDict[str, str] = OrderedDict()
        self._stop: CALLBACK_TYPE | None = None
        self.context = Context()

    @callback
    def async_start(self, hass: HomeAssistant) -> None:
        """Hear of every action that is called."""
        self._stop = hass.bus.async_listen(EVENT_CALL_SERVICE, self._note)

    @callback
    def async_stop(self) -> None:
        """Hear of no more."""
        if self._stop is not None:
            self._stop()
            self._stop = None

    @callback
    def async_begin(self, happening: Happening) -> None:
        """Give the happening a context, which the entities that tell of it write under."""
        self.context = Context()
        self._begun[self.context.id] = happening.kind
        while len(self._begun) > _MOST_CONTEXTS:
            self._begun.popitem(last=False)

    @callback
    def _note(self, event: Event[Mapping[str, Any]]) -> None:
        kind = self._begun.get(event.context.parent_id or "")
        if kind is None or (event.data["domain"], event.data["service"]) == (DOMAIN, ACTION_TELL):
            # What that one calls is noted, with the same context.
            return
        data = event.data["service_data"]
        entities = data.get(ATTR_ENTITY_ID) or []
        about: dict[str, object] = {"action": f"{event.data['domain']}.{event.data['service']}"}
        if entities:
            about["entities"] = [entities] if isinstance(entities, str) else list(entities)
        self._watch.async_note_told(
            LoggedAlarm(at=dt_util.utcnow(), kind=kind, what=TOLD, about=about)
        )
