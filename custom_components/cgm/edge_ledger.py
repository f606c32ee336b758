"""What may be acknowledged of one agent's outbox: numbers only, nothing is stored or sent here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .shared.glucose.wire import Received

# An agent that was told that less is here than it believes rewinds at once; what it has not
# brought again this long after, it no longer has.
REWINDS_WITHIN_SECONDS = 60.0
# Messages that came ahead of their turn and whose numbers are remembered.
_MOST_AHEAD = 64


class Ledger:
    """Which rows of an outbox are in our history: all of `epoch` up to `acked`, by number.

    An agent's `done` is what it believes to be acknowledged. Where that is more than is known
    here, the history was restored from a backup or begun anew, or somebody forged an
    acknowledgement: then the lower number is told, and the agent goes back to it. Only where it
    cannot, because it no longer has those rows, is its own number taken.
    """

    def __init__(self, noted: str | None) -> None:
        """Begin with what `note` gave, or with nothing."""
        self.epoch: str | None = None
        self.acked = 0
        self.rejected: tuple[int, ...] = ()
        self._ahead: list[tuple[int, int]] = []
        self._believed: int | None = None
        self._told: float | None = None
        if noted is not None:
            kept = json.loads(noted)
            self.epoch = str(kept["epoch"])
            self.acked = int(kept["acked"])
            self.rejected = tuple(int(seq) for seq in kept["rejected"])

    def note(self) -> str:
        """Return what to keep over a restart."""
        return json.dumps({"epoch": self.epoch, "acked": self.acked, "rejected": self.rejected})

    def is_old(self, received: Received) -> bool:
        """Tell whether a retained message may be left over from an earlier run of the agent."""
        known = self.epoch is not None
        return known and received.epoch != self.epoch and received.last <= self.acked

    def take(self, received: Received, stored_to: int, elapsed: float) -> None:
        """Take account of a message whose rows are in the history up to number `stored_to`.

        `elapsed` is monotonic seconds.
        """
        if received.epoch != self.epoch:
            self.epoch = received.epoch
            self.acked = min(self.acked, received.done)
            self.rejected = ()
            self._ahead.clear()
            self._believed = self._told = None
        self._judge(received.done, elapsed)
        good = {row.seq for row in received.rows}
        bad = {*self.rejected, *received.rejected} - good
        # What the agent holds acknowledged it has heard of.
        self.rejected = tuple(sorted(seq for seq in bad if seq > min(received.done, self.acked)))
        self._ahead.append((received.after, stored_to))
        self._advance()

    def told(self, elapsed: float) -> None:
        """Note that the acknowledgement has gone out."""
        if self._told is None:
            self._told = elapsed

    def _judge(self, done: int, elapsed: float) -> None:
        if done <= self.acked:
            self._believed = self._told = None
        elif self._believed is None:
            self._believed, self._told = done, None
        elif done < self._believed or (
            self._told is not None and elapsed - self._told > REWINDS_WITHIN_SECONDS
        ):
            self.acked = done
            self._believed = self._told = None

    def _advance(self) -> None:
        ahead = sorted(self._ahead)
        while ahead and ahead[0][0] <= self.acked:
            _after, last = ahead.pop(0)
            self.acked = max(self.acked, last)
        self._ahead = ahead[:_MOST_AHEAD]
