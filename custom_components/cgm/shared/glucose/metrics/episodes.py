"""Episodes of low and high glucose by the consensus of 2023, as iglu reads it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from .grid import DayGrid
from .local_clock import MINUTE_MS, utc_time
from .number import BoolArray, FloatArray, IntArray

LASTS_MINUTES = 15
ENDS_MINUTES = 15
EXTENDED_MINUTES = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One kind of episode: beyond which mg/dL, and how long at least, in minutes.

    With `longer` it must last longer than that. `ends_minutes` on the good side end it.
    """

    threshold_mg_dl: float
    low: bool
    minutes: float = LASTS_MINUTES
    longer: bool = False
    ends_minutes: float = ENDS_MINUTES


HYPO_1 = Level(threshold_mg_dl=70, low=True)
HYPO_2 = Level(threshold_mg_dl=54, low=True)
HYPO_EXTENDED = Level(threshold_mg_dl=70, low=True, minutes=EXTENDED_MINUTES, longer=True)
HYPER_1 = Level(threshold_mg_dl=180, low=False)
HYPER_2 = Level(threshold_mg_dl=250, low=False)


@dataclass(frozen=True, slots=True)
class GlucoseEpisode:
    """One episode: its first and its last moment beyond or not yet back for good, UTC."""

    start: datetime
    end: datetime
    mean_mg_dl: float
    extreme_mg_dl: float


@dataclass(frozen=True, slots=True)
class EpisodeSummary:
    """How many there were, for a day of known glucose, how long on average, and their mean.

    Where there was none, iglu's duration is 0 and its mean absent.
    """

    count: int
    per_day: float
    mean_minutes: float
    mean_mg_dl: float | None


@dataclass(frozen=True, slots=True)
class EpisodeSummaries:
    """Each kind's summary; level 2 is part of level 1, `_only` is level 1 without level 2."""

    hypo_1: EpisodeSummary
    hypo_2: EpisodeSummary
    hypo_extended: EpisodeSummary
    hyper_1: EpisodeSummary
    hyper_2: EpisodeSummary
    hypo_1_only: EpisodeSummary
    hyper_1_only: EpisodeSummary


@dataclass(frozen=True, eq=False)
class _Track:
    """A grid's known cells, one after the other, and where stretches without holes begin."""

    step: int
    mg_dl: FloatArray
    times: IntArray
    begins: BoolArray

    @classmethod
    def of(cls, grid: DayGrid) -> _Track:
        there = np.flatnonzero(~np.isnan(grid.flat))
        return cls(
            step=grid.step,
            mg_dl=grid.flat[there],
            times=grid.times[there],
            begins=np.diff(there, prepend=-2) > 1,
        )


def summaries(
    grid: DayGrid, *, minutes: float = LASTS_MINUTES, ends_minutes: float = ENDS_MINUTES
) -> EpisodeSummaries | None:
    """Summarise every kind; None where the grid knows no glucose.

    Battelino 2023, Lancet Diabetes Endocrinol 11:42; iglu 4.3.0 `episode_calculation`. An
    episode begins with `minutes` beyond the threshold and ends where `ends_minutes` on the good
    side begin, or at a hole of the grid (a gap of more than 45 minutes). Both are whole cells,
    rounded up.
    """
    track = _Track.of(grid)
    if not len(track.mg_dl):
        return None

    def found(level: Level, at_least: float | None = None) -> tuple[IntArray, IntArray]:
        return _spans(track, level, at_least or minutes, ends_minutes)

    hypo_1, hypo_2 = found(HYPO_1), found(HYPO_2)
    hyper_1, hyper_2 = found(HYPER_1), found(HYPER_2)
    return EpisodeSummaries(
        hypo_1=_summary(track, *hypo_1),
        hypo_2=_summary(track, *hypo_2),
        hypo_extended=_summary(track, *found(HYPO_EXTENDED, EXTENDED_MINUTES)),
        hyper_1=_summary(track, *hyper_1),
        hyper_2=_summary(track, *hyper_2),
        hypo_1_only=_summary(track, *_without(track, hypo_1, hypo_2)),
        hyper_1_only=_summary(track, *_without(track, hyper_1, hyper_2)),
    )


def episodes_of(grid: DayGrid, level: Level) -> Sequence[GlucoseEpisode]:
    """Return the episodes of one kind, oldest first."""
    track = _Track.of(grid)
    starts, ends = _spans(track, level, level.minutes, level.ends_minutes)
    extreme = np.min if level.low else np.max
    return [
        GlucoseEpisode(
            start=utc_time(int(track.times[start])),
            end=utc_time(int(track.times[end - 1]) + grid.step * MINUTE_MS),
            mean_mg_dl=float(track.mg_dl[start:end].mean()),
            extreme_mg_dl=float(extreme(track.mg_dl[start:end])),
        )
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    ]


def _spans(
    track: _Track, level: Level, minutes: float, ends_minutes: float
) -> tuple[IntArray, IntArray]:
    """Return where episodes start, and the place behind their last cell."""
    beyond = (
        track.mg_dl < level.threshold_mg_dl if level.low else track.mg_dl > level.threshold_mg_dl
    )
    turns = track.begins.copy()
    turns[1:] |= beyond[1:] != beyond[:-1]
    runs = np.flatnonzero(turns)
    lengths = np.diff(runs, append=len(beyond))
    # "Longer than 120 minutes" is one cell more than they have.
    needed = minutes / track.step + 1 if level.longer else math.ceil(minutes / track.step)
    starts = runs[beyond[runs] & (lengths >= needed)]
    back = runs[~beyond[runs] & (lengths >= math.ceil(ends_minutes / track.step))]
    stops = np.unique(np.concatenate((back, np.flatnonzero(track.begins), [len(beyond)])))
    ends = stops[np.searchsorted(stops, starts, side="right")]
    # A start before the last one's end belongs to it.
    first = np.diff(ends, prepend=-1) > 0
    return starts[first], ends[first]


def _without(
    track: _Track, spans: tuple[IntArray, IntArray], others: tuple[IntArray, IntArray]
) -> tuple[IntArray, IntArray]:
    """Return the spans in which none of `others` lies."""
    steps = np.zeros(len(track.mg_dl) + 1, dtype=np.int64)
    np.add.at(steps, others[0], 1)
    np.add.at(steps, others[1], -1)
    covered = np.concatenate(([0], np.cumsum(np.cumsum(steps)[:-1])))
    alone = covered[spans[1]] == covered[spans[0]]
    return spans[0][alone], spans[1][alone]


def _summary(track: _Track, starts: IntArray, ends: IntArray) -> EpisodeSummary:
    count = len(starts)
    if not count:
        return EpisodeSummary(count=0, per_day=0.0, mean_minutes=0.0, mean_mg_dl=None)
    # The even places are the episodes, the odd ones what lies between.
    edges = np.column_stack((starts, ends)).ravel()
    sums = np.add.reduceat(np.append(track.mg_dl, 0.0), edges)[::2]
    return EpisodeSummary(
        count=count,
        per_day=float(count / (len(track.mg_dl) * track.step / 60 / 24)),
        mean_minutes=float((ends - starts).mean() * track.step),
        mean_mg_dl=float((sums / (ends - starts)).mean()),
    )
