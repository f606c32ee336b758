"""A wearer's treatments and episodes of low and high glucose, as a calendar to look at."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, override

from homeassistant.components.calendar import (
    CalendarEntity,
    CalendarEntityDescription,
    CalendarEvent,
)
from homeassistant.core import CALLBACK_TYPE, HassJob, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .const import DOMAIN, LOGGER
from .entity import CgmEntity
from .shared.glucose.errors import StoreError
from .wearer import CgmConfigEntry, Wearer

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .diary_entry import DiaryEntry

PARALLEL_UPDATES = 0

# A day of readings is read for it: in a burst of lows not while alarms are under way.
_LOOK_AFTER = timedelta(seconds=5)

DIARY = CalendarEntityDescription(key="diary", translation_key="diary")


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: CgmConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the wearer's one."""
    async_add_entities([DiaryCalendar(entry.runtime_data)], update_before_add=True)


class DiaryCalendar(CgmEntity, CalendarEntity):
    """Shows the wearer's diary; nothing is written through it."""

    _is_of_now = False

    def __init__(self, wearer: Wearer) -> None:
        """Belong to the wearer's own device."""
        super().__init__(wearer, DIARY, wearer.id)
        self._cancel: CALLBACK_TYPE | None = None

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the wearer from now until removed."""
        await super().async_added_to_hass()
        self.async_on_remove(self._cancel_look)

    async def async_update(self) -> None:
        """Learn of the episode that runs now; while the history cannot be read, of none anew."""
        try:
            await self.wearer.diary.async_follow()
        except StoreError as error:
            LOGGER.debug("The diary was not read: %s", error)

    @callback
    @override
    def async_told(self) -> None:
        """Look soon, unless there is nothing to: that an episode begins or is over is history."""
        self.async_write_ha_state()
        if self._cancel is None and not self.wearer.diary.is_calm:
            self._cancel = async_call_later(
                self.hass, _LOOK_AFTER, HassJob(self._async_look, cancel_on_shutdown=True)
            )

    async def _async_look(self, _now: datetime) -> None:
        self._cancel = None
        await self.async_update()
        self.async_write_ha_state()

    def _cancel_look(self) -> None:
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    @property
    @override
    def event(self) -> CalendarEvent | None:
        """What is now: the episode that runs, or else the last treatment."""
        current = self.wearer.diary.current
        return None if current is None else _event(current)

    @override
    async def async_get_events(
        self, hass: HomeAssistant, start_date: datetime, end_date: datetime
    ) -> list[CalendarEvent]:
        """Return what overlaps [start_date, end_date), by its beginning."""
        try:
            found = await self.wearer.diary.async_between(start_date, end_date)
        except StoreError as error:
            raise HomeAssistantError(
                translation_domain=DOMAIN, translation_key="history_not_read"
            ) from error
        # Home Assistant checks each event: of many years too long for its own loop.
        return await hass.async_add_executor_job(lambda: [_event(entry) for entry in found])


def _event(entry: DiaryEntry) -> CalendarEvent:
    return CalendarEvent(
        uid=entry.id,
        start=dt_util.as_local(entry.start),
        end=dt_util.as_local(entry.end),
        summary=entry.title,
        description=entry.text,
    )
