"""What triggers and conditions refuse, in one table, and that all they take is described."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers import condition, config_validation as cv, trigger
from probatio import Invalid

from custom_components.cgm.condition import CONDITIONS
from custom_components.cgm.trigger import TRIGGERS

from .automations import ALEX, ALEX_ALARM, automate, conditional, described, triggered
from .conftest import SetUp


async def check_trigger(hass: HomeAssistant, config: dict[str, Any]) -> None:
    await trigger.async_validate_trigger_config(hass, cv.TRIGGER_SCHEMA([config]))


async def check_condition(hass: HomeAssistant, config: dict[str, Any]) -> None:
    await condition.async_validate_condition_config(hass, cv.CONDITION_SCHEMA(config))


CHECK = {"trigger": check_trigger, "condition": check_condition}


@pytest.mark.parametrize(
    ("offer", "key", "target", "options", "words"),
    [
        # A threshold belongs to its unit.
        (
            "trigger",
            "glucose_dropped_below",
            ALEX,
            {"threshold": 3.9, "unit": "mg/dL"},
            "is 3.9 in mg/dL",
        ),
        (
            "trigger",
            "glucose_dropped_below",
            ALEX,
            {"threshold": 70, "unit": "mmol/L"},
            "is 70.0 in mmol/L",
        ),
        (
            "trigger",
            "glucose_rose_above",
            ALEX,
            {"threshold": "nan", "unit": "mg/dL"},
            "is nan in mg/dL",
        ),
        (
            "condition",
            "glucose_below",
            ALEX,
            {"threshold": 3.9, "unit": "mg/dL"},
            "is 3.9 in mg/dL",
        ),
        (
            "condition",
            "glucose_above",
            ALEX,
            {"threshold": 180, "unit": "mmol/L"},
            "is 180.0 in mmol/L",
        ),
        ("trigger", "glucose_rose_above", ALEX, {"threshold": 180}, "unit"),
        ("condition", "glucose_above", ALEX, {"threshold": 180}, "unit"),
        ("trigger", "glucose_rose_above", ALEX, {"unit": "mg/dL"}, "threshold"),
        # Somebody must be meant.
        ("trigger", "glucose_rose_above", None, {"threshold": 180, "unit": "mg/dL"}, "target"),
        ("trigger", "alarm_fired", None, {}, "target"),
        ("condition", "glucose_in_range", None, {}, "target"),
        # What there is not.
        ("trigger", "alarm_fired", ALEX_ALARM, {"alarms": ["very_low"]}, "alarms"),
        ("condition", "alarm_on", ALEX_ALARM, {"alarms": ["very_low"]}, "alarms"),
        ("trigger", "alarm_cleared", ALEX_ALARM, {"repeats": True}, "repeats"),
        ("condition", "glucose_in_range", ALEX, {"behavior": "most"}, "behavior"),
        # A minute after a reading the next cannot be there.
        ("trigger", "readings_stale", ALEX, {"minutes": 1}, "minutes"),
        ("condition", "readings_stale", ALEX, {"minutes": 1}, "minutes"),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    hass: HomeAssistant,
    offer: str,
    key: str,
    target: dict[str, Any] | None,
    options: dict[str, Any],
    words: str,
) -> None:
    config = {offer: f"cgm.{key}", "options": options}
    if target is not None:
        config["target"] = target
    with pytest.raises(Invalid, match=words):
        await CHECK[offer](hass, config)


@pytest.mark.parametrize(
    ("kind", "offered", "automation", "descriptions"),
    [
        (
            "triggers",
            TRIGGERS,
            triggered("alarm_fired", ALEX_ALARM),
            trigger.async_get_all_descriptions,
        ),
        (
            "conditions",
            CONDITIONS,
            conditional("glucose_in_range", ALEX),
            condition.async_get_all_descriptions,
        ),
    ],
)
async def test_every_one_and_each_field_is_described_and_nothing_else(
    hass: HomeAssistant,
    set_up: SetUp,
    kind: str,
    offered: dict[str, object],
    automation: dict[str, Any],
    descriptions: Callable[[HomeAssistant], Awaitable[dict[str, dict[str, Any] | None]]],
) -> None:
    await set_up()
    await automate(hass, automation)
    told = {
        key.removeprefix("cgm."): set(about["fields"])
        for key, about in (await descriptions(hass)).items()
        if key.startswith("cgm.") and about is not None
    }
    assert told.keys() == offered.keys()
    assert described(kind) == told
