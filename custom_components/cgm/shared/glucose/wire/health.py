"""How an agent stands, told each minute: outbox, sources, clock, disk, temperature."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..reading import utc_of_epoch_ms
from .envelope import (
    Body,
    WireError,
    list_of,
    objects_of,
    opened,
    optional_flag,
    optional_number,
    sealed,
    text_of,
    whole_of,
)

MOST_SOURCES = 16
MOST_DENIED = 16
LONGEST_TOPIC = 256
_LAST_MS = 253_402_300_799_999  # of the year 9999
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHealth:
    """One source at the agent: its state's word, and its newest reading's time."""

    source: str
    state: str
    newest: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What the agent knows of itself; absent is None.

    `sent_at` is the agent's own clock, worth something only where `clock_synchronised`.
    `depth` counts rows not yet acknowledged, `oldest` is the time of the oldest of them. `denied`
    are the topics that the broker's rules keep from the agent.
    """

    sent_at: datetime
    clock_synchronised: bool | None
    depth: int
    oldest: datetime | None = None
    refused: int = 0
    sources: tuple[SourceHealth, ...] = ()
    disk_free_mb: float | None = None
    temperature_c: float | None = None
    denied: tuple[str, ...] = ()

    def encode(self, topic: str, key: bytes | None = None) -> bytes:
        """Return the bytes to publish on `topic`."""
        body: Body = {
            "sent_at": _ms(self.sent_at),
            "clock_synchronised": self.clock_synchronised,
            "depth": self.depth,
            "oldest": None if self.oldest is None else _ms(self.oldest),
            "refused": self.refused,
            "sources": [
                {
                    "source": one.source,
                    "state": one.state,
                    "newest": None if one.newest is None else _ms(one.newest),
                }
                for one in self.sources
            ],
            "disk_free_mb": self.disk_free_mb,
            "temperature_c": self.temperature_c,
        }
        # Joined the contract later: whom nothing is kept from says what was always said.
        if named := [one for one in self.denied if len(one) <= LONGEST_TOPIC][:MOST_DENIED]:
            body["denied"] = named
        return sealed(topic, body, key)


def decode_health(topic: str, payload: bytes, key: bytes | None = None) -> Health:
    """Read a message of health; raises WireError."""
    fields = opened(topic, payload, key)
    sources = tuple(
        SourceHealth(
            source=text_of(one, "source"),
            state=text_of(one, "state"),
            newest=_optional_time(one, "newest"),
        )
        for one in objects_of(fields, "sources", MOST_SOURCES)
    )
    if len({one.source for one in sources}) != len(sources):
        raise WireError("a message of health names a source twice")
    return Health(
        sent_at=_time(fields, "sent_at"),
        clock_synchronised=optional_flag(fields, "clock_synchronised"),
        depth=whole_of(fields, "depth"),
        oldest=_optional_time(fields, "oldest"),
        refused=whole_of(fields, "refused"),
        sources=sources,
        disk_free_mb=optional_number(fields, "disk_free_mb"),
        temperature_c=optional_number(fields, "temperature_c"),
        denied=_denied(fields),
    )


def _denied(fields: Body) -> tuple[str, ...]:
    if fields.get("denied") is None:
        return ()
    topics = list_of(fields, "denied", MOST_DENIED)
    return tuple(text_of({"denied": topic}, "denied", LONGEST_TOPIC) for topic in topics)


def _ms(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(milliseconds=1)


def _time(fields: Body, key: str) -> datetime:
    return utc_of_epoch_ms(whole_of(fields, key, 0, _LAST_MS))


def _optional_time(fields: Body, key: str) -> datetime | None:
    return None if fields.get(key) is None else _time(fields, key)
