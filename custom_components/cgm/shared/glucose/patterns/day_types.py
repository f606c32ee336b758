"""Kinds of days: whether a wearer's days fall into groups, and which day each group is like.

Partition around medoids (Kaufman & Rousseeuw 1990, ch. 2) of the root mean square difference of
days. How many groups is decided by a rule, and there may be none: the number from 2 to 4 whose
average silhouette (Rousseeuw 1987) is largest, if that is at least 0.25 (below it is no
structure, their table 4), the groups' mean days are at least 18 mg/dL apart, and days drawn from
one normal distribution with the same mean and covariance have so large a silhouette in at most
5 of 100 draws (after Liu 2008, SigClust: one group is the null hypothesis), in glucose and in its
logarithm alike: a level that is merely skewed looks like groups in the one or in the other.
Measured on 540 wearers of 42 days of one kind, their levels and swings normal, skewed or with
heavy tails: kinds told of 4 (of 360 of them 1, where glucose alone told 20 and its logarithm
alone 26). Weekends of 110 mg/dL more for 8 hours of 56 days: told of 12 of 20.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import date

import numpy as np

from ..metrics.number import FloatArray, IntArray
from ..metrics.percent import within
from ..targets import Targets
from .fine_days import FineDays

LEAST_DAYS = 28
LEAST_SILHOUETTE = 0.25
LEAST_APART = 18.0
MOST_TYPES = 4
# Smaller groups are odd days, not a kind.
_LEAST_SHARE = 0.15
_DRAWS = 199
_CHANCE = 0.05
_STRETCHES = 12
_ROUNDS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class DayType:
    """One kind of day: its `days`, oldest first, and the one that is `typical`.

    `curve` is the mean of each two hours from midnight over its days, `mean` and `in_range` of
    all their readings, mg/dL and per cent.
    """

    days: tuple[date, ...]
    typical: date
    curve: tuple[float, ...]
    mean: float
    in_range: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTypes:
    """The kinds of days, the most frequent first: two at least, or none where days are alike.

    `eligible` days are known for at least half of each two hours; under 28 no kinds are looked
    for. `silhouette` is that of the best grouping, None where none was possible.
    """

    eligible: int
    types: tuple[DayType, ...] = ()
    silhouette: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Grouping:
    medoids: IntArray
    groups: IntArray
    silhouette: float


def day_types(days: FineDays, targets: Targets) -> DayTypes:
    """Return the kinds of days; equal days give equal kinds."""
    curves = _curves(days)
    rows = np.flatnonzero(~np.isnan(curves).any(axis=1))
    curves = curves[rows]
    if len(rows) < LEAST_DAYS:
        return DayTypes(eligible=len(rows))
    best = _best(curves)
    if best is None:
        return DayTypes(eligible=len(rows))
    types: tuple[DayType, ...] = ()
    if best.silhouette >= LEAST_SILHOUETTE and _apart(curves, best) and _of_several(curves, best):
        types = tuple(
            _type(days, rows[best.groups == group], int(rows[medoid]), targets)
            for group, medoid in enumerate(best.medoids)
        )
    return DayTypes(
        eligible=len(rows),
        types=tuple(sorted(types, key=lambda kind: -len(kind.days))),
        silhouette=best.silhouette,
    )


def _curves(days: FineDays) -> FloatArray:
    """Return each day's mean of each two hours, NaN where less than half of them is known."""
    stretches = days.cells.reshape(len(days), _STRETCHES, -1)
    there = ~np.isnan(stretches)
    counts = there.sum(axis=2)
    found = np.full(counts.shape, np.nan)
    enough = counts * 2 >= stretches.shape[2]
    np.divide(np.where(there, stretches, 0.0).sum(axis=2), counts, out=found, where=enough)
    return found


def _best(curves: FloatArray) -> _Grouping | None:
    """Return the grouping of the largest silhouette; None where each has a group too small."""
    distances = np.sqrt(((curves[:, None] - curves[None]) ** 2).mean(axis=2))
    best: _Grouping | None = None
    for count in range(2, MOST_TYPES + 1):
        medoids, groups = _medoids(distances, count)
        if np.bincount(groups, minlength=count).min() < _LEAST_SHARE * len(curves):
            continue
        silhouette = _silhouette(distances, groups, count)
        if best is None or silhouette > best.silhouette:
            best = _Grouping(medoids, groups, silhouette)
    return best


def _medoids(distances: FloatArray, count: int) -> tuple[IntArray, IntArray]:
    """Return the middles and each day's group: begun one by one, each where it helps most."""
    medoids = [int(distances.sum(axis=0).argmin())]
    while len(medoids) < count:
        nearest = distances[:, medoids].min(axis=1, keepdims=True)
        medoids.append(int(np.maximum(nearest - distances, 0).sum(axis=0).argmax()))
    for _ in range(_ROUNDS):
        groups = distances[:, medoids].argmin(axis=1)
        moved = []
        for group in range(count):
            members = np.flatnonzero(groups == group)
            inner = distances[np.ix_(members, members)].sum(axis=0)
            # Of equal days a middle can lose even itself to another; such a group is too small.
            moved.append(int(members[inner.argmin()]) if len(members) else medoids[group])
        if moved == medoids:
            break
        medoids = moved
    middles = np.array(medoids, dtype=np.int64)
    return middles, distances[:, middles].argmin(axis=1).astype(np.int64)


def _silhouette(distances: FloatArray, groups: IntArray, count: int) -> float:
    """Return the average over days of (b - a) / max(a, b).

    a is a day's mean distance from its own group's others, b from the nearest other group.
    """
    member = (groups[:, None] == np.arange(count)).astype(np.float64)
    sums, sizes = distances @ member, member.sum(axis=0)
    own = member.astype(np.bool_)
    inner = sums[own] / np.maximum(sizes[groups] - 1, 1)
    outer = np.where(own, np.inf, sums / sizes).min(axis=1)
    larger = np.maximum(inner, outer)
    scores = np.divide(outer - inner, larger, out=np.zeros(len(groups)), where=larger > 0)
    return float(scores.mean())


def _apart(curves: FloatArray, grouping: _Grouping) -> bool:
    """Tell whether each two groups' mean days differ by enough."""
    means = np.array(
        [curves[grouping.groups == group].mean(axis=0) for group in range(len(grouping.medoids))]
    )
    differences = np.sqrt(((means[:, None] - means[None]) ** 2).mean(axis=2))
    return bool(differences[np.triu_indices(len(means), 1)].min() >= LEAST_APART)


def _of_several(curves: FloatArray, grouping: _Grouping) -> bool:
    """Tell whether days of one kind seldom have such a silhouette, be they normal or log-normal."""
    logarithms = np.log(curves)
    return _is_seldom(curves, grouping) and _is_seldom(logarithms, _best(logarithms))


def _is_seldom(curves: FloatArray, grouping: _Grouping | None) -> bool:
    """Tell whether normal days of one kind have so large a silhouette in 5 of 100 draws at most."""
    if grouping is None:
        return False
    rng = np.random.default_rng(zlib.crc32(np.ascontiguousarray(curves).tobytes()))
    centred = curves - curves.mean(axis=0)
    scale = np.sqrt(len(curves) - 1)
    as_large = 0
    for _ in range(_DRAWS):
        drawn = _best(rng.standard_normal((len(curves), len(curves))) @ centred / scale)
        as_large += drawn is not None and drawn.silhouette >= grouping.silhouette
    return bool((as_large + 1) / (_DRAWS + 1) <= _CHANCE)


def _type(days: FineDays, rows: IntArray, typical: int, targets: Targets) -> DayType:
    cells = days.cells[rows]
    known = cells[~np.isnan(cells)]
    return DayType(
        days=tuple(days.date_of(int(row)) for row in rows),
        typical=days.date_of(typical),
        curve=tuple(_curves(days)[rows].mean(axis=0).tolist()),
        mean=float(known.mean()),
        in_range=within(known, targets.low_mg_dl, targets.high_mg_dl) or 0.0,
    )
