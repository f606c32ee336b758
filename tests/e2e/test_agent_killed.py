"""An agent that is killed over and over while it publishes: what it had is there in the end.

200 kills, or as many as CGM_EDGE_KILLS says; CGM_EDGE_SEED gives the moments.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Final

import pytest

from .chain import Chain, Source, Stranger, until
from .conftest import Case, adopted, serving

pytestmark = pytest.mark.timeout(900)

KILLS: Final = int(os.environ.get("CGM_EDGE_KILLS", "200"))
SEED: Final = int(os.environ.get("CGM_EDGE_SEED", "20261120"))
# A start takes a second of which half is waiting: side by side they use it.
AGENTS: Final = 4
# What one life has to say; a source has 12 days of readings, one a minute.
A_LIFE: Final = min(300, 17_000 * AGENTS // KILLS)
# From the first word on; to deliver that much takes about as long.
LATEST_SECONDS: Final = 0.15


@contextmanager
def speaking(chain: Chain) -> Iterator[Case]:
    """Give an agent at work with a source of its own."""
    with serving(Source()) as source, adopted(chain, source) as case:
        yield case


def lives(case: Case, stranger: Stranger, kills: int, seed: int) -> int:
    """Start and kill one agent; returns how often readings were on their way when it died."""
    moments = random.Random(seed)
    unfinished = 0
    case.agent.kill()
    for _ in range(kills):
        case.source.produce(A_LIFE)
        # What the last life said has long been heard by now.
        before = rows_of(case, stranger)
        case.agent.start()
        speaks = partial(says_more, case, stranger, before)
        assert until(speaks, 60, look_every=0.005), case.agent.log()[-3000:]
        time.sleep(moments.uniform(0, LATEST_SECONDS))
        case.agent.kill()
        unfinished += case.chain.stored(case.node) != case.source.produced
    return unfinished


def rows_of(case: Case, stranger: Stranger) -> int:
    """Return how many messages with readings the agent has sent."""
    return sum(
        len(stranger.heard_on(f"cgm/{case.node}/{leaf}")) for leaf in ("reading", "backfill")
    )


def says_more(case: Case, stranger: Stranger, before: int) -> bool:
    """Tell whether the agent has sent readings since."""
    return rows_of(case, stranger) > before


def test_agents_are_killed_at_random_moments_while_publishing(chain: Chain) -> None:
    began = time.monotonic()
    with ExitStack() as stack:
        stranger = stack.enter_context(chain.stranger())
        cases = [stack.enter_context(speaking(chain)) for _ in range(AGENTS)]
        for case in cases:
            stranger.listen(f"cgm/{case.node}/#")
        counts = [KILLS // AGENTS + (number < KILLS % AGENTS) for number in range(AGENTS)]
        with ThreadPoolExecutor(AGENTS) as together:
            running = [
                together.submit(lives, case, stranger, count, SEED + number)
                for number, (case, count) in enumerate(zip(cases, counts, strict=True))
            ]
            unfinished = sum(one.result() for one in running)
        for case in cases:
            case.agent.start()
        for case in cases:
            case.arrive(120)
    print(
        f"{sum(counts)} kills of {AGENTS} agents, at {unfinished} of them readings were on their"
        f" way, seed {SEED}, {time.monotonic() - began:.0f} s"
    )
    # Each was killed soon after its first word; on a fast machine many had said all by then.
    assert unfinished > KILLS // 4
