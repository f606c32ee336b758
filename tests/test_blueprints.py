"""Blueprints as files: Home Assistant takes each, nothing in it is idle, the README leads to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from awesomeversion import AwesomeVersion
from homeassistant.components.automation.config import AUTOMATION_BLUEPRINT_SCHEMA
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.components.blueprint.schemas import BLUEPRINT_SCHEMA
from homeassistant.const import __version__ as tested_with
from homeassistant.core import HomeAssistant
from homeassistant.helpers.template import Template, is_template_string
from homeassistant.util.yaml import Input, extract_inputs, load_yaml_dict

REPOSITORY = Path(__file__).parents[1]
FOLDER = REPOSITORY / "blueprints"
FILES = sorted(FOLDER.rglob("*.yaml"))
SOURCE = "https://github.com/cgm-home/cgm-home-assistant/blob/main/"
SCHEMAS: dict[str, Callable[[Any], Any]] = {
    "automation": AUTOMATION_BLUEPRINT_SCHEMA,
    "script": BLUEPRINT_SCHEMA,
}
WANTED = {
    *("low_flashes_lights", "phone_alarm", "escalation", "spoken_alarm"),
    *("high_too_long", "predicted_low", "no_data", "morning_report"),
}
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
IMPORT = re.compile(r"\((https://my\.home-assistant\.io/redirect/blueprint_import[^)\s]*)\)")
# What the header of a phone shows of it.
LONGEST_NAME = 30
DOSE_ADVICE = re.compile(
    r"inject|bolus|insulin|correct with|units of|carbohydrate|\bcarbs?\b|glucagon|dextrose",
    re.IGNORECASE,
)

every_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def blueprint(file: Path) -> Blueprint:
    """Return a file as Home Assistant reads it; raises InvalidBlueprint where it refuses it."""
    domain = file.relative_to(FOLDER).parts[0]
    content = load_yaml_dict(file)
    return Blueprint(content, path=file.name, expected_domain=domain, schema=SCHEMAS[domain])


def texts(content: object) -> Iterator[str]:
    """Yield every text in a file, at any depth; an input stands where its value will be."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from texts(key)
            yield from texts(value)
    elif isinstance(content, list):
        for value in content:
            yield from texts(value)
    elif isinstance(content, str):
        yield content
    else:
        assert isinstance(content, bool | int | float | Input | None)


def in_use(made: Blueprint) -> dict[str, Any]:
    """Return what becomes part of an automation: the defaults of inputs, and all but the head."""
    defaults = {key: (one or {}).get("default") for key, one in made.inputs.items()}
    rest = {key: value for key, value in made.data.items() if key != "blueprint"}
    return {"defaults": defaults, **rest}


def imported() -> list[str]:
    """Return the addresses that the README's import links lead to."""
    return [parse_qs(urlsplit(link).query)["blueprint_url"][0] for link in IMPORT.findall(README)]


def test_each_blueprint_that_people_are_promised_is_there() -> None:
    assert {file.stem for file in FILES} >= WANTED


@every_file
def test_home_assistant_takes_it(file: Path) -> None:
    assert blueprint(file).validate() is None


@every_file
def test_it_says_what_it_is_and_where_it_is_from(file: Path) -> None:
    about = blueprint(file).metadata
    assert about["name"].startswith("CGM: ")
    assert len(about["name"]) <= LONGEST_NAME
    assert len(about["description"]) > 100
    assert about["source_url"] == SOURCE + file.relative_to(REPOSITORY).as_posix()
    assert AwesomeVersion(about["homeassistant"]["min_version"]) <= AwesomeVersion(tested_with)


def test_all_need_the_same_home_assistant() -> None:
    needed = {blueprint(file).metadata["homeassistant"]["min_version"] for file in FILES}
    assert needed == {"2026.10.0"}


@every_file
def test_no_input_is_idle(file: Path) -> None:
    made = blueprint(file)
    rest = {key: value for key, value in made.data.items() if key != "blueprint"}
    assert extract_inputs(rest) == made.inputs.keys()


@every_file
async def test_every_template_compiles(hass: HomeAssistant, file: Path) -> None:
    templates = [text for text in texts(in_use(blueprint(file))) if is_template_string(text)]
    assert templates
    for text in templates:
        Template(text, hass).ensure_valid()


@every_file
def test_it_advises_no_dose(file: Path) -> None:
    assert DOSE_ADVICE.search(file.read_text(encoding="utf-8")) is None


def test_the_readme_leads_to_each_once() -> None:
    sources = [blueprint(file).metadata["source_url"] for file in FILES]
    assert sorted(imported()) == sorted(sources)
