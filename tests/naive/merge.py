"""Slow, obvious twins of merge.py and slope.py: each rule as it is said, over every row."""

from __future__ import annotations

from datetime import datetime, timedelta
from statistics import linear_regression
from typing import TYPE_CHECKING

from glucose.reading import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from glucose.reading import Reading

HALF_MINUTE = timedelta(seconds=30)


def naive_limit(cadence: timedelta) -> timedelta:
    """max(11 min, 2.2 cadences)."""
    return max(timedelta(minutes=11), cadence * 2.2)


def naive_fold(readings: Sequence[Reading]) -> list[Reading]:
    """Oldest first, a row is dropped if a kept row of the 30 s before it says the same."""
    kept: list[Reading] = []
    for row in sorted(readings, key=lambda row: (row.time, row.source, row.kind, row.series)):
        said = [
            earlier
            for earlier in kept
            if row.time - earlier.time <= HALF_MINUTE
            and (row.source, row.series, row.kind, row.mg_dl, row.bound)
            == (earlier.source, earlier.series, earlier.kind, earlier.mg_dl, earlier.bound)
        ]
        if not said:
            kept.append(row)
    return kept


def naive_levels(readings: Sequence[Reading], order: Sequence[str]) -> list[list[Reading]]:
    """CGM rows by source, live before background, listed before unlisted; highest first."""
    rows = [row for row in naive_fold(readings) if row.kind is Kind.CGM]
    sources = [*order, *sorted({row.source for row in rows} - set(order))]
    smooth = ("graph", "historic")
    live = [[r for r in rows if r.source == s and r.series not in smooth] for s in sources]
    background = [[r for r in rows if r.source == s and r.series in smooth] for s in sources]
    return [level for level in (*live, *background) if level]


def naive_merged(
    readings: Sequence[Reading], order: Sequence[str], cadences: Mapping[str, timedelta]
) -> list[Reading]:
    """Each level's rows that lie in a gap between all rows of the levels above."""
    taken: list[Reading] = []
    for level in naive_levels(readings, order):
        above = list(taken)
        taken += [row for row in level if _in_gap(row, above, cadences)]
    return sorted(taken, key=lambda row: row.time)


def _in_gap(row: Reading, above: Sequence[Reading], cadences: Mapping[str, timedelta]) -> bool:
    before = [r for r in above if r.time <= row.time]
    after = [r for r in above if r.time > row.time]
    neighbours = [
        *sorted(before, key=lambda r: r.time)[-1:],
        *sorted(after, key=lambda r: r.time)[:1],
    ]
    for neighbour in neighbours:
        finer = min(cadences[neighbour.source], cadences[row.source])
        if abs(neighbour.time - row.time) <= max(HALF_MINUTE, finer / 2):
            return False
    if len(neighbours) < 2:
        return True
    gap = neighbours[1].time - neighbours[0].time
    return gap > max(cadences[neighbour.source] for neighbour in neighbours) * 1.5


def naive_leader(
    readings: Sequence[Reading],
    order: Sequence[str],
    cadences: Mapping[str, timedelta],
    now: datetime,
) -> str | None:
    """The first current source that has two readings in its run, or was there first."""
    levels = naive_levels([r for r in readings if r.time <= now + timedelta(minutes=1)], order)
    current = [
        level
        for level in levels
        if level[0].source in order
        and now - level[-1].time < naive_limit(cadences[level[0].source])
    ]
    live = [level for level in current if level[0].series not in ("graph", "historic")]
    candidates = live or current
    for place, level in enumerate(candidates):
        run = _run(level, naive_limit(cadences[level[0].source]))
        lower = [
            _run(other, naive_limit(cadences[other[0].source])) for other in candidates[place + 1 :]
        ]
        two = run[-1].time - run[0].time > HALF_MINUTE
        if two or not [other for other in lower if other[0].time < run[0].time]:
            return level[0].source
    return None


def _run(level: Sequence[Reading], limit: timedelta) -> list[Reading]:
    """The rows at the end without a gap longer than `limit`; oldest first."""
    starts = [i for i in range(1, len(level)) if level[i].time - level[i - 1].time > limit]
    return list(level[max([0, *starts]) :])


def naive_rate(readings: Sequence[Reading], cadence: timedelta) -> float | None:
    """The library's own regression over the rows that nothing parts from the newest."""
    run: list[Reading] = []
    for row in reversed(readings):
        whole = [row, *run]
        if any(one.bound for one in whole):
            break
        if whole[-1].time - row.time > max(timedelta(minutes=15), cadence * 1.5):
            break
        if len(whole) > 1 and whole[1].time - row.time > naive_limit(cadence):
            break
        run = whole
    if len(run) < 2 or run[-1].time - run[0].time < timedelta(minutes=4):
        return None
    start = run[0].time
    minutes = [(row.time - start).total_seconds() / 60 for row in run]
    return linear_regression(minutes, [row.mg_dl for row in run]).slope
