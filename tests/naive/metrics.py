"""Slow, obvious twins of the clinical measures: plain lists and loops, a definition at a time.

Readings are pairs of (aware time, mg/dL), oldest first; grids are lists of days of numbers or
None. Nothing here knows numpy.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import groupby, pairwise

Point = tuple[datetime, float]
Days = list[list[float | None]]
MINUTE = timedelta(minutes=1)
MIDNIGHT = {"hour": 0, "minute": 0, "second": 0, "microsecond": 0}


def mean(values: Sequence[float]) -> float | None:
    """Divide the sum by the number."""
    return math.fsum(values) / len(values) if values else None


def sd(values: Sequence[float]) -> float | None:
    """Take the sample standard deviation."""
    return statistics.stdev(values) if len(values) > 1 else None


def quantile(values: Sequence[float], share: float) -> float:
    """Interpolate at place (n - 1) share of the sorted values."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * share
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def share(values: Sequence[float], there: Callable[[float], bool]) -> float | None:
    """Count how many of a hundred are there."""
    return 100 * sum(map(there, values)) / len(values) if values else None


def risk(mg_dl: float) -> float:
    """Return Kovatchev's scale of one value."""
    return float(math.log(mg_dl) ** 1.084) - 5.381


def lbgi(values: Sequence[float]) -> float | None:
    """Average the risk of low readings over all."""
    return mean([22.77 * min(0.0, risk(value)) ** 2 for value in values])


def hbgi(values: Sequence[float]) -> float | None:
    """Average the risk of high readings over all."""
    return mean([22.77 * max(0.0, risk(value)) ** 2 for value in values])


def adrr(points: Sequence[Point], zone: tzinfo) -> float | None:
    """Average each date's worst low and worst high."""
    if len(points) < 2:
        return None
    dates = defaultdict(list)
    for time, mg_dl in points:
        dates[time.astimezone(zone).date()].append(risk(mg_dl))
    return mean(
        [22.77 * (min(0.0, *day, 0.0) ** 2 + max(0.0, *day, 0.0) ** 2) for day in dates.values()]
    )


def grade(values: Sequence[float]) -> float | None:
    """Average the grades of what is 18 mg/dL or more."""
    return mean([grade_of(value) for value in values if value >= 18])


def grade_of(mg_dl: float) -> float:
    """Grade one value, at most 50."""
    inner = math.log10(mg_dl / 18)
    return 50.0 if inner <= 0 else min(50.0, 425 * (math.log10(inner) + 0.16) ** 2)


def averaged(points: Sequence[Point]) -> list[Point]:
    """Make one reading of those at one time."""
    return [
        (time, statistics.fmean(mg_dl for _, mg_dl in same))
        for time, same in groupby(points, key=lambda point: point[0])
    ]


def gaps(points: Sequence[Point]) -> list[float]:
    """Return the minutes between different times."""
    times = sorted({time for time, _ in points})
    return [(later - earlier) / MINUTE for earlier, later in pairwise(times)]


def active(points: Sequence[Point]) -> tuple[float | None, float | None]:
    """Return per cent of readings due and days, as iglu counts what is missing."""
    between = gaps(points)
    if not between:
        return None, 0.0
    step = round(statistics.median(between))
    span = points[-1][0] - points[0][0]
    days = round(span / timedelta(days=1), 1)
    if not step:
        return None, days
    due = round(round(span / MINUTE) / step) + 1
    lost = sum(gap - step for gap in between if round(gap) > step)
    return 100 * (due - round(lost / step)) / due, days


def grid(points: Sequence[Point], zone: tzinfo, step: int | None = None) -> tuple[int, Days] | None:
    """Walk the wall clock a step at a time, and look on both sides of each moment."""
    between = gaps(points)
    if not between:
        return None
    step = round(statistics.median(between)) if step is None else step
    if not 0 < step <= 45:
        return None
    if 1440 % step:
        step = 20 if step > 20 else 5 * round(step / 5)
    last_at = dict(points)
    known = sorted(last_at.items())
    days = math.ceil((known[-1][0] - known[0][0]) / timedelta(days=1)) + 1
    midnight = known[0][0].astimezone(zone).replace(tzinfo=None, **MIDNIGHT)
    table: Days = []
    at = 0
    for day in range(days):
        row: list[float | None] = []
        for place in range(1, 1440 // step + 1):
            wall = midnight + timedelta(days=day, minutes=place * step)
            moment = wall.replace(tzinfo=zone).astimezone(UTC)
            if moment.astimezone(zone).replace(tzinfo=None) != wall:
                row.append(None)
                continue
            while at + 1 < len(known) and known[at + 1][0] <= moment:
                at += 1
            row.append(value_at(moment, known, at))
        table.append(row)
    return step, table


def value_at(moment: datetime, known: Sequence[Point], at: int) -> float | None:
    """Interpolate between the reading at or before and the next, unless 45 minutes are between."""
    time, mg_dl = known[at]
    if moment == time:
        return mg_dl
    if moment < time or at + 1 == len(known):
        return None
    later, then = known[at + 1]
    if later - time > 45 * MINUTE:
        return None
    return mg_dl + (then - mg_dl) * ((moment - time) / (later - time))


def flat(days: Days) -> list[float | None]:
    """Put the days one after the other."""
    return [value for day in days for value in day]


def steps(days: Days, lag: int) -> list[float]:
    """Return what is known of the change after `lag` cells."""
    values = flat(days)
    return [
        after - before
        for before, after in zip(values, values[lag:], strict=False)
        if before is not None and after is not None
    ]


def modd(days: Days) -> float | None:
    """Compare each day with the next."""
    return mean(
        [
            abs(after - before)
            for one, next_ in pairwise(days)
            for before, after in zip(one, next_, strict=True)
            if before is not None and after is not None
        ]
    )


def present(values: Iterable[float | None]) -> list[float]:
    """Leave out what is not known."""
    return [value for value in values if value is not None]


def sd_measures(step: int, days: Days) -> dict[str, float | None]:
    """Return Rodbard's six spreads."""
    means = [mean(present(day)) for day in days]
    times = [list(column) for column in zip(*days, strict=True)]
    centred = [
        [value - middle for value, middle in zip(column, means, strict=True) if value is not None]
        for column in times
    ]
    window, values = round(60 / step), flat(days)
    hours = [sd(present(values[at : at + window])) for at in range(len(values) - window + 1)]
    return {
        "w": mean(present(sd(present(day)) for day in days)),
        "hhmm": sd(present(mean(present(column)) for column in times)),
        "wsh": mean(present(hours)) if window > 2 else None,
        "dm": sd(present(means)),
        "b": mean(present(sd(present(column)) for column in times)),
        "bdm": mean(present(sd(column) for column in centred)),
    }


def cvs(days: Days) -> list[float]:
    """Return each day's coefficient of variation."""
    found = []
    for day in map(present, days):
        deviation, middle = sd(day), mean(day)
        if deviation is not None and middle is not None:
            found.append(100 * deviation / middle)
    return found


def auc(days: Days) -> float | None:
    """Deal the cells out to the days in turn, then average each day's trapezoids."""
    heaps: list[list[float | None]] = [flat(days)[day :: len(days)] for day in range(len(days))]
    means = [
        mean([(a + b) / 2 for a, b in pairwise(heap) if a is not None and b is not None])
        for heap in heaps
    ]
    return None if None in means else mean(present(means))


def stretches(days: Days) -> list[list[float]]:
    """Part the cells at holes."""
    return [
        present(part)
        for unknown, part in groupby(flat(days), key=lambda value: value is None)
        if not unknown
    ]


def episodes(
    step: int, days: Days, beyond: Callable[[float], bool], minutes: float, ends: float
) -> list[list[float]]:
    """Walk each stretch: begin with enough beyond, end where enough on the good side begin."""
    found = []
    needed, back = math.ceil(minutes / step), math.ceil(ends / step)
    for cells in stretches(days):
        running: list[float] | None = None
        for side, run in groupby(cells, key=beyond):
            values = list(run)
            if running is None and side and len(values) >= needed:
                running = []
            if running is not None and not side and len(values) >= back:
                found.append(running)
                running = None
            if running is not None:
                running += values
        if running is not None:
            found.append(running)
    return found


def summary(
    step: int, days: Days, found: Sequence[list[float]]
) -> tuple[int, float, float, float | None]:
    """Return the number, how many a day, the mean minutes and the mean of the episodes' means."""
    if not found:
        return 0, 0.0, 0.0, None
    recorded = len(present(flat(days))) * step / 1440
    minutes = statistics.fmean(len(cells) * step for cells in found)
    return len(found), len(found) / recorded, minutes, mean([statistics.fmean(e) for e in found])


def mage(days: Days) -> float | None:
    """Average the counted swings of each part, parts by their length; cells are 5 minutes."""
    parts: list[list[float | None]] = [[]]
    for unknown, run in groupby(flat(days), key=lambda value: value is None):
        cells = list(run)
        if unknown and len(cells) * 5 > 180:
            parts.append([])
        elif not unknown or parts[-1]:
            parts[-1] += cells
    total = weight = 0.0
    for part in parts:
        while part and part[-1] is None:
            part.pop()
        deviation = sd(present(part))
        if len(part) < 32 or deviation is None or deviation < 1:
            continue
        turning = extrema(part)
        for swings in (swings_up(turning, deviation, first=True), swings_down(turning, deviation)):
            if swings:
                total += statistics.fmean(swings) * (len(part) - 1)
                weight += len(part) - 1
    return total / weight if weight else None


def trailing(part: Sequence[float | None], at: int, width: int) -> float | None:
    """Average the `width` cells up to `at`; the first cells all have the first average."""
    end = max(at, width - 1) + 1
    return mean(present(part[end - width : end]))


def extrema(part: Sequence[float | None]) -> list[float]:
    """Find where the averages cross, and the lowest or highest value around."""
    apart: list[float | None] = []
    for at in range(len(part)):
        short, long = trailing(part, at, 5), trailing(part, at, 32)
        apart.append(None if short is None or long is None else short - long)
    crossed = [0]
    for at in range(1, len(part)):
        now, before, then = apart[at], apart[at - 1], apart[crossed[-1]]
        if (
            part[at] is None
            or part[at - 1] is None
            or now is None
            or before is None
            or then is None
        ):
            continue
        if now * before < 0 or now * then < 0:
            crossed.append(at)
    found: list[float] = []
    left = 0
    for at, until in pairwise([*crossed, len(part) - 1]):
        side = apart[at]
        best = max if side is not None and side > 0 else min
        value = best(present(part[left : until + 1]))
        left = part.index(value, left)
        found.append(value)
    return found


def swings_up(turning: Sequence[float], deviation: float, *, first: bool) -> list[float]:
    """Take each rise of a deviation from the lowest before it, up to where it falls as much.

    `first` for rises, which the next one follows; else falls upside down, where it may overlap.
    """
    found = []
    since = at = 0
    while at < len(turning):
        lowest = min(turning[since : at + 1])
        if turning[at] - lowest < deviation:
            at += 1
            continue
        top = at
        for place in range(at, len(turning)):
            if turning[place] > turning[top]:
                top = place
            if turning[top] - turning[place] > deviation or place == len(turning) - 1:
                break
        found.append(turning[top] - lowest)
        since, at = (place if first else top), place
    return found


def swings_down(turning: Sequence[float], deviation: float) -> list[float]:
    """Take the falls as rises upside down."""
    return swings_up([-value for value in turning], deviation, first=False)
