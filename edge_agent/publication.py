"""Rows of the outbox as messages of MQTT: which topic, retained or not, for how long, how large."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from glucose.wire import MOST_BYTES, Rows, Topics

from .delivery import Sending

LIVE_EXPIRY_SECONDS = 900
_SIGNATURE_BYTES = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One message as the broker gets it."""

    topic: str
    payload: bytes
    retain: bool = False
    expiry_seconds: int | None = None


def publications(
    sending: Sending, topics: Topics, key: bytes | None, now: datetime
) -> list[Publication]:
    """Return the messages that carry these rows, in order."""
    if not sending.live:
        return [
            Publication(topic=topics.backfill, payload=rows.encode(topics.backfill, key))
            for rows in within_bytes(sending.rows)
        ]
    # An old value must not begin to look new because a connection came back.
    left = LIVE_EXPIRY_SECONDS - _age(sending.rows, now)
    return [
        Publication(
            topic=topics.reading,
            payload=sending.rows.encode(topics.reading, key),
            retain=left > 0,
            expiry_seconds=left if left > 0 else None,
        )
    ]


def within_bytes(rows: Rows) -> list[Rows]:
    """Cut a batch that would be refused for its size; names of sources may be long."""
    if len(rows.rows) == 1 or len(rows.encode("")) < MOST_BYTES - _SIGNATURE_BYTES:
        return [rows]
    half = len(rows.rows) // 2
    first = replace(rows, rows=rows.rows[:half])
    second = replace(rows, rows=rows.rows[half:], after=first.last)
    return [*within_bytes(first), *within_bytes(second)]


def _age(rows: Rows, now: datetime) -> int:
    """Return how old the newest row is in seconds; never negative, as clocks differ."""
    return max(0, int((now - rows.rows[-1].reading.time).total_seconds()))
