"""A wearer's readings of any stretch of time out of the history, as one series of all sources."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from .shared.glucose.merge import merged

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from .shared.glucose.reading import Reading
    from .shared.glucose.store import Store
    from .wearer import Wearer

# What lies around tells the merge whether a gap begins or ends at an edge.
_AROUND = timedelta(hours=1)


async def async_merged(wearer: Wearer, start: datetime, end: datetime) -> list[Reading]:
    """Return the merged CGM readings in [start, end), oldest first; read in the store's thread.

    Finger-sticks are not among them. What waits for a disk that refuses it is not, either.
    Raises StoreError.
    """
    return await wearer.history.async_do(merged_between(wearer, start, end))


def merged_between(
    wearer: Wearer, start: datetime, end: datetime
) -> Callable[[Store], list[Reading]]:
    """Return the work that async_merged does, to be made part of other work on the store.

    Called in the event loop: the wearer's order and cadences are those of this moment.
    """
    key, order, cadences = wearer.id, wearer.chosen.order, wearer.cadences

    def read(store: Store) -> list[Reading]:
        readings = store.readings(key, start - _AROUND, end + _AROUND)
        series = merged(readings, order=order, cadences=cadences)
        return [reading for reading in series if start <= reading.time < end]

    return read
