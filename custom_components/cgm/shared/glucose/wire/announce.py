"""The announcement: who an agent is and whom it carries."""

from __future__ import annotations

from dataclasses import dataclass

from .envelope import Body, WireError, objects_of, opened, sealed, text_of, whole_of
from .topics import Topics, node_of

MOST_CARRIED = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """One source of one wearer at the agent; `source` is what its rows name."""

    source: str
    wearer: str
    kind: str
    cadence_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Announce:
    """Who the agent is: its node, its software with version, and what it carries."""

    node: str
    software: str
    carries: tuple[Carried, ...]

    def encode(self, topic: str, key: bytes | None = None) -> bytes:
        """Return the bytes to publish on `topic`."""
        body: Body = {
            "node": self.node,
            "software": self.software,
            "carries": [
                {
                    "source": one.source,
                    "wearer": one.wearer,
                    "kind": one.kind,
                    "cadence_seconds": one.cadence_seconds,
                }
                for one in self.carries
            ],
        }
        return sealed(topic, body, key)


def decode_announce(topic: str, payload: bytes, key: bytes | None = None) -> Announce:
    """Read an announcement; raises WireError, also for one on another node's topic."""
    fields = opened(topic, payload, key)
    node = Topics(text_of(fields, "node")).node
    if node != node_of(topic):
        raise WireError("an announcement names another node than its topic")
    carries = tuple(
        Carried(
            source=text_of(one, "source"),
            wearer=text_of(one, "wearer"),
            kind=text_of(one, "kind"),
            cadence_seconds=whole_of(one, "cadence_seconds", 1, 86_400),
        )
        for one in objects_of(fields, "carries", MOST_CARRIED)
    )
    if len({one.source for one in carries}) != len(carries):
        raise WireError("an announcement names a source twice")
    return Announce(node=node, software=text_of(fields, "software"), carries=carries)
