"""Automations with conditions of ours in a real home: what is unknown is neither low nor fine."""

from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm.condition import CONDITIONS
from custom_components.cgm.shared.glucose.alarms.kinds import AlarmKind
from custom_components.cgm.shared.glucose.reading import Bound

from .automations import ALEX, ALEX_ALARM, MINUTE, automate, conditional, holds, measure
from .conftest import PassTime, Settle, SetUp
from .watching import GLUCOSE, NOON, running, value

BOTH = {"entity_id": ["sensor.alex_glucose", "sensor.robin_glucose"]}
BOTH_ALARMS = {"entity_id": ["event.alex_alarm", "event.robin_alarm"]}
MG_DL = {"unit": "mg/dL"}


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(NOON)


IN_RANGE = conditional("glucose_in_range", ALEX)
BELOW = conditional("glucose_below", ALEX, threshold=70, unit="mg/dL")
ABOVE = conditional("glucose_above", ALEX, threshold=10, unit="mmol/L")


@pytest.mark.parametrize(
    ("condition", "bound", "truths"),
    [
        (IN_RANGE, None, {69: False, 70: True, 180: True, 181: False}),
        (IN_RANGE, Bound.LOW, {75: False}),
        (IN_RANGE, Bound.HIGH, {175: False}),
        (BELOW, None, {69: True, 70: False}),
        (BELOW, Bound.LOW, {75: True}),
        (BELOW, Bound.HIGH, {60: False}),
        # 181 reads 10.0, 182 reads 10.1.
        (ABOVE, None, {180: False, 181: False, 182: True}),
        (ABOVE, Bound.HIGH, {175: True}),
        (ABOVE, Bound.LOW, {190: False}),
    ],
)
@pytest.mark.parametrize("shown", ["mg/dL", "mmol/L"])
async def test_glucose_is_compared_in_whole_mg_dl(
    hass: HomeAssistant,
    set_up: SetUp,
    entity_registry: er.EntityRegistry,
    condition: dict[str, Any],
    bound: Bound | None,
    truths: dict[int, bool],
    shown: str,
) -> None:
    entry = await set_up()
    entity_registry.async_update_entity_options(GLUCOSE, "sensor", {"unit_of_measurement": shown})
    runs = await automate(hass, condition)
    for mg_dl, truth in truths.items():
        await measure(hass, entry, mg_dl, bound=bound)
        state = hass.states.get(GLUCOSE)
        assert state is not None
        assert state.attributes["unit_of_measurement"] == shown
        assert await holds(hass, runs) is truth, mg_dl


async def test_in_range_is_by_the_wearers_own_targets(hass: HomeAssistant, set_up: SetUp) -> None:
    targets = {
        "urgent_low_mg_dl": 54,
        "low_mg_dl": 65,
        "high_mg_dl": 140,
        "urgent_high_mg_dl": 200,
    }
    entry = await set_up(targets=targets)
    runs = await automate(hass, IN_RANGE)
    for edge in (65, 140):
        await measure(hass, entry, edge)
        assert await holds(hass, runs)
    await measure(hass, entry, 141)
    assert not await holds(hass, runs)


@pytest.mark.parametrize("behavior", ["any", "all"])
@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("glucose_in_range", {}),
        ("glucose_below", {"threshold": 600, **MG_DL}),
        ("glucose_above", {"threshold": 40, **MG_DL}),
    ],
)
async def test_of_who_is_unknown_nothing_is_true(
    hass: HomeAssistant,
    set_up: SetUp,
    pass_time: PassTime,
    settle: Settle,
    key: str,
    options: dict[str, object],
    behavior: str,
) -> None:
    entry = await set_up()
    runs = await automate(hass, conditional(key, ALEX, behavior=behavior, **options))
    assert await holds(hass, runs)
    await pass_time(15 * MINUTE)
    assert value(hass) == "unknown"
    assert not await holds(hass, runs)
    assert await hass.config_entries.async_unload(entry.entry_id)
    await settle()
    assert value(hass) == "unavailable"
    assert not await holds(hass, runs)


@pytest.mark.parametrize("key", sorted(CONDITIONS))
@pytest.mark.parametrize("behavior", ["any", "all"])
async def test_of_nobody_nothing_is_true(
    hass: HomeAssistant, set_up: SetUp, key: str, behavior: str
) -> None:
    await set_up()
    options = {"threshold": 600, **MG_DL} if key in {"glucose_below", "glucose_above"} else {}
    nobody = {"entity_id": ["sensor.alex_delta", "sensor.of_nobody"]}
    runs = await automate(hass, conditional(key, nobody, behavior=behavior, **options))
    assert not await holds(hass, runs)


async def test_of_several_any_or_all(
    hass: HomeAssistant, set_up: SetUp, pass_time: PassTime
) -> None:
    alex, robin = await set_up("Alex"), await set_up("Robin", unit="mmol/L")
    automations = [
        {**conditional(key, target, behavior=behavior, **options), "id": f"{behavior} {key}"}
        for behavior in ("any", "all")
        for key, target, options in (
            ("glucose_below", BOTH, {"threshold": 70, **MG_DL}),
            ("alarm_on", BOTH_ALARMS, {"alarms": ["urgent_low"]}),
            ("readings_stale", BOTH, {"minutes": 5}),
        )
    ]
    for automation in automations:
        automation["alias"] = automation["id"].replace(" ", "_")
        automation["actions"] = [
            {"event": "automation_ran", "event_data": {"trigger": {"is": automation["id"]}}}
        ]
    runs = await automate(hass, *automations)

    async def true() -> set[str]:
        await holds(hass, runs)
        return {run["is"] for run in runs}

    assert await true() == set()
    await measure(hass, alex, 51)
    assert await true() == {"any glucose_below", "any alarm_on"}
    await measure(hass, robin, 51)
    glucose_and_alarms = {
        f"{how} {what}" for how in ("any", "all") for what in ("glucose_below", "alarm_on")
    }
    assert await true() == glucose_and_alarms
    await pass_time(6 * MINUTE)
    assert await true() == {*glucose_and_alarms, "any readings_stale", "all readings_stale"}
    await measure(hass, robin, 100)
    assert await true() == {"any glucose_below", "any alarm_on", "any readings_stale"}


@pytest.mark.parametrize(
    ("key", "target", "options"),
    [
        ("glucose_below", BOTH, {"threshold": 70, **MG_DL}),
        ("alarm_on", BOTH_ALARMS, {"alarms": ["urgent_low"]}),
    ],
)
async def test_of_several_it_is_any_where_nothing_is_said(
    hass: HomeAssistant,
    set_up: SetUp,
    key: str,
    target: dict[str, Any],
    options: dict[str, object],
) -> None:
    alex, _ = await set_up("Alex"), await set_up("Robin")
    runs = await automate(hass, conditional(key, target, **options))
    await measure(hass, alex, 51)
    assert await holds(hass, runs)


async def test_for_a_time(hass: HomeAssistant, set_up: SetUp, pass_time: PassTime) -> None:
    entry = await set_up()
    options = {"threshold": 70, "for": {"minutes": 8}, **MG_DL}
    runs = await automate(hass, conditional("glucose_below", ALEX, **options))
    for mg_dl, truth in {69: False, 66: False, 64: True, 71: False, 68: False}.items():
        await measure(hass, entry, mg_dl)
        assert await holds(hass, runs) is truth, mg_dl
        await pass_time(5 * MINUTE)


async def test_an_alarm_is_on_until_it_is_over_silenced_or_not(
    hass: HomeAssistant, set_up: SetUp, pass_time: PassTime, settle: Settle
) -> None:
    entry = await set_up()
    runs = await automate(hass, conditional("alarm_on", ALEX_ALARM))
    assert not await holds(hass, runs)
    await measure(hass, entry, 51)
    assert await holds(hass, runs)
    await running(entry).alarms.async_silence(AlarmKind.URGENT_LOW)
    assert await holds(hass, runs)
    assert await hass.config_entries.async_unload(entry.entry_id)
    await settle()
    assert not await holds(hass, runs)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    assert await holds(hass, runs)
    for mg_dl in (90, 92, 95):
        await pass_time(5 * MINUTE)
        await measure(hass, entry, mg_dl)
    assert running(entry).alarms.alarms.on == ()
    assert not await holds(hass, runs)


async def test_only_chosen_alarms_count(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    runs = await automate(hass, conditional("alarm_on", ALEX_ALARM, alarms=["high"]))
    await measure(hass, entry, 51)
    assert running(entry).alarms.alarms.on
    assert not await holds(hass, runs)


async def test_readings_are_stale_also_where_none_is_known(
    hass: HomeAssistant, set_up: SetUp, pass_time: PassTime, settle: Settle
) -> None:
    entry = await set_up()
    runs = await automate(hass, conditional("readings_stale", ALEX))
    await measure(hass, entry, 100)
    await pass_time(19 * MINUTE)
    assert not await holds(hass, runs)
    await pass_time(MINUTE)
    assert await holds(hass, runs)
    await measure(hass, entry, 100)
    assert not await holds(hass, runs)
    assert await hass.config_entries.async_unload(entry.entry_id)
    await settle()
    assert await holds(hass, runs)


async def test_a_wearer_without_any_reading_has_stale_ones(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    runs = await automate(hass, conditional("readings_stale", ALEX))
    assert await holds(hass, runs)
