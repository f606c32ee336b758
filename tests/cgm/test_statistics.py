"""Hourly long-term statistics made from the history: right, in their unit, and never in the way."""

from datetime import datetime, timedelta
from functools import partial

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.recorder import get_instance
from homeassistant.components.recorder.models import (
    StatisticData,
    StatisticMeanType,
    StatisticMetaData,
)
from homeassistant.components.recorder.statistics import async_import_statistics, get_metadata
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
    do_adhoc_statistics,
)

from custom_components.cgm.shared.glucose.reading import Bound, Reading
from custom_components.cgm.shared.glucose.store import Store
from custom_components.cgm.statistics import hourly
from custom_components.cgm.wearer import Wearer
from custom_components.cgm.wearer_history import async_merged
from fakes.dexcom_share import FakeDexcomShare, Row

from .conftest import AddWearer, PassTime, Settle
from .vendors import dexcom_source
from .watching import FIVE, GLUCOSE, NOON, hours, running

BEGINS = datetime.fromisoformat(NOON)
HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(BEGINS)


@pytest.fixture
async def wearer(dexcom: FakeDexcomShare, add_wearer: AddWearer) -> MockConfigEntry:
    """Add a wearer whose Dexcom had 90 for three hours and has 180 from noon on."""
    for place in range(-36, 60):
        time = BEGINS + place * FIVE
        dexcom.rows.append(Row(time=time, value=180 if place >= 0 else 90, visible_at=time))
    return add_wearer(dexcom_source(dexcom))


async def start(hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle) -> None:
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()


def reading(minutes: float, mg_dl: int, bound: Bound | None = None) -> Reading:
    time = BEGINS + timedelta(minutes=minutes)
    return Reading(time=time, mg_dl=mg_dl, source="a", series="b", bound=bound)


def test_an_hour_has_mean_least_and_greatest_and_an_empty_one_no_row() -> None:
    rows = hourly(
        [reading(0, 100), reading(59.9, 110), reading(60, 39, Bound.LOW), reading(190, 150)],
        "mg/dL",
    )
    assert [(row["start"] - BEGINS, row["mean"], row["min"], row["max"]) for row in rows] == [
        (timedelta(), 105, 100, 110),
        (HOUR, 39, 39, 39),
        (3 * HOUR, 150, 150, 150),
    ]
    assert hourly([], "mg/dL") == []


def test_in_mmol_l_they_are_converted_once() -> None:
    (row,) = hourly([reading(0, 90), reading(5, 181)], "mmol/L")
    assert [row["mean"], row["min"], row["max"]] == [
        pytest.approx(135.5 / 18.016),
        pytest.approx(90 / 18.016),
        pytest.approx(181 / 18.016),
    ]


async def test_rows_in_mmol_l_go_on_in_mmol_l(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime, settle: Settle
) -> None:
    async_import_statistics(
        hass,
        StatisticMetaData(
            mean_type=StatisticMeanType.ARITHMETIC,
            has_sum=False,
            name=None,
            source="recorder",
            statistic_id=GLUCOSE,
            unit_class="blood_glucose_concentration",
            unit_of_measurement="mmol/L",
        ),
        [StatisticData(start=BEGINS - 10 * HOUR, mean=6.0, min=5.0, max=7.0)],
    )
    await async_wait_recording_done(hass)
    await start(hass, wearer, settle)
    await pass_time(timedelta(minutes=1))
    known = await get_instance(hass).async_add_executor_job(
        lambda: get_metadata(hass, statistic_ids={GLUCOSE})
    )
    assert known[GLUCOSE][1]["unit_of_measurement"] == "mmol/L"
    found = await hours(hass, BEGINS - 10 * HOUR, unit="mmol/L")
    assert [row["mean"] for row in found] == [
        6.0,
        pytest.approx(90 / 18.016),
        pytest.approx(90 / 18.016),
    ]


async def test_ours_replace_what_the_recorder_compiled_and_do_not_stop_it(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    dexcom: FakeDexcomShare,
    pass_time: PassTime,
    settle: Settle,
    freezer: FrozenDateTimeFactory,
) -> None:
    await start(hass, wearer, settle)
    for period in range(12):
        await pass_time(FIVE)
        do_adhoc_statistics(hass, start=BEGINS + period * FIVE)
        await async_wait_recording_done(hass)
    (compiled,) = await hours(hass, BEGINS)
    assert compiled["mean"] == pytest.approx(179, abs=2)
    # A correction of the past arrives: the hour is made anew.
    dexcom.rows = [
        Row(time=row.time, value=120 if BEGINS <= row.time < BEGINS + HOUR else row.value)
        for row in dexcom.rows
        if row.time <= BEGINS + HOUR
    ]
    assert await hass.config_entries.async_reload(wearer.entry_id)
    (source,) = wearer.subentries
    running(wearer).async_try_again(source)
    await pass_time(timedelta(minutes=20))
    (made, *_) = await hours(hass, BEGINS)
    assert (made["mean"], made["min"], made["max"]) == (120, 120, 120)


async def test_statistics_follow_the_sensor_s_new_name(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    pass_time: PassTime,
    settle: Settle,
) -> None:
    await start(hass, wearer, settle)
    entity_registry.async_update_entity(GLUCOSE, new_entity_id="sensor.sugar")
    await pass_time(timedelta(minutes=1))
    assert [row["mean"] for row in await hours(hass, BEGINS - 3 * HOUR, entity="sensor.sugar")] == [
        90,
        90,
    ]


async def test_a_recorder_that_fails_leaves_the_hours_pending(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    pass_time: PassTime,
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await start(hass, wearer, settle)
    recorder = get_instance(hass)

    async def broken(*_args: object) -> None:
        raise OSError("the recorder's disk is gone")

    with monkeypatch.context() as while_broken:
        while_broken.setattr(recorder, "async_add_executor_job", broken)
        await pass_time(timedelta(minutes=1))
    assert await hours(hass, BEGINS - 3 * HOUR) == []
    await pass_time(timedelta(minutes=14))
    means = [row["mean"] for row in await hours(hass, BEGINS - 3 * HOUR)]
    assert means == [90, 90, 90]


async def test_a_history_that_cannot_be_read_leaves_the_hours_pending(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime, settle: Settle
) -> None:
    await start(hass, wearer, settle)
    held = running(wearer)
    # Closed behind its back, and opened again: it is not there for a while.
    await held.history.async_do(Store.close)
    await pass_time(timedelta(minutes=1))
    assert await hours(hass, BEGINS - 3 * HOUR) == []
    await held.history.async_do(Store.open)
    await pass_time(timedelta(minutes=14))
    means = [row["mean"] for row in await hours(hass, BEGINS - 3 * HOUR)]
    assert means == [90, 90, 90]


async def weeks(held: Wearer, count: int) -> None:
    """Keep an hour of readings in each of the weeks before."""
    found = [
        Reading(time=BEGINS - week * WEEK + place * FIVE, mg_dl=100 + week, source="a", series="b")
        for week in range(1, count + 1)
        for place in range(12)
    ]
    await held.history.async_do(lambda store: store.add(held.id, found))
    await held.statistics.async_changed(BEGINS - count * WEEK)


async def test_years_come_in_pieces_and_what_changes_behind_them_is_made_anew(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    pass_time: PassTime,
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await start(hass, wearer, settle)
    held = running(wearer)
    await weeks(held, 6)
    asked: list[datetime] = []

    async def noted(one: Wearer, begin: datetime, end: datetime) -> list[Reading]:
        asked.append(begin)
        found = await async_merged(one, begin, end)
        if len(asked) == 3:
            # Behind the piece under way, and within it, after it was read.
            for week in (6, 4):
                late = Reading(
                    time=BEGINS - week * WEEK + 11.5 * FIVE, mg_dl=300, source="a", series="b"
                )
                await held.history.async_do(partial(Store.add, wearer=held.id, readings=[late]))
                await held.statistics.async_changed(late.time)
        return found

    monkeypatch.setattr("custom_components.cgm.statistics.async_merged", noted)
    await pass_time(timedelta(minutes=2))
    found = await hours(hass, BEGINS - 7 * WEEK)
    maxima = [row["max"] for row in found if row["start"] < (BEGINS - HOUR * 20).timestamp()]
    assert maxima == [300, 105, 300, 103, 102, 101]
    assert len(asked) > 6


async def test_what_is_left_when_it_stops_in_between_follows_after_the_restart(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    pass_time: PassTime,
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await start(hass, wearer, settle)
    held = running(wearer)
    await weeks(held, 6)
    asked: list[datetime] = []

    async def stop_at_the_third(one: Wearer, begin: datetime, end: datetime) -> list[Reading]:
        asked.append(begin)
        found = await async_merged(one, begin, end)
        if len(asked) == 3:
            held.statistics.async_stop()
        return found

    with monkeypatch.context() as patched:
        patched.setattr("custom_components.cgm.statistics.async_merged", stop_at_the_third)
        await pass_time(timedelta(minutes=2))
    assert asked == [BEGINS - week * WEEK for week in (6, 5, 4)]
    assert await hass.config_entries.async_reload(wearer.entry_id)
    await pass_time(timedelta(minutes=2))
    found = await hours(hass, BEGINS - 7 * WEEK)
    assert [row["max"] for row in found][:6] == [106, 105, 104, 103, 102, 101]
