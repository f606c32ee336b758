"""The demo's story: set up, boot, add the wearer, show or check, stop."""

from __future__ import annotations

import secrets
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from demo_home import fast_wearer
from demo_home.agent import AgentProcess
from demo_home.broker import HOME_ASSISTANT, Broker, BrokerFailed, free_port
from demo_home.edge import NODE, add_mqtt, adopt
from demo_home.folder import PASSWORD, USER, make_folder
from demo_home.home import Home, HomeFailed
from demo_home.lamp import add_lamp, light_lamp, prove_low
from demo_home.pictures import prove_pictures
from demo_home.wearer import NAME, add_simulated_wearer, store_replayed_wearer

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".cache" / "demo"
GLUCOSE = f"sensor.{NAME.lower()}_glucose"
FAST_GLUCOSE = f"sensor.{fast_wearer.NAME.lower()}_glucose"
VALUE_WITHIN_SECONDS = 120


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"demo: {text}", flush=True)


def run(  # noqa: PLR0913 - one for each option
    *, replay: Path | None, zone: str, speed: float, port: int, check: bool, edge: bool
) -> int:
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
        source="edge_agent" if edge else "simulated" if replay is None else "replay",
    )
    if replay is not None:
        say(f"a wearer replays {replay.name} at {speed:g}x")
        store_replayed_wearer(FOLDER, replay.resolve(), zone, speed)
    add_lamp(FOLDER, ROOT)
    add_fast_wearer(zone)
    home = Home(FOLDER, port)
    agent: AgentProcess | None = None
    with ExitStack() as running:
        say("starting Home Assistant (about 15 seconds)")
        running.callback(home.stop)
        running.callback(say, "stopping everything")
        try:
            home.start()
            home.log_in(USER, PASSWORD)
            say("Home Assistant is up")
            if edge:
                agent = run_edge(home, zone, running)
            elif replay is None:
                say("adding a simulated wearer with 14 days of history")
                add_simulated_wearer(home, zone)
            value = wait_for_value(home)
            say(f"{GLUCOSE} is {value}")
            if agent is not None:
                wait_for_acknowledgement(agent)
            wait_for_value(home, FAST_GLUCOSE)
            if check:
                say(prove_low(home))
                for name in (NAME, fast_wearer.NAME):
                    say(prove_pictures(home, name))
                return print_entities(home)
            light_lamp(home)
            say(f"open {home.url}/glucose-demo/now")
            say(f"user: {USER}   password: {PASSWORD}")
            say(f'see an alarm: press "Make it low", and within half a minute {fast_wearer.NAME}')
            say('is low and the lamp flashes; "Test alarm" flashes it at once, without a low')
            say("Ctrl-C stops everything")
            home.wait()
        except (HomeFailed, BrokerFailed) as failure:
            say(f"FAILED: {failure}")
            print(home.log(), flush=True)
            return 1
    return 0


def add_fast_wearer(zone: str) -> None:
    """Put the second wearer into the folder, calm until somebody asks for a low."""
    file = fast_wearer.write_days(FOLDER, datetime.now(UTC))
    store_replayed_wearer(FOLDER, file, zone, fast_wearer.SPEED, name=fast_wearer.NAME)


def run_edge(home: Home, zone: str, running: ExitStack) -> AgentProcess:
    """Start broker and agent, and answer what Home Assistant then asks; raises HomeFailed."""
    passwords = {HOME_ASSISTANT: secrets.token_urlsafe(), NODE: secrets.token_urlsafe()}
    broker = running.enter_context(Broker(FOLDER / "broker", passwords))
    say(f"mosquitto is up on {broker.host}:{broker.port}")
    add_mqtt(home, broker, passwords[HOME_ASSISTANT])
    say("Home Assistant is at the broker")
    agent = AgentProcess(
        FOLDER / "agent",
        node=NODE,
        port=broker.port,
        password=passwords[NODE],
        health_port=free_port(),
    )
    running.callback(agent.stop)
    agent.start()
    say("the edge agent is up, with a simulated wearer")
    try:
        adopt(home, NODE, NAME, zone)
    except HomeFailed:
        print(agent.log()[-4000:], flush=True)
        raise
    say("Home Assistant has found the agent, and its readings have a wearer")
    return agent


def wait_for_acknowledgement(agent: AgentProcess) -> None:
    """Wait until all that the agent has is in the home's history; raises HomeFailed."""
    give_up = time.monotonic() + VALUE_WITHIN_SECONDS
    while (waiting := agent.waiting()) != 0:
        if time.monotonic() > give_up:
            raise HomeFailed(f"{waiting} readings wait for Home Assistant's acknowledgement")
        time.sleep(0.2)
    say("Home Assistant has acknowledged every reading the agent had")


def wait_for_value(home: Home, sensor: str = GLUCOSE) -> str:
    """Return a glucose sensor's first numeric state, asked over REST; raises HomeFailed."""
    give_up = time.monotonic() + VALUE_WITHIN_SECONDS
    state = "missing"
    while time.monotonic() < give_up:
        answer = home.get(f"/api/states/{sensor}")
        state = "missing" if answer is None else str(answer["state"])
        if state.replace(".", "", 1).isdigit():
            return state
        time.sleep(0.5)
    raise HomeFailed(f"{sensor} has no value after {VALUE_WITHIN_SECONDS} s (it is {state})")


def print_entities(home: Home) -> int:
    """Print every entity of the wearers with its state; returns the exit status."""
    states = [s for s in home.states() if s["entity_id"] in home.entities_of("cgm")]
    width = max(len(s["entity_id"]) for s in states)
    for state in sorted(states, key=lambda s: s["entity_id"]):
        unit = state["attributes"].get("unit_of_measurement", "")
        print(f"  {state['entity_id']:{width}}  {state['state']} {unit}".rstrip())
    print(f"demo: check passed, {len(states)} entities", flush=True)
    return 0
