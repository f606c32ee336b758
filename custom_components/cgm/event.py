"""What happens to a wearer's alarms, as one event entity that automations can hear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import callback

from .entity import CgmEntity
from .shared.glucose.alarms.sentence import sentence
from .shared.glucose.alarms.state import What
from .shared.glucose.units import in_unit
from .wearer import CgmConfigEntry, Wearer

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .shared.glucose.alarms.state import Happening

PARALLEL_UPDATES = 0

# What came late is only logged, and a broken silence is told by the alarm that broke it.
TYPES = {
    What.FIRED: "fired",
    What.REPEATED: "repeated",
    What.ACKNOWLEDGED: "acknowledged",
    What.SILENCED: "silenced",
    What.CLEARED: "cleared",
    What.TESTED: "test",
}
ALARM = EventEntityDescription(
    key="alarm", translation_key="alarm", event_types=list(TYPES.values())
)


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: CgmConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the wearer's one."""
    async_add_entities([AlarmEvent(entry.runtime_data)])


class AlarmEvent(CgmEntity, EventEntity):
    """Speaks in the very turn in which something happens to an alarm."""

    def __init__(self, wearer: Wearer) -> None:
        """Belong to the wearer's own device."""
        super().__init__(wearer, ALARM, wearer.id)

    async def async_added_to_hass(self) -> None:
        """Hear of what happens from now until removed."""
        await super().async_added_to_hass()
        self.async_on_remove(self.wearer.alarms.async_add_listener(self._happened))

    @callback
    def _happened(self, happening: Happening) -> None:
        if (kind := TYPES.get(happening.what)) is None:
            return
        self._trigger_event(kind, self._about(happening))
        # By it is known afterwards who was told.
        self.async_set_context(self.wearer.alarms.told.context)
        self.async_write_ha_state()

    def _about(self, happening: Happening) -> dict[str, Any]:
        """Return what automations need: the sentence, the value in the wearer's unit, its age."""
        wearer, reading = self.wearer, happening.reading
        source = None if reading is None else wearer.feeds.get(reading.source)
        about: dict[str, Any] = {
            "alarm": happening.kind.value,
            "text": sentence(
                happening,
                language=self.hass.config.language,
                unit=wearer.chosen.unit,
                wearer=wearer.entry.title,
                source=None if source is None else source.title,
            ),
            "unit": wearer.chosen.unit.value,
            "marks": sorted(mark.value for mark in happening.marks),
        }
        if reading is not None:
            about |= {
                "value": in_unit(reading.mg_dl, wearer.chosen.unit),
                "bound": reading.bound,
                "measured": reading.time.isoformat(),
            }
        if happening.began is not None:
            about["since"] = happening.began.isoformat()
        if happening.extreme_mg_dl is not None:
            about["extreme"] = in_unit(happening.extreme_mg_dl, wearer.chosen.unit)
        if happening.silence is not None:
            about["silence_minutes"] = round(happening.silence.total_seconds() / 60)
        return about
