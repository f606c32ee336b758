"""Real automations with a trigger or condition of ours, and what they did."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.yaml import dump
from pytest_homeassistant_custom_component.common import MockConfigEntry

import custom_components.cgm
from custom_components.cgm.shared.glucose.reading import Bound, Reading
from custom_components.cgm.shared.glucose.sources.source import Answer
from custom_components.cgm.wearer import Wearer

from .watching import running

RAN = "automation_ran"
# States are no data of an event.
TOLD = "{{ dict(trigger.items() | rejectattr(0, 'in', ['from_state', 'to_state']) | list) }}"
ASKED = "asked"
MINUTE = timedelta(minutes=1)
ALEX = {"entity_id": "sensor.alex_glucose"}
ALEX_ALARM = {"entity_id": "event.alex_alarm"}


def triggered(key: str, target: dict[str, Any], **options: object) -> dict[str, Any]:
    """Return an automation that tells in an event what its trigger told it."""
    trigger = {"trigger": f"cgm.{key}", "target": target}
    if options:
        trigger["options"] = options
    return {
        "alias": key,
        "id": key,
        "mode": "queued",
        "triggers": [trigger],
        "actions": [{"event": RAN, "event_data": {"trigger": TOLD}}],
    }


def conditional(key: str, target: dict[str, Any], **options: object) -> dict[str, Any]:
    """Return an automation that runs when it is asked, if a condition holds."""
    condition = {"condition": f"cgm.{key}", "target": target}
    if options:
        condition["options"] = options
    return {
        "alias": key,
        "id": key,
        "triggers": [{"trigger": "event", "event_type": ASKED}],
        "conditions": [condition],
        "actions": [{"event": RAN, "event_data": {"trigger": {"holds": True}}}],
    }


def note_runs(hass: HomeAssistant) -> list[dict[str, Any]]:
    """Collect from now on what the triggers of automations that ran told."""
    runs: list[dict[str, Any]] = []

    @callback
    def ran(event: Event) -> None:
        runs.append(event.data["trigger"])

    hass.bus.async_listen(RAN, ran)
    return runs


async def automate(hass: HomeAssistant, *automations: dict[str, Any]) -> list[dict[str, Any]]:
    """Set automations up as in configuration.yaml, where a restart finds them; notes the runs."""
    runs = note_runs(hass)
    config = {"automation": list(automations)}
    file = Path(hass.config.path("configuration.yaml"))
    await hass.async_add_executor_job(file.write_text, dump(config))
    assert await async_setup_component(hass, "automation", config)
    await hass.async_block_till_done()
    for each in automations:
        state = hass.states.get(f"automation.{each['alias']}")
        assert state is not None
        assert state.state == "on", state
    return runs


async def holds(hass: HomeAssistant, runs: list[dict[str, Any]]) -> bool:
    """Ask the conditional automation."""
    runs.clear()
    hass.bus.async_fire(ASKED)
    await hass.async_block_till_done()
    return bool(runs)


async def receive(wearer: Wearer, mg_dl: int, *, bound: Bound | None = None) -> None:
    """Have the wearer's one source bring a reading of now."""
    (feed,) = wearer.feeds.values()
    now = dt_util.utcnow()
    row = Reading(time=now, mg_dl=mg_dl, bound=bound, source=feed.id, series="share")
    await wearer.async_receive(feed, Answer(readings=(row,)))


async def measure(
    hass: HomeAssistant, entry: MockConfigEntry, mg_dl: int, *, bound: Bound | None = None
) -> None:
    """Have a reading come, and everything happen."""
    await receive(running(entry), mg_dl, bound=bound)
    await hass.async_block_till_done()


def described(part: str) -> dict[str, set[str]]:
    """Return the fields of which the texts tell, by trigger or condition; each has an icon."""
    folder = Path(custom_components.cgm.__file__).parent
    texts = json.loads((folder / "translations" / "en.json").read_text(encoding="utf-8"))[part]
    icons = json.loads((folder / "icons.json").read_text(encoding="utf-8"))[part]
    assert icons.keys() == texts.keys()
    return {key: set(about["fields"]) for key, about in texts.items()}
