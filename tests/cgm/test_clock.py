"""Clocks that are wrong, are set, or change their zone: ages stay right, nothing old is now."""

from datetime import datetime, timedelta

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

from fakes.dexcom_share import FakeDexcomShare, Row
from fakes.nightscout import FakeNightscout, entry as site_entry
from fakes.serving import html_503

from .conftest import AddWearer, PassTime, Settle
from .vendors import dexcom_source, nightscout_source
from .watching import (
    FIVE,
    GLUCOSE,
    LAST_READING,
    NOON,
    STATUS,
    hours,
    kept,
    repairs,
    running,
    shown,
    value,
)

BEGINS = datetime.fromisoformat(NOON)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(BEGINS)


class OurClock:
    """Our wall clock beside the true time, which the vendors and elapsed time go by."""

    def __init__(self) -> None:
        self.true = dt_util.utcnow
        self.error = timedelta()

    def wall(self) -> datetime:
        return self.true() + self.error


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, noon: None) -> OurClock:
    """Have Home Assistant's wall clock be one that can be set; elapsed time goes on as it does."""
    ours = OurClock()
    monkeypatch.setattr(dt_util, "utcnow", ours.wall)
    return ours


@pytest.fixture
async def wearer(
    hass: HomeAssistant, clock: OurClock, dexcom: FakeDexcomShare, add_wearer: AddWearer
) -> MockConfigEntry:
    """Add a wearer whose Dexcom, by the true time, rises by one each five minutes."""
    dexcom.clock = clock.true
    for place in range(-4, 80):
        time = BEGINS + place * FIVE - MINUTE
        dexcom.rows.append(Row(time=time, value=100 + place, visible_at=time))
    return add_wearer(dexcom_source(dexcom))


async def start(hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle) -> None:
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()


@pytest.mark.parametrize(("error", "minutes"), [(-HOUR, "-60"), (HOUR, "+60")])
async def test_with_our_clock_an_hour_off_the_value_is_current_and_ages_rightly(
    hass: HomeAssistant,
    clock: OurClock,
    wearer: MockConfigEntry,
    dexcom: FakeDexcomShare,
    pass_time: PassTime,
    settle: Settle,
    error: timedelta,
    minutes: str,
) -> None:
    clock.error = error
    await start(hass, wearer, settle)
    assert shown(hass, GLUCOSE, STATUS) == ["100", "in_range"]
    assert repairs(hass) == {"clock_off": {"minutes": minutes}}
    await pass_time(timedelta(minutes=5))
    assert value(hass) == "101"
    assert len(await kept(hass, wearer)) == 6
    dexcom.fail(html_503)
    await pass_time(timedelta(minutes=9, seconds=50), timedelta(seconds=10))
    assert value(hass) == "101"
    await pass_time(timedelta(seconds=10))
    assert value(hass) == "unknown"

    clock.error = timedelta()
    dexcom.heal()
    await pass_time(timedelta(minutes=6))
    assert value(hass) == "104"
    assert repairs(hass) == {}
    assert running(wearer).clock.correction == timedelta()


async def test_within_two_minutes_nobody_is_told(
    hass: HomeAssistant, clock: OurClock, wearer: MockConfigEntry, settle: Settle
) -> None:
    clock.error = timedelta(seconds=100)
    await start(hass, wearer, settle)
    assert value(hass) == "100"
    assert repairs(hass) == {}


async def test_a_clock_set_back_while_running_changes_nothing_that_is_shown(
    hass: HomeAssistant,
    clock: OurClock,
    wearer: MockConfigEntry,
    pass_time: PassTime,
    settle: Settle,
) -> None:
    await start(hass, wearer, settle)
    clock.error = -HOUR
    await pass_time(timedelta(minutes=1), timedelta(seconds=10))
    assert value(hass) == "100"
    assert repairs(hass) == {"clock_off": {"minutes": "-60"}}
    await pass_time(timedelta(minutes=5))
    assert value(hass) == "101"
    clock.error = timedelta()
    await pass_time(timedelta(minutes=6))
    assert value(hass) == "102"
    assert repairs(hass) == {}


async def test_a_clock_set_back_does_not_prolong_a_value(
    hass: HomeAssistant,
    clock: OurClock,
    wearer: MockConfigEntry,
    dexcom: FakeDexcomShare,
    pass_time: PassTime,
    settle: Settle,
) -> None:
    await start(hass, wearer, settle)
    dexcom.fail(html_503)
    await pass_time(timedelta(minutes=3))
    clock.error = -HOUR
    await pass_time(timedelta(minutes=6, seconds=58), timedelta(seconds=2))
    assert value(hass) == "100"
    await pass_time(timedelta(seconds=2))
    assert value(hass) == "unknown"


async def test_after_a_sleep_an_old_value_goes_within_a_minute(
    hass: HomeAssistant,
    clock: OurClock,
    wearer: MockConfigEntry,
    dexcom: FakeDexcomShare,
    pass_time: PassTime,
    settle: Settle,
) -> None:
    await start(hass, wearer, settle)
    dexcom.fail(html_503)
    # Elapsed time stood still meanwhile: as if the clock had been set forward.
    clock.error = HOUR
    await pass_time(MINUTE)
    assert value(hass) == "unknown"
    assert value(hass, LAST_READING) == "2026-11-20T11:59:00+00:00"


async def test_statistics_wait_for_the_recorder_which_goes_by_our_clock(
    hass: HomeAssistant,
    clock: OurClock,
    wearer: MockConfigEntry,
    pass_time: PassTime,
    settle: Settle,
) -> None:
    clock.error = -HOUR
    await start(hass, wearer, settle)
    # By the vendors it is 13:13 and the hour from 12 is over; the recorder is still in it.
    await pass_time(timedelta(minutes=73), MINUTE)
    begins = [row["start"] for row in await hours(hass, BEGINS - HOUR)]
    assert begins == [(BEGINS - HOUR).timestamp()]
    await pass_time(HOUR, MINUTE)
    begins = [row["start"] for row in await hours(hass, BEGINS - HOUR)]
    assert begins == [(BEGINS - HOUR).timestamp(), BEGINS.timestamp()]


async def test_a_reading_ahead_of_the_clock_is_held_until_its_time(
    hass: HomeAssistant,
    nightscout: FakeNightscout,
    nightscout_url: str,
    add_wearer: AddWearer,
    pass_time: PassTime,
    settle: Settle,
) -> None:
    nightscout.sends_date = False
    nightscout.put(site_entry(BEGINS - MINUTE, 100))
    ahead = BEGINS + timedelta(minutes=8)
    nightscout.put(site_entry(ahead, 150))
    wearer = add_wearer(nightscout_source(nightscout_url))
    await start(hass, wearer, settle)
    assert shown(hass, GLUCOSE, LAST_READING) == ["100", "2026-11-20T11:59:00+00:00"]
    assert [reading.mg_dl for reading in await kept(hass, wearer)] == [100]
    assert repairs(hass) == {}
    # The site is silent by then: nothing but the time brings the held one out.
    nightscout.fail(html_503)
    await pass_time(timedelta(minutes=6, seconds=58), timedelta(seconds=2))
    assert value(hass) == "100"
    assert len(await kept(hass, wearer)) == 1
    await pass_time(timedelta(seconds=2))
    assert shown(hass, GLUCOSE, LAST_READING) == ["150", "2026-11-20T12:08:00+00:00"]
    assert [reading.mg_dl for reading in await kept(hass, wearer)] == [100, 150]


@pytest.mark.parametrize("change", ["2026-10-25T00:30:00+00:00", "2026-03-29T00:30:00+00:00"])
async def test_daylight_saving_changes_nothing(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    dexcom: FakeDexcomShare,
    add_wearer: AddWearer,
    pass_time: PassTime,
    settle: Settle,
    change: str,
) -> None:
    freezer.move_to(change)
    await hass.config.async_set_time_zone("Europe/Berlin")
    begins = dt_util.utcnow()
    for place in range(-12, 30):
        time = begins + place * FIVE - MINUTE
        dexcom.rows.append(Row(time=time, value=120 + place, visible_at=time))
    wearer = add_wearer(dexcom_source(dexcom))
    await start(hass, wearer, settle)
    values = []
    for _ in range(24):
        await pass_time(FIVE, timedelta(seconds=20))
        values.append(int(value(hass)))
    assert values == list(range(121, 145))
    found = await kept(hass, wearer)
    assert [reading.time for reading in found] == [
        begins + place * FIVE - MINUTE for place in range(-12, 25)
    ]
    first = begins.replace(minute=0)
    whole = [row for row in await hours(hass, first) if row["start"] == (first + HOUR).timestamp()]
    assert [(row["min"], row["max"]) for row in whole] == [(127, 138)]
    assert repairs(hass) == {}
