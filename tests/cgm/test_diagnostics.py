"""What a bug report carries, and that nothing of it, nor any log line, says whose it is."""

import json
import logging
from datetime import timedelta

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry, get_system_health_info
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from syrupy.assertion import SnapshotAssertion
from syrupy.filters import props

from custom_components.cgm.diagnostics import async_get_config_entry_diagnostics
from custom_components.cgm.shared.glucose.sources.nightscout_settings import NightscoutSettings
from fakes.dexcom_share import FakeDexcomShare, Publisher
from fakes.librelinkup import FakeLibreLinkUp, FakePatient
from fakes.nightscout import FakeNightscout, Role
from fakes.serving import (
    broken_off,
    html_503,
    html_attention_required,
    too_many_requests,
    truncated_json,
)

from .conftest import AddWearer, PassTime, Settle
from .vendors import dexcom_source, libre_source, nightscout_source, steady
from .watching import NOON, file_of, repairs, running, value

# Unmistakable, wherever they turned up.
WEARER = "Zaphodina Wearer"
PERSON = "person.zaphodina"
USER = "zaphodina-user@beeblebrox.invalid"
EMAIL = "zaphodina-carer@beeblebrox.invalid"
PASSWORD = "zaphodinas-password"
NEW_PASSWORD = "zaphodinas-next-password"
ACCOUNT = "aaaaaaaa-1234-4bcd-8abc-abcdefabcdef"
PATIENT = "bbbbbbbb-1234-4bcd-8abc-abcdefabcdef"


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(NOON)


@pytest.fixture
async def wearer(
    dexcom: FakeDexcomShare,
    librelinkup: FakeLibreLinkUp,
    nightscout: FakeNightscout,
    nightscout_url: str,
    add_wearer: AddWearer,
) -> MockConfigEntry:
    """Add a wearer with every vendor, all of it unmistakable; not set up yet."""
    dexcom.publisher = Publisher(name=USER, password=PASSWORD, id=ACCOUNT)
    steady(dexcom, 123)
    librelinkup.email, librelinkup.password = EMAIL, PASSWORD
    patient = librelinkup.follow(FakePatient(given="Zaphodina", family="Beeblebrox", id=PATIENT))
    steady(patient, 124)
    nightscout.default_role = Role.DENIED
    token = nightscout.add_subject("zaphodina", Role.READABLE)
    steady(nightscout, 125)
    return add_wearer(
        dexcom_source(dexcom),
        libre_source(librelinkup, patient),
        nightscout_source(nightscout_url, api="v3", secret=token),
        title=WEARER,
        person=PERSON,
    )


def telltales(wearer: MockConfigEntry) -> list[str]:
    """Return every text that says who somebody is, or opens something of theirs."""
    *_, site = wearer.subentries.values()
    return [
        "aphodina",
        "eeblebrox",
        ACCOUNT,
        PATIENT,
        site.data["secret"],
        site.data["url"],
        site.data["url"].removeprefix("http://"),
        NightscoutSettings(url=site.data["url"]).site_id,
        "secret.ticket",
    ]


async def test_diagnostics(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    settle: Settle,
    hass_client: ClientSessionGenerator,
    snapshot: SnapshotAssertion,
) -> None:
    assert await async_setup_component(hass, "diagnostics", {})
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    found = await get_diagnostics_for_config_entry(hass, hass_client, wearer)
    assert found == snapshot(exclude=props("megabytes"))
    assert [told for told in telltales(wearer) if told in json.dumps(found)] == []


async def test_diagnostics_of_a_wearer_who_is_not_set_up(
    hass: HomeAssistant, wearer: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    assert await async_setup_component(hass, "diagnostics", {})
    file_of(hass).mkdir()
    assert not await hass.config_entries.async_setup(wearer.entry_id)
    found = await get_diagnostics_for_config_entry(hass, hass_client, wearer)
    assert [told for told in telltales(wearer) if told in json.dumps(found)] == []
    assert "mg/dL" in json.dumps(found)


async def test_a_whole_run_with_faults_tells_nobody_s_name_to_any_log(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    dexcom: FakeDexcomShare,
    librelinkup: FakeLibreLinkUp,
    nightscout: FakeNightscout,
    pass_time: PassTime,
    settle: Settle,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    assert await async_setup_component(hass, "system_health", {})
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    assert value(hass, "sensor.zaphodina_wearer_glucose") == "123"
    everywhere = (
        html_503,
        html_attention_required,
        truncated_json,
        broken_off,
        too_many_requests(30),
    )
    for fault in everywhere:
        for vendor in (dexcom, librelinkup, nightscout):
            vendor.fail(fault, times=3)
        await pass_time(timedelta(minutes=40), timedelta(minutes=1))
    librelinkup.locked = True
    librelinkup.end_sessions()
    dexcom.change_password(NEW_PASSWORD)
    nightscout.restart()
    await pass_time(timedelta(minutes=40), timedelta(minutes=1))
    assert "account_locked" in repairs(hass)
    bad = await async_get_config_entry_diagnostics(hass, wearer)
    health = await get_system_health_info(hass, "cgm")
    librelinkup.locked = False
    dexcom.publisher.password = PASSWORD
    await pass_time(timedelta(hours=7), timedelta(minutes=5))
    states = [feed.status.state for feed in running(wearer).feeds.values()]
    assert states == ["ok", "ok", "ok"]
    assert await hass.config_entries.async_unload(wearer.entry_id)
    await settle()

    text = json.dumps([bad, health])
    assert [told for told in telltales(wearer) if told in text] == []
    lines = [
        (record.name, logging.Formatter().format(record))
        for phase in ("setup", "call")
        for record in caplog.get_records(phase)
    ]
    # Home Assistant logs states by the name their owner gave them; nobody else may.
    ours = [
        line
        for name, line in lines
        if name.startswith(
            ("custom_components", "glucose", "pydexcom", "urllib3", "aiohttp", "requests")
        )
    ]
    assert any("cannot be read" in line for line in ours)
    assert [line for line in ours if any(told in line for told in telltales(wearer))] == []
    secrets = [PASSWORD, *telltales(wearer)[4:5], "secret.ticket"]
    assert [line for _, line in lines if any(told in line for told in secrets)] == []
