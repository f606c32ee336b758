"""The options on treatments: which insulin, how carbs are absorbed, and what cannot be."""

from datetime import timedelta

import pytest
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm.on_board import carb_model, insulin_model
from custom_components.cgm.shared.glucose.forecast.carbs_on_board import Absorption, CarbModel
from custom_components.cgm.shared.glucose.forecast.insulin_on_board import (
    INSULIN_MODELS,
    InsulinModel,
)

from .conftest import AddWearer
from .dialogs import said

USUAL = {"insulin": "adult", "absorption": "parabolic", "carbs_minutes": 180}


def filled(form: ConfigFlowResult) -> dict[str, object]:
    """Return what the form has filled in."""
    schema = form["data_schema"]
    assert schema is not None
    return {str(field): field.description["suggested_value"] for field in schema.schema}


async def open_treatments(hass: HomeAssistant, entry: MockConfigEntry) -> ConfigFlowResult:
    menu = said(await hass.config_entries.options.async_init(entry.entry_id), "options")
    choice = {"next_step_id": "treatments"}
    form = await hass.config_entries.options.async_configure(menu["flow_id"], choice)
    assert (form["type"], form["step_id"]) == (FlowResultType.FORM, "treatments")
    return said(form, "options")


async def type_in(hass: HomeAssistant, form: ConfigFlowResult, **typed: object) -> ConfigFlowResult:
    """Submit the form as it is filled in, but for these fields."""
    return said(
        await hass.config_entries.options.async_configure(
            form["flow_id"], {**filled(form), **typed}
        ),
        "options",
    )


@pytest.fixture
async def wearer(hass: HomeAssistant, add_wearer: AddWearer) -> MockConfigEntry:
    """Run a wearer without sources."""
    entry = add_wearer()
    assert await hass.config_entries.async_setup(entry.entry_id)
    return entry


async def test_at_first_the_usual_models_are_shown_and_kept_as_they_are(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    before = dict(wearer.options)
    form = await open_treatments(hass, wearer)
    assert filled(form) == USUAL
    done = await type_in(hass, form)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert wearer.options == {**before, "on_board": USUAL}
    assert insulin_model(USUAL) == InsulinModel()
    assert carb_model(USUAL) == CarbModel()


@pytest.mark.parametrize("preset", INSULIN_MODELS)
async def test_a_preset_asks_for_no_minutes(
    hass: HomeAssistant, wearer: MockConfigEntry, preset: str
) -> None:
    form = await open_treatments(hass, wearer)
    await type_in(hass, form, insulin=preset, absorption="piecewise", carbs_minutes=240.0)
    kept = wearer.options["on_board"]
    assert kept == {"insulin": preset, "absorption": "piecewise", "carbs_minutes": 240}
    assert insulin_model(kept) == INSULIN_MODELS[preset]
    assert carb_model(kept) == CarbModel(
        duration=timedelta(hours=4), absorption=Absorption.PIECEWISE
    )


async def test_an_own_insulin_is_asked_for_its_minutes_and_shows_them_again(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    form = await type_in(hass, await open_treatments(hass, wearer), insulin="custom")
    assert form["step_id"] == "own_insulin"
    assert filled(form) == {"duration_minutes": 360, "peak_minutes": 75}
    done = await type_in(hass, form, duration_minutes=300.0, peak_minutes=149.0)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    kept = wearer.options["on_board"]
    assert kept == {**USUAL, "insulin": "custom", "duration_minutes": 300, "peak_minutes": 149}
    assert insulin_model(kept) == InsulinModel(
        duration=timedelta(minutes=300), peak=timedelta(minutes=149)
    )
    again = await open_treatments(hass, wearer)
    assert filled(again) == {**USUAL, "insulin": "custom"}
    minutes = await type_in(hass, again)
    assert filled(minutes) == {"duration_minutes": 300, "peak_minutes": 149}


@pytest.mark.parametrize("peak", [150, 151, 300, 720])
async def test_a_peak_that_the_curve_has_no_answer_for_is_refused_and_can_be_mended(
    hass: HomeAssistant, wearer: MockConfigEntry, peak: int
) -> None:
    before = dict(wearer.options)
    form = await type_in(hass, await open_treatments(hass, wearer), insulin="custom")
    refused = await type_in(hass, form, duration_minutes=300, peak_minutes=peak)
    assert refused["type"] is FlowResultType.FORM
    assert refused["errors"] == {"peak_minutes": "insulin_peaks_too_late"}
    assert filled(refused) == {"duration_minutes": 300, "peak_minutes": peak}
    assert wearer.options == before
    done = await type_in(hass, refused, peak_minutes=60)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert wearer.options["on_board"]["peak_minutes"] == 60


@pytest.mark.parametrize(
    "typed", [{"carbs_minutes": 29}, {"carbs_minutes": 601}, {"insulin": "porcine"}]
)
async def test_what_is_beyond_the_form_is_refused_by_it(
    hass: HomeAssistant, wearer: MockConfigEntry, typed: dict[str, object]
) -> None:
    form = await open_treatments(hass, wearer)
    with pytest.raises(InvalidData):
        await type_in(hass, form, **typed)
    await type_in(hass, form, carbs_minutes=600)
    assert wearer.options["on_board"]["carbs_minutes"] == 600


@pytest.mark.parametrize(
    "settings",
    [
        {"insulin": "of another release"},
        {"insulin": "custom"},
        {"insulin": "custom", "duration_minutes": 300, "peak_minutes": 200},
        {"carbs_minutes": "long"},
        {"absorption": "sideways"},
        "no settings at all",
    ],
)
async def test_settings_that_cannot_be_used_show_the_usual_ones_and_are_set_anew(
    hass: HomeAssistant, wearer: MockConfigEntry, settings: object
) -> None:
    hass.config_entries.async_update_entry(wearer, options={**wearer.options, "on_board": settings})
    form = await open_treatments(hass, wearer)
    assert filled(form) == USUAL
    await type_in(hass, form)
    assert wearer.options["on_board"] == USUAL
