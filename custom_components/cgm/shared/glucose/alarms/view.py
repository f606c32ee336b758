"""What the alarms see at one moment: the leading series, and whatever else may raise one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from ..forecast.ar2 import forecast_mg_dl
from ..merge import leading, meter_readings, parted, streams
from ..reading import Bound
from ..slope import rate
from ..trend import SLIGHT, Trend

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from ..merge import Stream
    from ..reading import Reading

STEP = timedelta(minutes=5)
RECOVERING_STEP_MG_DL = 3
# Faster than glucose falls in a body (about 4 mg/dL a minute at most), after a level stretch.
STEEP_MG_DL_PER_MINUTE = 4.0
LEVEL_MG_DL_PER_MINUTE = 1.0
# A finger-stick tells of now for as long as a sensor's value does.
METER_COUNTS_FOR = timedelta(minutes=11)
# The way above a threshold goes on over a gap as long as this if both its ends are above.
LONGEST_BRIDGE = timedelta(minutes=30)
FALLING = frozenset({Trend.SLIGHT_DOWN, Trend.DOWN, Trend.DOUBLE_DOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One moment as the alarms see it.

    `stream` leads; None where nothing is current. `last` is the stream that was heard last,
    current or not, None where none ever was. `others` are the newest readings of the other
    current sources; `meter` is a finger-stick of the last 11 minutes. `quiet_until` is the
    end of a warm-up that is known of, during which no readings are expected; `settling` says
    that the sources have just begun and could not have answered yet.
    """

    now: datetime
    stream: Stream | None
    last: Stream | None
    others: tuple[Reading, ...] = ()
    meter: Reading | None = None
    quiet_until: datetime | None = None
    settling: bool = False

    @property
    def reading(self) -> Reading | None:
        """The value that is true now."""
        return None if self.stream is None else self.stream.newest

    @property
    def last_known(self) -> Reading | None:
        """The newest reading there is, of whatever age."""
        return None if self.last is None else self.last.newest

    @property
    def rate_mg_dl_per_minute(self) -> float | None:
        """How fast the current value moves."""
        return None if self.stream is None else rate(self.stream.readings, self.stream.cadence)

    @property
    def was_falling(self) -> bool:
        """Whether the last known value was on its way down, by its arrow or by its rate."""
        if self.last is None:
            return False
        slope = rate(self.last.readings, self.last.cadence)
        return self.last.newest.trend in FALLING or (slope is not None and slope < -SLIGHT)

    @property
    def forecast_mg_dl(self) -> float | None:
        """Where the current value is in 30 minutes."""
        if self.stream is None:
            return None
        return forecast_mg_dl(self.stream.readings, self.stream.cadence)

    @property
    def recovering_mg_dl(self) -> tuple[int, int] | None:
        """The last two changes, older first, each over 5 minutes or one cadence."""
        if self.stream is None:
            return None
        newest, *before = _steps_back(self.stream, 2)
        if len(before) < 2 or any(row.bound for row in (newest, *before)):  # noqa: PLR2004 - a slope
            return None
        return before[0].mg_dl - before[1].mg_dl, newest.mg_dl - before[0].mg_dl

    @property
    def dropped_steeply(self) -> bool:
        """Whether the newest value fell faster than glucose does, out of a level stretch.

        That is what pressure on the sensor looks like ("compression low").
        """
        if self.stream is None:
            return False
        newest, *before = _steps_back(self.stream, 2)
        if len(before) < 2 or any(row.bound for row in before):  # noqa: PLR2004 - a slope
            return False
        fall = _per_minute(newest, before[0])
        return fall <= -STEEP_MG_DL_PER_MINUTE and (
            abs(_per_minute(before[0], before[1])) < LEVEL_MG_DL_PER_MINUTE
        )

    def above_since(self, mg_dl: float) -> datetime | None:
        """Return the time of the first of the readings above `mg_dl` up to the current one.

        Gaps of 30 min are bridged. None where the current value is not above.
        """
        if self.stream is None:
            return None
        since = None
        longest = max(LONGEST_BRIDGE, self.stream.limit)
        for row in reversed(self.stream.readings):
            above = row.bound is Bound.HIGH or (row.bound is None and row.mg_dl > mg_dl)
            if not above or (since is not None and since - row.time > longest):
                break
            since = row.time
        return since

    @property
    def flat_since(self) -> datetime | None:
        """The first reading's time of the current value's being the very same number.

        None where it is no number but LOW or HIGH, or nothing is current.
        """
        if self.stream is None:
            return None
        newest, since = self.stream.newest, None
        for row in reversed(self.stream.readings):
            same = row.bound is None and row.mg_dl == newest.mg_dl
            if not same or (since is not None and since - row.time > self.stream.limit):
                break
            since = row.time
        return since

    def leading_since(self, moment: datetime) -> list[Reading]:
        """Return the leading readings from `moment` on, oldest first."""
        rows = () if self.stream is None else self.stream.readings
        return [row for row in rows if row.time >= moment]


def view(  # noqa: PLR0913 - each is a different thing the wearer chose, or the clock
    readings: Iterable[Reading],
    *,
    order: Sequence[str],
    cadences: Mapping[str, timedelta],
    now: datetime,
    withdrawn_at_least: timedelta,
    quiet_until: datetime | None = None,
    settling: bool = False,
) -> View:
    """Return what the alarms see at `now` (aware UTC, the vendors' clock).

    `readings` are the wearer's of all sources, in any order; the last six hours suffice.
    """
    rows, _ = parted(readings, now)
    ranked = [s for s in streams(rows, order, cadences, withdrawn_at_least) if s.listed]
    stream = leading(ranked, now)
    # A graph smoothed afterwards says nothing about now beside a live value.
    others = tuple(
        other.newest
        for other in ranked
        if other is not stream and other.live and other.current(now)
    )
    meters = [row for row in meter_readings(rows) if now - row.time < METER_COUNTS_FOR]
    return View(
        now=now,
        stream=stream,
        last=stream or max(ranked, key=lambda one: one.newest.time, default=None),
        others=others,
        meter=meters[-1] if meters else None,
        quiet_until=quiet_until,
        settling=settling,
    )


def _steps_back(stream: Stream, steps: int) -> list[Reading]:
    """Return the newest reading, then the one a step before, and so on, as far as they reach.

    A step is five minutes, or one cadence where that is longer, give or take a tenth; where
    readings are missing it may be half as long again.
    """
    step = max(STEP, stream.cadence)
    found = [stream.newest]
    for row in reversed(stream.readings[:-1]):
        off = found[-1].time - row.time
        if len(found) > steps or off > step * 1.5:
            break
        if off >= step * 0.9:
            found.append(row)
    return found[: steps + 1]


def _per_minute(newer: Reading, older: Reading) -> float:
    """Return the change between two readings in mg/dL per minute."""
    return (newer.mg_dl - older.mg_dl) / ((newer.time - older.time) / timedelta(minutes=1))
