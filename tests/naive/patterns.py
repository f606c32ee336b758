"""Slow, obvious twins of the tests that decide about patterns: lists and loops, no numpy.

A table is a list of days, each 96 quarter hours of mg/dL or None; before its first day there is
nothing, after its last one the row of today.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta, tzinfo
from itertools import pairwise

Cell = float | None
Row = list[Cell]
STARTS = 48


def table(points: Sequence[tuple[datetime, float]], zone: tzinfo, today: date) -> dict[date, Row]:
    """Return quarter hours by date, from the first of the 90 days before today, and today."""
    found: dict[date, list[list[float]]] = defaultdict(lambda: [[] for _ in range(96)])
    for moment, mg_dl in points:
        local = moment.astimezone(zone)
        if today - timedelta(days=90) <= local.date() <= today:
            found[local.date()][local.hour * 4 + local.minute // 15].append(mg_dl)
    first = min(found)
    return {
        day: [statistics.fmean(cell) if cell else None for cell in found[day]]
        for day in (first + timedelta(days=n) for n in range((today - first).days + 1))
    }


def stretch(rows: Sequence[Row], day: int, start: int, bins: int, before: int = 0) -> Row:
    """Return the quarter hours from `before` the half hour `start` of a day."""
    begin = day * 96 + start * 2 - before
    flat = [cell for row in rows for cell in row]
    return [flat[at] if at >= 0 else None for at in range(begin, begin + bins)]


def known(row: Row) -> list[float]:
    return [cell for cell in row if cell is not None]


def lowest(row: Row) -> Cell:
    return min(known(row)) if len(known(row)) >= 0.8 * len(row) else None


def highest(row: Row) -> Cell:
    return max(known(row)) if len(known(row)) >= 0.8 * len(row) else None


def mean(row: Row) -> Cell:
    return statistics.fmean(known(row)) if len(known(row)) >= 0.5 * len(row) else None


def rise(rows: Sequence[Row], day: int, start: int) -> Cell:
    before = mean(stretch(rows, day, start, 2, before=2))
    peak = highest(stretch(rows, day, start, 12))
    return None if before is None or peak is None else peak - before


def dawn(rows: Sequence[Row], day: int, start: int, low: float) -> Cell:
    nadir = lowest(stretch(rows, day, start, 22))
    waking = mean(stretch(rows, day, start, 26)[22:])
    return None if nadir is None or waking is None or nadir < low else waking - nadir


def drift(rows: Sequence[Row], day: int, start: int) -> Cell:
    row = stretch(rows, day, start, 24)
    if len(known(row)) < 0.8 * 24:
        return None
    at = [float(place) for place, cell in enumerate(row) if cell is not None]
    return statistics.linear_regression(at, known(row)).slope * 24


def rank_scores(day: Row) -> tuple[list[float], float]:
    """Return each value's middle rank, -0.5..0.5 (0 where unknown), and their variance."""
    values = known(day)
    scores = [
        0.0
        if value is None
        else (sum(v < value for v in values) + sum(v == value for v in values) / 2) / len(values)
        - 0.5
        for value in day
    ]
    return scores, sum(s * s for s in scores) / max(len(values), 1)


def share_scores(day: Row) -> tuple[list[float], float]:
    """The same of how much more often than in the day's other stretches: 1 is so, 0 is not."""
    values = known(day)
    usual = statistics.fmean(values) if values else 0.0
    scores = [0.0 if value is None else value - usual for value in day]
    return scores, sum(s * s for s in scores) / max(len(values), 1)


def strength(
    days: Sequence[Row],
    start: int,
    turned: Sequence[int],
    scored: Callable[[Row], tuple[list[float], float]],
    doubt: float,
    *,
    chance: bool,
) -> float:
    """Return a window's strength, day by day turned; chance's is in units of the usual spread."""
    total = spread = 0.0
    for day, offset in zip(days, turned, strict=True):
        scores, variance = scored(day)
        place = (start + offset) % STARTS
        total += scores[place]
        if chance:
            spread += variance * len(known(day)) / STARTS
        elif day[place] is not None:
            spread += variance
    return total / math.sqrt(spread + doubt)


def weekend_strength(weeks: Sequence[Row], turned: Sequence[int]) -> float:
    """Return the mean difference of the weekend (days 3 and 4 from Wednesday) from its week."""
    away = []
    for week, offset in zip(weeks, turned, strict=True):
        if len(known(week)) >= 4:
            middle = statistics.fmean(known(week))
            away += [
                cell - middle for at in (3, 4) if (cell := week[(at + offset) % 7]) is not None
            ]
    return statistics.fmean(away) if away else 0.0


def change_strength(days: Row) -> float:
    """Return the change of two fortnights in units of its spread, days being AR(1)."""
    halves = known(days[:14]), known(days[14:])
    means = [statistics.fmean(half) for half in halves]
    away = [None if cell is None else cell - means[at // 14] for at, cell in enumerate(days)]
    variance = sum(a * a for a in known(away)) / (len(known(away)) - 2)
    pairs = [
        a * b
        for at, (a, b) in enumerate(pairwise(away))
        if a is not None and b is not None and at != 13
    ]
    share = statistics.fmean(pairs) / variance
    share = min(max(share + (1 + 3 * share) / 14, 0.0), 0.8)
    weights = [
        0.0 if cell is None else (-1 / len(halves[0]) if at < 14 else 1 / len(halves[1]))
        for at, cell in enumerate(days)
    ]
    spread = sum(
        weights[i] * weights[j] * share ** abs(i - j) for i in range(28) for j in range(28)
    )
    return abs(means[1] - means[0]) / math.sqrt(variance * spread)
