"""Two agents under one node's name, each with a source of its own: both sources arrive whole.

The broker lets one client bear a name: each throws the other out (reason 142), and both come
back. What this cannot do is keep them apart: Home Assistant sees one node. Readings of sources
named alike become one source; where they are of the same moment, the later one replaces the other.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Final

import pytest

from demo_home.agent import AgentProcess

from .chain import Chain, Found, Source, until
from .conftest import Case, adopted, serving

pytestmark = pytest.mark.timeout(600)

# What either agent's log says of the other, among other words.
SAID: Final = "this node's name"


@pytest.mark.parametrize("name", ["site", "another-site"])
def test_two_agents_with_sources_of_their_own_have_one_name(chain: Chain, name: str) -> None:
    """Also where the second agent's source is one nobody has given to a wearer."""
    first = Source()
    # Not at the moments of the other's: those would be the same readings.
    second = Source(timedelta(days=12, seconds=-20), name=name, mg_dl=90)
    with serving(first), serving(second), adopted(chain, first) as case:
        with chain.agent(case.node, second, place=f"{case.node}-twin") as twin:
            second.produce(400)
            twin.start()
            both(chain, case, first, second)
            for agent, said in ((case.agent, "first"), (twin, "second")):
                assert agent.running
                assert until(partial(says_so, agent), 90), agent.log()
                print(f"the {said} agent says: {line_of(agent.log())}")
            # More, while they go on throwing each other out.
            first.produce(300)
            second.produce(300)
            case.agent.kill()
            twin.kill()
            case.agent.start()
            twin.start()
            both(chain, case, first, second)
        # The second is gone; the first, left alone, delivers as if there had been none.
        case.restart_agent(100)
        both(chain, case, first, second)


def both(chain: Chain, case: Case, first: Source, second: Source) -> None:
    """Wait until both sources' readings are there, and insist on it."""
    wanted: Found = first.produced + second.produced
    assert wanted == first.produced | second.produced
    found = chain.settled(case.node, wanted, 180)
    print(
        f"\n{case.node}: produced {sum(first.produced.values())} and"
        f" {sum(second.produced.values())}, in the store {sum(found.values())}, lost"
        f" {sum((wanted - found).values())}, twice or invented {sum((found - wanted).values())}"
    )
    assert found == wanted, case.agent.log()[-3000:]


def says_so(agent: AgentProcess) -> bool:
    """Tell whether an agent has noticed the other."""
    return SAID in agent.log()


def line_of(log: str) -> str:
    """Return the first line that says why."""
    return next(line for line in log.splitlines() if SAID in line)
