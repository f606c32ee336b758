"""The whole chain for the fault tests: a source, real agents, a real broker, a real home."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from demo_home.agent import AgentProcess
from demo_home.broker import ACCESS, HOME_ASSISTANT, Broker, free_port
from demo_home.edge import add_mqtt, adopt
from demo_home.folder import PASSWORD, USER, make_folder
from demo_home.home import Home
from fakes.nightscout import FakeNightscout, entry, epoch_ms

STRANGER = "stranger"
# Somebody who may do on the broker whatever the agents and the home may.
_ACCESS = f"user {STRANGER}\ntopic readwrite cgm/#\n\n{ACCESS}"
_ROOT = Path(__file__).resolve().parents[2]
_MINUTE = timedelta(minutes=1)
_FIRST = timedelta(days=12)

# How often a reading is there: (epoch milliseconds, mg/dL) and its count.
Found = Counter[tuple[int, int]]


class Source:
    """A Nightscout site on loopback whose readings are known: one a minute, from `first` ago on."""

    def __init__(self, first: timedelta = _FIRST, *, name: str = "site", mg_dl: int = 60) -> None:
        self.site = FakeNightscout()
        self.url = ""
        self.produced: Found = Counter()
        self._name = name
        self._lowest = mg_dl
        self._next = (datetime.now(UTC) - first).replace(microsecond=0)

    def produce(self, count: int) -> None:
        """Have `count` more readings."""
        for _ in range(count):
            mg_dl = self._lowest + len(self.produced) % 300
            self.site.put(entry(self._next, mg_dl))
            self.produced[epoch_ms(self._next), mg_dl] += 1
            self._next += _MINUTE

    @property
    def settings(self) -> str:
        """The agent's settings for it."""
        about = f'name = "{self._name}"\nwearer = "Alex"\nkind = "nightscout"\n'
        return f'[[sources]]\n{about}url = "{self.url}"\n'


@dataclass
class Chain:
    """One broker and one home, used by many agents one after another."""

    folder: Path
    nodes: tuple[str, ...]
    broker: Broker = field(init=False)
    home: Home = field(init=False)
    _passwords: Mapping[str, str] = field(init=False)
    _used: int = 0

    def __post_init__(self) -> None:
        users = (HOME_ASSISTANT, STRANGER, *self.nodes)
        self._passwords = {user: f"the word of {user}" for user in users}
        self.broker = Broker(self.folder / "broker", self._passwords, access=_ACCESS)
        port = free_port()
        make_folder(
            self.folder / "home",
            _ROOT / "custom_components" / "cgm",
            port=port,
            zone="UTC",
            source="edge_agent",
        )
        self.home = Home(self.folder / "home", port)

    @contextmanager
    def running(self) -> Iterator[Chain]:
        """Start broker and home, and stop them whatever happened."""
        with self.broker:
            try:
                self.home.start()
                self.home.log_in(USER, PASSWORD)
                add_mqtt(self.home, self.broker, self._passwords[HOME_ASSISTANT])
                yield self
            finally:
                self.home.resume()
                self.home.stop()

    @property
    def store(self) -> Path:
        """Home Assistant's history on disk."""
        return self.folder / "home" / "cgm.db"

    @contextmanager
    def without_broker(self) -> Iterator[None]:
        """Kill the broker, and start it afterwards, for the next test too, whatever happened."""
        self.broker.kill()
        try:
            yield
        finally:
            self.broker.start()

    def next_node(self) -> str:
        """Return a node that no test has used."""
        self._used += 1
        return self.nodes[self._used - 1]

    @contextmanager
    def agent(
        self,
        node: str,
        source: Source,
        *,
        place: str = "",
        key: str | None = None,
        user: str | None = None,
        password: str | None = None,
        command: Sequence[str] = ("-m", "edge_agent"),
        health_port: int = 0,
        port: int | None = None,
    ) -> Iterator[AgentProcess]:
        """Give an agent that is not started yet, and end it afterwards.

        `port` is where it finds the broker, if it is not to find the broker's own.
        """
        agent = AgentProcess(
            self.folder / (place or node),
            node=node,
            port=port or self.broker.port,
            password=password or self._passwords[user or node],
            sources=source.settings,
            key=key,
            user=user,
            command=command,
            health_port=health_port,
        )
        try:
            yield agent
        finally:
            agent.kill()

    def adopt(self, node: str, key: str | None = None) -> None:
        """Answer Home Assistant's discovery: the wearer is named as the node."""
        adopt(self.home, node, node, "UTC", key)

    def stored(self, node: str) -> Found:
        """Return what Home Assistant's history has of a node's wearer, by readings of any series.

        Also what was kept for the node before it had a wearer.
        """
        entry_id = self.home.entry_id(node)
        if not self.store.exists():
            return Counter()
        with closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True, timeout=10)) as file:
            found = file.execute(
                "SELECT time_ms, mg_dl FROM readings JOIN series ON series.id = series_id"
                " WHERE wearer IN (?, ?)",
                (entry_id, f"edge {node}"),
            )
            return Counter((int(time_ms), int(mg_dl)) for time_ms, mg_dl in found)

    def settled(self, node: str, wanted: Found, seconds: float = 60) -> Found:
        """Wait until the history has what is wanted, and no longer than `seconds`; return it."""
        until(lambda: self.stored(node) == wanted, seconds)
        return self.stored(node)

    def set_back(self, saved: Path) -> None:
        """Put an older history in the place of the home's, which is stopped."""
        for tail in ("-wal", "-shm"):
            self.store.with_name(self.store.name + tail).unlink(missing_ok=True)
        shutil.copy(saved, self.store)

    def save(self) -> Path:
        """Copy the history of the home, which is stopped."""
        saved = self.folder / "saved.db"
        with (
            closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)) as now,
            closing(sqlite3.connect(saved)) as copy,
        ):
            now.backup(copy)
        return saved

    @contextmanager
    def stranger(self) -> Iterator[Stranger]:
        """Give somebody else's connection to the broker."""
        stranger = Stranger(self.broker, self._passwords[STRANGER])
        try:
            yield stranger
        finally:
            stranger.close()


class Stranger:
    """A client that may hear and say everything, and remembers what it heard."""

    def __init__(self, broker: Broker, password: str) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.username_pw_set(STRANGER, password)
        self._client.on_message = self._on_message
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def listen(self, topic: str) -> None:
        """Hear a topic from now on."""
        self._client.subscribe(topic, qos=1)

    def say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish, and return when the broker has it."""
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(20)

    def heard_on(self, topic: str) -> list[bytes]:
        """Return what was said on a topic so far."""
        return [payload for said_on, payload in list(self.heard) if said_on == topic]

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(
        self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage
    ) -> None:
        self.heard.append((message.topic, message.payload))


def until(so: Callable[[], bool], seconds: float, *, look_every: float = 0.1) -> bool:
    """Wait until something is so; tells whether it is."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        if so():
            return True
        time.sleep(look_every)
    return so()


def copy_outbox(agent: AgentProcess, folder: Path) -> Path:
    """Copy the files of an agent that does not run."""
    shutil.copytree(agent.state, folder)
    return folder


def put_back(agent: AgentProcess, saved: Path) -> None:
    """Put copied files in the place of those of an agent that does not run."""
    shutil.rmtree(agent.state)
    shutil.copytree(saved, agent.state)
