"""Setting wearers up, and what their sensors show."""

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from custom_components.cgm.const import DOMAIN

from .conftest import Settle


async def set_up(hass: HomeAssistant, settle: Settle) -> None:
    """Set up every wearer that was added, and wait for the first answers of their sources."""
    assert await async_setup_component(hass, DOMAIN, {})
    await settle()
    entries = hass.config_entries.async_entries(DOMAIN)
    assert {entry.state for entry in entries} == {ConfigEntryState.LOADED}


def shows(hass: HomeAssistant, sensor: str) -> str:
    """Return what a sensor shows now: shows(hass, "alex_glucose")."""
    state = hass.states.get(f"sensor.{sensor}")
    assert state is not None
    return state.state
