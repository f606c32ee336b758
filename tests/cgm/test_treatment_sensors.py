"""What was logged as sensors: when something was changed, and what is still on board."""

from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm.shared.glucose.forecast.carbs_on_board import CarbModel
from custom_components.cgm.shared.glucose.forecast.insulin_on_board import (
    INSULIN_MODELS,
    InsulinModel,
)
from custom_components.cgm.shared.glucose.treatment import Treatment, TreatmentKind

from .conftest import AddWearer, PassTime, Settle
from .watching import NOON, running

SITE = "sensor.alex_site_changed"
SENSOR = "sensor.alex_sensor_changed"
INSULIN = "sensor.alex_insulin_changed"
UNITS = "sensor.alex_insulin_on_board"
GRAMS = "sensor.alex_carbs_on_board"
ALL = (SITE, SENSOR, INSULIN, UNITS, GRAMS)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(NOON)


@pytest.fixture
async def wearer(hass: HomeAssistant, add_wearer: AddWearer) -> MockConfigEntry:
    """Run a wearer without sources."""
    entry = add_wearer()
    assert await hass.config_entries.async_setup(entry.entry_id)
    return entry


async def log(
    entry: MockConfigEntry, kind: TreatmentKind, minutes_ago: float, amount: float | None = None
) -> Treatment:
    """Log one treatment so many minutes ago."""
    time = dt_util.utcnow() - minutes_ago * MINUTE
    treatment = Treatment(
        time=time, source="user", id=f"{kind} {time.isoformat()}", kind=kind, amount=amount
    )
    await running(entry).records.async_log_treatment(treatment)
    await running(entry).hass.async_block_till_done()
    return treatment


def there(hass: HomeAssistant) -> set[str]:
    """Return which of the sensors exist."""
    return {entity for entity in ALL if hass.states.get(entity) is not None}


def state(hass: HomeAssistant, entity: str) -> str:
    found = hass.states.get(entity)
    assert found is not None, entity
    return found.state


def about(hass: HomeAssistant, entity: str) -> Mapping[str, object]:
    found = hass.states.get(entity)
    assert found is not None, entity
    return found.attributes


async def test_without_a_treatment_there_is_no_sensor(
    hass: HomeAssistant, wearer: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    assert there(hass) == set()
    assert [one for one in ALL if entity_registry.async_get(one) is not None] == []
    await log(wearer, TreatmentKind.INSULIN_LONG, 5, 20)
    await log(wearer, TreatmentKind.EXERCISE, 5, 30)
    assert there(hass) == set()


@pytest.mark.parametrize(
    ("kind", "entity"),
    [
        (TreatmentKind.SITE_CHANGE, SITE),
        (TreatmentKind.SENSOR_CHANGE, SENSOR),
        (TreatmentKind.INSULIN_CHANGE, INSULIN),
    ],
)
async def test_a_change_is_shown_as_its_time_from_when_it_is_logged(
    hass: HomeAssistant, wearer: MockConfigEntry, kind: TreatmentKind, entity: str
) -> None:
    first = await log(wearer, kind, 3 * 24 * 60)
    assert there(hass) == {entity}
    assert dt_util.parse_datetime(state(hass, entity)) == first.time
    assert about(hass, entity)["device_class"] == "timestamp"
    # An older one that is told later changes nothing.
    await log(wearer, kind, 5 * 24 * 60)
    assert dt_util.parse_datetime(state(hass, entity)) == first.time
    second = await log(wearer, kind, 1)
    assert dt_util.parse_datetime(state(hass, entity)) == second.time


async def test_a_change_that_is_deleted_gives_back_the_one_before(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    first = await log(wearer, TreatmentKind.SITE_CHANGE, 4000)
    second = await log(wearer, TreatmentKind.SITE_CHANGE, 10)
    records = running(wearer).records
    await records.async_delete(second)
    assert dt_util.parse_datetime(state(hass, SITE)) == first.time
    await records.async_delete(first)
    assert state(hass, SITE) == "unknown"


async def test_insulin_on_board_goes_down_by_itself_along_the_curve(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime
) -> None:
    dose = await log(wearer, TreatmentKind.INSULIN_RAPID, 0, 4)
    assert there(hass) == {UNITS}
    assert float(state(hass, UNITS)) == 4
    assert about(hass, UNITS)["unit_of_measurement"] == "U"
    # No source, no reading: only the clock.
    seen = []
    for _ in range(7):
        await pass_time(timedelta(hours=1), step=timedelta(minutes=15))
        seen.append(float(state(hass, UNITS)))
        age = dt_util.utcnow() - dose.time
        # Shown at most a minute ago, a minute's insulin at most off.
        assert seen[-1] == pytest.approx(4 * InsulinModel().left(age), abs=0.03)
    assert seen == sorted(seen, reverse=True)
    assert seen[0] > 3
    assert seen[-1] == 0


@pytest.mark.parametrize(
    ("kind", "entity"), [(TreatmentKind.INSULIN_RAPID, UNITS), (TreatmentKind.CARBS, GRAMS)]
)
async def test_what_is_left_is_shown_anew_each_minute(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    pass_time: PassTime,
    kind: TreatmentKind,
    entity: str,
) -> None:
    await log(wearer, kind, 90, 100)
    seen = [float(state(hass, entity))]
    for _ in range(3):
        await pass_time(MINUTE, step=MINUTE)
        seen.append(float(state(hass, entity)))
    assert all(before - after > 0.3 for before, after in pairwise(seen))


async def test_each_dose_counts_and_long_acting_insulin_never_does(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    await log(wearer, TreatmentKind.INSULIN_RAPID, 130, 2)
    await log(wearer, TreatmentKind.INSULIN_LONG, 60, 20)
    await log(wearer, TreatmentKind.INSULIN_RAPID, 70, 1)
    # The research's figures at 60 and 120 minutes behind the delay of 10: .7793 and .4498.
    assert float(state(hass, UNITS)) == round(2 * 0.4498 + 0.7793, 2)


async def test_carbs_on_board_go_down_by_the_model_of_the_options(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    await log(wearer, TreatmentKind.CARBS, 100, 60)
    assert there(hass) == {GRAMS}
    # Half of the usual 180 minutes behind the delay of 10: half of the meal.
    assert float(state(hass, GRAMS)) == 30
    assert about(hass, GRAMS)["unit_of_measurement"] == "g"
    settings = {"absorption": "linear", "carbs_minutes": 120}
    hass.config_entries.async_update_entry(wearer, options={**wearer.options, "on_board": settings})
    await hass.async_block_till_done()
    assert float(state(hass, GRAMS)) == 15


async def test_another_insulin_is_counted_at_once_and_after_a_restart(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    await log(wearer, TreatmentKind.INSULIN_RAPID, 100, 10)
    age = 100 * MINUTE
    assert float(state(hass, UNITS)) == round(10 * InsulinModel().left(age), 2)
    hass.config_entries.async_update_entry(
        wearer, options={**wearer.options, "on_board": {"insulin": "afrezza"}}
    )
    await hass.async_block_till_done()
    wanted = round(10 * INSULIN_MODELS["afrezza"].left(age), 2)
    assert float(state(hass, UNITS)) == wanted
    assert await hass.config_entries.async_reload(wearer.entry_id)
    await hass.async_block_till_done()
    assert float(state(hass, UNITS)) == wanted


@pytest.mark.parametrize(
    ("kind", "entity", "acts", "amount"),
    [
        (TreatmentKind.INSULIN_RAPID, UNITS, 370, 5),
        (TreatmentKind.CARBS, GRAMS, 190, 50),
    ],
)
async def test_while_an_unknown_amount_acts_nobody_knows_how_much_is_left(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    pass_time: PassTime,
    kind: TreatmentKind,
    entity: str,
    acts: int,
    amount: float,
) -> None:
    await log(wearer, kind, acts - 1)
    assert state(hass, entity) == "unknown"
    await pass_time(3 * MINUTE)
    assert float(state(hass, entity)) == 0
    await log(wearer, kind, 0, amount)
    assert float(state(hass, entity)) == amount
    again = await log(wearer, kind, 1)
    assert state(hass, entity) == "unknown"
    await running(wearer).records.async_delete(again)
    assert float(state(hass, entity)) == amount


async def test_after_days_without_any_zero_is_known_also_after_a_restart(
    hass: HomeAssistant, wearer: MockConfigEntry, freezer: FrozenDateTimeFactory, settle: Settle
) -> None:
    await log(wearer, TreatmentKind.INSULIN_RAPID, 0, 4)
    await log(wearer, TreatmentKind.CARBS, 0, 40)
    freezer.tick(timedelta(days=3))
    assert await hass.config_entries.async_reload(wearer.entry_id)
    await settle()
    assert running(wearer).records.treatments == ()
    assert [float(state(hass, UNITS)), float(state(hass, GRAMS))] == [0, 0]


@pytest.mark.parametrize(
    ("kind", "entity"), [(TreatmentKind.INSULIN_RAPID, UNITS), (TreatmentKind.CARBS, GRAMS)]
)
async def test_one_of_days_ago_brings_its_sensor_at_once_and_deleted_zero_is_a_guess(
    hass: HomeAssistant, wearer: MockConfigEntry, kind: TreatmentKind, entity: str
) -> None:
    only = await log(wearer, kind, 3 * 24 * 60, 5)
    assert there(hass) == {entity}
    assert float(state(hass, entity)) == 0
    await running(wearer).records.async_delete(only)
    assert state(hass, entity) == "unknown"
    await log(wearer, kind, 0, 6)
    assert float(state(hass, entity)) == 6


@pytest.mark.parametrize(
    "settings", [{"insulin": "custom", "peak_minutes": 3}, {"carbs_minutes": 10**15}]
)
async def test_settings_that_cannot_be_used_are_said_once_and_the_usual_models_count(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
    settings: dict[str, object],
) -> None:
    hass.config_entries.async_update_entry(wearer, options={**wearer.options, "on_board": settings})
    await log(wearer, TreatmentKind.INSULIN_RAPID, 100, 10)
    await log(wearer, TreatmentKind.CARBS, 100, 60)
    assert float(state(hass, UNITS)) == round(10 * InsulinModel().left(100 * MINUTE), 2)
    left = 1 - CarbModel().absorbed(100 * MINUTE)
    assert float(state(hass, GRAMS)) == round(60 * left, 1)
    assert caplog.text.count("settings of insulin and carbs cannot be used") == 1


async def test_what_is_planned_is_not_on_board_before_its_time(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime
) -> None:
    await log(wearer, TreatmentKind.CARBS, 60 * 24, 10)
    await log(wearer, TreatmentKind.CARBS, -5, 30)
    assert float(state(hass, GRAMS)) == 0
    await pass_time(6 * MINUTE)
    assert float(state(hass, GRAMS)) == 30


async def test_only_what_was_planned_is_known_from_its_time_on(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    pass_time: PassTime,
    freezer: FrozenDateTimeFactory,
) -> None:
    await log(wearer, TreatmentKind.CARBS, -5, 30)
    assert there(hass) == set()
    await pass_time(6 * MINUTE)
    running(wearer).async_refresh()
    await hass.async_block_till_done()
    assert float(state(hass, GRAMS)) == 30
    freezer.tick(timedelta(days=2))
    running(wearer).async_refresh()
    assert float(state(hass, GRAMS)) == 0
