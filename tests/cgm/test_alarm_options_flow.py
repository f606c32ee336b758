"""The alarms' options: by day and by night, in the wearer's unit, contradictions refused."""

from typing import Any

import pytest
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm.alarm_settings import alarm_rules
from custom_components.cgm.shared.glucose.alarms.kinds import AlarmKind
from custom_components.cgm.shared.glucose.alarms.rules import DEFAULTS, Part
from custom_components.cgm.shared.glucose.units import mmol_l

from .conftest import AddWearer, Settle
from .dialogs import said
from .watching import running

PARTS = ["day", "night"]


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


async def open_alarms(hass: HomeAssistant, entry: MockConfigEntry, part: str) -> ConfigFlowResult:
    menu = said(await hass.config_entries.options.async_init(entry.entry_id), "options")
    assert menu["type"] is FlowResultType.MENU
    choice = {"next_step_id": f"alarms_{part}"}
    form = await hass.config_entries.options.async_configure(menu["flow_id"], choice)
    return said(form, "options")


def open_sections(form: ConfigFlowResult) -> set[str]:
    """Return the alarms whose section is not folded, beside when it is night."""
    schema = form["data_schema"]
    assert schema is not None
    shown = {str(name) for name, part in schema.schema.items() if not part.options["collapsed"]}
    return shown - {"night"}


async def save(
    hass: HomeAssistant, form: ConfigFlowResult, **changes: dict[str, Any]
) -> ConfigFlowResult:
    """Submit the form as it is filled in, but for these changes of its sections."""
    typed = {name: {**values, **changes.get(name, {})} for name, values in filled(form).items()}
    return said(
        await hass.config_entries.options.async_configure(form["flow_id"], typed), "options"
    )


@pytest.fixture(params=["mg/dL", "mmol/L"])
async def wearer(
    hass: HomeAssistant, add_wearer: AddWearer, request: pytest.FixtureRequest
) -> MockConfigEntry:
    """Run a wearer without sources, in either unit."""
    entry = add_wearer(unit=request.param)
    assert await hass.config_entries.async_setup(entry.entry_id)
    return entry


@pytest.mark.parametrize("part", PARTS)
async def test_saving_what_is_shown_keeps_every_default(
    hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle, part: str
) -> None:
    before = dict(wearer.options)
    form = await open_alarms(hass, wearer, part)
    done = await save(hass, form)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await settle()
    rules = running(wearer).alarms.rules
    assert dict(rules.day) == dict(rules.night) == dict(DEFAULTS)
    assert {key: wearer.options[key] for key in before} == before
    low = wearer.options["alarms"][part]["low"]
    assert type(low["threshold"]) is int
    assert type(low["delay_minutes"]) is int
    assert filled(await open_alarms(hass, wearer, part)) == filled(form)


async def test_by_night_only_the_night_changes(
    hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle
) -> None:
    mmol = wearer.options["unit"] == "mmol/L"
    form = await open_alarms(hass, wearer, "night")
    assert filled(form)["night"] == {"night_from": "22:00:00", "night_to": "07:00:00"}
    await save(
        hass,
        form,
        night={"night_from": "23:00:00", "night_to": "06:30:00"},
        urgent_low={"on": False},
        low={"threshold": 4.4 if mmol else 80, "delay_minutes": 10},
        high={"threshold": 13.0 if mmol else 240},
        falling_fast={"threshold": 0.11 if mmol else 2.0},
    )
    await settle()
    rules = running(wearer).alarms.rules
    assert (rules.night_from.isoformat(), rules.night_to.isoformat()) == ("23:00:00", "06:30:00")
    assert dict(rules.day) == dict(DEFAULTS)
    night = rules.night
    assert not night[AlarmKind.URGENT_LOW].on
    low, high = night[AlarmKind.LOW].threshold, night[AlarmKind.HIGH].threshold
    assert low is not None
    assert high is not None
    if mmol:
        # What reads 4.4 is not below 4.4, and what reads 13.0 is not above it.
        assert (mmol_l(low - 1), mmol_l(low)) == (4.3, 4.4)
        assert (mmol_l(high), mmol_l(high + 1)) == (13.0, 13.1)
    else:
        assert (low, high) == (80, 240)
    assert night[AlarmKind.FALLING_FAST].threshold == 2.0
    assert filled(await open_alarms(hass, wearer, "day"))["low"]["on"] is True


@pytest.mark.parametrize(
    ("reason", "mg_dl"),
    [
        ("thresholds_do_not_rise", {"low": 50}),
        ("sustained_high_not_above_low", {"sustained_high": 68}),
        ("sustained_high_above_high", {"sustained_high": 270}),
        ("predicted_low_below_urgent_low", {"predicted_low": 50}),
        ("low_and_high_overlap", {"high": 80}),
        ("predicted_low_reaches_high", {"predicted_low": 300}),
    ],
)
@pytest.mark.parametrize("part", PARTS)
async def test_what_contradicts_itself_is_refused_with_the_reason_and_can_be_corrected(
    hass: HomeAssistant, wearer: MockConfigEntry, part: str, reason: str, mg_dl: dict[str, int]
) -> None:
    mmol = wearer.options["unit"] == "mmol/L"
    typed = {kind: {"threshold": mmol_l(value) if mmol else value} for kind, value in mg_dl.items()}
    form = await open_alarms(hass, wearer, part)
    again = await save(hass, form, **typed)
    assert again["type"] is FlowResultType.FORM
    assert again["errors"] == {"base": reason}
    assert "alarms" not in wearer.options
    ((kind, about),) = typed.items()
    assert open_sections(form) == {"urgent_low"}
    assert open_sections(again) == {"urgent_low", kind}
    assert filled(again)[kind]["threshold"] == about["threshold"]
    usual = filled(form)[kind]
    done = await save(hass, again, **{kind: usual})
    assert done["type"] is FlowResultType.CREATE_ENTRY


async def test_a_low_predicted_that_waits_as_long_as_it_looks_ahead_is_refused(
    hass: HomeAssistant, wearer: MockConfigEntry
) -> None:
    form = await open_alarms(hass, wearer, "night")
    again = await save(hass, form, predicted_low={"delay_minutes": 30})
    assert again["errors"] == {"base": "predicted_low_too_late"}
    done = await save(hass, again, predicted_low={"delay_minutes": 29})
    assert done["type"] is FlowResultType.CREATE_ENTRY


async def test_the_ends_of_a_rate_can_be_typed(
    hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle
) -> None:
    mmol = wearer.options["unit"] == "mmol/L"
    form = await open_alarms(hass, wearer, "day")
    ends = {"falling_fast": 0.06 if mmol else 1.0, "rising_fast": 0.33 if mmol else 6.0}
    done = await save(hass, form, **{kind: {"threshold": end} for kind, end in ends.items()})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await settle()
    day = running(wearer).alarms.rules.day
    assert day[AlarmKind.FALLING_FAST].threshold == 1.0
    assert day[AlarmKind.RISING_FAST].threshold == 6.0


async def test_settings_that_cannot_be_meant_are_shown_as_the_defaults(
    hass: HomeAssistant, add_wearer: AddWearer
) -> None:
    entry = add_wearer(alarms={"day": {"low": {"threshold": 20}}})
    assert await hass.config_entries.async_setup(entry.entry_id)
    form = await open_alarms(hass, entry, "day")
    assert filled(form)["low"]["threshold"] == 70
    done = await save(hass, form)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    zone = running(entry).alarms.rules.zone
    assert alarm_rules(entry.options["alarms"], zone).day[AlarmKind.LOW].threshold == 70


def test_both_parts_of_the_day_are_offered() -> None:
    assert list(Part) == PARTS


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    "broken",
    [
        {"day": {"low": {"threshold": 500}}},
        {"night": {"?": {}}},
        {"day": {"low": 5}},
    ],
    ids=["contradictory", "of another release", "no settings at all"],
)
async def test_settings_that_cannot_be_used_are_set_anew(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    settle: Settle,
    broken: dict[str, Any],
    part: str,
) -> None:
    hass.config_entries.async_update_entry(wearer, options={**wearer.options, "alarms": broken})
    await settle()
    assert not running(wearer).alarms.settings_usable
    done = await save(hass, await open_alarms(hass, wearer, part), low={"on": False})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await settle()
    alarms = running(wearer).alarms
    by_day, by_night = (rules[AlarmKind.LOW].on for rules in (alarms.rules.day, alarms.rules.night))
    assert (by_day, by_night) == (part == "night", part == "day")
    assert alarms.settings_usable
