"""The lines on Home Assistant's system health page: counts only."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import get_system_health_info

from custom_components.cgm.shared.glucose.store import Store
from fakes.dexcom_share import FakeDexcomShare
from fakes.serving import html_503

from .conftest import AddWearer, Settle
from .vendors import dexcom_source
from .watching import NOON, running


async def test_wearers_sources_and_readings_are_counted(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    dexcom: FakeDexcomShare,
    add_wearer: AddWearer,
    simulated: dict[str, Any],
    settle: Settle,
) -> None:
    freezer.move_to(NOON)
    assert await async_setup_component(hass, "system_health", {})
    dexcom.fail(html_503)
    wearer = add_wearer(simulated, dexcom_source(dexcom))
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    facts = await get_system_health_info(hass, "cgm")
    assert {key: facts[key] for key in ("wearers", "sources", "sources_ok")} == {
        "wearers": 1,
        "sources": 2,
        "sources_ok": 1,
    }
    assert facts["readings"] > 3900
    assert 0 < facts["history_megabytes"] < 2

    # A history that cannot be read does not spoil the page.
    await running(wearer).history.async_do(Store.close)
    facts = await get_system_health_info(hass, "cgm")
    assert facts["readings"] is None
    assert facts["wearers"] == 1
    await running(wearer).history.async_do(Store.open)


async def test_without_a_wearer_there_is_nothing_to_count(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, "system_health", {})
    assert await async_setup_component(hass, "cgm", {})
    facts = await get_system_health_info(hass, "cgm")
    assert facts == {
        "wearers": 0,
        "sources": 0,
        "sources_ok": 0,
        "readings": None,
        "history_megabytes": None,
    }
