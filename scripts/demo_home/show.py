"""The demo's story: set up, boot, add the wearer, show or check, stop."""

from __future__ import annotations

import time
from pathlib import Path
from zoneinfo import ZoneInfo

from demo_home.folder import PASSWORD, USER, make_folder
from demo_home.home import Home, HomeFailed
from demo_home.wearer import NAME, add_simulated_wearer, store_replayed_wearer

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".cache" / "demo"
GLUCOSE = f"sensor.{NAME.lower()}_glucose"
VALUE_WITHIN_SECONDS = 120


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"demo: {text}", flush=True)


def run(*, replay: Path | None, zone: str, speed: float, port: int, check: bool) -> int:
    """Show or check the demo; returns the exit status."""
    try:
        ZoneInfo(zone)
    except KeyError, ValueError:
        say(f"there is no time zone {zone!r}; one looks like Europe/Berlin")
        return 2
    if replay is not None and not replay.is_file():
        say(f"there is no file {replay}")
        return 2
    make_folder(
        FOLDER,
        ROOT / "custom_components" / "cgm",
        port=port,
        zone=zone,
        source="simulated" if replay is None else "replay",
    )
    if replay is not None:
        say(f"a wearer replays {replay.name} at {speed:g}x")
        store_replayed_wearer(FOLDER, replay.resolve(), zone, speed)
    home = Home(FOLDER, port)
    say("starting Home Assistant (about 15 seconds)")
    try:
        home.start()
        home.log_in(USER, PASSWORD)
        say("Home Assistant is up")
        if replay is None:
            say("adding a simulated wearer with 14 days of history")
            add_simulated_wearer(home, zone)
        value = wait_for_value(home)
        say(f"{GLUCOSE} is {value}")
        if check:
            return print_entities(home)
        say(f"open {home.url}/glucose-demo/now")
        say(f"user: {USER}   password: {PASSWORD}")
        say("Ctrl-C stops everything")
        home.wait()
    except HomeFailed as failure:
        say(f"FAILED: {failure}")
        print(home.log(), flush=True)
        return 1
    finally:
        say("stopping Home Assistant")
        home.stop()
    return 0


def wait_for_value(home: Home) -> str:
    """Return the glucose sensor's first numeric state, asked over REST; raises HomeFailed."""
    give_up = time.monotonic() + VALUE_WITHIN_SECONDS
    state = "missing"
    while time.monotonic() < give_up:
        answer = home.get(f"/api/states/{GLUCOSE}")
        state = "missing" if answer is None else str(answer["state"])
        if state.replace(".", "", 1).isdigit():
            return state
        time.sleep(0.5)
    raise HomeFailed(f"{GLUCOSE} has no value after {VALUE_WITHIN_SECONDS} s (it is {state})")


def print_entities(home: Home) -> int:
    """Print every entity of the wearer with its state; returns the exit status."""
    states = [s for s in home.states() if s["entity_id"] in home.entities_of("cgm")]
    width = max(len(s["entity_id"]) for s in states)
    for state in sorted(states, key=lambda s: s["entity_id"]):
        unit = state["attributes"].get("unit_of_measurement", "")
        print(f"  {state['entity_id']:{width}}  {state['state']} {unit}".rstrip())
    print(f"demo: check passed, {len(states)} entities", flush=True)
    return 0
