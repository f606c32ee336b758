"""The actions that answer with measures and readings: values, ranges, units, refusals."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import probatio
import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.json import json_dumps
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm import measure_services
from custom_components.cgm.shared.glucose.errors import StoreUnavailable
from custom_components.cgm.shared.glucose.metrics.report import report
from custom_components.cgm.shared.glucose.metrics.series import Series
from custom_components.cgm.shared.glucose.reading import Bound, Kind, Reading
from custom_components.cgm.shared.glucose.store import Store

from .conftest import AddWearer
from .vendors import nightscout_source
from .watching import FIVE, NOON, keep

pytestmark = pytest.mark.usefixtures("socket_enabled", "nothing_secret_is_logged")

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture
async def alex(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, add_wearer: AddWearer
) -> MockConfigEntry:
    """Return a wearer with two sources that bring nothing, who is not set up."""
    freezer.move_to(NOON)
    return add_wearer(
        nightscout_source("http://127.0.0.1:9"), nightscout_source("http://127.0.0.1:10")
    )


def row(entry: MockConfigEntry, time: datetime, mg_dl: int, place: int = 0) -> Reading:
    """Return a reading of one of the wearer's sources."""
    return Reading(time=time, mg_dl=mg_dl, source=[*entry.subentries][place], series="entries")


def wave(entry: MockConfigEntry, days: int) -> list[Reading]:
    """Return readings up to now that swing, oldest first."""
    now = dt_util.utcnow()
    return [row(entry, now - FIVE * n, 45 + n // 7 * 17 % 240) for n in reversed(range(288 * days))]


async def start(hass: HomeAssistant, entry: MockConfigEntry, readings: Iterable[Reading]) -> None:
    """Set the wearer up over a history."""
    keep(hass, entry, readings)
    assert await hass.config_entries.async_setup(entry.entry_id)


async def ask(hass: HomeAssistant, action: str, **data: object) -> Any:  # noqa: ANN401 - plain JSON
    """Return what an action answers; it is fit to be sent on as JSON."""
    answer = await hass.services.async_call(
        "cgm", action, data, blocking=True, return_response=True
    )
    json_dumps(answer)
    return answer


async def test_the_statistics_hold_every_measure_of_the_command(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    readings = wave(alex, 14)
    await start(hass, alex, readings)
    told = await ask(hass, "get_statistics")
    whole = asdict(report(Series.of(readings, ZoneInfo("Europe/Berlin"))))
    assert told["counted"].keys() == whole.keys()
    numbers = {key: one for key, one in whole.items() if isinstance(one, float | int)}
    assert {key: told["counted"][key] for key in numbers} == pytest.approx(numbers)
    assert told["counted"]["episodes"]["hypo_1"] == whole["episodes"]["hypo_1"]
    assert told["counted"]["first"] == readings[0].time.isoformat()
    by_time = told["by_time"]
    assert by_time["in_range"] == pytest.approx(whole["in_range_70_180"])
    for name, counted in (("low", "below_70"), ("very_low", "below_54")):
        assert by_time[name] == pytest.approx(whole[counted])
    assert by_time["mean"] == pytest.approx(whole["mean"], abs=0.05)
    assert by_time["cv"] == pytest.approx(whole["cv"])
    assert (told["coverage"], told["enough"]) == ("14 of 14 days", True)
    assert told["goals"]["in_range"] == "> 70 %"
    assert told["goals"]["cv"] == "≤ 36 %"
    assert told["readings"] == 14 * 288


async def test_a_period_or_a_range_and_the_wearers_unit(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    now = dt_util.utcnow()
    readings = wave(alex, 3)
    hass.config_entries.async_update_entry(
        alex, options={**alex.options, "unit": "mmol/L", "consensus": "pregnancy"}
    )
    await start(hass, alex, readings)
    day = await ask(hass, "get_statistics", period="24h")
    assert (day["coverage"], day["readings"]) == ("24 of 24 hours", 288)
    assert (day["unit"], day["targets"]["low"]) == ("mmol/L", 3.9)
    mean = sum(r.mg_dl for r in readings[-288:]) / 288 / 18.016
    assert day["by_time"]["mean"] == pytest.approx(mean, abs=0.006)
    assert day["consensus"] == "pregnancy"
    assert day["goals"]["very_high"] is None
    half = await ask(hass, "get_statistics", start=now - 2 * DAY, end=now - 1.5 * DAY)
    assert (half["readings"], half["coverage"]) == (144, "12 of 12 hours")
    long = await ask(hass, "get_statistics", start=now - 30 * DAY)
    assert (long["coverage"], long["enough"]) == ("3 of 30 days; needs 70 %", False)


async def test_of_nothing_there_is_nothing(hass: HomeAssistant, alex: MockConfigEntry) -> None:
    await start(hass, alex, [])
    told = await ask(hass, "get_statistics")
    assert told["coverage"] == "0 of 14 days; needs 70 %"
    assert set(told["by_time"].values()) == {None}
    assert (await ask(hass, "get_readings"))["readings"] == []


@pytest.mark.parametrize("action", ["get_statistics", "get_readings"])
async def test_a_range_that_is_none_is_refused(
    hass: HomeAssistant, alex: MockConfigEntry, action: str
) -> None:
    await start(hass, alex, [])
    now = dt_util.utcnow()
    with pytest.raises(ServiceValidationError) as refused:
        await ask(hass, action, start=now, end=now)
    assert refused.value.translation_key == "range_is_empty"
    with pytest.raises(ServiceValidationError) as refused:
        await ask(hass, action, start=now - 367 * DAY)
    assert refused.value.translation_key == "range_too_long"
    assert "366 days" in str(refused.value)


async def test_a_period_and_a_range_contradict_each_other(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    await start(hass, alex, [])
    with pytest.raises(ServiceValidationError) as refused:
        await ask(hass, "get_statistics", period="7d", start=dt_util.utcnow() - DAY)
    assert refused.value.translation_key == "period_or_range"
    with pytest.raises(probatio.Invalid):
        await ask(hass, "get_statistics", period="8d")


async def test_readings_are_one_series_unless_all_are_asked_for(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    now = dt_util.utcnow()
    first = [row(alex, now - n * FIVE, 100) for n in range(1, 5)]
    second = [row(alex, now - n * FIVE - MINUTE, 200, place=1) for n in range(1, 9)]
    await start(hass, alex, [*first, *second])
    told = await ask(hass, "get_readings")
    assert [one["value"] for one in told["readings"]] == [200] * 4 + [100] * 4
    assert told["readings"][-1] == {
        "time": (now - FIVE).isoformat(),
        "value": 100,
        "bound": None,
        "trend": None,
        "kind": "cgm",
        "source": "Nightscout",
        "series": "entries",
    }
    everything = await ask(hass, "get_readings", merged=False)
    assert len(everything["readings"]) == 12
    part = await ask(hass, "get_readings", merged=False, start=now - 2 * FIVE, end=now - FIVE)
    assert [one["value"] for one in part["readings"]] == [100, 200]


async def test_finger_sticks_are_told_where_they_are_asked_for(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    now = dt_util.utcnow()
    (source, _) = alex.subentries
    stick = Reading(time=now - FIVE, mg_dl=90, source=source, series="meter", kind=Kind.METER)
    low = Reading(time=now - MINUTE, mg_dl=39, source=source, series="entries", bound=Bound.LOW)
    await start(hass, alex, [stick, low])
    sensor = await ask(hass, "get_readings")
    assert [(one["value"], one["bound"]) for one in sensor["readings"]] == [(39, "low")]
    day = await ask(hass, "get_statistics", period="24h")
    assert (day["lows"], day["highs"]) == (1, 0)
    meter = await ask(hass, "get_readings", kind="meter")
    assert [(one["value"], one["kind"]) for one in meter["readings"]] == [(90, "meter")]


@pytest.mark.parametrize("merged", [True, False])
async def test_too_many_readings_are_refused_and_fewer_told(
    hass: HomeAssistant, alex: MockConfigEntry, monkeypatch: pytest.MonkeyPatch, merged: bool
) -> None:
    monkeypatch.setattr(measure_services, "MOST_READINGS", 288)
    await start(hass, alex, wave(alex, 2))
    now = dt_util.utcnow()
    with pytest.raises(ServiceValidationError) as refused:
        await ask(hass, "get_readings", start=now - DAY - FIVE, merged=merged)
    assert refused.value.translation_key == "too_many_readings"
    assert "more than 288" in str(refused.value)
    told = await ask(hass, "get_readings", start=now - DAY, merged=merged)
    assert len(told["readings"]) == 288


@pytest.mark.parametrize("action", ["get_statistics", "get_readings"])
async def test_a_history_that_cannot_be_read_is_said_and_read_later(
    hass: HomeAssistant, alex: MockConfigEntry, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    def refuse(*_: object) -> None:
        raise StoreUnavailable("made up")

    await start(hass, alex, wave(alex, 1))
    with monkeypatch.context() as patched:
        patched.setattr(Store, "readings", refuse)
        with pytest.raises(HomeAssistantError) as failed:
            await ask(hass, action)
    assert failed.value.translation_key == "history_not_read"
    assert (await ask(hass, action))["readings"]


async def test_with_two_wearers_it_says_whose(
    hass: HomeAssistant, alex: MockConfigEntry, add_wearer: AddWearer
) -> None:
    await start(hass, alex, wave(alex, 1))
    robin = add_wearer(title="Robin")
    assert await hass.config_entries.async_setup(robin.entry_id)
    with pytest.raises(ServiceValidationError):
        await ask(hass, "get_readings")
    assert (await ask(hass, "get_readings", config_entry_id=robin.entry_id))["readings"] == []
    assert (await ask(hass, "get_readings", config_entry_id=alex.entry_id))["readings"]
