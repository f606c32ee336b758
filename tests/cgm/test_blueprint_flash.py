"""A low flashes the lights, and they are as they were afterwards, whatever comes between."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.demo.light import DemoLight
from homeassistant.const import Platform
from homeassistant.core import Event, HomeAssistant, State, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv, entity_registry as er
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm.shared.glucose.reading import Reading
from custom_components.cgm.shared.glucose.sources.source import Answer

from .blueprints import automate, demo, let_run, restarted, turns
from .conftest import AddWearer, RunWearer
from .watching import NOON, running

NAME = "low_flashes_lights"
EVENT = "event.alex_alarm"
BED, CEILING, KITCHEN = "light.bed_light", "light.ceiling_lights", "light.kitchen_lights"
RED = (255, 0, 0)
SECOND = timedelta(seconds=1)
HALF = timedelta(seconds=0.5)

type Run = Callable[[float], Awaitable[None]]


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(NOON)


@pytest.fixture
async def wearer(
    hass: HomeAssistant, run_wearer: RunWearer, simulated: dict[str, Any]
) -> MockConfigEntry:
    entry = await run_wearer({**simulated, "kind": "simulated"})
    await demo(hass, Platform.LIGHT)
    return entry


@pytest.fixture
def run(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> Run:
    async def passed(seconds: float) -> None:
        await let_run(hass, freezer, seconds * SECOND, step=HALF / 5)

    return passed


async def measure(entry: MockConfigEntry, mg_dl: int) -> None:
    feed = next(iter(running(entry).feeds.values()))
    reading = Reading(time=dt_util.utcnow(), mg_dl=mg_dl, source=feed.id, series="simulated")
    await running(entry).async_receive(feed, Answer(readings=(reading,)))


def shown(hass: HomeAssistant, lamp: str) -> State:
    state = hass.states.get(lamp)
    assert state is not None
    return state


def looks(hass: HomeAssistant, lamp: str) -> dict[str, Any]:
    state = shown(hass, lamp)
    names = ("brightness", "color_mode", "effect", "color_temp_kelvin", "hs_color")
    return {"state": state.state, **{name: state.attributes.get(name) for name in names}}


def is_red(hass: HomeAssistant, lamp: str) -> bool:
    state = shown(hass, lamp)
    return state.state == "on" and state.attributes["rgb_color"] == RED


async def flashes(hass: HomeAssistant, run: Run, lamp: str, seconds: float = 1.5) -> bool:
    """Tell whether a lamp is red once within some time."""
    for _ in range(round(seconds / 0.1)):
        if is_red(hass, lamp):
            return True
        await run(0.1)
    return False


async def flash(hass: HomeAssistant, **more: object) -> str:
    inputs: dict[str, Any] = {
        "alarm": EVENT,
        "lights": {"entity_id": [BED, CEILING]},
        "count": 3,
        **more,
    }
    return await automate(hass, NAME, **inputs)


async def test_a_low_flashes_and_the_lights_are_as_they_were(
    hass: HomeAssistant, wearer: MockConfigEntry, run: Run
) -> None:
    await hass.services.async_call(
        "light", "turn_on", {"entity_id": CEILING, "brightness": 77}, blocking=True
    )
    before = looks(hass, CEILING)
    await flash(hass)
    await measure(wearer, 51)
    assert await flashes(hass, run, BED)
    assert await flashes(hass, run, CEILING)
    await run(10)
    assert looks(hass, CEILING) == before
    assert shown(hass, BED).state == "off"
    # What it remembers for the next time that somebody needs it.
    await hass.services.async_call("light", "turn_on", {"entity_id": BED}, blocking=True)
    after = looks(hass, BED)
    assert (after["color_mode"], after["brightness"], after["effect"]) == (
        "color_temp",
        180,
        "rainbow",
    )


@pytest.mark.parametrize("usual", [False, True], ids=["seen", "silenced"])
async def test_once_seen_or_silenced_the_lights_go_back_at_once(
    hass: HomeAssistant, wearer: MockConfigEntry, run: Run, usual: bool
) -> None:
    before = looks(hass, CEILING)
    await flash(hass, count=600)
    await measure(wearer, 51)
    assert await flashes(hass, run, CEILING)
    await running(wearer).alarms.async_silence(usual=usual)
    await run(3)
    assert looks(hass, CEILING) == before
    assert not await flashes(hass, run, CEILING)


@pytest.mark.parametrize("again", [True, False])
async def test_it_flashes_as_brightly_as_chosen_and_again_where_that_is_wanted(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    run: Run,
    freezer: FrozenDateTimeFactory,
    again: bool,
) -> None:
    await flash(hass, again=again, brightness=40, count=1)
    await measure(wearer, 51)
    assert await flashes(hass, run, CEILING)
    assert shown(hass, CEILING).attributes["brightness"] == round(0.4 * 255)
    await run(10)
    freezer.tick(timedelta(minutes=5))
    await measure(wearer, 51)
    assert await flashes(hass, run, CEILING, 3) is again


async def test_at_a_start_in_the_middle_of_a_low_it_flashes(
    hass: HomeAssistant, wearer: MockConfigEntry, run: Run
) -> None:
    await measure(wearer, 51)
    await turns(hass)
    before = looks(hass, CEILING)
    # The reload that follows a new automation is as a start to it.
    await flash(hass)
    assert await flashes(hass, run, CEILING)
    await run(10)
    assert looks(hass, CEILING) == before


async def test_after_a_restart_in_the_middle_they_are_what_they_were_before_the_first(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    run: Run,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
) -> None:
    before = looks(hass, CEILING)
    await flash(hass, count=30)
    await measure(wearer, 51)
    assert await flashes(hass, run, CEILING)
    on_disk = hass_storage["cgm.lamps"]

    async def lamps_left_red(again: HomeAssistant) -> None:
        # Who loses power gives nothing back on the way.
        hass_storage["cgm.lamps"] = on_disk
        await demo(again, Platform.LIGHT)
        for lamp in (BED, CEILING):
            await again.services.async_call(
                "light", "turn_on", {"entity_id": lamp, "rgb_color": RED}, blocking=True
            )

    async with restarted(hass, wearer, before=lamps_left_red) as again:
        seen = 0
        for _ in range(40):
            seen += is_red(again, CEILING)
            await let_run(again, freezer, SECOND / 5, step=SECOND / 5)
        # The low is still on: it flashes anew.
        assert seen
        await running(again.config_entries.async_entries("cgm")[0]).alarms.async_silence()
        await let_run(again, freezer, 4 * SECOND, step=SECOND / 5)
        assert looks(again, CEILING) == before
        assert shown(again, BED).state == "off"


async def test_a_lamp_that_is_lost_meanwhile_goes_back_when_it_comes_again(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = looks(hass, CEILING)
    lost: set[str] = set()
    monkeypatch.setattr(DemoLight, "available", property(lambda lamp: lamp.entity_id not in lost))
    await flash(hass, lights={"entity_id": [CEILING, KITCHEN, "light.never_was"]})
    await measure(wearer, 51)
    assert await flashes(hass, run, CEILING)
    lost.add(CEILING)
    er.async_get(hass).async_remove(KITCHEN)
    hass.data["light"].get_entity(CEILING).async_write_ha_state()
    await run(10)
    assert shown(hass, CEILING).state == "unavailable"
    lost.clear()
    hass.data["light"].get_entity(CEILING).async_write_ha_state()
    await run(1)
    assert looks(hass, CEILING) == before


async def test_a_stop_in_the_middle_gives_them_back(
    hass: HomeAssistant, wearer: MockConfigEntry, run: Run, hass_storage: dict[str, Any]
) -> None:
    before = looks(hass, CEILING)
    await flash(hass, count=600)
    await measure(wearer, 51)
    assert await flashes(hass, run, CEILING)
    assert CEILING in hass_storage["cgm.lamps"]["data"]
    await hass.async_stop(force=True)
    assert looks(hass, CEILING) == before
    assert hass_storage["cgm.lamps"]["data"] == {}


async def test_two_wearers_flash_one_lamp_at_once(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    add_wearer: AddWearer,
    simulated: dict[str, Any],
    run: Run,
) -> None:
    other = add_wearer({**simulated, "seed": 8}, title="Robin")
    assert await hass.config_entries.async_setup(other.entry_id)
    await turns(hass)
    before = looks(hass, CEILING)
    await flash(hass)
    await flash(hass, called="robin", alarm="event.robin_alarm", color=[0, 0, 255], count=5)
    await measure(wearer, 51)
    assert await flashes(hass, run, CEILING)
    await measure(other, 51)
    await run(2)
    colours = set()
    for _ in range(30):
        state = shown(hass, CEILING)
        if state.state == "on":
            colours.add(state.attributes["rgb_color"])
        await run(0.1)
    assert (0, 0, 255) in colours
    assert RED not in colours
    await run(15)
    assert looks(hass, CEILING) == before


async def test_a_second_alarm_while_flashing_begins_anew(
    hass: HomeAssistant, wearer: MockConfigEntry, run: Run
) -> None:
    before = looks(hass, CEILING)
    await flash(hass)
    await measure(wearer, 66)
    assert await flashes(hass, run, CEILING)
    await run(3)
    await measure(wearer, 50)
    assert await flashes(hass, run, CEILING, 3)
    await run(12)
    assert looks(hass, CEILING) == before


@pytest.mark.parametrize("taken", ["reload", "high"])
async def test_what_is_no_alarm_of_ours_flashes_nothing(
    hass: HomeAssistant, wearer: MockConfigEntry, run: Run, taken: str
) -> None:
    await measure(wearer, 51)
    await running(wearer).alarms.async_silence()
    await turns(hass)
    await flash(hass)
    if taken == "reload":
        assert await hass.config_entries.async_reload(wearer.entry_id)
    else:
        await measure(wearer, 320)
    assert not await flashes(hass, run, CEILING, 3)


async def test_a_dead_lamp_keeps_no_other_dark_and_a_group_is_its_members(
    hass: HomeAssistant, wearer: MockConfigEntry, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn_on = DemoLight.async_turn_on

    async def refuse(lamp: DemoLight, **more: Any) -> None:  # noqa: ANN401 - as there
        if lamp.entity_id == KITCHEN:
            raise HomeAssistantError("made up")
        await turn_on(lamp, **more)

    before = {lamp: looks(hass, lamp) for lamp in (CEILING, KITCHEN)}
    monkeypatch.setattr(DemoLight, "async_turn_on", refuse)
    hass.states.async_set("light.all", "on", {"entity_id": [CEILING, KITCHEN]})
    called: list[str] = []

    @callback
    def note(event: Event) -> None:
        if event.data["domain"] == "light":
            called.extend(cv.ensure_list(event.data["service_data"]["entity_id"]))

    hass.bus.async_listen("call_service", note)
    await flash(hass, lights={"entity_id": ["light.all"]})
    await measure(wearer, 51)
    assert await flashes(hass, run, CEILING)
    await run(10)
    assert looks(hass, CEILING) == before[CEILING]
    # It was switched off, and refuses to be switched on: later, once it says something again.
    assert shown(hass, KITCHEN).state == "off"
    monkeypatch.undo()
    hass.data["light"].get_entity(KITCHEN).async_write_ha_state()
    await hass.services.async_call("light", "turn_on", {"entity_id": KITCHEN}, blocking=True)
    await run(1)
    assert looks(hass, KITCHEN) == before[KITCHEN]
    assert set(called) == {CEILING, KITCHEN}


async def test_what_is_no_light_in_a_group_is_left_alone(
    hass: HomeAssistant, wearer: MockConfigEntry, run: Run
) -> None:
    hass.states.async_set("switch.fan", "on")
    hass.states.async_set("light.all", "on", {"entity_id": [CEILING, "switch.fan"]})
    called: list[str] = []

    @callback
    def note(event: Event) -> None:
        called.extend(cv.ensure_list(event.data["service_data"].get("entity_id", [])))

    await flash(hass, lights={"entity_id": ["light.all"]})
    await run(1)
    hass.bus.async_listen("call_service", note)
    await measure(wearer, 51)
    assert await flashes(hass, run, CEILING)
    await run(10)
    # The action itself has the group.
    assert set(called) == {"light.all", CEILING}


async def test_with_no_light_to_be_reached_it_says_so(
    hass: HomeAssistant, wearer: MockConfigEntry, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    await flash(hass, lights={"entity_id": ["light.never_was"]})
    await measure(wearer, 51)
    await run(1)
    assert "None of the lights that are to flash can be reached" in caplog.text


async def test_a_new_alarm_just_after_they_were_given_back_does_not_take_red_for_the_usual(
    hass: HomeAssistant, wearer: MockConfigEntry, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = looks(hass, CEILING)
    write = DemoLight.async_write_ha_state
    late = False

    def report(lamp: DemoLight) -> None:
        if not late:
            write(lamp)

    call = {"entity_id": CEILING, "count": 1, "pattern": "fast"}
    monkeypatch.setattr(DemoLight, "async_write_ha_state", report)
    first = hass.async_create_task(hass.services.async_call("cgm", "flash_lights", call, True))
    assert await flashes(hass, run, CEILING)
    late = True
    await run(2)
    assert first.done()
    assert is_red(hass, CEILING)
    second = hass.async_create_task(hass.services.async_call("cgm", "flash_lights", call, True))
    await run(0.2)
    late = False
    await run(3)
    assert second.done()
    assert looks(hass, CEILING) == before
