"""Messages of the edge contract, made by Hypothesis: whatever either side may honestly say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from glucose.reading import Bound, Kind, Reading
from glucose.trend import Trend
from glucose.wire import Ack, Announce, Carried, Health, Row, Rows, SourceHealth

# Any character but control characters and halves of surrogate pairs.
NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=64)
NODES = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,31}", fullmatch=True)
KEYS = st.none() | st.binary(min_size=1, max_size=64)
# The contract carries milliseconds from 1970 on.
TIMES = st.integers(0, 253_402_300_799_999).map(
    lambda ms: datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ms)
)
SEQS = st.integers(1, 2**53)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)

READINGS = st.builds(
    Reading,
    time=TIMES,
    mg_dl=st.integers(10, 600),
    source=NAMES,
    series=NAMES,
    kind=st.sampled_from(Kind),
    bound=st.none() | st.sampled_from(Bound),
    trend=st.none() | st.sampled_from(Trend),
)


@st.composite
def rows(draw: st.DrawFn) -> Rows:
    """Return 1..100 rows with rising numbers after `after`."""
    after, *numbers = sorted(draw(st.sets(st.integers(0, 2**53), min_size=2, max_size=101)))
    return Rows(
        epoch=draw(NAMES),
        done=draw(st.integers(0, 2**53)),
        after=after,
        rows=tuple(Row(seq, draw(READINGS)) for seq in numbers),
    )


@st.composite
def acks(draw: st.DrawFn) -> Ack:
    """Return an acknowledgement whose rejected numbers it also covers."""
    seq = draw(st.integers(0, 2**53))
    rejected = draw(st.sets(st.integers(1, max(1, seq)), max_size=20)) if seq else set()
    return Ack(store_id=draw(NAMES), epoch=draw(NAMES), seq=seq, rejected=tuple(sorted(rejected)))


def announces(node: str) -> st.SearchStrategy[Announce]:
    """Return announcements of `node`, no source named twice."""
    carried = st.builds(
        Carried, source=NAMES, wearer=NAMES, kind=NAMES, cadence_seconds=st.integers(1, 86_400)
    )
    return st.builds(
        Announce,
        node=st.just(node),
        software=NAMES,
        carries=st.lists(carried, max_size=16, unique_by=lambda one: one.source).map(tuple),
    )


HEALTHS = st.builds(
    Health,
    sent_at=TIMES,
    clock_synchronised=st.none() | st.booleans(),
    depth=st.integers(0, 2**53),
    oldest=st.none() | TIMES,
    refused=st.integers(0, 2**53),
    sources=st.lists(
        st.builds(SourceHealth, source=NAMES, state=NAMES, newest=st.none() | TIMES),
        max_size=16,
        unique_by=lambda one: one.source,
    ).map(tuple),
    disk_free_mb=st.none() | NUMBERS,
    temperature_c=st.none() | NUMBERS,
    denied=st.lists(NAMES, max_size=16).map(tuple),
)
