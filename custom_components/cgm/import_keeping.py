"""Puts what a file held into the history: laid aside piece by piece, then taken in all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from itertools import batched, pairwise
from operator import attrgetter
from typing import TYPE_CHECKING

from homeassistant.config_entries import ConfigEntryState

from .shared.glucose.errors import StoreError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from .shared.glucose.formats import Export, RefusedRow
    from .shared.glucose.measurement import Measurement
    from .shared.glucose.reading import Reading
    from .shared.glucose.store import Added, Store
    from .shared.glucose.treatment import Treatment
    from .wearer import Wearer

# What the store's thread does at once: readings that come in meanwhile wait for so many at most.
_PIECE = 5_000
_time = attrgetter("time")


@dataclass(slots=True, kw_only=True)
class Found:
    """What a file holds up to a moment; its readings in pieces, taken away one by one.

    `rows` are all of the file, `taken` and `ahead` count what is kept of it and what lies later.
    """

    format: str
    pieces: deque[list[Reading]]
    treatments: list[Treatment]
    measurements: list[Measurement]
    rows: int
    taken: int
    ahead: int
    refused: tuple[RefusedRow, ...]
    others: Mapping[str, int]
    first: datetime | None
    last: datetime | None


def found_in(export: Export, beyond: datetime) -> Found:
    """Leave out what lies after `beyond`; an export is sorted by time."""
    readings = _until(export.readings, beyond)
    treatments = _until(export.treatments, beyond)
    measurements = _until(export.measurements, beyond)
    edges = [
        rows[at].time for rows in (readings, treatments, measurements) if rows for at in (0, -1)
    ]
    taken = len(readings) + len(treatments) + len(measurements)
    given = len(export.readings) + len(export.treatments) + len(export.measurements)
    return Found(
        format=export.format,
        pieces=deque(list(piece) for piece in batched(_once(readings), _PIECE, strict=False)),
        treatments=list(treatments),
        measurements=list(measurements),
        rows=export.rows,
        taken=taken,
        ahead=given - taken,
        refused=export.refused,
        others=export.others,
        first=min(edges, default=None),
        last=max(edges, default=None),
    )


def _until[T: (Reading, Treatment, Measurement)](
    rows: tuple[T, ...], beyond: datetime
) -> tuple[T, ...]:
    return rows[: bisect_right(rows, beyond, key=_time)]


def _once(readings: Sequence[Reading]) -> Iterable[Reading]:
    """Return of a reading that the file tells twice the later one, in their order.

    Kept one by one, they would replace each other with every import.
    """
    if any(a.time == b.time for a, b in pairwise(readings)):
        return {one.identity: one for one in readings}.values()
    return readings


async def async_put(wearer: Wearer, found: Found) -> tuple[list[Added], list[Added]]:
    """Keep all of it or nothing; return what became of the readings and of the records.

    The pieces are gone from `found` then. Raises StoreError.
    """
    key, history = wearer.id, wearer.history
    history_id = history.id

    def lay_aside(store: Store) -> Added:
        return store.lay_aside(key, found.pieces.popleft())

    def take_in(store: Store) -> list[Added]:
        if history.id != history_id:
            raise StoreUnavailable("what was laid aside went with a damaged history")
        with store.writing():
            store.take_in(key)
            return [
                store.treatments.add(key, found.treatments),
                store.measurements.add(key, found.measurements),
            ]

    readings: list[Added] = []
    try:
        while found.pieces:
            readings.append(await history.async_do(lay_aside))
        if not _is_running(wearer):
            # Reading takes its time. What would be kept now, nobody would erase any more.
            raise StoreUnavailable("history cannot be used now: the wearer was taken away")
        return readings, await history.async_do(take_in)
    finally:
        # Of an import that failed all, of another one what went into series there were before.
        with suppress(StoreError):
            while await history.async_do(lambda store: store.erase_aside(key)):
                pass


def _is_running(wearer: Wearer) -> bool:
    """Tell whether the wearer is neither removed nor reloaded; then others have its place."""
    return wearer.entry.state is ConfigEntryState.LOADED and wearer.entry.runtime_data is wearer
