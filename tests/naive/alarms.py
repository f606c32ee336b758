"""A slow, obvious twin of the level alarms and of stale: each row of the table as it is said.

One source, no silences, no finger-sticks, the default values.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from glucose.reading import Bound
from glucose.trend import Trend
from naive.merge import naive_limit, naive_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glucose.reading import Reading

MINUTE = timedelta(minutes=1)
DOWN = (Trend.SLIGHT_DOWN, Trend.DOWN, Trend.DOUBLE_DOWN)


@dataclass(frozen=True)
class Row:
    """One row of the table: fires, clears, delay and repeats in minutes."""

    name: str
    fires: int
    clears: int
    delay: int
    repeats: int

    @property
    def low(self) -> bool:
        return self.fires < self.clears

    def out(self, reading: Reading) -> bool:
        if reading.bound is not None:
            return reading.bound is (Bound.LOW if self.low else Bound.HIGH)
        return reading.mg_dl < self.fires if self.low else reading.mg_dl > self.fires

    def back(self, reading: Reading) -> bool:
        if reading.bound is not None:
            return reading.bound is (Bound.HIGH if self.low else Bound.LOW)
        return reading.mg_dl >= self.clears if self.low else reading.mg_dl <= self.clears


TABLE = (
    Row("urgent_low", 54, 60, 0, 5),
    Row("low", 70, 75, 0, 15),
    Row("urgent_high", 300, 290, 0, 30),
    Row("high", 250, 240, 15, 60),
)


class Level:
    """One level alarm, told at each moment what is known."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.on = False
        self.last_said: datetime | None = None
        self.out_since: datetime | None = None
        self.waited = timedelta()
        self.steep: Reading | None = None

    def at(self, now: datetime, then: datetime, known: Known, covered: bool) -> str | None:
        value = known.current(now)
        if not self.on:
            return self._off(now, then, known, value)
        if value is not None and self.row.back(value):
            self.__init__(self.row)  # type: ignore[misc]  # begun anew
            return "cleared"
        assert self.last_said is not None
        if now - self.last_said < self.row.repeats * MINUTE or covered:
            return None
        if value is not None and known.recovering(self.row.low):
            urgent = self.row.name == "urgent_low" and self.row.out(value)
            if not urgent:
                return None
        self.last_said = now
        return "repeated"

    def _off(
        self, now: datetime, then: datetime, known: Known, value: Reading | None
    ) -> str | None:
        if value is not None and not self.row.out(value):
            self.__init__(self.row)  # type: ignore[misc]  # begun anew
            return None
        if self.out_since is None:
            if value is None:
                return None
            self.out_since = now
            if self.row.name == "low" and known.steep():
                self.steep = value
        else:
            self.waited += known.known_for(then, now)
        if self.steep is not None:
            newer = value is not None and value.time > self.steep.time
            one_more = max(6 * MINUTE, known.cadence * 1.2)
            ready = newer or now - self.out_since >= one_more
        else:
            ready = value is not None and self.waited >= self.row.delay * MINUTE
        if not ready:
            return None
        self.on, self.last_said = True, now
        return "fired"


class Known:
    """The readings so far, newest last."""

    def __init__(self, cadence: timedelta) -> None:
        self.cadence = cadence
        self.limit = naive_limit(cadence)
        self.readings: list[Reading] = []

    def current(self, now: datetime) -> Reading | None:
        if not self.readings or now - self.readings[-1].time >= self.limit:
            return None
        return self.readings[-1]

    def known_for(self, then: datetime, now: datetime) -> timedelta:
        """How much of the time between two moments a value was current."""
        covered = timedelta()
        begin = then
        for reading in self.readings[-60:]:
            start, end = max(begin, reading.time), min(now, reading.time + self.limit)
            if end > start:
                covered += end - start
                begin = end
        return covered

    def _step_before(self, reading: Reading) -> Reading | None:
        """The newest reading about a step before another; a step is 5 minutes or one cadence."""
        step = max(5 * MINUTE, self.cadence)
        found = [r for r in self.readings if step * 0.9 <= reading.time - r.time <= step * 1.5]
        return max(found, key=lambda r: r.time) if found else None

    def _three(self) -> tuple[Reading, Reading, Reading] | None:
        newest = self.readings[-1]
        before = self._step_before(newest)
        first = None if before is None else self._step_before(before)
        return None if before is None or first is None else (newest, before, first)

    def recovering(self, low: bool) -> bool:
        """Two rises of at least 3, or falls from a high."""
        three = self._three()
        if three is None or any(r.bound for r in three):
            return False
        c, b, a = (r.mg_dl for r in three)
        return (c - b >= 3 and b - a >= 3) if low else (b - c >= 3 and a - b >= 3)

    def steep(self) -> bool:
        """4 mg/dL a minute or more down, out of less than 1 a minute either way."""
        three = self._three()
        if three is None or three[1].bound or three[2].bound:
            return False
        c, b, a = three
        fall = (b.mg_dl - c.mg_dl) / ((c.time - b.time) / MINUTE)
        before = abs(b.mg_dl - a.mg_dl) / ((b.time - a.time) / MINUTE)
        return fall >= 4 and before < 1

    def near_low(self) -> bool:
        last = self.readings[-1]
        rate = naive_rate(self.readings[-60:], self.cadence)
        low = last.bound is Bound.LOW or (last.bound is None and last.mg_dl < 80)
        return low or last.trend in DOWN or (rate is not None and rate < -1)


def naive_alarms(
    readings: Sequence[Reading], cadence: timedelta, moments: Sequence[datetime]
) -> list[tuple[datetime, str, str]]:
    """What is told at which of the moments, in their order."""
    levels = [Level(row) for row in TABLE]
    known = Known(cadence)
    waiting = list(reversed(readings))
    stale_since: datetime | None = None
    told: list[tuple[datetime, str, str]] = []
    then = moments[0]
    for now in moments:
        while waiting and waiting[-1].time <= now:
            known.readings.append(waiting.pop())
        # Nobody asks for more than the last hours.
        del known.readings[:-400]
        worse = {"low": levels[0], "high": levels[2]}
        for level in levels:
            name = level.row.name
            covered = name in worse and worse[name].on
            said = level.at(now, then, known, covered)
            if said:
                told.append((now, name, said))
        if known.readings:
            age = now - known.readings[-1].time
            if known.current(now) is not None:
                if stale_since is not None:
                    told.append((now, "stale", "cleared"))
                stale_since = None
            elif stale_since is None and age >= (15 if known.near_low() else 20) * MINUTE:
                stale_since = now
                told.append((now, "stale", "fired"))
            elif stale_since is not None and now - stale_since >= 30 * MINUTE:
                stale_since = now
                told.append((now, "stale", "repeated"))
        then = now
    return told
