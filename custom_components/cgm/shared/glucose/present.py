"""What is true now about one wearer: one value that everything shown is read from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .disagreement import disagreement_among
from .merge import AHEAD_TOLERANCE, WITHDRAWN_AT_LEAST, leading, parted, streams
from .slope import delta_mg_dl, rate
from .targets import status_of
from .trend import trend_of_rate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

    from .disagreement import Disagreement
    from .merge import Stream
    from .reading import Reading
    from .targets import Status, Targets
    from .trend import Trend


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What is known at one moment; what is not known is None, and never the last thing known.

    `leading` is the source that leads and `reading` its current reading: both or neither.
    `newest` is the newest CGM reading of any source and any age, for "last reading". `trend`
    is the vendor's, or computed over 15 minutes where `trend_computed`. `delta_mg_dl` and
    `rate_mg_dl_per_minute` belong to `reading` (slope.py). `held` are readings ahead of the
    clock, oldest first; nothing else here knows of them. `until` is the next moment at which
    this may change though no reading comes: a source's value is withdrawn, or a held
    reading's time has come; None where nothing can.
    """

    leading: str | None
    reading: Reading | None
    newest: Reading | None
    trend: Trend | None
    trend_computed: bool
    delta_mg_dl: int | None
    rate_mg_dl_per_minute: float | None
    status: Status
    held: tuple[Reading, ...]
    until: datetime | None
    disagreement: Disagreement | None


def present(  # noqa: PLR0913 - each is a different thing the wearer chose, or the clock
    readings: Iterable[Reading],
    *,
    order: Sequence[str],
    cadences: Mapping[str, timedelta],
    targets: Targets,
    now: datetime,
    withdrawn_at_least: timedelta = WITHDRAWN_AT_LEAST,
) -> Present:
    """Return what is true at `now` (aware UTC, the vendors' clock where ours is known to be off).

    `readings` are the wearer's, of all sources, in any order; the last few hours suffice.
    `order` is the wearer's order of sources, highest first; `cadences` are by source.
    `withdrawn_at_least` is the least age at which a value is withdrawn.
    """
    counting, held = parted(readings, now)
    ranked = streams(counting, order, cadences, withdrawn_at_least)
    stream = leading(ranked, now)
    reading = None if stream is None else stream.newest
    slope = None if stream is None else rate(stream.readings, stream.cadence)
    told = None if reading is None else reading.trend
    computed = None if told is not None or slope is None else trend_of_rate(slope)
    return Present(
        leading=None if stream is None else stream.source,
        reading=reading,
        newest=max((one.newest for one in ranked), key=lambda row: row.time, default=None),
        trend=told or computed,
        trend_computed=computed is not None,
        delta_mg_dl=None if stream is None else delta_mg_dl(stream.readings, stream.cadence),
        rate_mg_dl_per_minute=slope,
        status=status_of(reading, targets),
        held=tuple(sorted(held, key=_in_order)),
        until=_until(ranked, held, now),
        disagreement=disagreement_among(ranked, now),
    )


def _until(ranked: Sequence[Stream], held: Sequence[Reading], now: datetime) -> datetime | None:
    """Return the next moment at which time alone changes something."""
    withdrawals = [stream.withdrawn_at for stream in ranked if stream.current(now)]
    return min([*withdrawals, *(row.time - AHEAD_TOLERANCE for row in held)], default=None)


def _in_order(row: Reading) -> tuple[datetime, str, str, str, int, str, str]:
    """Sort by time, and among equals by everything else, whatever order they came in."""
    return row.time, row.source, row.series, row.kind, row.mg_dl, row.bound or "", row.trend or ""
