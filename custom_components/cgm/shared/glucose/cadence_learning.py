"""What a source's timing teaches: how often a reading is due, and how late it can be fetched."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

SHORTEST_INTERVAL = 60.0
LONGEST_INTERVAL = 900.0
# A phone and a watch upload the same reading 9 to 10 s apart.
FOLD_WITHIN = 30.0
GAPS_KEPT = 12
GAPS_NEEDED = 4
DELAYS_KEPT = 200
# Requests a reading that are really to be spent, how fast the plan is corrected towards them,
# and how far a plan may go.
AIM = 1.275
_CORRECTION = 0.03
_FEWEST, _MOST = 1.1, 1.6
# Taken instead where a phone sleeps so often that no plan within the allowance exists.
_WIDER = (2.0, 4.0)

# Bin i holds delays from _EDGES[i] to _EDGES[i + 1], 4 % wide; the last one all over 45 minutes.
_RATIO = 1.04
_EDGES = (0.0, *(0.5 * _RATIO**i for i in range(220)))
_CENTRES = tuple((low + high) / 2 for low, high in pairwise((*_EDGES, _EDGES[-1] * _RATIO)))
# What is believed of a source never seen weighs as much as four readings.
_PRIOR_WEIGHT, _PRIOR_FLOOR, _PRIOR_SPREAD = 4.0, 0.1, 0.8
# Few rounds and a little blur: else the estimate piles up just behind wherever we happened to ask.
_ROUNDS = 10
_BLUR = 1
_THIRD_ASK = 1.5
# How late a reading counts that comes after the second ask, in intervals. Its true lateness would
# spend most requests on a sleeping phone, and none on the readings that come as they should.
_LATE = 0.08


@dataclass(frozen=True, slots=True)
class Learned:
    """What was seen of one source's timing, in seconds; to_dict keeps it over a restart.

    `gaps` are the latest steps from one reading to the next. `delays` are the latest delays
    between the moment a reading was due and the moment it could be fetched, each as (after, by]:
    not there yet at `after` (0 where nobody asked), there at `by`. `allowance` is how many
    requests a reading the next plan may cost by estimate, so that AIM is spent in truth.
    """

    gaps: tuple[float, ...] = ()
    delays: tuple[tuple[float, float], ...] = ()
    allowance: float = AIM

    def interval(self, declared: float) -> float:
        """Return how many seconds lie between readings; `declared` until enough was seen.

        Missing readings only make steps longer, so the lower third decides, and the steps
        close to it are averaged.
        """
        step = declared
        if len(self.gaps) >= GAPS_NEEDED:
            low = sorted(self.gaps)[len(self.gaps) // 3]
            alike = [gap for gap in self.gaps if 0.8 * low <= gap <= 1.2 * low]
            step = sum(alike) / len(alike)
        return min(max(step, SHORTEST_INTERVAL), LONGEST_INTERVAL)

    def with_times(self, times: Sequence[float]) -> Learned:
        """Add the steps between reading times (seconds, ascending); doubles are folded."""
        kept = list(times[:1])
        for time in times[1:]:
            if time - kept[-1] >= FOLD_WITHIN:
                kept.append(time)
        steps = [later - earlier for earlier, later in pairwise(kept)]
        return replace(self, gaps=(*self.gaps, *steps)[-GAPS_KEPT:])

    def with_delay(self, after: float, by: float) -> Learned:
        """Add one delay known to lie in (after, by]."""
        low = max(0.0, after)
        seen = (round(low, 1), round(max(by, low), 1))
        return replace(self, delays=(*self.delays, seen)[-DELAYS_KEPT:])

    def with_spent(self, requests: int, readings: int) -> Learned:
        """Correct the allowance by what was spent; a long silence counts as two too many."""
        saved = max(AIM * readings - requests, -2.0)
        return replace(
            self, allowance=min(max(self.allowance + _CORRECTION * saved, _FEWEST), _MOST)
        )

    def with_latest_delays(self, count: int) -> Learned:
        """Forget all but the latest `count` delays, because the source has changed its ways."""
        return replace(self, delays=self.delays[-count:])

    def to_dict(self) -> dict[str, object]:
        """Return what a JSON file can hold."""
        return {
            "gaps": list(self.gaps),
            "delays": [list(delay) for delay in self.delays],
            "allowance": self.allowance,
        }

    @classmethod
    def from_dict(cls, stored: object) -> Learned:
        """Read what to_dict wrote; what is not of that kind teaches nothing and is dropped."""
        if not isinstance(stored, Mapping):
            return cls()
        pairs = [_seconds(pair) for pair in _listed(stored.get("delays"))]
        delays = [(pair[0], pair[1]) for pair in pairs if len(pair) == 2 and pair[0] <= pair[1]]  # noqa: PLR2004 - a pair
        allowance = _seconds([stored.get("allowance")]) or [AIM]
        return cls(
            tuple(_seconds(stored.get("gaps"))[-GAPS_KEPT:]),
            tuple(delays[-DELAYS_KEPT:]),
            min(max(allowance[0], _FEWEST), _MOST),
        )


def plan_asks(learned: Learned, interval: float) -> tuple[float, ...]:
    """Return when to ask for one reading: seconds after it is due, ascending, one to four.

    The first ask comes just after the bulk of the learned delays, the second past their end;
    retries follow where enough come later still. The second is searched; the first then lies
    where the whole costs the allowance; the pair with the least expected lateness wins, where
    a reading found later than the second counts as _LATE.
    About one first ask in five so comes too early, and that keeps teaching whether readings
    come earlier than they did.
    """
    found = _distribution(learned, interval)
    moments = _cumulated(
        centre * (after - before)
        for centre, (before, after) in zip(_CENTRES, pairwise(found), strict=True)
    )
    farthest = bisect_right(_EDGES, 3 * interval)
    for allowance in (learned.allowance, *_WIDER):
        plans: list[tuple[float, tuple[float, ...]]] = []
        for end, second in enumerate(_EDGES[:farthest]):
            retries = _retries(found, end, interval)
            missed = allowance - 1 - (1 - found[end]) - sum(_missed(found, t) for t in retries)
            # Half may be missed at the first ask, however much a phone that sleeps all day allows.
            missed = min(missed, 0.5)
            if missed <= 0 or 1 - missed >= found[end]:
                continue
            first, moment = _quantile(found, moments, 1 - missed)
            lateness = (
                (first * (1 - missed) - moment)
                + (second * (found[end] - 1 + missed) - (moments[end] - moment))
                + _LATE * interval * (1 - found[end])
            )
            plans.append((lateness, (first, second, *retries)))
        if plans:
            return min(plans)[1]
    return (min(_quantile(found, moments, 0.5)[0], 3 * interval),)


def _retries(found: Sequence[float], end: int, interval: float) -> list[float]:
    """Return asks after the edge `end`, each only if it promises a third of what is still missing.

    While a phone sleeps for many minutes none does: then the next reading's turn will do.
    """
    retries: list[float] = []
    missed = 1 - found[end]
    for retry in sorted((_EDGES[end] * _THIRD_ASK, _EDGES[end] + interval / 2)):
        if _missed(found, retry) < missed * 2 / 3:
            retries.append(retry)
            missed = _missed(found, retry)
    return retries


def _missed(found: Sequence[float], seconds: float) -> float:
    """Return the probability that a reading is not there yet."""
    return 1 - found[bisect_right(_EDGES, seconds) - 1]


def _quantile(
    found: Sequence[float], moments: Sequence[float], share: float
) -> tuple[float, float]:
    """Return the delay that `share` of all do not exceed, and the first moment up to it."""
    i = min(max(bisect_left(found, share), 1), len(_EDGES) - 1)
    part = min((share - found[i - 1]) / (found[i] - found[i - 1]), 1.0)
    return (
        _EDGES[i - 1] + part * (_EDGES[i] - _EDGES[i - 1]),
        moments[i - 1] + part * (moments[i] - moments[i - 1]),
    )


def _distribution(learned: Learned, interval: float) -> list[float]:
    """Return the probability that a delay is at most _EDGES[i], for every i, then 1.

    The estimate for observations known only as intervals (Turnbull 1976) by expectation
    maximisation, from a broad prior, blurred at each step (Silverman et al. 1990).
    """
    prior = _prior(interval)
    ranges = [
        (start, max(bisect_left(_EDGES, by), start + 1))
        for after, by in learned.delays
        for start in (bisect_right(_EDGES, after) - 1,)
    ]
    chances = [weight / sum(prior) for weight in prior]
    for _ in range(_ROUNDS):
        found = _cumulated(_blurred(chances))
        # Each observation adds the same factor to all bins it covers.
        steps = [0.0] * (len(found))
        for start, stop in ranges:
            factor = 1 / (found[stop] - found[start])
            steps[start] += factor
            steps[stop] -= factor
        weights = [
            weight + chance * factor
            for weight, chance, factor in zip(prior, chances, accumulate(steps[:-1]), strict=True)
        ]
        total = sum(weights)
        chances = [weight / total for weight in weights]
    return _cumulated(_blurred(chances))


def _prior(interval: float) -> list[float]:
    """Return pseudo-counts for a source never seen: some 12 s at five minutes, 5 s at one."""
    middle = math.log(12 * math.sqrt(interval / 300))
    shape = [
        math.exp(-(((math.log(centre) - middle) / _PRIOR_SPREAD) ** 2) / 2) for centre in _CENTRES
    ]
    scale = _PRIOR_WEIGHT / sum(shape)
    return [weight * scale + _PRIOR_FLOOR / len(shape) for weight in shape]


def _blurred(chances: Sequence[float]) -> list[float]:
    """Return the running mean over _BLUR bins to both sides, summing to 1."""
    sums = _cumulated(chances)
    size = len(chances)
    spans = [(max(i - _BLUR, 0), min(i + _BLUR + 1, size)) for i in range(size)]
    # Not below zero, where the difference of two sums loses its last digits.
    blurred = [max(sums[high] - sums[low], 0.0) / (high - low) for low, high in spans]
    total = sum(blurred)
    return [chance / total for chance in blurred]


def _cumulated(values: Iterable[float]) -> list[float]:
    return [0.0, *accumulate(values)]


def _listed(stored: object) -> list[object]:
    return list(stored) if isinstance(stored, list | tuple) else []


def _seconds(stored: object) -> list[float]:
    """Keep the finite numbers from zero up of a stored list."""
    return [
        float(value)
        for value in _listed(stored)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
    ]
