"""What ought to have been said, and how well it was: events, and the score of one rule.

An *event* begins with the first value of at least 15 minutes beyond the threshold; it ends where 15
minutes on the good side begin, or at a gap of more than 45 minutes, which splits (Battelino 2023,
as iglu reads it). One that has to last longer to count at all (sustained high: 120 minutes) has its
onset when that is reached. One that had begun when the readings began, or began again after such a
gap, is not scored: nobody could have warned.

A rule *tells* an event if it speaks within the 60 minutes before its onset, while no other event
is running, or within 15 minutes from the onset on. It tells it *ahead* if it first does so before
the onset. *Lead* is from there to the onset, in minutes, negative where it came after; its median
is over told events. An alarm is *false* if it begins neither within the 60 minutes before an event
nor during one (scored or not); what is said again in the same episode is no further false one,
but counts among what is *said* a day.
"""

from __future__ import annotations

import statistics
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

LONG_ENOUGH = timedelta(minutes=15)
SPLITS = timedelta(minutes=45)
BEFORE = timedelta(minutes=60)
AFTER = timedelta(minutes=15)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a moment: what a sensor read, or what was true."""

    time: datetime
    mg_dl: float


@dataclass(frozen=True, slots=True)
class Event:
    """Glucose out of range: when it could first be told from a dip, and until when."""

    onset: datetime
    end: datetime
    scored: bool


@dataclass(frozen=True, slots=True)
class Spoken:
    """A rule spoke: `first` where an alarm began, else it was said again."""

    at: datetime
    first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a rule did over `days`; scores of several wearers add up."""

    days: float = 0.0
    events: int = 0
    told: int = 0
    ahead: int = 0
    leads: tuple[float, ...] = ()
    false: int = 0
    begun: int = 0
    spoken: int = 0

    def __add__(self, other: Score) -> Score:
        """Return both together."""
        return Score(
            days=self.days + other.days,
            events=self.events + other.events,
            told=self.told + other.told,
            ahead=self.ahead + other.ahead,
            leads=self.leads + other.leads,
            false=self.false + other.false,
            begun=self.begun + other.begun,
            spoken=self.spoken + other.spoken,
        )

    @property
    def median_lead(self) -> float | None:
        """The median lead in minutes; None where nothing was told."""
        return statistics.median(self.leads) if self.leads else None


def events(
    points: Sequence[Point],
    beyond: Callable[[float], bool],
    cadence: timedelta,
    lasting: timedelta = LONG_ENOUGH,
) -> list[Event]:
    """Return the events of points that lie oldest first; a point stands for one cadence."""
    found: list[Event] = []
    for stretch in _stretches(points):
        runs = _runs(stretch, beyond, cadence)
        began: datetime | None = None
        end = stretch[0].time
        scored = False
        for place, (out, start, until) in enumerate(runs):
            long = until - start >= LONG_ENOUGH
            if out and began is None and long:
                began, scored = start, place > 0
            if out:
                end = until
            if began is not None and ((long and not out) or place == len(runs) - 1):
                if end - began >= lasting:
                    late = lasting if lasting > LONG_ENOUGH else timedelta()
                    found.append(Event(began + late, end, scored))
                began = None
    return found


def score(
    spoken: Sequence[Spoken],
    wanted: Sequence[Event],
    days: float,
    counts: Callable[[datetime], bool],
) -> Score:
    """Score what one rule said against the events, both oldest first.

    Of events and of what was said only those count whose onset, or moment, `counts` says.
    """
    times = [one.at for one in spoken]
    told = ahead = 0
    leads = []
    scored = [event for event in wanted if event.scored and counts(event.onset)]
    for event in scored:
        for at in times[bisect_left(times, event.onset - BEFORE) :]:
            if at > event.onset + AFTER:
                break
            if any(o is not event and o.onset <= at < o.end for o in wanted):
                continue
            told += 1
            ahead += at < event.onset
            leads.append((event.onset - at) / _MINUTE)
            break
    counted = [one for one in spoken if counts(one.at)]
    false = sum(
        one.first and not any(event.onset - BEFORE <= one.at < event.end for event in wanted)
        for one in counted
    )
    return Score(
        days=days,
        events=len(scored),
        told=told,
        ahead=ahead,
        leads=tuple(leads),
        false=false,
        begun=sum(one.first for one in counted),
        spoken=len(counted),
    )


def _stretches(points: Sequence[Point]) -> list[list[Point]]:
    stretches: list[list[Point]] = []
    for point in points:
        if not stretches or point.time - stretches[-1][-1].time > SPLITS:
            stretches.append([])
        stretches[-1].append(point)
    return stretches


def _runs(
    stretch: Sequence[Point], beyond: Callable[[float], bool], cadence: timedelta
) -> list[tuple[bool, datetime, datetime]]:
    """Return the runs on either side of the threshold: out or not, from, until."""
    starts = [
        (beyond(point.mg_dl), point.time)
        for place, point in enumerate(stretch)
        if place == 0 or beyond(point.mg_dl) is not beyond(stretch[place - 1].mg_dl)
    ]
    ends = [*(start for _, start in starts[1:]), stretch[-1].time + cadence]
    return [(out, start, end) for (out, start), end in zip(starts, ends, strict=True)]
