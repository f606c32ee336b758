"""What the broker's rules keep from an agent is named: by doctor, by /healthz, and at home."""

from __future__ import annotations

import json
import signal
import urllib.request
from typing import Any, Final

import pytest

from demo_home.broker import ACCESS, free_port

from .chain import Chain, Source, until
from .conftest import Case

pytestmark = pytest.mark.timeout(300)

EVERY: Final = frozenset({"announce", "availability", "backfill", "health", "reading"})
DENIED: Final = frozenset({"backfill", "announce"})
NOTED: Final = "agent_denied"
# The program as it is, but for how soon it tries what was denied again.
IMPATIENT: Final = (
    "import sys; from edge_agent import denials;"
    "denials.FIRST_RETRY_SECONDS = denials.MOST_RETRY_SECONDS = 2.0;"
    "from edge_agent.__main__ import main; sys.exit(main())"
)


def test_denied_topics_are_named_until_they_are_allowed(chain: Chain, source: Source) -> None:
    node, user, port = chain.next_node(), chain.next_node(), free_port()
    source.produce(50)
    with chain.agent(node, source, user=user, command=("-c", IMPATIENT), health_port=port) as agent:
        case = Case(chain, node, source, agent)
        allow(chain, node, user, EVERY)
        agent.start()
        chain.adopt(node)
        agent.stop()
        agent.start()
        case.arrive()
        assert at_home(chain, node) == ([], False)
        assert at_agent(port) == []

        allow(chain, node, user, EVERY - DENIED)
        case.restart_agent(200)
        topics = [f"cgm/{node}/{leaf}" for leaf in sorted(DENIED)]
        assert until(lambda: at_agent(port) == topics, 30), agent.log()[-3000:]
        assert until(lambda: at_home(chain, node) == (sorted(DENIED), True), 30)
        doctor = agent.do("doctor")
        assert doctor.returncode == 1
        for topic in topics:
            assert f"FAIL broker rules: {topic} cannot be written: " in doctor.stdout
            assert f"`topic write {topic}`" in doctor.stdout
        missing = sum((source.produced - chain.stored(node)).values())
        print(f"\n{topics} are denied: {missing} readings wait")
        assert missing

        allow(chain, node, user, EVERY)
        assert until(lambda: at_agent(port) == [], 30), agent.log()[-3000:]
        assert until(lambda: at_home(chain, node) == ([], False), 30)
        case.arrive()


def allow(chain: Chain, node: str, user: str, leaves: frozenset[str]) -> None:
    """Let a user who is not named as the node publish there; the broker reads its rules again."""
    rules = "".join(f"topic write cgm/{node}/{leaf}\n" for leaf in sorted(leaves))
    own = f"user {user}\n{rules}topic read cgm/{node}/ack\ntopic read cgm/{node}/doctor\n\n"
    (chain.folder / "broker" / "access").write_text(own + ACCESS)
    chain.broker._send(signal.SIGHUP)  # noqa: SLF001 - mosquitto reads its rules again


def at_agent(port: int) -> list[str] | None:
    """Return what the agent says on its own machine to be denied; None while it starts."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return list(json.load(answer)["denied"])
    except OSError:
        return None


def at_home(chain: Chain, node: str) -> tuple[list[str], bool]:
    """Return what the home's diagnostics say to be denied, and whether a repair stands."""
    entry = chain.home.entry_id(node)
    told: dict[str, Any] = chain.home.get(f"/api/diagnostics/config_entry/{entry}")["data"]
    (source,) = told["sources"]
    return source["agent_denied"], NOTED in told["repairs"]
