"""What a wearer's records (treatments, measurements) have in common: time, identity, note."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import UTC, datetime

from .errors import InvalidRecordError

LONGEST_NOTE = 1000
LONGEST_ID = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a treatment and a measurement share: found by `(source, id)` within its wearer.

    `time` is aware UTC; `id` the vendor's own, or else `made_id`. Raises InvalidRecordError.
    """

    time: datetime
    source: str
    id: str
    note: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no record can be."""
        # Another zone that happens to have no offset now would add hours by its wall clock.
        if self.time.tzinfo is not UTC:
            raise InvalidRecordError("time must be aware UTC")
        if not self.source or not 0 < len(self.id) <= LONGEST_ID:
            raise InvalidRecordError(f"source and id are named, the id in {LONGEST_ID} characters")
        note = self.note
        if note is not None and not (note.strip() and len(note) <= LONGEST_NOTE):
            raise InvalidRecordError(f"a note has 1 to {LONGEST_NOTE} characters")
        for text in (self.source, self.id, note or ""):
            if text != _writable(text):
                raise InvalidRecordError("a text with what cannot be written")


def check_number(value: float, lowest: float, highest: float, what: str) -> None:
    """Refuse NaN, infinities, bool and what lies outside; raises InvalidRecordError."""
    # A subclass of int or float could be anything, bool among them.
    if (
        type(value) not in {int, float}
        or not math.isfinite(value)
        or not lowest <= value <= highest
    ):
        raise InvalidRecordError(f"{what} must be a number in {lowest:g}..{highest:g}")


def made_id(time: datetime, kind: str, amount: float | None = None, note: str | None = None) -> str:
    """Return an id for a record whose vendor gives none: of the same row always the same.

    The note (of its text only a few bytes of its hash) tells apart two at one moment; two
    without it that agree in time, kind and amount are one record.
    """
    parts = [f"{time.isoformat(timespec='milliseconds')}", kind]
    if amount is not None:
        parts.append(repr(float(amount)))
    if note is not None:
        parts.append(hashlib.sha256(note.encode("utf-8", "surrogatepass")).hexdigest()[:8])
    return " ".join(parts)


def note_of(text: object) -> str | None:
    """Return a vendor's text as a note: trimmed, cut to 1,000 characters; None if empty."""
    if not isinstance(text, str):
        return None
    said = _writable(text).strip()
    if len(said) > LONGEST_NOTE:
        return f"{said[: LONGEST_NOTE - 1]}…"
    return said or None


def _writable(text: str) -> str:
    """Drop NUL, at which SQLite's own tools stop, and halves of characters, which have no bytes."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")
