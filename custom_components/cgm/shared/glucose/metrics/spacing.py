"""How often the sensors behind a merged series measure, the longest of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from ..merge import GAP_CADENCES, USUAL_CADENCE
from ..reading import Kind
from .local_clock import epoch_ms

if TYPE_CHECKING:
    from ..reading import Reading

# No sensor writes less often by itself: Libre's history. Scans, which are rarer, do not count.
LONGEST = timedelta(minutes=15)
_MS = timedelta(milliseconds=1)
# Fewer gaps of one series say nothing: then what is known of its source counts.
_TELLING = 12
# Where a source changed from one interval to a longer one within the stretch, a part of the time
# this long makes the longer one count; readings that were lost now and then do not.
_PART = 0.75


def spacing(readings: Iterable[Reading], known: Mapping[str, timedelta]) -> timedelta:
    """Return the longest cadence of the series among CGM `readings`, oldest first.

    A series' cadence is the gap that three quarters of its time lie in such or shorter ones, and
    no shorter than its source's in `known`, as that is now; of few readings that alone, or 5
    minutes. At most 15 minutes.
    """
    times: dict[tuple[str, str], list[int]] = {}
    for reading in readings:
        if reading.kind is Kind.CGM:
            times.setdefault((reading.source, reading.series), []).append(epoch_ms(reading.time))
    found = timedelta()
    for (source, _), at in times.items():
        gaps = np.sort(np.diff(np.array(at, dtype=np.int64)))
        gaps = gaps[(gaps > 0) & (gaps <= LONGEST / _MS * GAP_CADENCES)]
        if len(gaps) < _TELLING:
            found = max(found, known.get(source, USUAL_CADENCE))
            continue
        lasted = np.cumsum(gaps)
        usual = int(gaps[np.searchsorted(lasted, _PART * lasted[-1])])
        found = max(found, usual * _MS, known.get(source, timedelta()))
    return min(found or USUAL_CADENCE, LONGEST)
