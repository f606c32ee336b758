"""The chain that edge.py measures: real agents, a real broker, a real Home Assistant.

The agents run on Python 3.11 as their service runs them (edge_agent_program.py); the vendors are
those of tests/fakes, over HTTP on loopback. All clocks are this machine's one clock.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from demo_home.agent import PYTHON, AgentProcess, environment
from demo_home.broker import free_port
from e2e.chain import Chain, Source, until

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = str(Path(__file__).with_name("edge_agent_program.py"))
FIVE = timedelta(minutes=5)


@dataclass(frozen=True)
class Work:
    """What an agent's process did in a stretch of time: CPU seconds, questions asked, seconds."""

    cpu: float
    asked: int
    seconds: float


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


def cpu_seconds(agent: AgentProcess) -> float:
    """Return the process's CPU time so far, of all threads, to the nanosecond."""
    # clock_getcpuclockid(3): the clock of another process, which Python has no call for.
    return time.clock_gettime((~agent.pid << 3) | 2)
