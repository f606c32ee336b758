"""Broker or network go while the agent goes on: nobody restarts it, and all readings arrive."""

from __future__ import annotations

from typing import Final

import pytest

from demo_home.broker import free_port

from .chain import Chain, Source, until
from .conftest import adopted
from .network import Network

pytestmark = pytest.mark.timeout(300)

AN_HOUR: Final = 60
MANY: Final = 4000
# The program as it is, but for how often it asks its source.
EAGER: Final = (
    "import sys; from datetime import timedelta; from glucose.cadence import Cadence;"
    "Cadence.wait = lambda cadence, elapsed: timedelta(seconds=0.5);"
    "from edge_agent.__main__ import main; sys.exit(main())"
)


def test_the_broker_is_gone_for_an_hour_of_readings_and_comes_back_empty(
    chain: Chain, source: Source
) -> None:
    port = free_port()
    with adopted(chain, source, command=("-c", EAGER), health_port=port) as case:
        first, outbox = case.agent.pid, case.agent
        # In the store is not yet acknowledged: what is not would wait with the hour's.
        assert until(lambda: outbox.waiting() == 0, 20), outbox.log()[-3000:]
        with chain.without_broker():
            source.produce(AN_HOUR)
            assert until(lambda: outbox.waiting() == AN_HOUR, 20), outbox.log()[-3000:]
            chain.broker.empty()
        case.arrive()
        assert until(lambda: outbox.waiting() == 0, 20)
        assert (outbox.running, outbox.pid) == (True, first)
        # An empty broker knows nobody: what is retained was said anew.
        with chain.stranger() as stranger:
            for leaf in ("announce", "availability"):
                stranger.listen(f"cgm/{case.node}/{leaf}")
                assert until(lambda: bool(stranger.heard), 10), leaf
                stranger.heard.clear()


def test_the_network_is_cut_without_a_word(chain: Chain, source: Source) -> None:
    """Broker and home go on, and each side finds out by itself: by its own keepalive."""
    port = free_port()
    with (
        Network(chain.broker.port) as network,
        chain.stranger() as stranger,
        adopted(chain, source, command=("-c", EAGER), health_port=port, port=network.port) as case,
    ):
        availability = f"cgm/{case.node}/availability"
        first, agent = case.agent.pid, case.agent

        def stored() -> int:
            return sum(chain.stored(case.node).values())

        before = stored()
        source.produce(MANY)
        # In the middle of a backlog.
        assert until(lambda: stored() > before + 200, 20, look_every=0.01)
        network.cut()
        source.produce(AN_HOUR)
        stranger.listen(availability)
        # One and a half keepalives of 5 s, and mosquitto 2.0 looks for them every 6 s.
        assert until(lambda: b"offline" in stranger.heard_on(availability), 40), (
            stranger.heard,
            chain.broker.log()[-3000:],
            agent.log()[-3000:],
        )
        assert until(lambda: "No connection to the broker" in agent.log(), 20), agent.log()
        cut_off = stored()
        assert until(lambda: (agent.waiting() or 0) >= AN_HOUR, 10)
        print(f"\ncut with {cut_off} of {sum(source.produced.values())} in the store")
        assert cut_off < before + MANY
        network.mend()
        case.arrive(90)
        assert stranger.heard_on(availability)[-1] == b"online"
        assert (agent.running, agent.pid) == (True, first)
