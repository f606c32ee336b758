"""Where each alarm stands, and what has just happened to one: values that outlive a restart."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from .kinds import AlarmKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..reading import Reading


class Phase(StrEnum):
    """The four states of an alarm."""

    CLEAR = "clear"
    PENDING = "pending"
    ACTIVE = "active"
    SILENCED = "silenced"


class What(StrEnum):
    """What can happen to an alarm."""

    FIRED = "fired"
    REPEATED = "repeated"
    ACKNOWLEDGED = "acknowledged"
    SILENCED = "silenced"
    UNSILENCED = "unsilenced"
    CLEARED = "cleared"
    FOUND_LATE = "found_late"
    TESTED = "tested"


class Mark(StrEnum):
    """What else is true of a happening, for its text and for those who hold milder ones back."""

    LAST_KNOWN = "last_known"
    COMPRESSION_LOW_SUSPECTED = "compression_low_suspected"
    OTHER_SOURCE = "other_source"
    METER = "meter"
    AFTER_SILENCE = "after_silence"
    COVERED = "covered"
    SWITCHED_OFF = "switched_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmState:
    """Where one alarm stands.

    `since` is the time of the reading it began with: of what must last, the first one out; of
    stale, the last one known. `fired` is the moment it first spoke.
    `waited` counts while it is pending, `quiet` since it last spoke; `silence_left` is what
    is left of a silence: elapsed time all three, which no clock changes. `owed` says that it
    would have spoken at the end of a silence but glucose was recovering. `reading` is the one
    it was judged by last, `extreme_mg_dl` the worst of the episode. `raised_by` is the
    source that was out last; `cleared_only_after` is the time the leader's reading has to
    be newer than, `metered` that of the finger-stick seen last, `steep` that of a reading
    which pressure on the sensor may have made.
    """

    phase: Phase = Phase.CLEAR
    since: datetime | None = None
    fired: datetime | None = None
    waited: timedelta = timedelta()
    quiet: timedelta = timedelta()
    silence_left: timedelta | None = None
    owed: bool = False
    reading: Reading | None = None
    extreme_mg_dl: int | None = None
    raised_by: str | None = None
    cleared_only_after: datetime | None = None
    metered: datetime | None = None
    steep: datetime | None = None

    @property
    def on(self) -> bool:
        """Whether the alarm has fired and is not over, silenced or not."""
        return self.phase in {Phase.ACTIVE, Phase.SILENCED}


CLEAR = AlarmState()


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What happened to one alarm at `at`; `reading` is what it is about, of whatever age.

    `silence` is how long it was silenced for; `began` is when the episode began.
    """

    kind: AlarmKind
    what: What
    at: datetime
    reading: Reading | None = None
    began: datetime | None = None
    extreme_mg_dl: int | None = None
    silence: timedelta | None = None
    marks: frozenset[Mark] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarms:
    """All alarms of one wearer; one that is not named is clear."""

    states: Mapping[AlarmKind, AlarmState] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Name every alarm."""
        every = {kind: self.states.get(kind, CLEAR) for kind in AlarmKind}
        object.__setattr__(self, "states", MappingProxyType(every))

    def __getitem__(self, kind: AlarmKind) -> AlarmState:
        """Return where one alarm stands."""
        return self.states[kind]

    @property
    def on(self) -> tuple[AlarmKind, ...]:
        """The alarms that have fired and are not over."""
        return tuple(kind for kind, state in self.states.items() if state.on)
