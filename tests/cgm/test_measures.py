"""The sensors of the last day, weeks and months: values, when they are found, what is said."""

import logging
import threading
import time as real_time
from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.cgm import measures
from custom_components.cgm.const import PERIODS
from custom_components.cgm.measure_sensors import MEASURE_SENSORS
from custom_components.cgm.shared.glucose.errors import StoreUnavailable
from custom_components.cgm.shared.glucose.metrics.report import Report, report
from custom_components.cgm.shared.glucose.metrics.series import Series
from custom_components.cgm.shared.glucose.reading import Bound, Kind, Reading
from custom_components.cgm.shared.glucose.store import Store

from .conftest import AddWearer, PassTime, Settle
from .vendors import nightscout_source
from .watching import FIVE, NOON, attribute, keep, kept, running, value

pytestmark = pytest.mark.usefixtures("socket_enabled", "nothing_secret_is_logged")

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
IN_RANGE = "sensor.alex_time_in_range_24_h"
# A site that nobody serves: the sources of these tests bring nothing by themselves.
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
async def alex(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, add_wearer: AddWearer
) -> MockConfigEntry:
    """Return a wearer with two sources who is not set up."""
    freezer.move_to(NOON)
    return add_wearer(nightscout_source(NOWHERE), nightscout_source("http://127.0.0.1:10"))


def row(entry: MockConfigEntry, time: datetime, mg_dl: int, place: int = 0) -> Reading:
    """Return a reading of one of the wearer's sources."""
    return Reading(time=time, mg_dl=mg_dl, source=[*entry.subentries][place], series="entries")


def wave(entry: MockConfigEntry, days: float, step: timedelta = FIVE) -> list[Reading]:
    """Return readings up to now that swing between 45 and 285 mg/dL, no two hours alike."""
    count = round(timedelta(days=days) / step)
    now = dt_util.utcnow()
    return [row(entry, now - step * back, 45 + back // 7 * 17 % 240) for back in range(count)]


async def start(
    hass: HomeAssistant, entry: MockConfigEntry, pass_time: PassTime, readings: Iterable[Reading]
) -> None:
    """Set the wearer up over a history and wait for the first measures."""
    keep(hass, entry, readings)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await pass_time(11 * SECOND, step=11 * SECOND)


def counted(readings: Iterable[Reading]) -> Report:
    """Return what the command says of the same readings."""
    return report(Series.of(readings, ZoneInfo("Europe/Berlin")))


async def look_again(hass: HomeAssistant, pass_time: PassTime, time: timedelta) -> None:
    """Let time pass in few steps."""
    await pass_time(time, step=time / 2)


@pytest.mark.usefixtures("everything_enabled")
async def test_values_are_those_of_the_command(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime
) -> None:
    readings = wave(alex, 90)
    await start(hass, alex, pass_time, readings)
    looked = dt_util.utcnow() - SECOND
    for period, length in PERIODS.items():
        name = f"{period[:-1]}_{period[-1]}"
        whole = counted([r for r in readings if r.time > looked - length])
        assert whole.mean is not None
        assert whole.episodes is not None
        expected = {
            "time_in_range": whole.in_range_70_180,
            "time_low": whole.below_70,
            "time_urgent_low": whole.below_54,
            "time_high": whole.above_180,
            "time_urgent_high": whole.above_250,
            "mean_glucose": whole.mean,
            "gmi": whole.gmi,
            "variability": whole.cv,
            "glycemia_risk_index": whole.gri,
            "low_episodes": whole.episodes.hypo_1.count,
            "high_episodes": whole.episodes.hyper_1.count,
        }
        shown = {key: float(value(hass, f"sensor.alex_{key}_{name}")) for key in expected}
        assert shown == pytest.approx(expected, abs=0.0051), period
        severe = attribute(hass, f"sensor.alex_low_episodes_{name}", "severe")
        assert severe == whole.episodes.hypo_2.count
    assert len(MEASURE_SENSORS) == 11 * len(PERIODS)


async def test_a_few_are_there_from_the_start_and_the_rest_costs_nothing(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    pass_time: PassTime,
    entity_registry: er.EntityRegistry,
) -> None:
    await start(hass, alex, pass_time, wave(alex, 90))
    there = {
        entity.unique_id.partition("_")[2]
        for entity in er.async_entries_for_config_entry(entity_registry, alex.entry_id)
        if not entity.disabled
    } & {description.key for description in MEASURE_SENSORS}
    assert there == {
        *("time_in_range_24h", "time_in_range_14d", "mean_24h", "cv_14d"),
        *("gmi_14d", "gmi_90d", "low_episodes_24h"),
    }
    known = {period for period in PERIODS if running(alex).measures.get(period) is not None}
    assert known == {"24h", "14d", "90d"}


async def test_too_little_is_said_and_no_number_shown(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime
) -> None:
    await start(hass, alex, pass_time, wave(alex, 9))
    fortnight = "sensor.alex_time_in_range_14_d"
    assert value(hass, fortnight) == "unknown"
    assert attribute(hass, fortnight, "coverage") == "9 of 14 days; needs 70 %"
    assert attribute(hass, fortnight, "days_covered") == 9
    assert attribute(hass, fortnight, "percent_needed") == 70
    assert attribute(hass, fortnight, "readings") == 9 * 288
    assert attribute(hass, fortnight, "goal") == "> 70 %"
    assert attribute(hass, fortnight, "goal_met") is None
    assert attribute(hass, IN_RANGE, "coverage") == "24 of 24 hours"
    assert value(hass, IN_RANGE) != "unknown"


async def test_seventy_per_cent_of_a_day_are_enough_for_a_day(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime
) -> None:
    # 201 readings of 5 minutes are 69.8 %, 202 are 70.1 %.
    await start(hass, alex, pass_time, wave(alex, 201 / 288))
    hass.config.language = "de"
    assert value(hass, IN_RANGE) == "unknown"
    wearer = running(alex)
    earlier = row(alex, dt_util.utcnow() - 11 * SECOND - 201 * FIVE, 100)
    await wearer.history.async_do(lambda store: store.add(alex.entry_id, [earlier]))
    await look_again(hass, pass_time, FIVE)
    assert attribute(hass, IN_RANGE, "coverage") == "16,8 von 24 Stunden"
    assert value(hass, IN_RANGE) != "unknown"


async def test_low_and_high_count_as_their_number_and_are_said(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime
) -> None:
    now = dt_util.utcnow()
    limits = {0: (39, Bound.LOW), 1: (39, Bound.LOW), 2: (401, Bound.HIGH)}
    (source, _) = alex.subentries
    readings = []
    for back in range(288):
        mg_dl, bound = limits.get(back, (100, None))
        time = now - back * FIVE
        readings.append(
            Reading(time=time, mg_dl=mg_dl, source=source, series="entries", bound=bound)
        )
    await start(hass, alex, pass_time, readings)
    mean = "sensor.alex_mean_glucose_24_h"
    assert (attribute(hass, mean, "lows"), attribute(hass, mean, "highs")) == (2, 1)
    assert float(value(hass, mean)) == pytest.approx((285 * 100 + 2 * 39 + 401) / 288, abs=0.01)


async def test_intervals_that_mix_weigh_by_time(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime
) -> None:
    """Half a day at 200 each minute, then half a day at 100 each five."""
    now = dt_util.utcnow()
    half = timedelta(hours=12)
    readings = [row(alex, now - half - n * MINUTE, 200) for n in range(1, 720)]
    readings += [row(alex, now - n * FIVE, 100) for n in range(145)]
    await start(hass, alex, pass_time, readings)
    assert float(value(hass, "sensor.alex_mean_glucose_24_h")) == pytest.approx(150, abs=1)
    assert (counted(readings).mean or 0) > 180


async def test_each_period_is_found_again_at_its_own_interval(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime
) -> None:
    await start(hass, alex, pass_time, wave(alex, 90))
    wearer = running(alex)

    def ends() -> dict[str, datetime]:
        found = {period: wearer.measures.get(period) for period in ("24h", "14d", "90d")}
        return {period: one.end for period, one in found.items() if one is not None}

    first = ends()
    await look_again(hass, pass_time, 4 * MINUTE)
    assert ends() == first
    await look_again(hass, pass_time, MINUTE)
    second = ends()
    assert second["24h"] == first["24h"] + 5 * MINUTE
    assert (second["14d"], second["90d"]) == (first["14d"], first["90d"])
    await look_again(hass, pass_time, 26 * MINUTE)
    assert ends()["14d"] >= first["14d"] + 30 * MINUTE
    assert ends()["90d"] == first["90d"]
    await pass_time(timedelta(hours=2, minutes=35), step=5 * MINUTE)
    assert ends()["90d"] > first["90d"]


async def test_old_readings_that_come_are_in_soon(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime, settle: Settle
) -> None:
    readings = wave(alex, 14)
    await start(hass, alex, pass_time, readings[: 9 * 288])
    fortnight = "sensor.alex_time_in_range_14_d"
    assert value(hass, fortnight) == "unknown"
    wearer = running(alex)
    wearer.writing.put(readings[9 * 288 :])
    await wearer.async_look_again()
    await settle()
    # Not at once: a backfill comes in several answers, and no period is found twice in 5 minutes.
    assert value(hass, fortnight) == "unknown"
    await look_again(hass, pass_time, 5 * MINUTE + SECOND)
    assert float(value(hass, fortnight)) == pytest.approx(
        counted(await kept(hass, alex)).in_range_70_180, abs=0.1
    )


def end_of(entry: MockConfigEntry, period: str) -> datetime:
    """Return up to when a period's measures are known."""
    found = running(entry).measures.get(period)
    assert found is not None
    return found.end


async def test_old_readings_are_waited_for_a_while_and_not_for_ever(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime
) -> None:
    await start(hass, alex, pass_time, wave(alex, 2))
    await look_again(hass, pass_time, 6 * MINUTE)
    first, old = end_of(alex, "14d"), dt_util.utcnow() - DAY
    running(alex).measures.async_changed(old)
    await pass_time(15 * SECOND, step=5 * SECOND)
    assert end_of(alex, "14d") == first
    # Another answer of the backfill; they could go on coming for hours.
    running(alex).measures.async_changed(old)
    await pass_time(10 * SECOND, step=5 * SECOND)
    assert end_of(alex, "14d") > first


async def test_no_period_is_found_again_within_five_minutes(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime
) -> None:
    await start(hass, alex, pass_time, wave(alex, 2))
    first = end_of(alex, "14d")
    running(alex).measures.async_changed(dt_util.utcnow() - DAY)
    await look_again(hass, pass_time, 4 * MINUTE)
    assert end_of(alex, "14d") == first
    await look_again(hass, pass_time, MINUTE + 2 * SECOND)
    assert end_of(alex, "14d") > first


async def test_new_readings_do_not_have_months_found_again(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime
) -> None:
    await start(hass, alex, pass_time, wave(alex, 2))
    first = end_of(alex, "14d")
    for _ in range(3):
        running(alex).measures.async_changed(dt_util.utcnow() - 20 * MINUTE)
        await look_again(hass, pass_time, 3 * MINUTE)
    assert end_of(alex, "14d") == first
    assert end_of(alex, "24h") > first


async def test_old_readings_that_come_before_the_first_look_are_in_it(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime, settle: Settle
) -> None:
    readings = wave(alex, 1)
    keep(hass, alex, readings[:144])
    assert await hass.config_entries.async_setup(alex.entry_id)
    wearer = running(alex)
    wearer.writing.put(readings[144:])
    await wearer.async_look_again()
    await settle()
    assert wearer.measures.get("24h") is None
    await pass_time(11 * SECOND, step=11 * SECOND)
    assert attribute(hass, IN_RANGE, "readings") == 288


async def test_a_period_begins_behind_its_first_moment_and_ends_with_its_last(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime
) -> None:
    readings = wave(alex, 2)
    await start(hass, alex, pass_time, readings)
    now = readings[0].time
    found, whole = await running(alex).measures.async_between(now - DAY, now)
    assert found.readings == whole.readings == 288
    expected = counted(readings[:288])
    assert (whole.mean, whole.cv) == pytest.approx((expected.mean, expected.cv))


async def test_a_stretch_of_readings_has_its_first_moment_and_not_its_last(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime
) -> None:
    readings = wave(alex, 1)
    await start(hass, alex, pass_time, readings)
    for merged in (True, False):

        async def between(most: int, merged: bool = merged) -> list[Reading] | None:
            return await running(alex).measures.async_readings(
                readings[20].time, readings[8].time, kind=Kind.CGM, merged=merged, most=most
            )

        assert await between(12) == readings[20:8:-1]
        assert await between(11) is None


async def test_at_the_edges_of_a_stretch_a_second_source_fills_no_gap_that_is_none(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime
) -> None:
    """What the first source said just before and just behind is asked for, and left out."""
    now = dt_util.utcnow()
    first = [row(alex, now - n * FIVE, 100) for n in range(100)]
    second = [row(alex, now - n * FIVE - MINUTE, 200, place=1) for n in range(100)]
    await start(hass, alex, pass_time, [*first, *second])
    found = await running(alex).measures.async_readings(
        now - 20 * FIVE - 2 * MINUTE,
        now - 10 * FIVE - SECOND,
        kind=Kind.CGM,
        merged=True,
        most=100,
    )
    assert found == first[20:10:-1]


async def test_new_targets_and_another_unit_hold_at_once(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime
) -> None:
    readings = wave(alex, 1)
    await start(hass, alex, pass_time, readings)
    mean = "sensor.alex_mean_glucose_24_h"
    assert attribute(hass, mean, "unit_of_measurement") == "mg/dL"
    mg_dl = float(value(hass, mean))
    targets = {"low_mg_dl": 63, "high_mg_dl": 140}
    options = {**alex.options, "unit": "mmol/L", "targets": targets, "consensus": "pregnancy"}
    hass.config_entries.async_update_entry(alex, options=options)
    await look_again(hass, pass_time, 3 * SECOND)
    assert float(value(hass, IN_RANGE)) == pytest.approx(
        counted(readings).in_range_63_140, abs=0.005
    )
    assert attribute(hass, mean, "unit_of_measurement") == "mmol/L"
    assert float(value(hass, mean)) == pytest.approx(mg_dl / 18.016, abs=0.06)


async def test_the_goals_are_those_of_the_wearers_group(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime, settle: Settle
) -> None:
    # 60 % in range: enough for the older, not for adults.
    now = dt_util.utcnow()
    readings = [row(alex, now - n * FIVE, 120 if n % 5 < 3 else 200) for n in range(288)]
    await start(hass, alex, pass_time, readings)
    assert attribute(hass, IN_RANGE, "goal") == "> 70 %"
    assert attribute(hass, IN_RANGE, "goal_met") is False
    hass.config_entries.async_update_entry(alex, options={**alex.options, "consensus": "older"})
    await settle()
    assert attribute(hass, IN_RANGE, "goal") == "> 50 %"
    assert attribute(hass, IN_RANGE, "goal_met") is True
    assert attribute(hass, "sensor.alex_variability_14_d", "goal") == "≤ 36 %"


async def test_two_sources_are_one_series(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime
) -> None:
    """The second fills what the first leaves open, and is silent where the first speaks."""
    now = dt_util.utcnow()
    first = [row(alex, now - n * FIVE, 100) for n in range(288) if not 100 <= n < 200]
    second = [row(alex, now - n * FIVE - MINUTE, 200, place=1) for n in range(288)]
    await start(hass, alex, pass_time, [*first, *second])
    assert 280 <= int(str(attribute(hass, IN_RANGE, "readings"))) <= 290
    assert float(value(hass, "sensor.alex_time_in_range_24_h")) == pytest.approx(65, abs=1)


async def test_after_a_restart_they_are_there_again(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime
) -> None:
    await start(hass, alex, pass_time, wave(alex, 14))
    before = value(hass, "sensor.alex_gmi_14_d")
    assert await hass.config_entries.async_reload(alex.entry_id)
    assert value(hass, "sensor.alex_gmi_14_d") == "unknown"
    await pass_time(11 * SECOND, step=11 * SECOND)
    assert value(hass, "sensor.alex_gmi_14_d") == before != "unknown"


async def test_the_start_of_home_assistant_does_not_wait_for_them(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime
) -> None:
    hass.set_state(CoreState.starting)
    await start(hass, alex, pass_time, wave(alex, 1))
    await pass_time(MINUTE)
    assert value(hass, IN_RANGE) == "unknown"
    await hass.async_start()
    await pass_time(11 * SECOND, step=11 * SECOND)
    assert value(hass, IN_RANGE) != "unknown"


async def test_a_history_that_cannot_be_read_is_unknown_and_then_known_again(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(*_: object) -> None:
        raise StoreUnavailable("made up")

    await start(hass, alex, pass_time, wave(alex, 1))
    with monkeypatch.context() as patched:
        patched.setattr(Store, "readings", refuse)
        await look_again(hass, pass_time, 5 * MINUTE + SECOND)
    assert value(hass, IN_RANGE) == "unknown"
    # The wearer's repair tells of it, not an error in the log every few minutes.
    assert "Measures were not computed" in caplog.text
    assert [one.message for one in caplog.records if one.levelno >= logging.ERROR] == []
    await look_again(hass, pass_time, 5 * MINUTE + SECOND)
    assert value(hass, IN_RANGE) != "unknown"


async def test_what_nobody_foresaw_ends_no_sensor(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(measures, "measured", fail)
        await start(hass, alex, pass_time, wave(alex, 1))
    assert "Measures were not computed" in caplog.text
    await look_again(hass, pass_time, 5 * MINUTE + SECOND)
    assert value(hass, IN_RANGE) != "unknown"
    # Months are not put off by hours.
    assert running(alex).measures.get("90d") is not None


async def test_a_clock_that_was_set_back_holds_nothing_up(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    pass_time: PassTime,
    freezer: FrozenDateTimeFactory,
) -> None:
    await start(hass, alex, pass_time, wave(alex, 3))
    freezer.move_to(dt_util.utcnow() - DAY)
    await running(alex).async_look_again()
    running(alex).measures.async_changed(dt_util.utcnow() - DAY)
    await look_again(hass, pass_time, 11 * MINUTE)
    found = running(alex).measures.get("24h")
    assert found is not None
    assert found.end < dt_util.utcnow() + MINUTE


async def test_nothing_is_computed_in_the_event_loop(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: list[threading.Thread] = []
    plain = measures.measured

    def noted(*given: object, **named: object) -> object:
        threads.append(threading.current_thread())
        return plain(*given, **named)  # type: ignore[arg-type]  # passed on as given

    monkeypatch.setattr(measures, "measured", noted)
    await start(hass, alex, pass_time, wave(alex, 1))
    assert threads
    assert threading.current_thread() not in threads


async def test_what_is_under_way_when_the_wearer_stops_is_thrown_away(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    pass_time: PassTime,
    settle: Settle,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    plain = measures.measured

    def slow(*given: object, **named: object) -> object:
        begun.set()
        go_on.wait(5)
        return plain(*given, **named)  # type: ignore[arg-type]  # passed on as given

    keep(hass, alex, wave(alex, 1))
    assert await hass.config_entries.async_setup(alex.entry_id)
    mine = running(alex).measures
    # Who asks from elsewhere than a sensor may ask on.
    mine.async_use("24h")
    with monkeypatch.context() as patched:
        patched.setattr(measures, "measured", slow)
        freezer.tick(11 * SECOND)
        async_fire_time_changed(hass)
        assert await hass.async_add_executor_job(begun.wait, 5)
        assert await hass.config_entries.async_unload(alex.entry_id)
        go_on.set()
        await settle()
    assert [mine.get(period) for period in PERIODS] == [None] * len(PERIODS)
    # Taken up again, they are found.
    assert await hass.config_entries.async_setup(alex.entry_id)
    await pass_time(11 * SECOND, step=11 * SECOND)
    assert value(hass, IN_RANGE) != "unknown"


async def test_wearers_are_computed_one_after_the_other(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    add_wearer: AddWearer,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_once: list[int] = []
    within: list[object] = []
    plain = measures.measured

    def slow(*given: object, **named: object) -> object:
        within.append(None)
        at_once.append(len(within))
        real_time.sleep(0.05)
        within.pop()
        return plain(*given, **named)  # type: ignore[arg-type]  # passed on as given

    monkeypatch.setattr(measures, "measured", slow)
    robin = add_wearer(title="Robin")
    keep(hass, alex, wave(alex, 1))
    for entry in hass.config_entries.async_entries("cgm"):
        if entry.state is ConfigEntryState.NOT_LOADED:
            assert await hass.config_entries.async_setup(entry.entry_id)
    await pass_time(11 * SECOND, step=11 * SECOND)
    for entry in (alex, robin):
        assert running(entry).measures.get("24h") is not None
    assert set(at_once) == {1}


async def test_a_sensor_that_is_taken_away_is_computed_no_more(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    pass_time: PassTime,
    settle: Settle,
    entity_registry: er.EntityRegistry,
) -> None:
    await start(hass, alex, pass_time, wave(alex, 1))
    wearer = running(alex)
    assert wearer.measures.get("90d") is not None
    entity_registry.async_remove("sensor.alex_gmi_90_d")
    await settle()
    assert wearer.measures.get("90d") is None
    await look_again(hass, pass_time, 4 * timedelta(hours=1))
    assert wearer.measures.get("90d") is None
    assert wearer.measures.get("24h") is not None
