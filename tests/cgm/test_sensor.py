"""The entities of a wearer as they stand in Home Assistant, whole."""

from datetime import timedelta

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
from syrupy.assertion import SnapshotAssertion

from fakes.dexcom_share import FakeDexcomShare, Row
from fakes.librelinkup import FakeLibreLinkUp

from .conftest import AddWearer, PassTime, Settle
from .vendors import dexcom_source, libre_source, patient
from .watching import GLUCOSE, NOON, RATE, STATUS, TREND, attribute, shown, value


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(NOON)


@pytest.mark.parametrize("unit", ["mg/dL", "mmol/L"])
async def test_every_entity(
    hass: HomeAssistant,
    dexcom: FakeDexcomShare,
    librelinkup: FakeLibreLinkUp,
    add_wearer: AddWearer,
    settle: Settle,
    entity_registry: er.EntityRegistry,
    snapshot: SnapshotAssertion,
    unit: str,
) -> None:
    for minutes, mg_dl in {-16: 110, -11: 120, -6: 130, -1: 140}.items():
        time = dt_util.utcnow() + timedelta(minutes=minutes)
        dexcom.rows.append(Row(time=time, value=mg_dl, trend="FortyFiveUp"))
    ada = patient(librelinkup, "Ada", 139)
    ada.wears(dt_util.utcnow() - timedelta(days=3))
    wearer = add_wearer(dexcom_source(dexcom), libre_source(librelinkup, ada), unit=unit)
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    owners = {wearer.entry_id: "wearer"} | {
        subentry_id: subentry.title for subentry_id, subentry in wearer.subentries.items()
    }
    entries = er.async_entries_for_config_entry(entity_registry, wearer.entry_id)
    found = {}
    for entry in sorted(entries, key=lambda one: one.entity_id):
        state = hass.states.get(entry.entity_id)
        assert (state is None) == (entry.disabled_by is not None)
        owner, _, key = entry.unique_id.partition("_")
        found[entry.entity_id] = {
            "unique_id": f"{owners[owner]} {key}",
            "subentry": owners.get(entry.config_subentry_id or ""),
            "category": entry.entity_category,
            "disabled": entry.disabled_by,
            "translation_key": entry.translation_key,
            "name": entry.original_name,
            "state": state and state.state,
            "attributes": state
            and {
                name: said
                for name, said in state.attributes.items()
                # A picture's link has a new secret each time.
                if name not in {"access_token", "entity_picture"}
            },
        }
    assert found == snapshot


@pytest.mark.parametrize(
    ("mg_dl", "status"),
    [
        (53, "urgent_low"),
        (54, "low"),
        (69, "low"),
        (70, "in_range"),
        (180, "in_range"),
        (181, "high"),
        (250, "high"),
        (251, "urgent_high"),
    ],
)
async def test_status_goes_by_the_targets(
    hass: HomeAssistant,
    dexcom: FakeDexcomShare,
    add_wearer: AddWearer,
    settle: Settle,
    mg_dl: int,
    status: str,
) -> None:
    dexcom.rows.append(Row(time=dt_util.utcnow(), value=mg_dl, trend="None"))
    wearer = add_wearer(dexcom_source(dexcom))
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    assert value(hass, STATUS) == status
    targets = {
        "urgent_low_mg_dl": 20,
        "low_mg_dl": 30,
        "high_mg_dl": 300,
        "urgent_high_mg_dl": 310,
    }
    hass.config_entries.async_update_entry(wearer, options={**wearer.options, "targets": targets})
    await settle()
    assert value(hass, STATUS) == "in_range"


async def test_a_trend_nobody_tells_is_computed_and_says_so(
    hass: HomeAssistant,
    dexcom: FakeDexcomShare,
    add_wearer: AddWearer,
    settle: Settle,
    pass_time: PassTime,
) -> None:
    for minutes, mg_dl in {-16: 200, -11: 192, -6: 184, -1: 176}.items():
        time = dt_util.utcnow() + timedelta(minutes=minutes)
        dexcom.rows.append(Row(time=time, value=mg_dl, trend=None))
    wearer = add_wearer(dexcom_source(dexcom))
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    assert shown(hass, TREND, RATE) == ["slight_down", "-1.6"]
    assert attribute(hass, TREND, "computed") is True
    await pass_time(timedelta(minutes=10))
    assert shown(hass, TREND, RATE, GLUCOSE) == ["unknown"] * 3
    assert attribute(hass, TREND, "computed") is None
