"""Readings on their way from an agent's outbox to Home Assistant's store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..errors import GlucoseError, InvalidReadingError
from ..reading import Bound, Kind, Reading, utc_of_epoch_ms
from ..trend import Trend
from .envelope import Body, WireError, objects_of, opened, sealed, text_of, whole_of

MOST_ROWS = 100
_EPOCH = datetime.fromtimestamp(0, UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Row:
    """One reading under its number in the outbox; its `source` is the agent's name for it."""

    seq: int
    reading: Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """1..100 rows in rising order of seq.

    `done` is the highest seq the agent itself holds acknowledged in this `epoch`. `after` is the
    seq before the first row in the outbox: a receiver who has everything up to `after` has,
    with these rows, everything up to the last. Raises WireError.
    """

    epoch: str
    done: int
    after: int
    rows: tuple[Row, ...]

    def __post_init__(self) -> None:
        """Refuse what would make an acknowledgement wrong."""
        if not 0 < len(self.rows) <= MOST_ROWS:
            raise WireError(f"a message holds 1..{MOST_ROWS} rows")
        numbers = [self.after, *(row.seq for row in self.rows)]
        if self.done < 0 or self.after < 0 or sorted(set(numbers)) != numbers:
            raise WireError("rows must rise, from after on")

    @property
    def last(self) -> int:
        """The highest seq among the rows."""
        return self.rows[-1].seq

    def encode(self, topic: str, key: bytes | None = None) -> bytes:
        """Return the bytes to publish on `topic`."""
        body: Body = {
            "epoch": self.epoch,
            "done": self.done,
            "after": self.after,
            "rows": [_body_of(row) for row in self.rows],
        }
        return sealed(topic, body, key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Rows as they came, beside the numbers of those that cannot be readings."""

    epoch: str
    done: int
    after: int
    last: int
    rows: tuple[Row, ...]
    rejected: tuple[int, ...]


def decode_rows(topic: str, payload: bytes, key: bytes | None = None) -> Received:
    """Read a message of rows; raises WireError where not even the numbers can be trusted.

    A row whose number is good and whose reading is not is in `rejected`, the others stand.
    """
    fields = opened(topic, payload, key)
    bodies = objects_of(fields, "rows", MOST_ROWS)
    if not bodies:
        raise WireError(f"a message holds 1..{MOST_ROWS} rows")
    done, after = whole_of(fields, "done"), whole_of(fields, "after")
    numbers = [after, *(whole_of(body, "seq", 1) for body in bodies)]
    if sorted(set(numbers)) != numbers:
        raise WireError("rows must rise, from after on")
    rows: list[Row] = []
    rejected: list[int] = []
    for body, seq in zip(bodies, numbers[1:], strict=True):
        try:
            rows.append(Row(seq, _reading_of(body)))
        except (WireError, InvalidReadingError):
            rejected.append(seq)
    return Received(
        epoch=text_of(fields, "epoch"),
        done=done,
        after=after,
        last=numbers[-1],
        rows=tuple(rows),
        rejected=tuple(rejected),
    )


def _body_of(row: Row) -> Body:
    reading = row.reading
    body: Body = {
        "seq": row.seq,
        "time": (reading.time - _EPOCH) // _MILLISECOND,
        "mg_dl": reading.mg_dl,
        "source": reading.source,
        "series": reading.series,
        "kind": reading.kind.value,
    }
    if reading.bound is not None:
        body["bound"] = reading.bound.value
    if reading.trend is not None:
        body["trend"] = reading.trend.value
    return body


def _reading_of(body: Body) -> Reading:
    try:
        return Reading(
            time=utc_of_epoch_ms(whole_of(body, "time")),
            mg_dl=whole_of(body, "mg_dl"),
            source=text_of(body, "source"),
            series=text_of(body, "series"),
            kind=Kind(text_of(body, "kind")),
            bound=None if body.get("bound") is None else Bound(text_of(body, "bound")),
            trend=None if body.get("trend") is None else Trend(text_of(body, "trend")),
        )
    except GlucoseError:
        raise
    except ValueError:
        raise WireError("a row holds a word that is not of the contract") from None
