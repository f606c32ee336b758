"""An urgent low while Home Assistant is away: the agent calls, as often as said, and ends it.

Real parts: the agent's process, mosquitto, Home Assistant's process, and a web server that takes
the calls. A minute of the calling lasts a second.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from fakes.callee import HOOK, TOPIC, Callee
from fakes.nightscout import entry, epoch_ms

from .chain import Chain, Source, until
from .conftest import Case, adopted, serving

pytestmark = pytest.mark.timeout(300)

# The program as it is, but for how long a minute of the calling is, and how often it asks.
PROGRAM: Final = (
    "import sys; from datetime import timedelta; from edge_agent import stand_in;"
    "from glucose.cadence import Cadence;"
    "Cadence.wait = lambda cadence, elapsed: timedelta(seconds=0.5);"
    "stand_in.MINUTE = 1.0; stand_in.SETTLES_WITHIN = 1.0; stand_in.LOOK_EVERY = 0.2;"
    "stand_in.LOOK_SOON = 0.1; stand_in.FIRST_PAUSE = 0.2;"
    "from edge_agent.__main__ import main; sys.exit(main())"
)
# In seconds of the calling above: the settings' own, and the table's for an urgent low.
AFTER: Final = 4
REPEATS: Final = 5
# Two processes and a web server are between the moment and what was heard of it.
SLACK: Final = 0.5
# On a machine with much else to do.
SOON: Final = 20.0
KILLS: Final = 3
GUIDE: Final = Path(__file__).resolve().parents[2] / "docs" / "edge-agent.md"


class Wearer(Source):
    """Somebody who is measured when the test says so, and whose agent may call."""

    def __init__(self, called: str) -> None:
        super().__init__(timedelta(minutes=5), mg_dl=120)
        self._called = called

    def measure(self, mg_dl: int) -> float:
        """Have a reading of now; returns when it could be fetched, monotonic."""
        taken = {time_ms for time_ms, _ in self.produced}
        while epoch_ms(now := datetime.now(UTC).replace(microsecond=0)) in taken:
            time.sleep(0.1)
        self.site.put(entry(now, mg_dl))
        self.produced[epoch_ms(now), mg_dl] += 1
        return time.monotonic()

    @property
    def settings(self) -> str:
        """The agent's settings, with whom to call."""
        call = f'webhook = "{self._called}{HOOK}"\nntfy = "{self._called}/{TOPIC}"\n'
        return f"{super().settings}[call]\n{call}after_minutes = {AFTER}\n"


@dataclass
class Night:
    """A wearer whose readings come by an agent, and who is called for them."""

    case: Case
    wearer: Wearer
    callee: Callee
    # How many of the callee's words the test has seen.
    seen: int = 0

    @property
    def home_says(self) -> str:
        """Home Assistant's own urgent low."""
        name = f"binary_sensor.{self.case.node}_alarm_urgent_low"
        state = self.case.chain.home.get(f"/api/states/{name}")
        return "" if state is None else str(state["state"])

    def hears(self, *events: str, within: float) -> None:
        """Wait for what the webhook is told next, and insist that it is that."""
        wanted = [*self.callee.events[: self.seen], *events]
        until(lambda: len(self.callee.events) >= len(wanted), within)
        assert self.callee.events == wanted, self.case.agent.log()[-3000:]
        self.seen = len(wanted)

    def goes_on_being_called(self) -> None:
        """Insist that one more call comes, and nothing but calls."""
        heard = len(self.callee.events)
        assert until(lambda: len(self.callee.events) > heard, REPEATS + SOON)
        assert set(self.callee.events[self.seen :]) == {"call"}
        self.seen = len(self.callee.events)

    def hears_nothing_more(self, seconds: float = REPEATS + 2 * SLACK) -> None:
        """Insist that nobody is told anything for longer than it takes to repeat a call."""
        time.sleep(seconds)
        assert len(self.callee.events) == self.seen, self.callee.called
        assert len(self.callee.published) == self.seen

    def gaps(self) -> list[float]:
        """Return the seconds between one word of the webhook's and the next."""
        times = [one.at for one in self.callee.asked(HOOK)]
        return [later - sooner for sooner, later in pairwise(times)]

    def has_low(self) -> None:
        """Have a low that Home Assistant takes."""
        self.wearer.measure(47)
        assert until(lambda: self.home_says == "on", 20)
        self.case.arrive()


@pytest.fixture
def night(chain: Chain) -> Iterator[Night]:
    """Give a wearer at 120 whose readings have come home, with nobody called."""
    callee = Callee()
    with callee.serving_in_thread() as called:
        wearer = Wearer(called)
        with (
            serving(wearer),
            adopted(chain, wearer, first=4, command=("-c", PROGRAM)) as case,
        ):
            wearer.measure(120)
            case.arrive()
            night = Night(case, wearer, callee)
            assert night.home_says == "off"
            kept = chain.folder / "home" / ".storage" / "core.config_entries"
            # A home that is killed knows what it had written.
            assert until(lambda: case.node in kept.read_text(), 20)
            assert callee.log == []
            yield night


@contextmanager
def without_home(chain: Chain, how: signal.Signals) -> Iterator[None]:
    """End Home Assistant's process, and start it afterwards."""
    os.kill(chain.home.pid, how)
    os.waitid(os.P_PID, chain.home.pid, os.WEXITED | os.WNOWAIT)
    chain.home.stop()
    try:
        yield
    finally:
        chain.home.start()


def test_a_home_that_takes_the_low_has_nobody_called(night: Night) -> None:
    night.has_low()
    night.hears_nothing_more(AFTER + REPEATS)
    night.wearer.measure(90)
    assert until(lambda: night.home_says == "off", 20)
    night.case.arrive()
    assert night.callee.log == []


@pytest.mark.parametrize(
    ("how", "taken"),
    [(signal.SIGTERM, False), (signal.SIGKILL, True)],
    ids=["stopped before the low", "killed in the low it took"],
)
def test_a_home_that_is_gone_has_somebody_called_until_it_is_back(
    night: Night, how: signal.Signals, *, taken: bool
) -> None:
    if taken:
        night.has_low()
    with without_home(night.case.chain, how):
        assert night.callee.log == []
        began = time.monotonic() if taken else night.wearer.measure(47)
        night.hears("call", within=AFTER + SOON)
        waited = night.callee.asked(HOOK)[0].at - began
        assert waited < AFTER + REPEATS
        # Who has the low and was there a moment ago is waited for.
        assert not taken or waited > AFTER - SLACK
        # The broker hands out again what the home said last: no home is back for that.
        before = connections(night)
        night.case.chain.broker.stop()
        night.case.chain.broker.start()
        assert until(lambda: connections(night) > before, SOON)
        night.goes_on_being_called()
        night.wearer.measure(90)
        night.hears("over", within=SOON)
        assert REPEATS - SLACK < night.gaps()[0] < 2 * REPEATS
        is_what_the_guide_says(night)
        night.hears_nothing_more()
        # A second low is an episode of its own; nobody is waited for who has been away so long.
        first = night.seen
        night.wearer.measure(46)
        night.hears("call", within=SOON)
    assert until(lambda: night.callee.events[-1] == "back", 60), night.case.agent.log()[-3000:]
    calls = night.callee.called[first:-1]
    assert {one["event"] for one in calls} == {"call"}
    assert [one["calls"] for one in calls] == list(range(len(calls)))
    assert min(night.gaps()[first:-1], default=REPEATS) > REPEATS - SLACK
    # From here on it is Home Assistant's.
    assert until(lambda: night.home_says == "on", 30)
    night.seen = len(night.callee.events)
    night.wearer.measure(45)
    night.case.arrive()
    night.hears_nothing_more()
    print(f"called {waited:.1f} s after nobody was there; {night.callee.events}")


def test_a_dead_broker_has_somebody_called(night: Night) -> None:
    with night.case.chain.without_broker():
        night.wearer.measure(47)
        night.hears("call", "call", within=AFTER + REPEATS + SOON)
        assert night.gaps()[0] > REPEATS - SLACK
    assert until(lambda: night.callee.events[-1] == "back", 60), night.case.agent.log()[-3000:]
    night.seen = len(night.callee.events)
    night.case.arrive()
    assert until(lambda: night.home_says == "on", 30)
    night.hears_nothing_more()


def test_an_agent_that_is_killed_in_the_middle_neither_forgets_nor_calls_twice(
    night: Night,
) -> None:
    """The home is frozen: its connection stands, and it acknowledges nothing."""
    night.case.chain.home.pause()
    try:
        night.wearer.measure(47)
        for count in range(1, KILLS + 1):
            night.hears("call", within=AFTER + REPEATS + SOON)
            assert until(partial(has_kept, night, count), SOON)
            night.case.restart_agent()
        night.wearer.measure(90)
        night.hears("over", within=SOON)
        assert [one["calls"] for one in night.callee.called[:-1]] == list(range(KILLS))
        assert min(night.gaps()[:-1]) > REPEATS - SLACK
        # What the power takes in the very moment of telling may be told twice.
        assert until(partial(owes_nobody, night), SOON)
        night.case.restart_agent()
        night.hears_nothing_more()
    finally:
        night.case.chain.home.resume()
    night.case.arrive()
    night.hears_nothing_more(2)
    apart = ", ".join(f"{gap:.1f}" for gap in night.gaps())
    print(f"killed after each call: {night.callee.events}, apart by {apart} s")


def connections(night: Night) -> int:
    """Return how often the agent has come to the broker."""
    return night.case.agent.log().count("Connected to the broker")


def has_kept(night: Night, calls: int) -> bool:
    """Tell whether the agent would know of so many calls after a restart."""
    kept = json.loads((night.case.agent.state / "calls.json").read_text())
    return bool(kept["wearers"]["Alex"]["plan"]["calls"] == calls)


def owes_nobody(night: Night) -> bool:
    """Tell whether the agent would know after a restart that all is said."""
    kept = json.loads((night.case.agent.state / "calls.json").read_text())
    plan = kept["wearers"]["Alex"]["plan"]
    return not plan["owed"] and not plan["told"]


def is_what_the_guide_says(night: Night) -> None:
    """Insist that nothing left the house but what is written down there."""
    told = re.search(r"The webhook gets (.*?)\n\n", GUIDE.read_text(), re.DOTALL)
    assert told is not None
    words = set(re.findall(r"`(\w+)`", told[1])) - {"call", "over", "back", "test"}
    for called in night.callee.called:
        assert called.keys() == words
    assert until(lambda: len(night.callee.published) == len(night.callee.called), SOON)
    first, *_, over = night.callee.called
    text = (
        "Person 1: urgent low, 47 mg/dL. → Measured 0 min ago."
        " Home Assistant has not answered for 0 min."
    )
    assert first == {
        "text": text,
        "event": "call",
        "alarm": "urgent_low",
        "wearer": None,
        "wearer_number": 1,
        "value": 47,
        "bound": None,
        "unit": "mg/dL",
        "trend": "flat",
        "age_minutes": 0,
        "calls": 0,
    }
    assert (over["event"], over["value"]) == ("over", 90)
    urgent, *_, calm = night.callee.published
    assert urgent == {
        "topic": TOPIC,
        "title": "Urgent low: Person 1",
        "message": text,
        "priority": 5,
        "tags": ["rotating_light"],
    }
    assert (calm["priority"], calm["tags"]) == (3, ["white_check_mark"])
    for one in night.callee.log:
        assert one.headers.keys() == {
            *("Host", "Accept", "Accept-Encoding", "User-Agent", "Content-Length", "Content-Type")
        }
        sent = f"{one.path} {one.query} {one.headers} {one.body.decode()}"
        for private in ("Alex", night.case.node, "nightscout", "site", night.wearer.url):
            assert private not in sent
