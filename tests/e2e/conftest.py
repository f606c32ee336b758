"""One real broker and one real Home Assistant for all fault tests, each with its own agent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_socket

from demo_home.agent import PYTHON, AgentProcess
from demo_home.broker import MOSQUITTO

from .chain import Chain, Found, Source


@pytest.fixture(autouse=True)
def loopback(socket_enabled: None) -> None:
    """Let the tests talk to what they started; Home Assistant's plugin forbids it else."""


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """Give the broker and the home, up and talking to each other."""
    if not MOSQUITTO.is_file():
        pytest.skip("mosquitto is not installed: run scripts/setup")
    if not PYTHON.is_file():
        pytest.skip("there is no Python for the agent: run scripts/setup")
    # The permission of a test comes later than what lasts for all of them.
    pytest_socket.enable_socket()
    folder: Path = tmp_path_factory.mktemp("edge")
    nodes = tuple(f"node{number:02}" for number in range(60))
    with Chain(folder, nodes).running() as running:
        yield running


@dataclass
class Case:
    """One node with its source and a wearer in the home, for one test."""

    chain: Chain
    node: str
    source: Source
    agent: AgentProcess

    def arrive(self, seconds: float = 60) -> None:
        """Wait until all is there, insist on it, and print the count."""
        found = self.chain.settled(self.node, self.source.produced, seconds)
        print(f"\n{self.told(found)}")
        missing = self.source.produced - found
        invented = found - self.source.produced
        assert (sum(missing.values()), sum(invented.values())) == (0, 0), self.agent.log()[-3000:]
        assert len(found) == sum(found.values())

    def told(self, found: Found) -> str:
        """Say what came of it."""
        wanted = self.source.produced
        return (
            f"{self.node}: produced {sum(wanted.values())}, in the store {sum(found.values())},"
            f" lost {sum((wanted - found).values())}, twice or invented"
            f" {sum((found - wanted).values())}"
        )

    def restart_agent(self, more: int = 0) -> None:
        """Kill the agent, have the source produce more, and start the agent again."""
        self.agent.kill()
        self.source.produce(more)
        self.agent.start()


@contextmanager
def serving(source: Source) -> Iterator[Source]:
    """Serve a site."""
    with source.site.serving_in_thread() as url:
        source.url = url
        yield source


@pytest.fixture
def source() -> Iterator[Source]:
    """Serve a site that has no reading yet."""
    with serving(Source()) as source:
        yield source


@contextmanager
def adopted(
    chain: Chain,
    source: Source,
    *,
    node: str | None = None,
    first: int = 50,
    key: str | None = None,
    command: Sequence[str] = ("-m", "edge_agent"),
    health_port: int = 0,
    port: int | None = None,
) -> Iterator[Case]:
    """Give a case whose agent runs, and whose first readings are in the store."""
    node = node or chain.next_node()
    source.produce(first)
    with chain.agent(
        node, source, key=key, command=command, health_port=health_port, port=port
    ) as agent:
        agent.start()
        chain.adopt(node, key)
        # What it said before anybody listened it would say again ten seconds later.
        agent.stop()
        agent.start()
        case = Case(chain, node, source, agent)
        case.arrive()
        yield case


@pytest.fixture
def case(chain: Chain, source: Source) -> Iterator[Case]:
    """Give an agent at work, whose first readings have arrived."""
    with adopted(chain, source) as case:
        yield case


@pytest.fixture
def signed_case(chain: Chain, source: Source) -> Iterator[Case]:
    """As `case`, with a pairing key on both sides."""
    with adopted(chain, source, key="correct horse battery staple") as case:
        yield case
