"""How strong a stretch of the day is against the same days turned by random offsets.

A peak minus a mean is positive by itself, and somebody often low is low at any hour. So each
day's value in a stretch is compared with what the same day has at all other hours: by its rank
among them (rises), or by how much more often (lows, highs). A day turned by a random offset
keeps all it has, its own ups and downs and how they follow each other, but not the hour. The
sum over days, in units of its spread under turning, is the strength of a window; the largest
strength over all windows and weekdays tried, in many turnings, is what chance can do (the
maximum statistic: Westfall and Young 1993, Resampling-Based Multiple Testing).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..metrics.number import FloatArray, IntArray
from .day_table import STARTS
from .questions import Question

LEAST_DAYS = 8
# Turnings worked on at a time: a few megabytes.
_AT_ONCE = 100
# One occurrence's worth of doubt, so that two coincidences of something rare are not a habit.
_RARE = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """A question with its answers: `strengths` (weekday sets, starts), NaN where not tried.

    `strongest` is the largest strength in each turning.
    """

    question: Question
    strengths: FloatArray
    strongest: FloatArray

    @property
    def tried(self) -> int:
        """How many windows were tried."""
        return int(np.count_nonzero(~np.isnan(self.strengths)))


def members(question: Question, weekdays: IntArray) -> FloatArray:
    """Return (weekday sets, days): 1 where the day belongs to the set."""
    rows = [np.isin(weekdays, weekday_set) for weekday_set in question.weekday_sets]
    return np.array(rows, dtype=np.float64)


def ask(question: Question, weekdays: IntArray, offsets: IntArray) -> Asked:
    """Answer a question: `offsets` (turnings, days) say by how many starts each day is turned."""
    scores, spreads = _by_share(question) if question.shares else _by_rank(question)
    doubt = _RARE if question.shares else 0.0
    sets = members(question, weekdays)
    tried = np.zeros((len(sets), STARTS), dtype=np.bool_)
    tried[:, question.starts] = (sets @ question.known >= LEAST_DAYS)[:, question.starts]
    scale = np.sqrt(sets @ (spreads[:, None] * question.known) + doubt)
    strengths = np.full(tried.shape, np.nan)
    np.divide(sets @ scores, scale, out=strengths, where=tried & (scale > 0))
    used = tried.any(axis=1)
    usual = np.sqrt(sets[used] @ (spreads * question.known.mean(axis=1)) + doubt)
    weights = sets[used] / np.maximum(usual, np.finfo(np.float64).tiny)[:, None]
    if question.signed:
        strengths = np.abs(strengths)
    return Asked(
        question=question,
        strengths=strengths,
        strongest=_strongest(question, scores, weights, offsets),
    )


def _strongest(
    question: Question, scores: FloatArray, weights: FloatArray, offsets: IntArray
) -> FloatArray:
    """Return the largest strength of each turning."""
    if not len(weights):
        return np.full(len(offsets), -np.inf)
    turned = sliding_window_view(
        np.concatenate((scores, scores), axis=1).astype(np.float32), len(question.starts), axis=1
    )
    rows = np.arange(len(scores))
    share = weights.astype(np.float32)
    found = np.empty(len(offsets))
    for begin in range(0, len(offsets), _AT_ONCE):
        part = slice(begin, begin + _AT_ONCE)
        sums = share @ turned[rows, offsets[part]]
        found[part] = (np.abs(sums) if question.signed else sums).max(axis=(1, 2))
    return found


def _by_rank(question: Question) -> tuple[FloatArray, FloatArray]:
    """Return each value's rank within its day, -0.5..0.5, ties halved, and the days' variances."""
    known = question.known
    values = np.where(known, question.tested.sizes, np.nan)
    here, there = values[:, :, None], values[:, None, :]
    below = (here > there).sum(axis=2) + ((here == there).sum(axis=2)) / 2
    count = known.sum(axis=1)
    ranks = np.where(known, below / np.maximum(count, 1)[:, None] - 0.5, 0.0)
    return ranks, _variances(ranks, count)


def _by_share(question: Question) -> tuple[FloatArray, FloatArray]:
    """Return how much more than in the day's other stretches it is so, and the variances."""
    count = question.known.sum(axis=1)
    so = question.tested.so & question.known
    expected = so.sum(axis=1) / np.maximum(count, 1)
    scores = np.where(question.known, so - expected[:, None], 0.0)
    return scores, _variances(scores, count)


def _variances(scores: FloatArray, count: IntArray) -> FloatArray:
    found: FloatArray = (scores**2).sum(axis=1) / np.maximum(count, 1)
    return found
