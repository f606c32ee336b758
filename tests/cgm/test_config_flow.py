"""Adding a wearer: who it is, and straight on to where the readings come from."""

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState, FlowType
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from custom_components.cgm.const import DOMAIN
from fakes.dexcom_share import FakeDexcomShare
from fakes.librelinkup import FakeLibreLinkUp

from .conftest import Settle
from .dialogs import fields, name_wearer, only_source, shown, submit
from .vendors import patient, steady

pytestmark = pytest.mark.usefixtures("nothing_secret_is_logged")


@pytest.mark.parametrize(
    ("country", "unit"),
    [("GB", "mmol/L"), ("DE", "mg/dL"), ("US", "mg/dL"), ("AU", "mmol/L"), (None, "mg/dL")],
)
async def test_the_unit_of_the_country_and_the_home_s_time_zone_are_offered(
    hass: HomeAssistant, country: str | None, unit: str
) -> None:
    hass.config.country = country
    await hass.config.async_set_time_zone("Europe/London")
    form = await hass.config_entries.flow.async_init(DOMAIN, context={"source": "user"})
    assert form["type"] is FlowResultType.FORM
    assert form["step_id"] == "user"
    assert fields(form) == {"name", "unit", "time_zone", "person"}
    assert shown(form) == {"unit": unit, "time_zone": "Europe/London"}


async def test_from_the_name_to_the_first_value_in_one_dialog(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    dexcom: FakeDexcomShare,
    settle: Settle,
    lost: list[str],
) -> None:
    freezer.move_to("2026-11-20T12:00:00+00:00")
    steady(dexcom, 123)
    wearer = await name_wearer(hass, name=" Alex ", person="person.alex")
    assert wearer["type"] is FlowResultType.CREATE_ENTRY
    entry = wearer["result"]
    assert entry.title == "Alex"
    assert entry.unique_id is None
    assert dict(entry.data) == {}
    assert dict(entry.options) == {
        "unit": "mg/dL",
        "time_zone": "Europe/Berlin",
        "person": "person.alex",
    }

    kind_of_flow, flow_id = wearer["next_flow"]
    assert kind_of_flow is FlowType.CONFIG_SUBENTRIES_FLOW
    menu = hass.config_entries.subentries.async_get(flow_id)
    assert menu["step_id"] == "user"
    form = await submit(hass, menu, {"next_step_id": "dexcom"})
    assert form["step_id"] == "dexcom"
    assert fields(form) == {"username", "password", "region"}
    done = await submit(
        hass,
        form,
        {
            "username": dexcom.publisher.name,
            "password": dexcom.publisher.password,
            "region": "us",
        },
    )
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await settle()

    source = only_source(entry)
    assert source.title == "Dexcom"
    assert source.unique_id == f"dexcom {dexcom.publisher.id}"
    assert source.data["wearer"] == dexcom.publisher.id
    state = hass.states.get("sensor.alex_glucose")
    assert state is not None
    assert state.state == "123"
    assert dexcom.logins == 1
    assert lost == []


async def test_a_dialog_closed_half_way_leaves_a_wearer_that_works(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    librelinkup: FakeLibreLinkUp,
    settle: Settle,
) -> None:
    freezer.move_to("2026-11-20T12:00:00+00:00")
    wearer = await name_wearer(hass)
    entry = wearer["result"]
    _, flow_id = wearer["next_flow"]
    hass.config_entries.subentries.async_abort(flow_id)
    await settle()
    assert entry.state is ConfigEntryState.LOADED
    glucose = hass.states.get("sensor.alex_glucose")
    assert glucose is not None
    assert glucose.state == "unknown"

    ada = patient(librelinkup, "Ada", 99)
    menu = await hass.config_entries.subentries.async_init(
        (entry.entry_id, "source"), context={"source": "user"}
    )
    form = await submit(hass, menu, {"next_step_id": "librelinkup"})
    await submit(hass, form, {"email": librelinkup.email, "password": librelinkup.password})
    await settle()
    assert only_source(entry).data["wearer"] == ada.id
    glucose = hass.states.get("sensor.alex_glucose")
    assert glucose is not None
    assert glucose.state == "99"


async def test_two_wearers_may_have_one_name(hass: HomeAssistant) -> None:
    await name_wearer(hass)
    again = await name_wearer(hass)
    assert again["type"] is FlowResultType.CREATE_ENTRY
    assert len(hass.config_entries.async_entries(DOMAIN)) == 2


async def test_time_zones_are_chosen_of_those_that_exist(hass: HomeAssistant) -> None:
    form = await hass.config_entries.flow.async_init(DOMAIN, context={"source": "user"})
    schema = form["data_schema"]
    assert schema is not None
    zones = next(s for m, s in schema.schema.items() if m == "time_zone").config["options"]
    assert {"Europe/Berlin", "US/Pacific", "UTC"} <= set(zones)
