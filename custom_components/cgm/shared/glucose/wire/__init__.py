"""What an edge agent and Home Assistant say to each other: docs/edge-protocol.md as code."""

from .ack import Ack, decode_ack
from .announce import Announce, Carried, decode_announce
from .envelope import CONTRACT, MOST_BYTES, WireError, is_signed, sealed
from .health import Health, SourceHealth, decode_health
from .rows import MOST_ROWS, Received, Row, Rows, decode_rows
from .topics import ANNOUNCED, OFFLINE, ONLINE, Topics, node_of

__all__ = [
    "ANNOUNCED",
    "CONTRACT",
    "MOST_BYTES",
    "MOST_ROWS",
    "OFFLINE",
    "ONLINE",
    "Ack",
    "Announce",
    "Carried",
    "Health",
    "Received",
    "Row",
    "Rows",
    "SourceHealth",
    "Topics",
    "WireError",
    "decode_ack",
    "decode_announce",
    "decode_health",
    "decode_rows",
    "is_signed",
    "node_of",
    "sealed",
]
