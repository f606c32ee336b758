"""The MQTT topics of one agent ("node"), all below cgm/<node>/."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .envelope import WireError

ONLINE = b"online"
OFFLINE = b"offline"
# What Home Assistant subscribes to so that agents are found by themselves.
ANNOUNCED = "cgm/+/announce"

_NODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of `node`: 1..32 of a-z, 0-9, _ and -, beginning with a letter or digit.

    Raises WireError for another name.
    """

    node: str

    def __post_init__(self) -> None:
        """Refuse a node that would change the meaning of a topic."""
        if _NODE.fullmatch(self.node) is None:
            raise WireError("a node is named by up to 32 of a-z, 0-9, _ and -")

    @property
    def announce(self) -> str:
        """Who the agent is and whom it carries; retained."""
        return f"cgm/{self.node}/announce"

    @property
    def availability(self) -> str:
        """`online` or, by the will, `offline`; retained."""
        return f"cgm/{self.node}/availability"

    @property
    def reading(self) -> str:
        """The newest reading; retained, with an expiry."""
        return f"cgm/{self.node}/reading"

    @property
    def backfill(self) -> str:
        """Batches of older readings; not retained."""
        return f"cgm/{self.node}/backfill"

    @property
    def health(self) -> str:
        """How the agent stands, each minute; not retained."""
        return f"cgm/{self.node}/health"

    @property
    def ack(self) -> str:
        """What Home Assistant's store has; retained."""
        return f"cgm/{self.node}/ack"


def node_of(topic: str) -> str:
    """Return the node a topic belongs to; raises WireError for one that is none of ours."""
    prefix, _, rest = topic.partition("/")
    node, _, _leaf = rest.partition("/")
    if prefix != "cgm":
        raise WireError("not a topic of ours")
    return Topics(node).node
