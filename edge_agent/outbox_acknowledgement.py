"""What an acknowledgement is worth: under which epoch numbers hold, and up to where all is done."""

from __future__ import annotations

import secrets
from enum import StrEnum

from glucose.wire import Ack

from .outbox_note import Noted

# Two Home Assistants on one broker would answer by turns; each change sends everything again.
SECONDS_BEFORE_A_KNOWN_STORE_RETURNS = 600.0
# A number that was never sent: somebody else has spoken under our epoch. Whoever goes on doing so
# must not have everything sent again each time.
SECONDS_BETWEEN_EPOCHS = 60.0


class Outcome(StrEnum):
    """What an acknowledgement did."""

    ACCEPTED = "accepted"
    UNCHANGED = "unchanged"
    REWOUND = "rewound"
    NEW_STORE = "new_store"
    FOREIGN_EPOCH = "foreign_epoch"
    AHEAD = "ahead"
    OTHER_STORE = "other_store"

    @property
    def ignored(self) -> bool:
        """Whether it changed nothing because it is not to be believed."""
        return self in {Outcome.FOREIGN_EPOCH, Outcome.AHEAD, Outcome.OTHER_STORE}


class Standing:
    """What is done, in memory, under an epoch of its own. No I/O; times are monotonic seconds.

    `answers` counts the acknowledgements that were believed, whether or not they brought more.
    """

    def __init__(self, known: Noted) -> None:
        """Begin a new epoch with what was noted under an earlier one."""
        self.epoch = secrets.token_hex(8)
        self.done, self.store_id = known
        self.answers = 0
        self._highest_sent = 0
        self._renewed = float("-inf")
        self._left: dict[str, float] = {}
        # Whether the store that acknowledged last has done so under the present epoch: only a
        # real one can, for an epoch is random and began after its first word.
        self._store_proved = False

    @property
    def noted(self) -> Noted:
        """What is to be found again after a restart."""
        return Noted(self.done, self.store_id)

    @property
    def highest(self) -> int:
        """The highest number that can be acknowledged.

        What a message calls done is claimed too: a store may begin there.
        """
        return max(self._highest_sent, self.done)

    def sent(self, seq: int) -> None:
        """Note that a message with rows up to this number is about to go out."""
        self._highest_sent = max(self._highest_sent, seq)

    def take(self, ack: Ack, now: float) -> Outcome:
        """Take an acknowledgement for what it is worth."""
        if ack.epoch != self.epoch:
            return Outcome.FOREIGN_EPOCH
        if ack.seq > self.highest:
            return self._take_ahead(now)
        if self.store_id not in {None, ack.store_id}:
            return self._take_other_store(ack.store_id, now)
        self.store_id = ack.store_id
        self._store_proved = True
        self.answers += 1
        before, self.done = self.done, ack.seq
        if ack.seq < before:
            return Outcome.REWOUND
        return Outcome.UNCHANGED if ack.seq == before else Outcome.ACCEPTED

    def _take_ahead(self, now: float) -> Outcome:
        """Begin a new epoch: a store that took forged rows under the old one counts with them.

        Then it would acknowledge a number that was never sent, for ever.
        """
        if now - self._renewed >= SECONDS_BETWEEN_EPOCHS:
            self._renewed = now
            self.epoch = secrets.token_hex(8)
            self._highest_sent = self.done
        return Outcome.AHEAD

    def _take_other_store(self, store_id: str, now: float) -> Outcome:
        """Send everything kept to a store not known; under another epoch.

        The new store may already hold numbers of this epoch for acknowledged, only because
        messages said that they were done, elsewhere.
        """
        just_left = now - self._left.get(store_id, float("-inf"))
        if self._store_proved and just_left < SECONDS_BEFORE_A_KNOWN_STORE_RETURNS:
            return Outcome.OTHER_STORE
        if self.store_id is not None:
            self._left[self.store_id] = now
        self.epoch = secrets.token_hex(8)
        self.store_id = store_id
        self._store_proved = False
        self.done = self._highest_sent = 0
        return Outcome.NEW_STORE
