"""How the whole agent stands: one value, gathered for /healthz, for the broker and for systemd."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from glucose.wire import Health, SourceHealth

from .poller import Poller

Json = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What the agent knows of itself; absent is None.

    `health` is what goes over the wire. `clock_offset` is the vendors' clocks minus ours,
    `late` the titles of the sources that miss their own appointments, `delivering` whether the
    thread that talks to the broker turns, `connected` whether the broker answers it, `problem` why
    it does not, `waiting` how many readings are in memory only, `troubles` what somebody has to
    put right at the broker. `calling` is how many wearers somebody is being called for, None where
    nobody is to be, `call_problems` what keeps calls from getting through.
    """

    health: Health
    clock_offset: timedelta | None
    connected: bool
    delivering: bool
    late: tuple[str, ...]
    waiting: int
    problem: str | None = None
    troubles: tuple[str, ...] = ()
    calling: int | None = None
    call_problems: tuple[str, ...] = ()

    @property
    def alive(self) -> bool:
        """Whether polling and delivery go on; an outage of vendor, broker or home is no fault."""
        return self.delivering and not self.late

    @property
    def line(self) -> str:
        """A few words for `systemctl status`."""
        ok = sum(source.state == "ok" for source in self.health.sources)
        broker = "connected" if self.connected else f"not connected ({self.problem or 'yet'})"
        return (
            f"{ok} of {len(self.health.sources)} sources well, "
            f"{self.health.depth} readings not yet acknowledged, broker {broker}"
            + "".join(f"; {trouble}" for trouble in (*self.troubles, *self.call_problems))
        )

    def to_json(self) -> Json:
        """Return what /healthz answers."""
        health, offset = self.health, self.clock_offset
        return {
            "alive": self.alive,
            "connected": self.connected,
            "problem": self.problem,
            "troubles": list(self.troubles),
            "denied": list(self.health.denied),
            "calling": self.calling,
            "call_problems": list(self.call_problems),
            "delivering": self.delivering,
            "late": list(self.late),
            "sent_at": _iso(health.sent_at),
            "clock_synchronised": health.clock_synchronised,
            "clock_offset_seconds": None if offset is None else round(offset.total_seconds(), 1),
            "depth": health.depth,
            "oldest": _iso(health.oldest),
            "waiting_in_memory": self.waiting,
            "refused": health.refused,
            "sources": [
                {"source": one.source, "state": one.state, "newest": _iso(one.newest)}
                for one in health.sources
            ],
            "disk_free_mb": health.disk_free_mb,
            "temperature_c": health.temperature_c,
        }


def source_health(pollers: Sequence[Poller]) -> tuple[SourceHealth, ...]:
    """Return how each source stands."""
    return tuple(
        SourceHealth(
            source=poller.settings.name,
            state=poller.status.state.value,
            newest=poller.status.newest,
        )
        for poller in pollers
    )


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()
