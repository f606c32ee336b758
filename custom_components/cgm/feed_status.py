"""How a source stands: the value its diagnostic sensors and repairs are read from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .shared.glucose.sources.source import SensorLife


class FeedState(StrEnum):
    """What a source is doing; the diagnostic sensor shows it."""

    STARTING = "starting"
    OK = "ok"
    NO_READINGS = "no_readings"
    RETRYING = "retrying"
    WAITING_FOR_LOGIN = "waiting_for_login"
    LOCKED = "locked"
    TERMS_NOT_ACCEPTED = "terms_not_accepted"
    SHARING_DISABLED = "sharing_disabled"
    VERSION_REFUSED = "version_refused"
    UNEXPECTED_ANSWER = "unexpected_answer"
    # Of a source that an edge agent brings.
    NO_BROKER = "no_broker"
    OFFLINE = "offline"
    FAULT_AT_AGENT = "fault_at_agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStatus:
    """How the edge agent behind a source stands, as far as it was heard.

    `node` is its name; `outbox` how many readings it still holds for us; `last_seen` when it was
    last heard; `missing_since` is set once it is away so long that somebody must look, and
    `shares_its_name` while another agent has the same name. `denied` are the topics that the
    broker's rules keep from it.
    """

    node: str
    connected: bool | None = None
    outbox: int | None = None
    last_seen: datetime | None = None
    missing_since: datetime | None = None
    shares_its_name: bool = False
    denied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedStatus:
    """How a source stands: what it does, until when, what came last."""

    state: FeedState = FeedState.STARTING
    until: datetime | None = None
    answered: datetime | None = None
    newest: datetime | None = None
    refused_rows: int = 0
    sensor: SensorLife | None = None
    agent: AgentStatus | None = None
