"""Buttons for whoever hears an alarm: seen, silence, and a test of the way it takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory

from .entity import CgmEntity
from .shared.glucose.alarms.kinds import AlarmKind
from .wearer import CgmConfigEntry, Wearer

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class AlarmButtonDescription(ButtonEntityDescription):
    """A button: what it does to the wearer's alarms."""

    press_fn: Callable[[Wearer], Awaitable[None]]


BUTTONS: tuple[AlarmButtonDescription, ...] = (
    AlarmButtonDescription(
        key="acknowledge_alarm",
        translation_key="acknowledge_alarm",
        press_fn=lambda wearer: wearer.alarms.async_silence(),
    ),
    AlarmButtonDescription(
        key="silence_alarm",
        translation_key="silence_alarm",
        press_fn=lambda wearer: wearer.alarms.async_silence(usual=True),
    ),
    AlarmButtonDescription(
        key="test_alarm",
        translation_key="test_alarm",
        entity_category=EntityCategory.DIAGNOSTIC,
        press_fn=lambda wearer: wearer.alarms.async_test(AlarmKind.URGENT_LOW),
    ),
)


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: CgmConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the wearer's three."""
    async_add_entities(AlarmButton(entry.runtime_data, description) for description in BUTTONS)


class AlarmButton(CgmEntity, ButtonEntity):
    """Does one thing to the wearer's alarms."""

    entity_description: AlarmButtonDescription

    def __init__(self, wearer: Wearer, description: AlarmButtonDescription) -> None:
        """Belong to the wearer's own device."""
        super().__init__(wearer, description, wearer.id)

    async def async_press(self) -> None:
        """Do it; raises ServiceValidationError where nothing is on."""
        await self.entity_description.press_fn(self.wearer)
