"""A disk without room, the agent's or the home's: nothing is lost, and nothing said to be stored.

The agent's folder lies on a file system of one megabyte that is filled to its last block. The
home's whole process is refused every write to a file (RLIMIT_FSIZE): its history too.
"""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from demo_home.broker import free_port
from demo_home.home import Home

from .chain import Chain, Source, until
from .conftest import Case, adopted, serving
from .surroundings import NoSmallDisk, SmallDisk, small_disk

pytestmark = pytest.mark.timeout(600)

ASKS_AGAIN_SECONDS = 150.0
CANNOT_BE_WRITTEN = "cannot be written"


@pytest.fixture
def disk_of(chain: Chain) -> Iterator[tuple[str, SmallDisk]]:
    """Give a node whose folder is a small disk."""
    node = chain.next_node()
    try:
        with small_disk(chain.folder / node / "state") as disk:
            yield node, disk
    except NoSmallDisk as error:
        pytest.skip(f"no file system of its own can be made here: {error}")


def test_the_agents_disk_is_full(chain: Chain, disk_of: tuple[str, SmallDisk]) -> None:
    node, disk = disk_of
    port = free_port()
    with (
        serving(Source()) as source,
        adopted(chain, source, node=node, command=disk.command, health_port=port) as case,
    ):
        before = chain.stored(node)
        disk.fill()
        source.produce(1000)
        assert until(lambda: CANNOT_BE_WRITTEN in case.agent.log(), ASKS_AGAIN_SECONDS)
        assert case.agent.running
        assert chain.stored(node) == before
        print(f"\n1000 readings find no room: {sum(before.values())} in the store, as before")
        # What it holds in memory goes to disk, without anybody restarting it.
        disk.free()
        case.arrive(ASKS_AGAIN_SECONDS)
        before = chain.stored(node)
        disk.fill()
        case.restart_agent(1000)
        assert until(lambda: case.agent.log().count(CANNOT_BE_WRITTEN) > 1, 20)
        assert case.agent.running
        assert chain.stored(node) == before
        print(f"started on a full disk: {sum(before.values())} in the store, as before")
        disk.free()
        case.restart_agent()
        case.arrive()


@contextmanager
def nothing_written(home: Home) -> Iterator[None]:
    """Refuse the home's process every write to a file."""
    soft, hard = resource.prlimit(home.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(home.pid, resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.prlimit(home.pid, resource.RLIMIT_FSIZE, (soft, hard))


def test_the_homes_disk_is_full(case: Case) -> None:
    chain, ack = case.chain, f"cgm/{case.node}/ack"
    before = chain.stored(case.node)
    with chain.stranger() as stranger:
        stranger.listen(ack)
        stranger.listen(f"cgm/{case.node}/backfill")
        assert until(lambda: bool(stranger.heard_on(ack)), 10)
        acknowledged = json.loads(stranger.heard_on(ack)[-1])["seq"]
        with nothing_written(chain.home):
            case.restart_agent(400)
            assert until(lambda: len(stranger.heard_on(f"cgm/{case.node}/backfill")) >= 4, 40), (
                "it says again what is not acknowledged"
            )
            assert chain.stored(case.node) == before
            said = [json.loads(payload)["seq"] for payload in stranger.heard_on(ack)]
            assert max(said) == acknowledged
            print("\n400 readings find no room in the home: none stored, none acknowledged")
        case.arrive(90)
    case.restart_agent(10)
    case.arrive()
