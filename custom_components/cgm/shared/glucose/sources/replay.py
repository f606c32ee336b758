"""A recorded wearer as an account: an export's readings, played as if they were coming in now.

The file is cut at its `start`. What lies before is history: moved as a whole, at its own pace, so
that `start` falls on `started_at`. What lies behind is played: a reading that came t after `start`
comes t / speed after `started_at`, and the cadence is divided likewise. Everything follows from the
settings: the same settings give the same readings under the same times however often they are
asked and across restarts, so keep `started_at`.

Faster than life, rates computed from the played times would be `speed` times too steep. Then the
arrow is computed here, over fifteen minutes of the file's own time, and given along as a vendor
would; at speed 1 the file's arrow, mostly none, is passed on. And what is played is a series of
its own, because the spacing of what lies before it would teach a wrong cadence.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from ..errors import SharingDisabled
from ..reading import Kind, Reading
from ..trend import Trend, trend_of_rate
from .login import LoginGuard
from .source import Answer, VisibleWearer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .source import Clock

HISTORY = timedelta(days=14)
SHORTEST_CADENCE = timedelta(seconds=5)
FASTEST = 1000.0
TREND_SPAN = timedelta(minutes=15)
# Readings come some seconds off their minute.
TREND_TOLERANCE = timedelta(minutes=2)
WEARER = "replay"
# Added to a series' name.
PLAYED = " played"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySettings:
    """How a file is played: `started_at` (aware UTC) is when, `speed` how fast (0 < speed <= 1000).

    `start` (aware UTC, the file's time) is where; without it, fourteen days of the file, or half
    of it if that is less, are history. Raises ValueError.
    """

    started_at: datetime
    speed: float = 1.0
    start: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be played."""
        if not 0 < self.speed <= FASTEST:
            raise ValueError(f"the speed is above 0, and at most {FASTEST:g}")
        for moment in (self.started_at, self.start):
            if moment is not None and moment.utcoffset() != timedelta(0):
                raise ValueError("started_at and start must be aware UTC")


class ReplayAccount:
    """An account that sees the one wearer of a file."""

    def __init__(
        self,
        recorded: Sequence[Reading],
        settings: ReplaySettings,
        *,
        clock: Clock,
        elapsed: Callable[[], float],
    ) -> None:
        """Lay the readings out in time; raises ValueError where there is no sensor's among them.

        A year of them takes tenths of a second: build it where the file is read, off the loop.
        """
        self._clock = clock
        self._guard = LoginGuard(elapsed)
        ordered = sorted(recorded, key=lambda reading: reading.time)
        sensor = [reading for reading in ordered if reading.kind is Kind.CGM]
        if not sensor:
            raise ValueError("there is no sensor reading to play")
        start = settings.start or _default_start(sensor)
        self._cadence = max(_cadence(sensor) / settings.speed, SHORTEST_CADENCE)
        if settings.speed != 1:
            ordered = [_of_played_series(one, start) for one in _with_arrows(ordered)]
        self._times = [_played(reading.time, start, settings) for reading in ordered]
        self._recorded = ordered

    @property
    def guard(self) -> LoginGuard:
        """A guard that never has reason to refuse."""
        return self._guard

    @property
    def cadence(self) -> timedelta:
        """The file's usual spacing as it is played, five seconds at least."""
        return self._cadence

    @property
    def ends(self) -> datetime:
        """When the last reading is played (aware UTC)."""
        return self._times[-1]

    async def wearers(self) -> tuple[VisibleWearer, ...]:
        """Return the file's wearer."""
        return (VisibleWearer(WEARER, "Recorded wearer"),)

    async def readings(self, wearer: str, source: str, since: datetime) -> Answer:
        """Return what has been played by now, at or after `since`; raises SharingDisabled."""
        if wearer != WEARER:
            raise SharingDisabled("this account plays one recorded wearer")
        first = bisect_left(self._times, since)
        last = bisect_right(self._times, self._clock())
        return Answer(
            readings=tuple(
                replace(self._recorded[at], time=self._times[at], source=source)
                for at in range(first, last)
            )
        )


def _default_start(sensor: Sequence[Reading]) -> datetime:
    """Return the time of a reading with enough before it, so that one is current at once."""
    first, last = sensor[0].time, sensor[-1].time
    wanted = first + min(HISTORY, (last - first) / 2)
    return sensor[bisect_left(sensor, wanted, key=lambda reading: reading.time)].time


def _cadence(sensor: Sequence[Reading]) -> timedelta:
    """Return the usual spacing within the series that has most readings."""
    (series, _), *_ = Counter(reading.series for reading in sensor).most_common(1)
    times = [reading.time for reading in sensor if reading.series == series]
    gaps = [later - earlier for earlier, later in pairwise(times) if later > earlier]
    return sorted(gaps)[len(gaps) // 2] if gaps else timedelta(minutes=5)


def _played(time: datetime, start: datetime, settings: ReplaySettings) -> datetime:
    """Return when a reading is played, to the millisecond, as stores and wires keep it."""
    after = time - start
    moment = settings.started_at + (after if time <= start else after / settings.speed)
    return moment - timedelta(microseconds=moment.microsecond % 1000)


def _of_played_series(reading: Reading, start: datetime) -> Reading:
    """Name the series of what is played another; the reading at the start is the first of it."""
    if reading.time < start:
        return reading
    return replace(reading, series=reading.series + PLAYED)


def _with_arrows(ordered: Sequence[Reading]) -> list[Reading]:
    """Give sensor readings without an arrow the one of their own series' last fifteen minutes."""
    before: dict[str, list[Reading]] = {}
    arrowed: list[Reading] = []
    for reading in ordered:
        if reading.kind is not Kind.CGM or reading.trend is not None:
            arrowed.append(reading)
            continue
        recent = [
            earlier
            for earlier in before.get(reading.series, ())
            if reading.time - earlier.time <= TREND_SPAN + TREND_TOLERANCE
        ]
        arrowed.append(replace(reading, trend=_arrow(recent, reading)))
        before[reading.series] = [*recent, reading]
    return arrowed


def _arrow(recent: Sequence[Reading], reading: Reading) -> Trend:
    """Return the arrow from the oldest of the recent readings; none beside LOW and HIGH."""
    numbers = [earlier for earlier in recent if earlier.bound is None]
    if reading.bound is not None or not numbers or numbers[0].time == reading.time:
        return Trend.NONE
    minutes = (reading.time - numbers[0].time) / timedelta(minutes=1)
    return trend_of_rate((reading.mg_dl - numbers[0].mg_dl) / minutes)
