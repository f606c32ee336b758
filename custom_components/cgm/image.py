"""The wearer's pictures as image entities: drawn when asked for, kept until they would differ."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, override

from homeassistant.components.image import ImageEntity, ImageEntityDescription
from homeassistant.core import CALLBACK_TYPE, HassJob, callback
from homeassistant.helpers.event import async_call_later, async_track_time_change
from homeassistant.util import dt as dt_util

from .const import LOGGER
from .entity import CgmEntity
from .shared.glucose.errors import StoreError
from .wearer import CgmConfigEntry, Wearer

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

PARALLEL_UPDATES = 0

# Whoever looks at a picture loads it anew with each change: not more often than this.
_AT_MOST_EVERY = timedelta(minutes=1)
# A new hour or day begins on one of these minutes in every time zone.
_HOURS_BEGIN = (0, 15, 30, 45)


@dataclass(frozen=True, kw_only=True)
class PictureDescription(ImageEntityDescription):
    """A picture: how it is drawn, and what it depends on.

    While `shows_fn` stays equal the frontend has nothing to ask for; while `good_for_fn` does,
    too, the picture is not drawn again for whoever asks.
    """

    shows_fn: Callable[[Wearer], Hashable]
    good_for_fn: Callable[[Wearer], Hashable]
    draw_fn: Callable[[Wearer], Awaitable[bytes]]


PICTURES: tuple[PictureDescription, ...] = (
    PictureDescription(
        key="today",
        translation_key="today",
        shows_fn=lambda wearer: wearer.pictures.day_shows,
        # The age of the current value is among what it says.
        good_for_fn=lambda wearer: wearer.pictures.minute,
        draw_fn=lambda wearer: wearer.pictures.async_day(),
    ),
    PictureDescription(
        key="profile",
        translation_key="profile",
        shows_fn=lambda wearer: wearer.pictures.profile_shows,
        good_for_fn=lambda _wearer: None,
        draw_fn=lambda wearer: wearer.pictures.async_profile(),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: CgmConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the wearer's two."""
    async_add_entities(Picture(hass, entry.runtime_data, description) for description in PICTURES)


class Picture(CgmEntity, ImageEntity):
    """One picture; its state is when it last would have become another."""

    entity_description: PictureDescription
    _attr_content_type = "image/png"
    _is_of_now = False

    def __init__(
        self, hass: HomeAssistant, wearer: Wearer, description: PictureDescription
    ) -> None:
        """Belong to the wearer's own device; nothing is drawn yet."""
        CgmEntity.__init__(self, wearer, description, wearer.id)
        ImageEntity.__init__(self, hass)
        # By it an automation finds the picture, whatever the entity is called.
        self._attr_extra_state_attributes = {"picture": description.key}
        self._drawing = asyncio.Lock()
        self._drawn: bytes | None = None
        self._drawn_of: Hashable = None
        self._shows: Hashable = None
        self._changed = 0.0
        self._cancel: CALLBACK_TYPE | None = None

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the wearer and the hours, from now until removed."""
        self._shows = self.entity_description.shows_fn(self.wearer)
        self._note_change()
        await super().async_added_to_hass()
        self.async_on_remove(
            async_track_time_change(self.hass, self._hour, minute=_HOURS_BEGIN, second=1)
        )
        self.async_on_remove(self._cancel_timer)

    @override
    async def async_image(self) -> bytes | None:
        """Return the picture as things are now, or the last one where the history is not readable.

        None where there never was one.
        """
        # One at a time: whoever asks meanwhile gets the same.
        async with self._drawing:
            about, wearer = self.entity_description, self.wearer
            of = about.shows_fn(wearer), about.good_for_fn(wearer)
            if self._drawn is None or of != self._drawn_of:
                try:
                    self._drawn = await about.draw_fn(wearer)
                except StoreError as error:
                    LOGGER.debug("A picture was not drawn: %s", error)
                    self._set_available(available=False)
                    return self._drawn
                self._drawn_of = of
            self._set_available(available=True)
            return self._drawn

    @override
    @callback
    def async_told(self) -> None:
        """Have the frontend ask anew if the picture would be another one, once a minute at most."""
        if self._cancel is not None or self.entity_description.shows_fn(self.wearer) == self._shows:
            return
        wait = self._changed + _AT_MOST_EVERY.total_seconds() - monotonic()
        if wait > 0:
            self._cancel = async_call_later(
                self.hass, wait, HassJob(self._due, cancel_on_shutdown=True)
            )
        else:
            self._change()

    @callback
    def _hour(self, _now: datetime) -> None:
        if self._attr_available:
            self.async_told()
        else:
            # Nobody asks for what is not there: whether it can be drawn again is found out here.
            self.wearer.entry.async_create_background_task(
                self.hass, self.async_image(), "cgm picture"
            )

    @callback
    def _due(self, _now: datetime) -> None:
        self._cancel = None
        self._change()

    def _change(self) -> None:
        self._shows = self.entity_description.shows_fn(self.wearer)
        self._note_change()
        self.async_write_ha_state()

    def _note_change(self) -> None:
        self._attr_image_last_updated = dt_util.utcnow()
        self._changed = monotonic()

    def _set_available(self, *, available: bool) -> None:
        if self._attr_available is not available:
            self._attr_available = available
            self.async_write_ha_state()

    def _cancel_timer(self) -> None:
        if self._cancel is not None:
            self._cancel()
            self._cancel = None
