"""Blueprints as users have them: put into a test home's folder, an automation made of each."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from time import sleep
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components import demo as demo_home
from homeassistant.components.automation.helpers import async_get_blueprints as of_automations
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.components.script.helpers import async_get_blueprints as of_scripts
from homeassistant.const import Platform
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import frame, restore_state, translation
from homeassistant.loader import DATA_CUSTOM_COMPONENTS
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import dump, load_yaml_dict
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    async_test_home_assistant,
)

from custom_components.cgm.const import DOMAIN

type Before = Callable[[HomeAssistant], Awaitable[None]]

BLUEPRINTS = Path(__file__).parents[2] / "blueprints"
SOURCE = "https://github.com/cgm-home/cgm-home-assistant/blob/main/blueprints"


async def blueprint_of(hass: HomeAssistant, name: str, domain: str = "automation") -> Blueprint:
    """Return blueprints/`domain`/cgm/`name`.yaml as Home Assistant itself reads and checks it."""
    await async_setup_component(hass, domain, {})
    _import(hass, name, domain)
    getters = {"automation": of_automations, "script": of_scripts}
    return await getters[domain](hass).async_get_blueprint(f"cgm/{name}.yaml")


async def automate(
    hass: HomeAssistant,
    name: str,
    *,
    called: str = "",
    **inputs: Any,  # noqa: ANN401 - each blueprint has its own
) -> str:
    """Make an automation of a blueprint, as the user's dialog does; returns its entity id.

    It is one of the home's configuration from then on: `automation.reload` and a restart have it.
    `called` tells two automations of one blueprint apart.
    """
    await blueprint_of(hass, name)
    called = called or name
    use = {"path": f"cgm/{name}.yaml", "input": inputs}
    _configure(hass, {"id": called, "alias": called, "use_blueprint": use})
    await hass.services.async_call("automation", "reload", blocking=True)
    await turns(hass)
    state = hass.states.get(f"automation.{called}")
    assert state is not None
    # An automation whose configuration is refused is there, too: unavailable.
    assert state.state == "on", state
    return state.entity_id


async def script_of(hass: HomeAssistant, name: str, **inputs: Any) -> str:  # noqa: ANN401 - as there
    """Make a script of a blueprint; returns its entity id."""
    _import(hass, name, "script")
    use = {"path": f"cgm/{name}.yaml", "input": inputs}
    assert await async_setup_component(hass, "script", {"script": {name: {"use_blueprint": use}}})
    state = hass.states.get(f"script.{name}")
    assert state is not None
    assert state.state == "off", state
    return state.entity_id


def _import(hass: HomeAssistant, name: str, domain: str) -> None:
    folder = Path(hass.config.path("blueprints", domain, "cgm"))
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(BLUEPRINTS / domain / "cgm" / f"{name}.yaml", folder)


def _configure(hass: HomeAssistant, automation: dict[str, object]) -> None:
    file = Path(hass.config.path("configuration.yaml"))
    config = load_yaml_dict(file) if file.exists() and file.stat().st_size else {}
    config.setdefault("automation", []).append(automation)
    file.write_text(dump(config), encoding="utf-8")


def complaints(blueprint: Blueprint, name: str, domain: str = "automation") -> list[str]:
    """Return what a blueprint does not say that each of ours says."""
    data = blueprint.metadata
    said = str(data.get("description", ""))
    sections = data["input"].values()
    inputs = blueprint.inputs.values()
    wanted = {
        "has no name": bool(data.get("name")),
        "does not say to keep the vendor's own alarms on": "alarms on" in " ".join(said.split()),
        "does not say where it is from": data.get("source_url")
        == f"{SOURCE}/{domain}/cgm/{name}.yaml",
        "has no author": bool(data.get("author")),
        "does not say which Home Assistant it needs": bool(
            data.get("homeassistant", {}).get("min_version")
        ),
        "has inputs outside of sections": all("input" in section for section in sections),
        "has sections without a name": all(section.get("name") for section in sections),
        "has inputs without name, description or selector": all(
            one.get("name") and one.get("description") and one.get("selector") for one in inputs
        ),
    }
    return [complaint for complaint, holds in wanted.items() if not holds]


@asynccontextmanager
async def restarted(
    hass: HomeAssistant, *entries: MockConfigEntry, before: Before | None = None
) -> AsyncIterator[HomeAssistant]:
    """Stop Home Assistant and start another in its folder, with its wearers and automations.

    What it kept on its disk is there, its states are restored, all else is forgotten.
    `before` sets up what was there beside them. It is stopped at the end.
    """
    await restore_state.async_get(hass).async_dump_states()
    await hass.async_stop(force=True)
    config = load_yaml_dict(hass.config.path("configuration.yaml"))
    async with async_test_home_assistant(
        hass.loop, config_dir=hass.config.config_dir, initial_state=CoreState.not_running
    ) as again:
        frame.async_setup(again)
        # What enable_custom_integrations does for the first.
        again.data.pop(DATA_CUSTOM_COMPONENTS)
        again.config.language = hass.config.language
        await restore_state.async_get(again).async_load()
        await translation.async_load_integrations(again, {"homeassistant"})
        for entry in entries:
            same_again(entry).add_to_hass(again)
        if before is not None:
            await before(again)
        assert await async_setup_component(again, DOMAIN, {})
        assert await async_setup_component(again, "automation", config)
        await again.async_block_till_done()
        await again.async_start()
        await turns(again)
        try:
            yield again
        finally:
            for one in again.config_entries.async_entries(DOMAIN):
                await again.config_entries.async_unload(one.entry_id)
            await again.async_stop(force=True)


def same_again(entry: MockConfigEntry) -> MockConfigEntry:
    """Return an entry as it is read from the disk at the next start."""
    return MockConfigEntry(
        domain=entry.domain,
        title=entry.title,
        entry_id=entry.entry_id,
        data=entry.data,
        options=entry.options,
        subentries_data=[
            {
                "data": one.data,
                "subentry_id": one.subentry_id,
                "subentry_type": one.subentry_type,
                "title": one.title,
                "unique_id": one.unique_id,
            }
            for one in entry.subentries.values()
        ],
    )


async def turns(hass: HomeAssistant) -> None:
    """Let everything go on as far as it can without time passing.

    An automation that waits is a task that block_till_done would wait for in turn, for ever.
    """
    for _ in range(5):
        for _ in range(20):
            await asyncio.sleep(0)
        await hass.async_add_executor_job(sleep, 0.002)


async def let_run(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    time: timedelta,
    step: timedelta = timedelta(seconds=10),
) -> None:
    """Let time pass while automations wait in it, in any of the homes."""
    while time > timedelta():
        freezer.tick(min(step, time))
        time -= step
        async_fire_time_changed(hass)
        await turns(hass)


async def demo(hass: HomeAssistant, *platforms: Platform) -> None:
    """Set up so much of Home Assistant's own demo integration."""
    # What it depends on asks which entities are exposed.
    assert await async_setup_component(hass, "homeassistant", {})
    with patch.object(demo_home, "COMPONENTS_WITH_CONFIG_ENTRY_DEMO_PLATFORM", list(platforms)):
        entry = MockConfigEntry(domain="demo", entry_id="demo")
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await turns(hass)
