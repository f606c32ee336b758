"""A home without a recorder: everything but the long-term statistics works."""

from datetime import timedelta
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant

from custom_components.cgm.const import DOMAIN

from .conftest import AddWearer, PassTime
from .watching import GLUCOSE, NOON, kept, value


@pytest.fixture(autouse=True)
def integration(enable_custom_integrations: None) -> None:
    """Have Home Assistant find the integration; in the place of the fixture that has a recorder."""


async def test_a_wearer_is_set_up_and_read_for_hours(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    add_wearer: AddWearer,
    simulated: dict[str, Any],
    pass_time: PassTime,
) -> None:
    freezer.move_to(NOON)
    wearer = add_wearer(simulated)
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await pass_time(timedelta(hours=2, minutes=15), timedelta(minutes=1))
    assert "recorder" not in hass.config.components
    assert value(hass, GLUCOSE).isdecimal()
    assert len(await kept(hass, wearer)) > 3900
    assert await hass.config_entries.async_unload(wearer.entry_id)


async def test_a_history_can_be_erased(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    add_wearer: AddWearer,
    simulated: dict[str, Any],
    pass_time: PassTime,
) -> None:
    freezer.move_to(NOON)
    wearer = add_wearer(simulated)
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await pass_time(timedelta(minutes=15), timedelta(minutes=1))
    assert await kept(hass, wearer)
    data = {"confirm": wearer.title}
    await hass.services.async_call(DOMAIN, "erase_history", data, blocking=True)
    assert await kept(hass, wearer) == []
    assert await hass.config_entries.async_unload(wearer.entry_id)
