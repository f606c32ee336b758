"""What edge.py measures on the whole chain: real agents, a real broker, a real Home Assistant.

The agents run on Python 3.11 as their service runs them (edge_agent_program.py); the vendors are
those of tests/fakes, over HTTP on loopback. All clocks are this machine's one clock.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import paho.mqtt.client as paho
from aiohttp import web
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

sys.path.insert(0, str(Path(__file__).parents[1] / "custom_components" / "cgm" / "shared"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
sys.path.insert(0, str(Path(__file__).parents[1]))

from demo_home.agent import PYTHON, AgentProcess, environment
from demo_home.broker import free_port
from e2e.chain import STRANGER, Chain, Source, until
from edge_agent.outbox import Outbox
from fakes.dexcom_share import FakeDexcomShare, Row
from fakes.librelinkup import FakeLibreLinkUp, FakePatient
from fakes.nightscout import entry
from fakes.serving import Handler
from glucose.reading import Reading

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = str(Path(__file__).with_name("edge_agent_program.py"))
FIVE = timedelta(minutes=5)
DAYS = 14
READINGS = 250
ASK_EVERY = 0.1
ROWS_IN_LIFE = 4
BACKLOG = 8_640


@dataclass(frozen=True)
class Work:
    """What an agent's process did in a stretch of time: CPU seconds, questions asked, seconds."""

    cpu: float
    asked: int
    seconds: float


@dataclass(frozen=True)
class Latencies:
    """Milliseconds from the source's answer until the state changed, and the WebSocket told it."""

    changed: list[float]
    told: list[float]
    work: Work


@dataclass(frozen=True)
class Backlog:
    """Seconds from the agent's `online` to the last acknowledgement, and of the plain publisher."""

    ours: float
    plain: float
    from_start: float
    stored: int


@dataclass(frozen=True)
class Resident:
    """Bytes of resident memory, and CPU seconds a second, of an agent with nothing new to do."""

    of: str
    most_mb: float | None
    first_start: int
    restarted: int
    idle_cpu: float


class Sources(Source):
    """Whatever an agent's settings say, in the place of one site."""

    def __init__(self, settings: str) -> None:
        super().__init__()
        self._settings = settings

    @property
    def settings(self) -> str:
        """The agent's settings for them."""
        return self._settings


@contextmanager
def running(folder: Path) -> Iterator[Chain]:
    """Give a chain that runs."""
    nodes = tuple(f"node{number}" for number in range(8))
    with Chain(folder, nodes).running() as chain:
        yield chain


@contextmanager
def adopted(
    chain: Chain, node: str, source: Source, told: dict[str, object]
) -> Iterator[AgentProcess]:
    """Run an agent whose readings are those of a wearer named as the node."""
    command = (PROGRAM, json.dumps(told))
    with chain.agent(node, source, command=command, health_port=free_port()) as agent:
        agent.start()
        chain.adopt(node)
        yield agent


@contextmanager
def serving(source: Source) -> Iterator[None]:
    """Serve a site."""
    with source.site.serving_in_thread() as source.url:
        yield


def nightscout(url: str, name: str = "site") -> str:
    """Return an agent's settings for a site."""
    return f'[[sources]]\nname = "{name}"\nwearer = "Alex"\nkind = "nightscout"\nurl = "{url}"\n'


def latency(chain: Chain, node: str) -> Latencies:
    """Have one reading after another become available, each when the one before was shown."""
    source = Source()
    answered: dict[int, float] = {}

    async def stamped(request: web.Request, handler: Handler) -> web.StreamResponse:
        whole = await handler(request)
        if not isinstance(whole, web.Response) or not isinstance(whole.body, bytes):
            raise TypeError(whole)
        # Readings come closer here than in life, where a question brings the last 15 minutes.
        rows = sorted(json.loads(whole.body), key=lambda row: int(row["date"]), reverse=True)
        answer = web.json_response(rows[:ROWS_IN_LIFE])
        now = time.time()
        for row in rows[:ROWS_IN_LIFE]:
            answered.setdefault(int(row["sgv"]), now)
        return answer

    start = datetime.now(UTC) - timedelta(days=1)
    for number in range(280):
        source.site.put(entry(start + number * FIVE, 100 + number % 7))
    source.site.fail(stamped, path="/entries")
    with (
        serving(source),
        adopted(chain, node, source, {"every": ASK_EVERY}) as agent,
    ):
        delivered(agent)
        entity = f"sensor.{node}_glucose"

        def put(mg_dl: int) -> None:
            answered.pop(mg_dl, None)
            source.site.put(entry(datetime.now(UTC), mg_dl))

        work = working(agent, source)
        changed, told = asyncio.run(_watched(chain, entity, put, answered))
        return Latencies(changed, told, work())


def questions(chain: Chain, node: str, seconds: float) -> Work:
    """Have an agent ask for readings of which none is new."""
    source = Source()
    source.produce(ROWS_IN_LIFE)
    with serving(source), adopted(chain, node, source, {"every": ASK_EVERY}) as agent:
        delivered(agent)
        work = working(agent, source)
        time.sleep(seconds)
        return work()


def working(agent: AgentProcess, source: Source) -> Callable[[], Work]:
    """Return what tells the agent's work from now on."""
    cpu, asked, began = cpu_seconds(agent), len(source.site.log), time.monotonic()
    return lambda: Work(
        cpu_seconds(agent) - cpu, len(source.site.log) - asked, time.monotonic() - began
    )


def delivered(agent: AgentProcess) -> None:
    """Wait until everything is acknowledged."""
    if not until(lambda: agent.waiting() == 0, 60):
        raise AssertionError(agent.log()[-2000:])


async def _watched(
    chain: Chain, entity: str, put: Callable[[int], None], answered: dict[int, float]
) -> tuple[list[float], list[float]]:
    """Follow the entity's state over the WebSocket while readings come; milliseconds."""
    changed: list[float] = []
    told: list[float] = []
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{chain.home.url}/api/websocket") as heard,
    ):
        await heard.receive_json()
        await heard.send_json({"type": "auth", "access_token": chain.home.token})
        await heard.receive_json()
        await heard.send_json({"id": 1, "type": "subscribe_events", "event_type": "state_changed"})
        await heard.receive_json()
        for number in range(READINGS):
            mg_dl = 60 + number
            put(mg_dl)
            async with asyncio.timeout(30):
                while True:
                    event = (await heard.receive_json())["event"]
                    now = time.time()
                    state = event["data"]["new_state"]
                    if event["data"]["entity_id"] == entity and state["state"] == str(mg_dl):
                        break
            at = datetime.fromisoformat(state["last_changed"]).timestamp()
            changed.append(1000 * (at - answered[mg_dl]))
            told.append(1000 * (now - answered[mg_dl]))
            # So that the next one meets the agent at another moment between two questions.
            await asyncio.sleep(random.uniform(0.05, 0.25))
    return changed, told


class Listener:
    """Hears everything of one node's, with the moment it came; stores nothing."""

    def __init__(self, chain: Chain, *topics: str) -> None:
        self.heard: list[tuple[float, str, bytes]] = []
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self.client.username_pw_set(STRANGER, f"the word of {STRANGER}")
        self.client.on_message = self._on_message
        ready = threading.Event()
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.connect(chain.broker.host, chain.broker.port)
        self.client.loop_start()
        if topics:
            self.client.subscribe([(topic, 1) for topic in topics])
            ready.wait(10)

    def close(self) -> None:
        """Leave."""
        self.client.disconnect()
        self.client.loop_stop()

    def _on_message(self, _client: object, _userdata: object, message: paho.MQTTMessage) -> None:
        self.heard.append((time.time(), message.topic, message.payload))


def backlog(chain: Chain, node: str) -> Backlog:
    """Deliver 30 days from an outbox; then the same messages with a plain publisher."""
    source = Source()
    with serving(source):
        with adopted(chain, node, source, {}) as agent:
            delivered(agent)
            agent.stop()
            newest = datetime.now(UTC)
            outbox = Outbox(agent.outbox, clock=lambda: newest)
            outbox.open()
            outbox.add(
                Reading(
                    time=newest - number * FIVE,
                    mg_dl=60 + number % 300,
                    source="site",
                    series="entries",
                )
                for number in reversed(range(BACKLOG))
            )
            outbox.close()
            topics = {name: f"cgm/{node}/{name}" for name in ("ack", "availability", "backfill")}
            listener = Listener(chain, *topics.values())
            began = time.time()
            agent.start()
            delivered(agent)
            heard = list(listener.heard)
            listener.close()
        stored = sum(chain.stored(node).values())
    since = [(at, topic.rpartition("/")[2], said) for at, topic, said in heard if at >= began]
    messages = [said for _, topic, said in since if topic == "backfill"]
    last = json.loads(messages[-1])["rows"][-1]["seq"]
    up = next(at for at, topic, said in since if (topic, said) == ("availability", b"online"))
    acknowledged = next(
        at for at, topic, said in since if topic == "ack" and json.loads(said)["seq"] >= last
    )
    return Backlog(acknowledged - up, plain(chain, messages), acknowledged - began, stored)


def plain(chain: Chain, messages: list[bytes]) -> float:
    """Publish with QoS 1 as paho does by itself, to a subscriber who stores nothing; seconds."""
    topic = "cgm/nobody/backfill"
    hearing, saying = Listener(chain, topic), Listener(chain)
    try:
        began = time.perf_counter()
        sent = [saying.client.publish(topic, message, qos=1) for message in messages]
        for one in sent:
            one.wait_for_publish(30)
        while len(hearing.heard) < len(messages):
            time.sleep(0.001)
        return time.perf_counter() - began
    finally:
        hearing.close()
        saying.close()


def resident(chain: Chain, seconds: float) -> list[Resident]:
    """Measure agents side by side: two weeks delivered and idle, and so once more restarted."""
    now = datetime.now(UTC).replace(microsecond=0)
    times = [now - number * FIVE for number in range(DAYS * 288)]
    share = FakeDexcomShare(rows=[Row(time=time, value=120) for time in times[:288]])
    libre = FakeLibreLinkUp()
    patient = libre.follow(FakePatient(given="Ada", family="Example"))
    for at in reversed(times[:140]):
        patient.measure(at, 120)
    site = Source()
    for number, at in enumerate(reversed(times)):
        site.site.put(entry(at, 100 + number % 9))
    with ExitStack() as open_:
        dexcom_url = share.base_url(open_.enter_context(share.serving_in_thread()))
        libre_url = open_.enter_context(libre.serving_in_thread())
        url = open_.enter_context(site.site.serving_in_thread())
        told: dict[str, object] = {"dexcom": dexcom_url, "librelinkup": libre_url}
        dexcom = (
            '[[sources]]\nname = "dexcom"\nwearer = "Alex"\nkind = "dexcom"\nregion = "us"\n'
            f'username = "{share.publisher.name}"\npassword = "{share.publisher.password}"\n'
        )
        others = (
            '[[sources]]\nname = "libre"\nwearer = "Alex"\nkind = "librelinkup"\n'
            f'email = "{libre.email}"\npassword = "{libre.password}"\n'
        ) + nightscout(url)
        simulated = '[[sources]]\nname = "simulated"\nwearer = "Alex"\nkind = "simulated"\n'
        call = '[call]\nwebhook = "http://127.0.0.1:9/nobody"\n'
        # A phone server is asked by the code that asks a Nightscout site.
        settings = {
            ("Dexcom, LibreLinkUp, Nightscout, simulated, calls", 64): (
                dexcom + others + simulated + call
            ),
            ("Dexcom, LibreLinkUp, Nightscout", 64): dexcom + others,
            ("LibreLinkUp, Nightscout, simulated, calls", None): others + simulated + call,
            ("LibreLinkUp, Nightscout, simulated", 40): others + simulated,
            ("LibreLinkUp, Nightscout", 40): others,
        }
        agents = [
            open_.enter_context(adopted(chain, chain.next_node(), Sources(sources), told))
            for sources in settings.values()
        ]
        measured: list[list[tuple[int, float]]] = []
        for restart in (False, True):
            for agent in agents:
                if restart:
                    agent.stop()
                    agent.start()
            for agent in agents:
                delivered(agent)
            time.sleep(5)
            before = [cpu_seconds(agent) for agent in agents]
            time.sleep(seconds)
            idle = [
                (cpu_seconds(agent) - first) / seconds
                for agent, first in zip(agents, before, strict=True)
            ]
            sizes = [resident_bytes(agent) for agent in agents]
            measured.append(list(zip(sizes, idle, strict=True)))
    if share.bad_logins or libre.bad_logins or not (share.log and libre.log):
        raise AssertionError("a vendor was not asked")
    return [
        Resident(of, most, first[0], again[0], again[1])
        for (of, most), first, again in zip(settings, *measured, strict=True)
    ]


def written(way: str, pace: str, folder: str) -> int:
    """Return the bytes that edge_bytes.py writes."""
    program = Path(__file__).with_name("edge_bytes.py")
    done = subprocess.run(  # noqa: S603 - our own interpreter and file
        [PYTHON, program, way, pace, folder],
        env=environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    return int(done.stdout)


def resident_bytes(agent: AgentProcess) -> int:
    """Return the process's resident memory."""
    for line in Path(f"/proc/{agent.pid}/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("the kernel does not tell resident memory")


def cpu_seconds(agent: AgentProcess) -> float:
    """Return the process's CPU time so far, of all threads, to the nanosecond."""
    # clock_getcpuclockid(3): the clock of another process, which Python has no call for.
    return time.clock_gettime((~agent.pid << 3) | 2)
