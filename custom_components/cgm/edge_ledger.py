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
# Epochs whose numbers are remembered: an agent needs one, two agents under one name need two.
_MOST_EPOCHS = 4


class Run:
    """Which rows of one epoch are in our history: all up to `acked`, by number.

    An agent's `done` is what it believes to be acknowledged. Where that is more than is known
    here, the history was restored from a backup or begun anew, or somebody forged an
    acknowledgement: then the lower number is told, and the agent goes back to it. Only where it
    cannot, because it no longer has those rows, is its own number taken.
    """

    def __init__(self, acked: int, rejected: tuple[int, ...] = ()) -> None:
        """Begin with everything up to `acked`."""
        self.acked = acked
        self.rejected = rejected
        self._ahead: list[tuple[int, int]] = []
        self._believed: int | None = None
        self._told: float | None = None

    def take(self, received: Received, stored_to: int, elapsed: float) -> None:
        """Take account of a message whose rows are in the history up to number `stored_to`."""
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


class Ledger:
    """The epochs of one node that were heard last, each with its own numbers.

    An agent's restart begins a new epoch, and the old one is never heard again. Two agents under
    one name take turns: neither's numbers may be taken for the other's.
    """

    def __init__(self, noted: str | None) -> None:
        """Begin with what `note` gave, or with nothing: then the agent brings all it has again."""
        self._runs: dict[str, Run] = {}  # the one that spoke last comes last
        try:
            for kept in [] if noted is None else json.loads(noted):
                rejected = tuple(int(seq) for seq in kept["rejected"])
                self._runs[str(kept["epoch"])] = Run(int(kept["acked"]), rejected)
        except KeyError, TypeError, ValueError:
            self._runs.clear()

    def note(self) -> str:
        """Return what to keep over a restart."""
        return json.dumps(
            [
                {"epoch": epoch, "acked": run.acked, "rejected": run.rejected}
                for epoch, run in self._runs.items()
            ]
        )

    @property
    def epoch(self) -> str | None:
        """The epoch that spoke last, None where none has."""
        return next(reversed(self._runs), None)

    @property
    def acked(self) -> int:
        """Everything of the epoch that spoke last up to here is in the history."""
        return 0 if self.epoch is None else self._runs[self.epoch].acked

    @property
    def rejected(self) -> tuple[int, ...]:
        """The numbers of rows of that epoch that cannot be readings."""
        return () if self.epoch is None else self._runs[self.epoch].rejected

    def run(self, epoch: str) -> Run | None:
        """Return the numbers of an epoch, None where it was not heard or is forgotten."""
        return self._runs.get(epoch)

    def is_old(self, received: Received) -> bool:
        """Tell whether a retained message may be left over from an earlier run of the agent."""
        if self.epoch in {None, received.epoch}:
            return False
        return received.epoch in self._runs or received.last <= self.acked

    def take(self, received: Received, stored_to: int, elapsed: float) -> None:
        """Take account of a message whose rows are in the history up to number `stored_to`.

        `elapsed` is monotonic seconds.
        """
        run = self._runs.pop(received.epoch, None) or Run(min(self.acked, received.done))
        self._runs[received.epoch] = run
        for oldest in list(self._runs)[:-_MOST_EPOCHS]:
            del self._runs[oldest]
        run.take(received, stored_to, elapsed)
