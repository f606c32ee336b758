"""A Pi that starts three hours ahead or behind, and whose clock is set later: no reading minds.

The agent's process really sees the wrong time (libfaketime answers the C library's clock calls);
its elapsed time runs as it does, as on a Pi whose clock is set.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from demo_home.broker import free_port
from edge_agent.clock import is_synchronised

from .chain import Chain, Source, Stranger, until
from .conftest import Case, adopted, serving
from .surroundings import OwnClock

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not OwnClock.can_be(), reason="libfaketime is not installed: run scripts/setup"
    ),
]

OFF: Final = (timedelta(hours=3), timedelta(hours=-3))
# The readings are of the last hours: what a clock that is wrong by hours could take for others.
HEALTH: Final = "cgm/{}/health"
NEARLY: Final = timedelta(seconds=20)
FIRST: Final = timedelta(minutes=150)
# A reading a minute: the agent asks as often.
ASKS_AGAIN_SECONDS: Final = 150.0


@dataclass(frozen=True)
class Pi:
    """An agent under a clock of its own."""

    case: Case
    clock: OwnClock
    off: timedelta
    port: int

    def health(self) -> dict[str, Any] | None:
        """Return what the agent says of itself on its own machine; None while it starts."""
        url = f"http://127.0.0.1:{self.port}/healthz"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return dict(json.load(answer))
        except OSError:
            return None

    def believing(self, off: timedelta) -> Callable[[], bool]:
        """Return what tells whether its clock, and what it knows of it, are so far off."""
        return lambda: self._believes(off)

    def saying(self, stranger: Stranger, off: timedelta) -> Callable[[], bool]:
        """Return what tells whether the newest health on the broker has the clock so far off."""
        return lambda: self._says(stranger, off)

    def _believes(self, off: timedelta) -> bool:
        health = self.health()
        if health is None:
            return False
        clock = datetime.fromisoformat(health["sent_at"]) - datetime.now(UTC)
        told = health["clock_offset_seconds"]
        print(
            f"{self.case.node}: clock {clock.total_seconds():+.0f} s off, vendors' clocks"
            f" {told} s ahead of it, synchronised: {health['clock_synchronised']}"
        )
        assert health["clock_synchronised"] is is_synchronised()
        return (
            abs(clock - off) < NEARLY
            and told is not None
            and abs(timedelta(seconds=told) + off) < NEARLY
        )

    def _says(self, stranger: Stranger, off: timedelta) -> bool:
        found = stranger.heard_on(HEALTH.format(self.case.node))
        if not found:
            return False
        health = json.loads(found[-1])
        assert health["clock_synchronised"] is is_synchronised()
        said = datetime.fromtimestamp(health["sent_at"] / 1000, UTC) - datetime.now(UTC)
        # It may be a minute old.
        return abs(said - off) < timedelta(seconds=90)


@contextmanager
def pi_with(chain: Chain, off: timedelta, folder: Path) -> Iterator[Pi]:
    """Give an agent that starts under a wrong clock, with its first readings in the store."""
    port, node = free_port(), chain.next_node()
    clock = OwnClock(folder / f"{node}-clock", off)
    with (
        serving(Source(FIRST)) as source,
        adopted(
            chain, source, node=node, first=60, command=clock.command, health_port=port
        ) as case,
    ):
        yield Pi(case, clock, off, port)
        # In order: killed, libfaketime would leave its shared memory behind.
        case.agent.stop()


def test_a_clock_is_three_hours_wrong_at_boot_and_corrected(chain: Chain, tmp_path: Path) -> None:
    with ExitStack() as stack:
        stranger = stack.enter_context(chain.stranger())
        stranger.listen(HEALTH.format("+"))
        # Side by side, for both wait until their source is due.
        pis = [stack.enter_context(pi_with(chain, off, tmp_path)) for off in OFF]
        for pi in pis:
            assert until(pi.believing(pi.off), 20)
            assert until(pi.saying(stranger, pi.off), 20)
        print("corrected while they run")
        for pi in pis:
            pi.case.source.produce(40)
            pi.clock.set(timedelta(0))
        for pi in pis:
            pi.case.arrive(ASKS_AGAIN_SECONDS)
            assert until(pi.believing(timedelta(0)), 10)
            assert until(pi.saying(stranger, timedelta(0)), 70)
        print("wrong again, and corrected before a restart")
        for pi in pis:
            pi.case.agent.stop()
            pi.clock.set(pi.off)
            pi.case.source.produce(20)
            pi.case.agent.start()
        for pi in pis:
            pi.case.arrive()
            pi.case.agent.stop()
            pi.clock.set(timedelta(0))
            pi.case.source.produce(20)
            pi.case.agent.start()
        for pi in pis:
            pi.case.arrive()
            assert until(pi.believing(timedelta(0)), 10)
