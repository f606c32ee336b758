"""What has happened to the outbox since the process started."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .outbox_acknowledgement import Outcome


@dataclass(frozen=True, slots=True)
class OutboxCounters:
    """Counts; `dropped` readings are lost."""

    foreign_acks: int = 0
    ahead_acks: int = 0
    other_store_acks: int = 0
    rewinds: int = 0
    rejected: int = 0
    dropped: int = 0
    damaged_rows: int = 0
    set_aside: int = 0

    def after(self, outcome: Outcome) -> OutboxCounters:
        """Return the counts after an acknowledgement."""
        match outcome:
            case Outcome.FOREIGN_EPOCH:
                return replace(self, foreign_acks=self.foreign_acks + 1)
            case Outcome.AHEAD:
                return replace(self, ahead_acks=self.ahead_acks + 1)
            case Outcome.OTHER_STORE:
                return replace(self, other_store_acks=self.other_store_acks + 1)
            case Outcome.REWOUND | Outcome.NEW_STORE:
                return replace(self, rewinds=self.rewinds + 1)
            case Outcome.ACCEPTED | Outcome.UNCHANGED:
                return self
