"""A wearer's treatments and episodes of low and high glucose, as a calendar to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, override

from homeassistant.components.calendar import (
    CalendarEntity,
    CalendarEntityDescription,
    CalendarEvent,
)
from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from .const import DOMAIN, LOGGER
from .entity import CgmEntity
from .shared.glucose.errors import StoreError
from .wearer import CgmConfigEntry, Wearer

if TYPE_CHECKING:
    from datetime import datetime

    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .diary_entry import DiaryEntry

PARALLEL_UPDATES = 0

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

    def __init__(self, wearer: Wearer) -> None:
        """Belong to the wearer's own device."""
        super().__init__(wearer, DIARY, wearer.id)
        self._told = False

    async def async_update(self) -> None:
        """Learn of the episode that runs now; while the history cannot be read, of none anew."""
        self._told = True
        # Told while it looks, Home Assistant calls no second time: then it looks again itself.
        while self._told:
            self._told = False
            try:
                await self.wearer.diary.async_follow()
            except StoreError as error:
                LOGGER.debug("The diary was not read: %s", error)

    @callback
    @override
    def async_told(self) -> None:
        """Look first, unless there is nothing to: that an episode begins or is over is history."""
        if self.wearer.diary.is_calm:
            self.async_write_ha_state()
            return
        self._told = True
        self.async_schedule_update_ha_state(force_refresh=True)

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
