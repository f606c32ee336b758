"""Several sources of one wearer in the home: who leads, what disagrees, what comes and goes."""

from datetime import timedelta
from types import MappingProxyType

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm.shared.glucose.reading import Kind
from fakes.dexcom_share import FakeDexcomShare, Row
from fakes.nightscout import FakeNightscout, entry as site_entry, finger_stick
from fakes.serving import html_503

from .conftest import AddWearer, PassTime, Settle
from .vendors import dexcom_source, nightscout_source
from .watching import (
    DELTA,
    FIVE,
    GLUCOSE,
    LEADING,
    NOON,
    STATUS,
    TREND,
    kept,
    repairs,
    running,
    shown,
    value,
)

WHEN = [place * FIVE - timedelta(minutes=1) for place in range(-4, 24)]


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(NOON)


@pytest.fixture
async def both(
    hass: HomeAssistant,
    dexcom: FakeDexcomShare,
    nightscout: FakeNightscout,
    nightscout_url: str,
    add_wearer: AddWearer,
) -> MockConfigEntry:
    """Add a wearer with Dexcom at 100 first and a site at 110 second."""
    now = dt_util.utcnow()
    for after in WHEN:
        time = now + after
        dexcom.rows.append(Row(time=time, value=100, visible_at=time))
        nightscout.put(site_entry(time, 110), visible_at=time)
    return add_wearer(dexcom_source(dexcom), nightscout_source(nightscout_url))


async def start(hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle) -> None:
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()


async def test_the_first_leads_the_second_helps_out_and_a_return_needs_two_readings(
    hass: HomeAssistant,
    both: MockConfigEntry,
    dexcom: FakeDexcomShare,
    pass_time: PassTime,
    settle: Settle,
) -> None:
    await start(hass, both, settle)
    assert shown(hass, GLUCOSE, LEADING) == ["100", "Dexcom"]
    dexcom.sharing = False
    await pass_time(timedelta(minutes=9, seconds=50), timedelta(seconds=10))
    assert shown(hass, GLUCOSE, LEADING) == ["100", "Dexcom"]
    await pass_time(timedelta(seconds=10))
    assert shown(hass, GLUCOSE, LEADING, DELTA) == ["110", "Nightscout", "0"]
    # What comes now is new readings only: the ones that were missed stay away.
    now = dt_util.utcnow()
    dexcom.rows = [row for row in dexcom.rows if row.time > now + FIVE]
    dexcom.sharing = True
    await pass_time(timedelta(minutes=10))
    assert shown(hass, GLUCOSE, LEADING) == ["110", "Nightscout"]
    await pass_time(FIVE)
    assert shown(hass, GLUCOSE, LEADING) == ["100", "Dexcom"]


async def test_the_order_is_the_user_s_and_changes_at_once(
    hass: HomeAssistant, both: MockConfigEntry, settle: Settle, lost: list[str]
) -> None:
    await start(hass, both, settle)
    _, second = both.subentries.values()
    hass.config_entries.async_update_subentry(both, second, data={**second.data, "rank": -1.0})
    await settle()
    assert shown(hass, GLUCOSE, LEADING) == ["110", "Nightscout"]
    assert lost == []


async def test_two_sources_apart_for_a_quarter_of_an_hour_raise_a_repair_by_name(
    hass: HomeAssistant,
    dexcom: FakeDexcomShare,
    nightscout: FakeNightscout,
    nightscout_url: str,
    add_wearer: AddWearer,
    pass_time: PassTime,
    settle: Settle,
) -> None:
    now = dt_util.utcnow()
    for place, after in enumerate(WHEN):
        time = now + after
        dexcom.rows.append(Row(time=time, value=100, visible_at=time))
        apart = 40 if 4 <= place < 10 else 0
        nightscout.put(site_entry(time, 100 + apart), visible_at=time)
    wearer = add_wearer(dexcom_source(dexcom), nightscout_source(nightscout_url))
    await start(hass, wearer, settle)
    await pass_time(timedelta(minutes=13))
    assert repairs(hass) == {}
    await pass_time(timedelta(minutes=4))
    about = {"wearer": "Alex", "first": "Dexcom", "second": "Nightscout"}
    assert repairs(hass) == {"sources_disagree": about}
    assert value(hass) == "100"
    await pass_time(timedelta(minutes=15))
    assert repairs(hass) == {}


async def test_a_finger_stick_in_a_sensor_s_minute_is_kept_and_never_the_value(
    hass: HomeAssistant,
    both: MockConfigEntry,
    nightscout: FakeNightscout,
    dexcom: FakeDexcomShare,
    settle: Settle,
) -> None:
    dexcom.fail(html_503)
    at = dt_util.utcnow() - timedelta(minutes=1)
    nightscout.put(finger_stick(at, 45))
    await start(hass, both, settle)
    assert shown(hass, GLUCOSE, STATUS, DELTA, TREND) == ["110", "in_range", "0", "flat"]
    meters = [reading for reading in await kept(hass, both) if reading.kind is Kind.METER]
    assert [(reading.time, reading.mg_dl) for reading in meters] == [(at, 45)]


async def test_phone_and_watch_upload_one_reading_and_one_delta_comes_of_it(
    hass: HomeAssistant,
    dexcom: FakeDexcomShare,
    add_wearer: AddWearer,
    pass_time: PassTime,
    settle: Settle,
) -> None:
    dexcom.second_upload = timedelta(seconds=9)
    now = dt_util.utcnow()
    for place, after in enumerate(WHEN):
        dexcom.rows.append(Row(time=now + after, value=100 + 3 * place, visible_at=now + after))
    wearer = add_wearer(dexcom_source(dexcom))
    await start(hass, wearer, settle)
    assert shown(hass, DELTA, "sensor.alex_rate_of_change") == ["3", "0.6"]
    await pass_time(timedelta(minutes=10))
    assert shown(hass, DELTA, "sensor.alex_rate_of_change") == ["3", "0.6"]


async def test_a_removed_source_takes_its_entities_and_leaves_history_and_the_rest(
    hass: HomeAssistant,
    both: MockConfigEntry,
    dexcom: FakeDexcomShare,
    settle: Settle,
    pass_time: PassTime,
    entity_registry: er.EntityRegistry,
    device_registry: dr.DeviceRegistry,
    lost: list[str],
) -> None:
    await start(hass, both, settle)
    first, _ = both.subentries
    before = await kept(hass, both)
    hass.config_entries.async_remove_subentry(both, first)
    await settle()
    assert shown(hass, GLUCOSE, LEADING) == ["110", "Nightscout"]
    assert [r for r in await kept(hass, both) if r.source == first] == [
        r for r in before if r.source == first
    ]
    assert hass.states.get("sensor.alex_dexcom_state") is None
    assert value(hass, "sensor.alex_nightscout_state") == "ok"
    devices = dr.async_entries_for_config_entry(device_registry, both.entry_id)
    assert {device.name for device in devices} == {"Alex", "Alex Nightscout"}
    assert GLUCOSE not in lost
    reads = dexcom.reads
    await pass_time(timedelta(minutes=20))
    assert dexcom.reads == reads
    assert set(running(both).feeds) == set(both.subentries)


async def test_an_added_source_brings_its_entities_and_readings_without_a_reload(
    hass: HomeAssistant,
    dexcom: FakeDexcomShare,
    add_wearer: AddWearer,
    settle: Settle,
    lost: list[str],
) -> None:
    wearer = add_wearer()
    await start(hass, wearer, settle)
    dexcom.rows.append(Row(time=dt_util.utcnow(), value=104))
    hass.config_entries.async_add_subentry(
        wearer,
        ConfigSubentry(
            data=MappingProxyType(dexcom_source(dexcom, rank=0.0)),
            subentry_type="source",
            title="Dexcom",
            unique_id="dexcom x",
        ),
    )
    await settle()
    assert shown(hass, GLUCOSE, LEADING) == ["104", "Dexcom"]
    assert value(hass, "sensor.alex_dexcom_state") == "ok"
    assert lost == []


async def test_a_renamed_wearer_and_source_rename_their_devices(
    hass: HomeAssistant, both: MockConfigEntry, settle: Settle, device_registry: dr.DeviceRegistry
) -> None:
    await start(hass, both, settle)
    first, _ = both.subentries.values()
    hass.config_entries.async_update_entry(both, title="Robin")
    hass.config_entries.async_update_subentry(both, first, title="G7")
    await settle()
    devices = dr.async_entries_for_config_entry(device_registry, both.entry_id)
    assert {device.name for device in devices} == {"Robin", "Robin G7", "Robin Nightscout"}
    assert value(hass, LEADING) == "G7"
