"""Every key that the running integration shows has its text, and its icon where states have one."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import hass_frontend
import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import SOURCE_USER, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import section
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.helpers.selector import SelectSelector
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import get_system_health_info

import custom_components.cgm
from custom_components.cgm import accounts
from custom_components.cgm.binary_sensor import ALARMS, ANY_ALARM, CONNECTED
from custom_components.cgm.button import BUTTONS
from custom_components.cgm.calendar import DIARY
from custom_components.cgm.const import DOMAIN, PERIODS
from custom_components.cgm.event import ALARM
from custom_components.cgm.exporting import FileKind
from custom_components.cgm.feed_status import AgentStatus, FeedState, FeedStatus
from custom_components.cgm.heartbeat import Heartbeat
from custom_components.cgm.image import PICTURES
from custom_components.cgm.issues import async_show_history_too_new, async_update_issues
from custom_components.cgm.lamps import PATTERNS
from custom_components.cgm.logged_records import FINGER_STICK
from custom_components.cgm.login import async_try_login
from custom_components.cgm.measure_sensors import MEASURE_SENSORS, MeasureSensorDescription
from custom_components.cgm.on_board import CUSTOM_INSULIN
from custom_components.cgm.scheduled_export import Every
from custom_components.cgm.shared.glucose import errors
from custom_components.cgm.shared.glucose.alarms.kinds import AlarmKind
from custom_components.cgm.shared.glucose.alarms.state import Mark
from custom_components.cgm.shared.glucose.disagreement import Disagreement
from custom_components.cgm.shared.glucose.forecast.carbs_on_board import Absorption
from custom_components.cgm.shared.glucose.forecast.insulin_on_board import INSULIN_MODELS
from custom_components.cgm.shared.glucose.measurement import MeasurementKind
from custom_components.cgm.shared.glucose.metrics.consensus import Group
from custom_components.cgm.shared.glucose.reading import Kind, Reading, utc_of_epoch_ms
from custom_components.cgm.shared.glucose.sources.source import VisibleWearer
from custom_components.cgm.shared.glucose.treatment import Intensity, TreatmentKind
from custom_components.cgm.source_forms import SOURCE_FORMS
from custom_components.cgm.source_sensors import SOURCE_SENSORS, SourceSensorDescription
from custom_components.cgm.treatment_sensors import (
    TREATMENT_SENSORS,
    TreatmentSensorDescription,
)
from custom_components.cgm.wearer_sensors import WEARER_SENSORS, WearerSensorDescription

from .conftest import AddWearer, Settle

FOLDER = Path(custom_components.cgm.__file__).parent
ENGLISH: dict[str, Any] = json.loads((FOLDER / "translations" / "en.json").read_text("utf-8"))
ICONS: dict[str, Any] = json.loads((FOLDER / "icons.json").read_text("utf-8"))
SOURCE = ENGLISH["config_subentries"]["source"]
SENSORS: list[
    WearerSensorDescription
    | SourceSensorDescription
    | TreatmentSensorDescription
    | MeasureSensorDescription
] = [
    *WEARER_SENSORS,
    *SOURCE_SENSORS,
    *TREATMENT_SENSORS,
    *MEASURE_SENSORS,
]
# What Home Assistant adds to a sensor's attributes by itself.
HOME_ASSISTANTS_OWN = {
    *("device_class", "friendly_name", "icon", "options", "state_class", "unit_of_measurement"),
    *("access_token", "entity_picture"),
    *("message", "all_day", "start_time", "end_time", "location", "description"),
}
PLACEHOLDER = re.compile(r"\{(\w+)\}")


def texts_below(content: object) -> list[str]:
    """Return all texts at any depth."""
    below = content.values() if isinstance(content, Mapping) else ()
    return [content] if isinstance(content, str) else [t for c in below for t in texts_below(c)]


def names(schema: Iterable[object]) -> set[str]:
    """Return the names of a form's fields."""
    return {str(marker) for marker in schema}


def fields_of(form: ConfigFlowResult) -> dict[str, object]:
    """Return the fields of the form that is shown."""
    schema = form["data_schema"]
    assert schema is not None
    return {str(marker): field for marker, field in schema.schema.items()}


def test_every_entity_has_a_name_an_icon_and_no_text_is_left_over() -> None:
    keys = {description.translation_key for description in SENSORS}
    others = {
        "binary_sensor": (CONNECTED, ANY_ALARM, *ALARMS),
        "button": BUTTONS,
        "calendar": (DIARY,),
        "event": (ALARM,),
        "image": PICTURES,
    }
    wanted = {
        platform: {description.translation_key for description in table}
        for platform, table in others.items()
    } | {"sensor": keys}
    for texts in (ENGLISH, ICONS):
        assert {platform: set(table) for platform, table in texts["entity"].items()} == wanted
    assert [key for key in keys if not ENGLISH["entity"]["sensor"][key]["name"]] == []
    assert [key for key in keys if not ICONS["entity"]["sensor"][key]["default"]] == []


@pytest.mark.parametrize("description", SENSORS, ids=lambda description: str(description.key))
def test_every_state_has_a_text_and_an_icon(
    description: WearerSensorDescription | SourceSensorDescription | TreatmentSensorDescription,
) -> None:
    states = set(description.options or ())
    key = description.translation_key
    assert ENGLISH["entity"]["sensor"][key].get("state", {}).keys() == states
    assert ICONS["entity"]["sensor"][key].get("state", {}).keys() == states


def test_every_icon_is_one_that_home_assistant_has() -> None:
    known = json.loads(
        (files(hass_frontend) / "static" / "mdi" / "iconList.json").read_text("utf-8")
    )
    used = texts_below(ICONS)
    assert used
    assert {*used} - {f"mdi:{icon['name']}" for icon in known} == set()


@pytest.mark.usefixtures("everything_enabled")
async def test_every_attribute_has_a_name(
    hass: HomeAssistant,
    entity_registry: er.EntityRegistry,
    add_wearer: AddWearer,
    simulated: dict[str, Any],
    settle: Settle,
) -> None:
    entry = add_wearer(simulated)
    await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    shown = {
        (entity.translation_key, attribute)
        for entity in er.async_entries_for_config_entry(entity_registry, entry.entry_id)
        if (state := hass.states.get(entity.entity_id)) is not None
        for attribute in state.attributes.keys() - HOME_ASSISTANTS_OWN
    }
    told = {
        (key, attribute)
        for platform in ("sensor", "binary_sensor", "image")
        for key, texts in ENGLISH["entity"][platform].items()
        for attribute in texts.get("state_attributes", {})
    }
    # An event has nothing to say before the first one.
    assert {one for one in shown if one[0] != ALARM.translation_key} == told


def test_every_word_among_the_attributes_has_a_text() -> None:
    event = ENGLISH["entity"]["event"]["alarm"]["state_attributes"]
    assert list(event["event_type"]["state"]) == ALARM.event_types
    assert event["marks"]["state"].keys() == set(Mark)
    kinds = set(AlarmKind)
    sensors = ENGLISH["entity"]["binary_sensor"]
    assert event["alarm"]["state"].keys() == kinds
    assert sensors["any_alarm"]["state_attributes"]["alarms"]["state"].keys() == kinds
    for kind in AlarmKind:
        about = sensors[f"alarm_{kind}"]["state_attributes"]
        assert about["alarm"]["state"].keys() == {kind}


@pytest.mark.parametrize("kind", SOURCE_FORMS)
def test_every_field_of_a_source_is_named_and_explained(kind: str) -> None:
    fields = names(SOURCE_FORMS[kind].fields)
    assert SOURCE["step"][kind]["data"].keys() == fields
    assert SOURCE["step"][kind]["data_description"].keys() == fields


def test_every_kind_of_source_is_in_the_menus() -> None:
    kinds = SOURCE_FORMS.keys()
    assert SOURCE["step"]["user"]["menu_options"].keys() == kinds
    assert SOURCE["step"]["user"]["menu_option_descriptions"].keys() == kinds
    assert SOURCE["step"]["reconfigure"]["menu_options"].keys() == kinds | {"place"}


def test_every_field_of_a_new_login_is_named_and_explained() -> None:
    fields = {field for form in SOURCE_FORMS.values() for field in form.login}
    step = ENGLISH["config"]["step"]["reauth_confirm"]
    assert step["data"].keys() == step["data_description"].keys() == fields


def test_every_choice_has_a_text_and_no_text_is_left_over() -> None:
    choices = {
        field.config["translation_key"]: set(field.config["options"])
        for form in SOURCE_FORMS.values()
        for field in form.fields.values()
        if isinstance(field, SelectSelector) and "translation_key" in field.config
    }
    told = {key: set(texts["options"]) for key, texts in ENGLISH["selector"].items()}
    # The place's other choices are the titles of the wearer's sources.
    others = {"place": {"first"}, "alarm": set(AlarmKind), "pattern": set(PATTERNS)}
    logged = {
        "treatment": set(TreatmentKind),
        "measurement": {FINGER_STICK, *MeasurementKind},
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
    asked = {"period": set(PERIODS), "kind": set(Kind)}
    assert told == {**choices, **others, **logged, **in_options, **asked}


async def test_every_field_about_the_wearer_is_named_and_explained(hass: HomeAssistant) -> None:
    form = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    step = ENGLISH["config"]["step"]["user"]
    assert form["step_id"] == "user"
    fields = fields_of(form).keys()
    assert step["data"].keys() == step["data_description"].keys() == fields


@pytest.mark.parametrize("step", ["wearer", "alarms_day", "alarms_night"])
async def test_every_option_is_named_and_explained(
    hass: HomeAssistant, add_wearer: AddWearer, step: str
) -> None:
    entry = add_wearer()
    menu = await hass.config_entries.options.async_init(entry.entry_id)
    choice = {"next_step_id": step}
    form = await hass.config_entries.options.async_configure(menu["flow_id"], choice)
    shown = {
        key: names(field.schema.schema)
        for key, field in fields_of(form).items()
        if isinstance(field, section)
    }
    told = ENGLISH["options"]["step"][form["step_id"]]["sections"]
    assert fields_of(form).keys() == shown.keys()
    assert {key: set(texts["data"]) for key, texts in told.items()} == shown
    assert {key: set(texts["data_description"]) for key, texts in told.items()} == shown


class FailingAccount:
    """An account whose login raises; sees nobody where there is nothing to raise."""

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    async def wearers(self) -> tuple[VisibleWearer, ...]:
        """Fail as told."""
        return () if self._error is None else raised(self._error)


def raised(error: Exception) -> tuple[VisibleWearer, ...]:
    """Raise."""
    raise error


LOGINS = [
    *(
        error("made up")
        for error in (
            errors.AccountLocked,
            errors.ClientVersionRefused,
            errors.CredentialsRejected,
            errors.SharingDisabled,
            errors.SourceUnreachable,
            errors.TermsNotAccepted,
            errors.UnexpectedAnswer,
        )
    ),
    None,
]
ACCOUNTS: list[dict[str, object]] = [
    {"kind": "dexcom", "username": "a", "password": "b", "region": "us"},
    {"kind": "librelinkup", "email": "a", "password": "b"},
    {"kind": "nightscout", "url": "http://192.168.1.2:17580", "api": "v1"},
]
# What cannot even be sent.
IMPOSSIBLE: list[dict[str, object]] = [
    {"kind": "librelinkup", "email": "a", "password": "b", "client_version": "new"},
    {"kind": "nightscout", "url": "ftp://192.168.1.2", "api": "v1"},
    {"kind": "nightscout", "url": "http://192.168.1.2", "api": "v3", "secret": "no token"},
]


async def test_every_failed_login_has_its_text_and_a_field_to_stand_at(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[tuple[str, str, str]] = [
        (str(settings["kind"]), *error)
        for settings in IMPOSSIBLE
        for error in (await async_try_login(hass, settings, "a form")).errors.items()
    ]
    impossible = len(found)
    for error in LOGINS:
        account = FailingAccount(error)
        monkeypatch.setattr(accounts, "build_account", lambda *_, account=account, **__: account)
        found += [
            (str(settings["kind"]), *shown)
            for settings in ACCOUNTS
            for shown in (await async_try_login(hass, settings, repr(error))).errors.items()
        ]
        accounts.async_let_go(hass, repr(error))
    keys = {key for _, _, key in found}
    assert impossible == len(IMPOSSIBLE)
    assert len(found) == impossible + len(LOGINS) * len(ACCOUNTS)
    # A pairing key is tried where it is asked for, by no login.
    assert SOURCE["error"].keys() == keys | {"wrong_key"}
    homeless = [
        (kind, field)
        for kind, field, _ in found
        if field not in {"base", *names(SOURCE_FORMS[kind].fields)}
    ]
    assert homeless == []
    # A new login asks for less, and finds that it is somebody else's in one way more.
    asked_again = {
        key for kind, field, key in found if field in {"base", *SOURCE_FORMS[kind].login}
    }
    assert ENGLISH["config"]["error"].keys() - {"wrong_account", "wrong_key"} == asked_again


async def test_every_repair_has_its_texts_and_what_they_name(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    issue_registry: ir.IssueRegistry,
    add_wearer: AddWearer,
    simulated: dict[str, Any],
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entry = add_wearer(simulated)
    await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    wearer = entry.runtime_data
    (feed,) = wearer.feeds.values()
    found: dict[str, ir.IssueEntry] = {}

    def show() -> None:
        async_update_issues(wearer)
        found.update(
            (str(issue.translation_key), issue)
            for issue in issue_registry.issues.values()
            if issue.domain == DOMAIN and issue.active
        )

    for state in FeedState:
        feed.status = FeedStatus(state=state, until=dt_util.utcnow())
        show()
    reading = Reading(
        time=utc_of_epoch_ms(1_700_000_000_000), mg_dl=100, source=feed.id, series="sensor"
    )
    off = {"urgent_low": {"on": False}}
    hass.config_entries.async_update_entry(
        entry, options={**entry.options, "alarms": {"day": off, "night": off}}
    )
    show()
    hass.config_entries.async_update_entry(
        entry, options={**entry.options, "alarms": {"day": {"low": {"threshold": 500}}}}
    )
    freezer.tick(timedelta(days=2))
    wearer.present = replace(wearer.present, disagreement=Disagreement(reading, reading))
    wearer.writing.error = errors.StoreUnavailable("made up")
    wearer.history.set_aside = Path("cgm.db.damaged-2026")
    wearer.clock.note(feed.id, timedelta(hours=1))
    monkeypatch.setattr(Heartbeat, "overdue", True)
    async_show_history_too_new(hass, too_new=True)
    agent = AgentStatus(
        node="pi",
        missing_since=dt_util.utcnow(),
        shares_its_name=True,
        denied=("cgm/pi/ack",),
    )
    feed.status = FeedStatus(agent=agent)
    show()

    assert ENGLISH["issues"].keys() == found.keys()
    nameless = {
        (key, name)
        for key, issue in found.items()
        for text in texts_below(ENGLISH["issues"][key])
        for name in PLACEHOLDER.findall(text)
        if name not in (issue.translation_placeholders or {})
    }
    assert nameless == set()
    # What can be fixed is asked for in a dialog, what cannot is described.
    shapes = {key: texts.keys() - {"title"} for key, texts in ENGLISH["issues"].items()}
    asked = {
        key: {"fix_flow" if issue.is_fixable else "description"} for key, issue in found.items()
    }
    assert shapes == asked


async def test_every_line_of_system_health_has_its_text(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    assert await async_setup_component(hass, "system_health", {})
    await hass.async_block_till_done()
    lines = await get_system_health_info(hass, DOMAIN)
    assert ENGLISH["system_health"]["info"].keys() == lines.keys()
