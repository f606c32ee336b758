"""The words of the dialogs say neither less nor more than the dialogs need."""

import re
from typing import Any

import pytest
from homeassistant.helpers.selector import SelectSelector

from custom_components.cgm import login
from custom_components.cgm.config_flow import CgmConfigFlow
from custom_components.cgm.const import PERIODS
from custom_components.cgm.exporting import FileKind
from custom_components.cgm.lamps import PATTERNS
from custom_components.cgm.on_board import CUSTOM_INSULIN
from custom_components.cgm.options_flow import WearerOptionsFlow
from custom_components.cgm.scheduled_export import Every
from custom_components.cgm.shared.glucose.alarms.kinds import AlarmKind
from custom_components.cgm.shared.glucose.alarms.rules import Contradiction
from custom_components.cgm.shared.glucose.forecast.carbs_on_board import Absorption
from custom_components.cgm.shared.glucose.forecast.insulin_on_board import INSULIN_MODELS
from custom_components.cgm.shared.glucose.measurement import MeasurementKind
from custom_components.cgm.shared.glucose.metrics.consensus import Group
from custom_components.cgm.shared.glucose.reading import Kind
from custom_components.cgm.shared.glucose.treatment import Intensity, TreatmentKind
from custom_components.cgm.source_flow import SourceFlow
from custom_components.cgm.source_forms import SOURCE_FORMS

from .dialogs import english

LOGIN_ERRORS = {key for _, key in login._ERROR_KEYS} | {"token_needed"}  # noqa: SLF001 - its keys
SOURCE: dict[str, Any] = english()["config_subentries"]["source"]


def steps(flow: type) -> set[str]:
    """Return the steps that a flow of ours has, whatever Home Assistant's own parents have."""
    ours = [part for part in flow.__mro__ if part.__module__.startswith("custom_components.cgm")]
    names = {name for part in ours for name in vars(part)}
    return {name.removeprefix("async_step_") for name in names if "async_step_" in name}


def test_each_step_has_its_words_and_no_other_has() -> None:
    # These only lead to the first form.
    leading = {"reauth", "mqtt", "integration_discovery"}
    assert set(english()["config"]["step"]) == steps(CgmConfigFlow) - leading
    assert set(SOURCE["step"]) == steps(SourceFlow)
    assert set(english()["options"]["step"]) == steps(WearerOptionsFlow)


@pytest.mark.parametrize("kind", SOURCE_FORMS)
def test_each_field_of_a_source_has_its_words_and_no_other_has(kind: str) -> None:
    asked = {str(marker) for marker in SOURCE_FORMS[kind].fields}
    step = SOURCE["step"][kind]
    assert step["data"].keys() == step["data_description"].keys() == asked
    assert kind in SOURCE["step"]["user"]["menu_options"]
    assert kind in SOURCE["step"]["user"]["menu_option_descriptions"]
    assert kind in SOURCE["step"]["reconfigure"]["menu_options"]


def test_menus_have_no_other_choices() -> None:
    assert SOURCE["step"]["user"]["menu_options"].keys() == SOURCE_FORMS.keys()
    assert SOURCE["step"]["user"]["menu_option_descriptions"].keys() == SOURCE_FORMS.keys()
    assert SOURCE["step"]["reconfigure"]["menu_options"].keys() == SOURCE_FORMS.keys() | {"place"}


def test_the_card_has_words_for_every_login_and_for_nothing_else() -> None:
    asked = {field for form in SOURCE_FORMS.values() for field in form.login}
    step = english()["config"]["step"]["reauth_confirm"]
    assert step["data"].keys() == step["data_description"].keys() == asked


def test_errors_and_ends_are_those_that_can_come() -> None:
    assert english()["config"]["error"].keys() == LOGIN_ERRORS | {"wrong_account", "wrong_key"}
    at_fields = {"invalid_address", "invalid_version", "phone_expected", "wrong_key"}
    assert SOURCE["error"].keys() == LOGIN_ERRORS | at_fields
    ends = {"already_configured", "no_agents", "nothing_to_change", "wrong_account"}
    assert SOURCE["abort"].keys() == ends
    refused = {
        *("targets_contradict", "invalid_heartbeat_url", "insulin_peaks_too_late"),
        *("import_under_way", "import_ambiguous_dates", "import_unrecognised"),
        *("import_not_readable", "import_nothing_in", "history_not_written"),
        *("folder_not_allowed", "folder_is_served"),
        *Contradiction,
    }
    assert english()["options"]["error"].keys() == refused
    # What a reauth ends with is Home Assistant's own.
    found = {"already_configured", "not_an_agent", "source_added", "withdrawn"}
    assert english()["config"]["abort"].keys() == found


def test_each_choice_has_its_words() -> None:
    lists = {
        str(selector.config["translation_key"]): set(map(str, selector.config["options"]))
        for form in SOURCE_FORMS.values()
        for selector in form.fields.values()
        if isinstance(selector, SelectSelector)
    }
    spoken = {key: set(value["options"]) for key, value in english()["selector"].items()}
    # Chosen in an action, not in a dialog.
    in_actions = {
        "alarm": set(AlarmKind),
        "pattern": set(PATTERNS),
        "period": set(PERIODS),
        "kind": set(Kind),
        "treatment": set(TreatmentKind),
        "measurement": {"finger_stick", *MeasurementKind},
        "intensity": set(Intensity),
    }
    in_options = {
        "date_order": {"from_file", "day_first", "month_first"},
        "export_every": set(Every),
        "export_format": set(FileKind),
        "insulin_model": {*INSULIN_MODELS, CUSTOM_INSULIN},
        "carb_absorption": set(Absorption),
        "consensus": set(Group),
    }
    assert spoken == {**lists, "place": {"first"}, **in_actions, **in_options}


def test_no_two_words_of_a_menu_are_the_same() -> None:
    options = SOURCE["step"]["user"]["menu_options"].values()
    assert len(set(options)) == len(options)
    assert not any(re.search(r"[{}]", option) for option in options)
