"""What an outage left out comes back whole: in the history, and in the long-term statistics."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

from fakes.dexcom_share import FakeDexcomShare, Row
from fakes.librelinkup import FakeLibreLinkUp, FakePatient
from fakes.nightscout import FakeNightscout, entry as site_entry
from fakes.phone_server import FakePhone
from fakes.serving import html_503

from .conftest import AddWearer, PassTime, Settle
from .vendors import dexcom_source, libre_source, nightscout_source
from .watching import FIVE, NOON, hours, kept, repairs, running, value

BEGINS = datetime.fromisoformat(NOON)
AWAY = timedelta(hours=3)
# From noon on a reading each five minutes, 100 and then one more each time.
TIMES = [BEGINS + place * FIVE for place in range(-12, 60)]
MISSED = [time for time in TIMES if BEGINS <= time < BEGINS + AWAY]


def mg_dl(time: datetime) -> int:
    """Return the made-up value at one of TIMES."""
    return 100 + TIMES.index(time)


# What the three missed hours hold: by hand, of TIMES[12:48].
WHOLE_HOURS = [(117.5, 112, 123), (129.5, 124, 135), (141.5, 136, 147)]


async def filled(
    hass: HomeAssistant, start: datetime, count: int
) -> list[tuple[float | None, float | None, float | None]]:
    """Return mean, min and max of so many hours from `start`, every one of them there."""
    found = await hours(hass, start)
    begins = [dt_util.utc_from_timestamp(row["start"]) for row in found[:count]]
    assert begins == [start + timedelta(hours=n) for n in range(count)]
    return [(row["mean"], row["min"], row["max"]) for row in found[:count]]


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(BEGINS)


@pytest.mark.usefixtures("nothing_secret_is_logged")
async def test_after_three_hours_of_503_nothing_is_missing(
    hass: HomeAssistant,
    dexcom: FakeDexcomShare,
    add_wearer: AddWearer,
    pass_time: PassTime,
    settle: Settle,
) -> None:
    dexcom.rows += [Row(time=time, value=mg_dl(time), visible_at=time) for time in TIMES]
    wearer = add_wearer(dexcom_source(dexcom))
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    dexcom.fail(html_503)
    await pass_time(AWAY, timedelta(minutes=1))
    assert value(hass) == "unknown"
    dexcom.heal()
    await pass_time(timedelta(minutes=10))
    assert value(hass) == str(mg_dl(BEGINS + AWAY + FIVE))
    found = {reading.time: reading.mg_dl for reading in await kept(hass, wearer)}
    assert {time: found.get(time) for time in MISSED} == {time: mg_dl(time) for time in MISSED}
    await pass_time(timedelta(minutes=4))
    assert await filled(hass, BEGINS, 3) == WHOLE_HOURS


async def test_after_a_phone_was_away_three_hours_nothing_is_missing(
    hass: HomeAssistant,
    nightscout: FakeNightscout,
    nightscout_url: str,
    add_wearer: AddWearer,
    pass_time: PassTime,
    settle: Settle,
) -> None:
    back = BEGINS + AWAY
    for time in TIMES:
        # The newest first, the rest minutes later: as phones do.
        uploaded = back + timedelta(minutes=7) if time in MISSED[:-1] else max(time, BEGINS)
        nightscout.put(site_entry(time, mg_dl(time)), visible_at=max(uploaded, time))
    wearer = add_wearer(nightscout_source(nightscout_url))
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    await pass_time(AWAY + timedelta(minutes=14), timedelta(seconds=30))
    found = {reading.time: reading.mg_dl for reading in await kept(hass, wearer)}
    assert {time: found.get(time) for time in MISSED} == {time: mg_dl(time) for time in MISSED}
    assert await filled(hass, BEGINS, 3) == WHOLE_HOURS


async def test_a_phone_server_that_slept_three_hours_gives_them_all(
    hass: HomeAssistant,
    phone: FakePhone,
    phone_url: str,
    add_wearer: AddWearer,
    pass_time: PassTime,
    settle: Settle,
) -> None:
    for time in TIMES:
        phone.put(time, mg_dl(time), visible_at=time)
    wearer = add_wearer(nightscout_source(phone_url, api="phone"))
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    phone.raw_answer = b""
    await pass_time(AWAY, timedelta(minutes=1))
    phone.raw_answer = None
    await pass_time(timedelta(minutes=14))
    found = {reading.time: reading.mg_dl for reading in await kept(hass, wearer)}
    assert {time: found.get(time) for time in MISSED} == {time: mg_dl(time) for time in MISSED}
    assert await filled(hass, BEGINS, 3) == WHOLE_HOURS


async def test_libre_s_graph_fills_half_a_day_with_five_minute_points(
    hass: HomeAssistant,
    librelinkup: FakeLibreLinkUp,
    add_wearer: AddWearer,
    pass_time: PassTime,
    settle: Settle,
) -> None:
    ada = librelinkup.follow(FakePatient(given="Ada", family="Example"))
    since = BEGINS - timedelta(hours=13)
    ada.play(lambda _time: 120.0, start=since, minutes=14 * 60)
    wearer = add_wearer(libre_source(librelinkup, ada))
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    await pass_time(timedelta(minutes=1))
    graph = [r for r in await kept(hass, wearer) if r.series == "graph"]
    assert len(graph) >= 12 * 12 - 1
    assert max(later.time - before.time for before, later in pairwise(graph)) == FIVE
    (first, *rest) = await hours(hass, since)
    assert dt_util.utc_from_timestamp(first["start"]) == BEGINS - timedelta(hours=12)
    # Eleven of the twelve whole hours: the last one ended less than twelve minutes ago.
    assert len(rest) == 10
    assert {row["mean"] for row in [first, *rest]} == {120}


async def test_what_was_pending_survives_a_restart(
    hass: HomeAssistant,
    dexcom: FakeDexcomShare,
    add_wearer: AddWearer,
    pass_time: PassTime,
    settle: Settle,
) -> None:
    dexcom.rows += [Row(time=time, value=mg_dl(time), visible_at=time) for time in TIMES]
    wearer = add_wearer(dexcom_source(dexcom))
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    dexcom.fail(html_503)
    await pass_time(AWAY, timedelta(minutes=5))
    dexcom.heal()
    (source,) = wearer.subentries
    running(wearer).async_try_again(source)
    await settle()
    # The whole outage is in the history, and none of it imported yet: that takes 20 s.
    assert set(MISSED) <= {reading.time for reading in await kept(hass, wearer)}
    assert await filled(hass, BEGINS, 1) == [(112, 112, 112)]
    dexcom.fail(html_503)
    assert await hass.config_entries.async_unload(wearer.entry_id)
    await pass_time(timedelta(minutes=30), timedelta(minutes=5))
    assert await filled(hass, BEGINS, 1) == [(112, 112, 112)]
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await pass_time(timedelta(minutes=1))
    assert await filled(hass, BEGINS, 3) == WHOLE_HOURS
    assert repairs(hass) == {}


@pytest.fixture
async def steady_hour(dexcom: FakeDexcomShare, add_wearer: AddWearer) -> MockConfigEntry:
    """Add a wearer whose Dexcom has TIMES; not set up yet."""
    dexcom.rows += [Row(time=time, value=mg_dl(time), visible_at=time) for time in TIMES]
    return add_wearer(dexcom_source(dexcom))


async def test_an_hour_is_imported_twelve_minutes_after_its_end_and_not_before(
    hass: HomeAssistant, steady_hour: MockConfigEntry, pass_time: PassTime, settle: Settle
) -> None:
    assert await hass.config_entries.async_setup(steady_hour.entry_id)
    await settle()
    await pass_time(timedelta(minutes=71, seconds=50), timedelta(seconds=50))
    assert await hours(hass, BEGINS) == []
    assert await filled(hass, BEGINS - timedelta(hours=1), 1) == [(105.5, 100, 111)]
    await pass_time(timedelta(seconds=20))
    assert await filled(hass, BEGINS - timedelta(hours=1), 2) == [
        (105.5, 100, 111),
        (117.5, 112, 123),
    ]
