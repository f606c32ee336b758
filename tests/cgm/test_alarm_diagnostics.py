"""What a bug report says of alarms: how they stand, and neither readings nor names."""

import json
from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant

from custom_components.cgm.diagnostics import async_get_config_entry_diagnostics
from custom_components.cgm.shared.glucose.alarms.kinds import AlarmKind
from fakes.dexcom_share import FakeDexcomShare

from .conftest import AddWearer, Settle
from .vendors import dexcom_source, steady
from .watching import NOON, running


async def test_alarms_are_told_without_readings_or_names(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    dexcom: FakeDexcomShare,
    add_wearer: AddWearer,
    settle: Settle,
) -> None:
    freezer.move_to(NOON)
    steady(dexcom, 61)
    entry = add_wearer(dexcom_source(dexcom), title="Zaphodina")
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    told = await async_get_config_entry_diagnostics(hass, entry)
    state = told["alarms"]["states"]["low"]
    assert state == {
        "phase": "active",
        "fired": NOON,
        "quiet_seconds": 0.0,
        "silence_left_seconds": None,
    }
    await running(entry).alarms.async_silence(AlarmKind.LOW, timedelta(minutes=20))
    told = await async_get_config_entry_diagnostics(hass, entry)
    state = told["alarms"]["states"]["low"]
    assert (state["phase"], state["silence_left_seconds"]) == ("silenced", 1200.0)
    assert told["alarms"]["part_of_day"] == "day"
    text = json.dumps(told["alarms"])
    assert "Zaphodina" not in text
    assert "61" not in text
