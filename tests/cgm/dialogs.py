"""The dialogs of the integration as a person goes through them, and what their forms show.

Whatever comes on the way is checked to have its words in English: steps, fields, errors, ends.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigEntry,
    ConfigFlowResult,
    ConfigSubentry,
    SubentryFlowResult,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResult, FlowResultType, section

import custom_components.cgm
from custom_components.cgm.const import DOMAIN
from fakes.dexcom_share import FakeDexcomShare
from fakes.librelinkup import FakeLibreLinkUp

type Result = ConfigFlowResult | SubentryFlowResult

_SOURCE = ("config_subentries", "source")


async def name_wearer(hass: HomeAssistant, **typed: object) -> ConfigFlowResult:
    """Open "Add wearer" and submit its form."""
    form = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    about = {"name": "Alex", "unit": "mg/dL", "time_zone": "Europe/Berlin", **typed}
    return said(await hass.config_entries.flow.async_configure(form["flow_id"], about))


async def choose_kind(hass: HomeAssistant, entry: ConfigEntry, kind: str) -> SubentryFlowResult:
    """Open "Add source" and choose a kind; returns its form."""
    menu = await hass.config_entries.subentries.async_init(
        (entry.entry_id, "source"), context={"source": SOURCE_USER}
    )
    said(menu, *_SOURCE)
    return await submit(hass, menu, {"next_step_id": kind})


async def change(
    hass: HomeAssistant, entry: ConfigEntry, source: ConfigSubentry
) -> SubentryFlowResult:
    """Open "Change source" of one source."""
    opened = await hass.config_entries.subentries.async_init(
        (entry.entry_id, "source"),
        context={"source": SOURCE_RECONFIGURE, "subentry_id": source.subentry_id},
    )
    return said(opened, *_SOURCE)


async def submit(
    hass: HomeAssistant, form: SubentryFlowResult, typed: dict[str, Any]
) -> SubentryFlowResult:
    """Submit a form of the source dialog, or choose of its menu."""
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], typed)
    return said(result, *_SOURCE)


def dexcom_form(dexcom: FakeDexcomShare, **typed: str) -> dict[str, str]:
    """Return what somebody types who knows the Dexcom account."""
    account = dexcom.publisher
    return {"username": account.name, "password": account.password, "region": "us", **typed}


def libre_form(librelinkup: FakeLibreLinkUp, **typed: str) -> dict[str, str]:
    """Return what somebody types who knows the LibreLinkUp account."""
    return {"email": librelinkup.email, "password": librelinkup.password, **typed}


def cards(hass: HomeAssistant) -> list[ConfigFlowResult]:
    """Return the requests to log in that stand now."""
    return hass.config_entries.flow.async_progress_by_handler(
        DOMAIN, match_context={"source": "reauth"}
    )


async def answer_card(
    hass: HomeAssistant, card: ConfigFlowResult, typed: dict[str, Any]
) -> ConfigFlowResult:
    """Submit the form of a request to log in."""
    return said(await hass.config_entries.flow.async_configure(card["flow_id"], typed))


def only_source(entry: ConfigEntry) -> ConfigSubentry:
    """Return the wearer's one source."""
    (source,) = entry.subentries.values()
    return source


def fields(result: Result) -> set[str]:
    """Return which fields a form has."""
    return {str(marker) for marker in _markers(result)}


def shown(result: Result) -> dict[str, Any]:
    """Return what a form has filled in already, defaults of fields among it."""
    return {
        str(marker): marker.description["suggested_value"]
        for marker in _markers(result)
        if marker.description
    }


def choices(result: Result, field: str) -> dict[str, str]:
    """Return the labels of a field's choices by their values."""
    schema = result["data_schema"]
    assert schema is not None
    (selector,) = (found for marker, found in schema.schema.items() if str(marker) == field)
    return {option["value"]: option["label"] for option in selector.config["options"]}


def _markers(result: Result) -> Iterator[Any]:
    schema = result["data_schema"]
    assert schema is not None
    return iter(schema.schema)


def said[R: FlowResult[Any, Any]](result: R, *where: str) -> R:
    """Return the result of a step whose every word is there, with what it has to fill in."""
    texts = english()
    for part in where or ("config",):
        texts = texts[part]
    given = set(cast("Mapping[str, str] | None", result.get("description_placeholders")) or ())
    match result["type"]:
        case FlowResultType.FORM:
            step = texts["step"][result["step_id"]]
            assert step["title"]
            assert _blanks(step.get("description", "")) <= given
            _assert_fields_said(result, step)
            for error in (result["errors"] or {}).values():
                assert _blanks(texts["error"][error]) <= given
        case FlowResultType.MENU:
            options = texts["step"][result["step_id"]]["menu_options"]
            assert set(cast("list[str]", result["menu_options"])) <= set(options)
        case FlowResultType.ABORT if "translation_domain" not in result:
            assert _blanks(texts["abort"][result["reason"]]) <= given
        case _:
            assert result["type"] in {FlowResultType.ABORT, FlowResultType.CREATE_ENTRY}
    return result


@cache
def english() -> dict[str, Any]:
    """Return the English words of the integration."""
    folder = Path(custom_components.cgm.__file__).parent
    text = (folder / "translations" / "en.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))


def _assert_fields_said(result: FlowResult[Any, Any], step: dict[str, Any]) -> None:
    schema = result["data_schema"]
    assert schema is not None
    for marker, field in schema.schema.items():
        if isinstance(field, section):
            inner = step["sections"][str(marker)]
            assert inner["name"]
            names = {str(name) for name in field.schema.schema}
            assert inner["data"].keys() == inner["data_description"].keys() == names
        else:
            assert step["data"][str(marker)]
            assert step["data_description"][str(marker)]


def _blanks(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text))
