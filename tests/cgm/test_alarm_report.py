"""The action that tells of the alarms of a stretch of time: rows, lowest and highest, refusals."""

from datetime import timedelta
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service

from custom_components.cgm.shared.glucose.errors import StoreUnavailable
from custom_components.cgm.shared.glucose.reading import Bound, Kind, Reading
from custom_components.cgm.shared.glucose.store import Store
from fakes.dexcom_share import FakeDexcomShare

from .conftest import AddWearer, PassTime, Settle
from .telling import EVENT, reading, receive
from .vendors import dexcom_source, nightscout_source, steady
from .watching import NOON, keep

pytestmark = pytest.mark.usefixtures("nothing_secret_is_logged")

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def wearer(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    dexcom: FakeDexcomShare,
    add_wearer: AddWearer,
    settle: Settle,
) -> MockConfigEntry:
    """Run a wearer who is at 100."""
    freezer.move_to(NOON)
    steady(dexcom, 100)
    entry = add_wearer(dexcom_source(dexcom))
    assert await async_setup_component(hass, "cgm", {})
    await settle()
    return entry


async def report(hass: HomeAssistant, **data: object) -> Any:  # noqa: ANN401 - plain JSON
    return await hass.services.async_call(
        "cgm", "get_alarm_log", data, blocking=True, return_response=True
    )


async def test_a_low_is_told_row_by_row_with_the_lowest_and_the_highest(
    hass: HomeAssistant, wearer: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    await receive(hass, wearer, reading(wearer, 51))
    freezer.tick(2 * MINUTE)
    await hass.services.async_call(
        "cgm", "silence_alarm", {"alarm": "urgent_low", "minutes": 20}, blocking=True
    )
    told = await report(hass)
    assert told["unit"] == "mg/dL"
    assert told["start"] == "2026-11-19T12:02:00.001000+00:00"
    assert told["end"] == "2026-11-20T12:02:00.001000+00:00"
    at = "2026-11-20T12:00:00+00:00"
    assert told["lowest"] == {"value": 51, "bound": None, "measured": at}
    assert told["highest"] == {
        "value": 100,
        "bound": None,
        "measured": "2026-11-20T11:49:00+00:00",
    }
    fired, silenced = (row for row in told["alarms"] if row["alarm"] == "urgent_low")
    assert fired == {
        "at": at,
        "alarm": "urgent_low",
        "name": "urgent low",
        "what": "fired",
        "value": 51,
        "measured": at,
        "since": at,
        "extreme": 51,
        "marks": ["compression_low_suspected"],
    }
    assert (silenced["what"], silenced["silence_minutes"]) == ("silenced", 20)


async def test_numbers_are_the_wearers_and_names_the_homes(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    hass.config.language = "de"
    hass.config_entries.async_update_entry(wearer, options={**wearer.options, "unit": "mmol/L"})
    await receive(hass, wearer, reading(wearer, 39, bound=Bound.LOW))
    told = await report(hass, alarm="urgent_low")
    assert told["unit"] == "mmol/L"
    assert (told["lowest"]["value"], told["lowest"]["bound"]) == (2.2, "low")
    assert told["highest"]["value"] == 5.6
    (row,) = told["alarms"]
    assert (row["name"], row["value"], row["bound"]) == ("dringend niedrig", 2.2, "low")
    assert row["extreme"] == 2.2


async def test_only_what_was_asked_for_is_told(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime
) -> None:
    for alarm in ("low", "high"):
        await hass.services.async_call("cgm", "test_alarm", {"alarm": alarm}, blocking=True)
    middle = dt_util.utcnow() + MINUTE
    await pass_time(2 * MINUTE)
    await hass.services.async_call("cgm", "test_alarm", {"alarm": "low"}, blocking=True)

    async def alarms(**data: object) -> list[str]:
        return [row["alarm"] for row in (await report(hass, **data))["alarms"]]

    assert await alarms() == ["low", "high", "low"]
    assert await alarms(alarm="low") == ["low", "low"]
    assert await alarms(start=middle) == ["low"]
    assert await alarms(end=middle) == ["low", "high"]
    assert await alarms(end=middle, alarm="high") == ["high"]
    # What has no zone is the home's.
    local = dt_util.as_local(middle).strftime("%Y-%m-%d %H:%M:%S")
    assert await alarms(start=local) == ["low"]


async def test_the_start_is_in_and_the_end_is_not(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    now = dt_util.utcnow()
    at_start = await report(hass, start=now - 6 * MINUTE, end=now - MINUTE)
    assert at_start["lowest"]["measured"] == (now - 6 * MINUTE).isoformat()
    before = await report(hass, start=now - 5 * MINUTE, end=now - MINUTE)
    assert before["lowest"] is before["highest"] is None


async def test_a_finger_stick_is_not_the_lowest(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    (source,) = wearer.subentries
    stick = Reading(time=dt_util.utcnow(), mg_dl=45, source=source, series="meter", kind=Kind.METER)
    await receive(hass, wearer, stick)
    assert (await report(hass))["lowest"]["value"] == 100


async def test_who_was_told_is_told(
    hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle
) -> None:
    async_mock_service(hass, "light", "turn_on")
    lamp = {"action": "light.turn_on", "target": {"entity_id": ["light.bed"]}}
    automation = {"trigger": {"platform": "state", "entity_id": EVENT}, "action": [lamp]}
    assert await async_setup_component(hass, "automation", {"automation": automation})
    await hass.services.async_call("cgm", "test_alarm", {}, blocking=True)
    await settle()
    told = (await report(hass))["alarms"][-1]
    assert (told["what"], told["action"], told["entities"]) == (
        "told",
        "light.turn_on",
        ["light.bed"],
    )


async def test_a_range_that_is_none_is_refused(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    now = dt_util.utcnow()
    with pytest.raises(ServiceValidationError) as refused:
        await report(hass, start=now, end=now)
    assert refused.value.translation_key == "range_is_empty"
    assert "The end must be later than the start" in str(refused.value)


async def test_a_history_that_cannot_be_read_is_said_and_read_later(
    hass: HomeAssistant, wearer: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StoreUnavailable("made up")

    await hass.services.async_call("cgm", "test_alarm", {}, blocking=True)
    with monkeypatch.context() as patched:
        patched.setattr(Store, "alarm_log", refuse)
        with pytest.raises(HomeAssistantError) as failed:
            await report(hass)
    assert failed.value.translation_key == "history_not_read"
    assert len((await report(hass))["alarms"]) == 1


async def test_what_still_waits_for_the_disk_is_told(
    hass: HomeAssistant, wearer: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StoreUnavailable("made up")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "keep_alarms", refuse)
        await hass.services.async_call("cgm", "test_alarm", {}, blocking=True)
    assert [row["what"] for row in (await report(hass))["alarms"]] == ["tested"]


async def test_a_lower_source_is_told_of_only_where_the_leading_one_has_a_gap(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    dexcom: FakeDexcomShare,
    add_wearer: AddWearer,
    settle: Settle,
) -> None:
    freezer.move_to(NOON)
    steady(dexcom, 100)
    entry = add_wearer(dexcom_source(dexcom), nightscout_source("http://127.0.0.1:9"))
    _first, second = entry.subentries
    now = dt_util.utcnow()
    row = Reading(time=now - 4 * MINUTE, mg_dl=50, source=second, series="entries")
    keep(hass, entry, [row])
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    # Between two readings of the leading source, of which the first lies before the start.
    assert (await report(hass, start=now - 5 * MINUTE))["lowest"]["value"] == 100


async def test_with_two_wearers_it_says_whose(
    hass: HomeAssistant, wearer: MockConfigEntry, add_wearer: AddWearer
) -> None:
    other = add_wearer(title="Robin")
    assert await hass.config_entries.async_setup(other.entry_id)
    await hass.services.async_call(
        "cgm", "test_alarm", {"config_entry_id": wearer.entry_id}, blocking=True
    )
    with pytest.raises(ServiceValidationError):
        await report(hass)
    assert (await report(hass, config_entry_id=other.entry_id))["alarms"] == []
    assert len((await report(hass, config_entry_id=wearer.entry_id))["alarms"]) == 1
