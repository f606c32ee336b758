"""The acknowledgement: what Home Assistant's store has of an agent's outbox."""

from __future__ import annotations

from dataclasses import dataclass

from .envelope import Body, WireError, list_of, opened, sealed, text_of, whole_of

MOST_REJECTED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """Everything of `epoch` up to `seq` is in the store named `store_id`, but for `rejected`.

    `rejected` are numbers of rows at or below `seq` that cannot be readings: the agent keeps
    them and reports them. Higher ones are not sent before `seq` has reached them, and of more
    than 1,000 the oldest are left out: earlier acknowledgements named them.
    """

    store_id: str
    epoch: str
    seq: int
    rejected: tuple[int, ...] = ()

    def encode(self, topic: str, key: bytes | None = None) -> bytes:
        """Return the bytes to publish on `topic`."""
        body: Body = {
            "store_id": self.store_id,
            "epoch": self.epoch,
            "seq": self.seq,
            "rejected": sorted(seq for seq in self.rejected if seq <= self.seq)[-MOST_REJECTED:],
        }
        return sealed(topic, body, key)


def decode_ack(topic: str, payload: bytes, key: bytes | None = None) -> Ack:
    """Read an acknowledgement; raises WireError."""
    fields = opened(topic, payload, key)
    seq = whole_of(fields, "seq")
    rejected = list_of(fields, "rejected", MOST_REJECTED)
    numbers = tuple(one for one in rejected if type(one) is int and 0 < one <= seq)
    if len(numbers) != len(rejected):
        raise WireError("rejected must hold numbers of rows, none above seq")
    return Ack(
        store_id=text_of(fields, "store_id"),
        epoch=text_of(fields, "epoch"),
        seq=seq,
        rejected=numbers,
    )
