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


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedStatus:
    """How a source stands: what it does, until when, what came last."""

    state: FeedState = FeedState.STARTING
    until: datetime | None = None
    answered: datetime | None = None
    newest: datetime | None = None
    refused_rows: int = 0
    sensor: SensorLife | None = None
