"""A wearer's options: all can be changed, in their unit, and takes effect without a reload."""

from datetime import timedelta
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry

from fakes.dexcom_share import FakeDexcomShare

from .conftest import AddWearer, PassTime, Settle
from .dialogs import only_source, said
from .vendors import dexcom_source, steady

pytestmark = pytest.mark.usefixtures("nothing_secret_is_logged")

DEFAULTS_MG_DL = {"urgent_low": 54, "low": 70, "high": 180, "urgent_high": 250}
DEFAULTS_MMOL_L = {"urgent_low": 3.0, "low": 3.9, "high": 10.0, "urgent_high": 13.9}
ABOUT = {"unit": "mg/dL", "time_zone": "Europe/Berlin"}


@pytest.fixture
async def alex(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    add_wearer: AddWearer,
    dexcom: FakeDexcomShare,
    settle: Settle,
) -> MockConfigEntry:
    """Return a wearer whose glucose rose from 90 to 180, in mg/dL, and who has a person."""
    freezer.move_to("2026-11-20T12:00:00+00:00")
    steady(dexcom, 162, minutes=(-6,))
    steady(dexcom, 180, minutes=(-1,))
    entry = add_wearer(dexcom_source(dexcom), person="person.alex")
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    return entry


def filled(form: ConfigFlowResult) -> dict[str, dict[str, Any]]:
    """Return what each section of the form has filled in."""
    schema = form["data_schema"]
    assert schema is not None
    return {
        str(name): {
            str(field): field.description["suggested_value"]
            for field in section.schema.schema
            if field.description
        }
        for name, section in schema.schema.items()
    }


async def open_options(hass: HomeAssistant, entry: MockConfigEntry) -> ConfigFlowResult:
    menu = said(await hass.config_entries.options.async_init(entry.entry_id), "options")
    choice = {"next_step_id": "wearer"}
    form = await hass.config_entries.options.async_configure(menu["flow_id"], choice)
    return said(form, "options")


async def save(
    hass: HomeAssistant, form: ConfigFlowResult, **changes: dict[str, Any]
) -> ConfigFlowResult:
    """Submit the form as it is filled in, but for these changes of its sections."""
    typed = {name: {**values, **changes.get(name, {})} for name, values in filled(form).items()}
    return said(
        await hass.config_entries.options.async_configure(form["flow_id"], typed), "options"
    )


async def test_the_form_shows_what_holds_and_saving_it_changes_nothing(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle, lost: list[str]
) -> None:
    form = await open_options(hass, alex)
    assert filled(form) == {
        "about": {**ABOUT, "person": "person.alex"},
        "targets": DEFAULTS_MG_DL,
        "goals": {"consensus": "adult"},
        "stale": {"withdrawn_after_minutes": 11},
    }
    before = alex.runtime_data.chosen.targets
    done = await save(hass, form)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await settle()
    assert alex.runtime_data.chosen.targets == before
    assert dict(alex.options) == {
        **ABOUT,
        "person": "person.alex",
        "targets": {
            "urgent_low_mg_dl": 54,
            "low_mg_dl": 70,
            "high_mg_dl": 180,
            "urgent_high_mg_dl": 250,
        },
        "consensus": "adult",
        "stale": {"withdrawn_after_minutes": 11},
    }
    assert {type(value) for value in alex.options["targets"].values()} == {int}
    again = await open_options(hass, alex)
    assert filled(again) == filled(form)
    assert lost == []


@pytest.mark.parametrize("unit", ["mg/dL", "mmol/L"])
async def test_another_group_of_the_consensus_brings_its_targets(
    hass: HomeAssistant, add_wearer: AddWearer, unit: str
) -> None:
    alex = add_wearer(unit=unit)
    assert await hass.config_entries.async_setup(alex.entry_id)
    await save(hass, await open_options(hass, alex), goals={"consensus": "pregnancy"})
    assert alex.options["consensus"] == "pregnancy"
    now = alex.runtime_data.chosen.targets
    assert (now.low_mg_dl, now.high_mg_dl) == (63, 140)
    assert filled(await open_options(hass, alex))["goals"] == {"consensus": "pregnancy"}
    await save(hass, await open_options(hass, alex), goals={"consensus": "older"})
    back = alex.runtime_data.chosen.targets
    assert (back.urgent_low_mg_dl, back.low_mg_dl, back.high_mg_dl) == (54, 70, 180)


async def test_another_group_leaves_targets_that_were_chosen(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    form = await open_options(hass, alex)
    await save(hass, form, goals={"consensus": "pregnancy"}, targets={"high": 160})
    assert alex.runtime_data.chosen.targets.high_mg_dl == 160
    assert alex.runtime_data.chosen.targets.low_mg_dl == 70
    await save(hass, await open_options(hass, alex), goals={"consensus": "adult"})
    assert alex.runtime_data.chosen.targets.high_mg_dl == 160


async def test_every_value_can_be_changed(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle, lost: list[str]
) -> None:
    form = await open_options(hass, alex)
    targets = {"urgent_low": 60.0, "low": 80.0, "high": 160.0, "urgent_high": 240.0}
    await save(
        hass,
        form,
        about={"unit": "mg/dL", "time_zone": "Asia/Tokyo", "person": "person.other"},
        targets=targets,
        stale={"withdrawn_after_minutes": 20.0},
    )
    await settle()
    assert alex.options["time_zone"] == "Asia/Tokyo"
    assert alex.options["person"] == "person.other"
    assert alex.runtime_data.chosen.withdrawn_after == timedelta(minutes=20)
    assert type(alex.options["stale"]["withdrawn_after_minutes"]) is int
    status = hass.states.get("sensor.alex_glucose_status")
    assert status is not None
    assert status.state == "high"
    assert filled(await open_options(hass, alex))["targets"] == targets
    assert lost == []


async def test_the_link_to_a_person_can_be_taken_back(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle
) -> None:
    form = await open_options(hass, alex)
    typed = {**filled(form), "about": ABOUT}
    await hass.config_entries.options.async_configure(form["flow_id"], typed)
    await settle()
    assert "person" not in alex.options
    assert "person" not in filled(await open_options(hass, alex))["about"]


async def test_what_other_code_keeps_in_the_options_stays(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle
) -> None:
    rules = {"low": {"delay_minutes": 5}}
    hass.config_entries.async_update_entry(alex, options={**alex.options, "alarms": rules})
    await save(hass, await open_options(hass, alex), about={"unit": "mmol/L"})
    await settle()
    assert alex.options["alarms"] == rules
    assert alex.options["unit"] == "mmol/L"


@pytest.mark.parametrize(
    ("kept", "typed", "expected"),
    [
        # Left as they were shown, numbers keep the mg/dL they stand for.
        (
            {},
            {},
            {"urgent_low_mg_dl": 54, "low_mg_dl": 70, "high_mg_dl": 180, "urgent_high_mg_dl": 250},
        ),
        ({"low_mg_dl": 71}, {}, {"low_mg_dl": 71}),
        ({"high_mg_dl": 181}, {"low": 4.0}, {"low_mg_dl": 72, "high_mg_dl": 181}),
        # Typed: whatever is shown as 3.9 is not below it, whatever is shown as 10.0 not above.
        (
            {"low_mg_dl": 80, "high_mg_dl": 160},
            {"low": 3.9, "high": 10.0},
            {"low_mg_dl": 70, "high_mg_dl": 181},
        ),
        (
            {},
            {"urgent_low": 2.8, "urgent_high": 15.0},
            {"urgent_low_mg_dl": 50, "urgent_high_mg_dl": 271},
        ),
    ],
)
async def test_targets_in_mmol_l_become_the_right_whole_mg_dl(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    kept: dict[str, int],
    typed: dict[str, float],
    expected: dict[str, int],
) -> None:
    alex = add_wearer(unit="mmol/L", targets=kept)
    assert await hass.config_entries.async_setup(alex.entry_id)
    form = await open_options(hass, alex)
    done = await save(hass, form, targets=typed)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    saved = alex.options["targets"]
    assert {type(value) for value in saved.values()} == {int}
    assert saved == {**saved, **expected}


async def test_the_form_speaks_the_wearer_s_unit(
    hass: HomeAssistant, add_wearer: AddWearer
) -> None:
    alex = add_wearer(unit="mmol/L")
    assert await hass.config_entries.async_setup(alex.entry_id)
    form = await open_options(hass, alex)
    assert filled(form)["targets"] == DEFAULTS_MMOL_L
    schema = form["data_schema"]
    assert schema is not None
    selectors = schema.schema["targets"].schema.schema.values()
    assert {selector.config["unit_of_measurement"] for selector in selectors} == {"mmol/L"}


@pytest.mark.parametrize(
    ("unit", "wrong", "right"),
    [
        ("mg/dL", {"low": 190.0}, {"low": 75.0}),
        ("mg/dL", {"urgent_low": 70.0}, {"urgent_low": 60.0}),
        ("mmol/L", {"high": 14.0}, {"high": 9.0}),
    ],
)
async def test_targets_that_contradict_each_other_are_said_and_asked_again(
    hass: HomeAssistant,
    add_wearer: AddWearer,
    unit: str,
    wrong: dict[str, float],
    right: dict[str, float],
) -> None:
    alex = add_wearer(unit=unit)
    assert await hass.config_entries.async_setup(alex.entry_id)
    before = dict(alex.options)
    form = await open_options(hass, alex)
    form = await save(hass, form, targets=wrong, stale={"withdrawn_after_minutes": 17})
    assert form["type"] is FlowResultType.FORM
    assert form["errors"] == {"base": "targets_contradict"}
    again = filled(form)
    assert again["targets"].items() >= wrong.items()
    assert again["stale"] == {"withdrawn_after_minutes": 17}
    assert dict(alex.options) == before
    done = await save(hass, form, targets=right)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert alex.options["stale"] == {"withdrawn_after_minutes": 17}


@pytest.mark.parametrize(
    "changes",
    [
        {"targets": {"urgent_low": 39}},
        {"targets": {"urgent_high": 401}},
        {"stale": {"withdrawn_after_minutes": 10}},
        {"stale": {"withdrawn_after_minutes": 31}},
        {"about": {"unit": "mg/L"}},
        {"about": {"time_zone": "Europe/Nowhere"}},
    ],
)
async def test_what_is_beyond_sense_is_refused(
    hass: HomeAssistant, alex: MockConfigEntry, changes: dict[str, dict[str, Any]]
) -> None:
    before = dict(alex.options)
    form = await open_options(hass, alex)
    with pytest.raises(InvalidData):
        await save(hass, form, **changes)
    assert dict(alex.options) == before
    done = await save(hass, form)
    assert done["type"] is FlowResultType.CREATE_ENTRY


async def test_a_new_unit_is_shown_at_once_and_back_again(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle, lost: list[str]
) -> None:
    def units_and_values() -> dict[str, tuple[str, float]]:
        states = {
            key: hass.states.get(f"sensor.alex_{key}")
            for key in ("glucose", "delta", "rate_of_change")
        }
        return {
            key: (state.attributes["unit_of_measurement"], round(float(state.state), 1))
            for key, state in states.items()
            if state is not None
        }

    def decimals() -> dict[str, object]:
        registry = er.async_get(hass)
        entities = {
            key: registry.async_get(f"sensor.alex_{key}")
            for key in ("glucose", "delta", "rate_of_change")
        }
        return {
            key: entity.options["sensor"]["suggested_display_precision"]
            for key, entity in entities.items()
            if entity is not None
        }

    in_mg_dl = {
        "glucose": ("mg/dL", 180.0),
        "delta": ("mg/dL", 18.0),
        "rate_of_change": ("mg/dL/min", 3.6),
    }
    assert units_and_values() == in_mg_dl
    assert decimals() == {"glucose": 0, "delta": 0, "rate_of_change": 1}
    feed = alex.runtime_data.feeds[only_source(alex).subentry_id]

    await save(hass, await open_options(hass, alex), about={"unit": "mmol/L"})
    await settle()
    assert units_and_values() == {
        "glucose": ("mmol/L", 10.0),
        "delta": ("mmol/L", 1.0),
        "rate_of_change": ("mmol/L/min", 0.2),
    }
    assert decimals() == {"glucose": 1, "delta": 1, "rate_of_change": 2}
    assert filled(await open_options(hass, alex))["targets"] == DEFAULTS_MMOL_L

    await save(hass, await open_options(hass, alex), about={"unit": "mg/dL"})
    await settle()
    assert units_and_values() == in_mg_dl
    assert decimals() == {"glucose": 0, "delta": 0, "rate_of_change": 1}
    assert alex.runtime_data.chosen.targets.low_mg_dl == 70
    assert alex.runtime_data.feeds[only_source(alex).subentry_id] is feed
    assert lost == []


async def test_the_age_at_which_a_value_is_withdrawn_holds_at_once(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    dexcom: FakeDexcomShare,
    pass_time: PassTime,
    settle: Settle,
) -> None:
    await save(hass, await open_options(hass, alex), stale={"withdrawn_after_minutes": 20})
    await settle()
    # The value was a minute old.
    await pass_time(timedelta(minutes=18))
    shown = hass.states.get("sensor.alex_glucose")
    assert shown is not None
    assert shown.state == "180"
    await pass_time(timedelta(minutes=2))
    shown = hass.states.get("sensor.alex_glucose")
    assert shown is not None
    assert shown.state == "unknown"
