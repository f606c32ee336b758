"""How much memory and CPU time agents need that have nothing new to do."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from demo_home.agent import AgentProcess
from e2e.chain import Chain, Source
from edge_chain import FIVE, adopted, cpu_seconds, delivered
from fakes.dexcom_share import FakeDexcomShare, Row
from fakes.librelinkup import FakeLibreLinkUp, FakePatient
from fakes.nightscout import entry

DAYS = 14


@dataclass(frozen=True)
class Resident:
    """Bytes of resident memory, and CPU seconds a second, of an agent with nothing new to do."""

    of: str
    most_mb: float | None
    first_start: int
    restarted: int
    idle_cpu: float


class Sources(Source):
    """Whatever an agent's settings say, in the place of one site."""

    def __init__(self, settings: str) -> None:
        super().__init__()
        self._settings = settings

    @property
    def settings(self) -> str:
        """The agent's settings for them."""
        return self._settings


def resident(chain: Chain, seconds: float) -> list[Resident]:
    """Measure agents side by side: two weeks delivered and idle, and so once more restarted."""
    now = datetime.now(UTC).replace(microsecond=0)
    times = [now - number * FIVE for number in range(DAYS * 288)]
    share = FakeDexcomShare(rows=[Row(time=time, value=120) for time in times[:288]])
    libre = FakeLibreLinkUp()
    patient = libre.follow(FakePatient(given="Ada", family="Example"))
    for at in reversed(times[:140]):
        patient.measure(at, 120)
    site = Source()
    for number, at in enumerate(reversed(times)):
        site.site.put(entry(at, 100 + number % 9))
    with ExitStack() as open_:
        dexcom_url = share.base_url(open_.enter_context(share.serving_in_thread()))
        libre_url = open_.enter_context(libre.serving_in_thread())
        url = open_.enter_context(site.site.serving_in_thread())
        told: dict[str, object] = {"dexcom": dexcom_url, "librelinkup": libre_url}
        dexcom = (
            '[[sources]]\nname = "dexcom"\nwearer = "Alex"\nkind = "dexcom"\nregion = "us"\n'
            f'username = "{share.publisher.name}"\npassword = "{share.publisher.password}"\n'
        )
        others = (
            '[[sources]]\nname = "libre"\nwearer = "Alex"\nkind = "librelinkup"\n'
            f'email = "{libre.email}"\npassword = "{libre.password}"\n'
        ) + nightscout(url)
        simulated = '[[sources]]\nname = "simulated"\nwearer = "Alex"\nkind = "simulated"\n'
        call = '[call]\nwebhook = "http://127.0.0.1:9/nobody"\n'
        # A phone server is asked by the code that asks a Nightscout site.
        settings = {
            ("Dexcom, LibreLinkUp, Nightscout, simulated, calls", 64): (
                dexcom + others + simulated + call
            ),
            ("Dexcom, LibreLinkUp, Nightscout", 64): dexcom + others,
            ("LibreLinkUp, Nightscout, simulated, calls", None): others + simulated + call,
            ("LibreLinkUp, Nightscout, simulated", 40): others + simulated,
            ("LibreLinkUp, Nightscout", 40): others,
        }
        agents = [
            open_.enter_context(adopted(chain, chain.next_node(), Sources(sources), told))
            for sources in settings.values()
        ]
        measured: list[list[tuple[int, float]]] = []
        for restart in (False, True):
            for agent in agents:
                if restart:
                    agent.stop()
                    agent.start()
            for agent in agents:
                delivered(agent)
            time.sleep(5)
            before = [cpu_seconds(agent) for agent in agents]
            time.sleep(seconds)
            idle = [
                (cpu_seconds(agent) - first) / seconds
                for agent, first in zip(agents, before, strict=True)
            ]
            sizes = [resident_bytes(agent) for agent in agents]
            measured.append(list(zip(sizes, idle, strict=True)))
    if share.bad_logins or libre.bad_logins or not (share.log and libre.log):
        raise AssertionError("a vendor was not asked")
    return [
        Resident(of, most, first[0], again[0], again[1])
        for (of, most), first, again in zip(settings, *measured, strict=True)
    ]


def nightscout(url: str, name: str = "site") -> str:
    """Return an agent's settings for a site."""
    return f'[[sources]]\nname = "{name}"\nwearer = "Alex"\nkind = "nightscout"\nurl = "{url}"\n'


def resident_bytes(agent: AgentProcess) -> int:
    """Return the process's resident memory."""
    for line in Path(f"/proc/{agent.pid}/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("the kernel does not tell resident memory")
