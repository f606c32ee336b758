"""Readings that come late in known ways, and the oracle: the best that asking by plan reaches.

The oracle knows the phase exactly and the process the delays come from, but not the draws. It asks
at fixed offsets t1 < t2 < t3 (or fewer) after the first missing reading is due, then once a cadence
or once in half a cadence, until something new is there. Its offsets are searched on a separate
stream of the same process (a grid over quantiles, then ever finer steps), for the least median lag
among all plans that spend at most as many requests a reading as it is given.
"""

from __future__ import annotations

import math
import random
import statistics
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

HOUR = 3600.0
DAY = 24 * HOUR
START = 7 * DAY
MOST_REQUESTS = 1.3
MOST_RATIO = 1.3

# A reading's own time and when it can be fetched, seconds.
type Stream = list[tuple[float, float]]


@dataclass(frozen=True)
class Shape:
    """One process that delays readings."""

    name: str
    cadence: float
    prompt: Callable[[random.Random], float]
    # The chance that the phone falls asleep at a reading; its sleeps last 2 to 12 minutes.
    sleeps: float = 0.0

    def stream(self, seed: int, lasting: float, gap: tuple[float, float] = (0.0, 0.0)) -> Stream:
        """Return the readings of `lasting` seconds, none in `gap`, with a phase of its own."""
        rng = random.Random(f"{self.name} {self.cadence} {seed}")
        time = START + rng.uniform(0, self.cadence)
        awake_at = 0.0
        readings: Stream = []
        while time < START + lasting:
            if time >= awake_at and rng.random() < self.sleeps:
                awake_at = time + rng.uniform(120, 720)
            delay = self.prompt(rng)
            if not gap[0] <= time - START < gap[1]:
                readings.append((time, awake_at if time < awake_at else time + delay))
            time += self.cadence
        return readings


SHAPES = (
    Shape("uniform 5-25 s", 300, lambda rng: rng.uniform(5, 25)),
    Shape("lognormal, median 12 s", 300, lambda rng: rng.lognormvariate(math.log(12), 0.5)),
    Shape("5-15 s, phone sleeps", 300, lambda rng: rng.uniform(5, 15), sleeps=0.054),
    Shape("uniform 2-10 s", 60, lambda rng: rng.uniform(2, 10)),
    Shape("lognormal, median 5 s", 60, lambda rng: rng.lognormvariate(math.log(5), 0.5)),
    Shape("3-8 s, phone sleeps", 60, lambda rng: rng.uniform(3, 8), sleeps=0.0155),
)


class Asker(Protocol):
    """Decides when to ask."""

    def next(self, elapsed: float) -> float:
        """Return when the next request goes out."""

    def saw(self, sent: float, elapsed: float, times: Sequence[float]) -> None:
        """Take the answer of the request that went out at `sent`: times not seen before."""


class Fixed:
    """Knows the phase; asks at offsets after the first missing reading is due, then at a pace."""

    def __init__(self, first: float, cadence: float, offsets: Sequence[float], pace: float) -> None:
        """Begin with the first reading's own time."""
        self.due = first
        self.cadence = cadence
        self.offsets = offsets
        self.pace = pace
        self.turn = 0

    def next(self, elapsed: float) -> float:
        """Return the next offset that is still ahead."""
        while True:
            beyond = self.turn - len(self.offsets) + 1
            at = self.due + (
                self.offsets[-1] + beyond * self.pace if beyond > 0 else self.offsets[self.turn]
            )
            self.turn += 1
            if at > elapsed:
                return at

    def saw(self, sent: float, elapsed: float, times: Sequence[float]) -> None:  # noqa: ARG002 - Asker's
        """Turn to the reading after the newest."""
        if times:
            self.due = max(self.due, max(times) + self.cadence)
            self.turn = 0


class Every:
    """Core's way: a fixed interval."""

    def __init__(self, seconds: float) -> None:
        """Begin at once."""
        self.seconds = seconds

    def next(self, elapsed: float) -> float:
        """Wait the same time, always."""
        return elapsed + self.seconds

    def saw(self, sent: float, elapsed: float, times: Sequence[float]) -> None:
        """Learn nothing."""


@dataclass(frozen=True)
class Run:
    """What one run saw after settling: lags in seconds, and the moments of its requests."""

    lags: list[float]
    asked: list[float]
    seen: list[float]

    @property
    def requests(self) -> float:
        """Requests a reading."""
        return len(self.asked) / len(self.lags)


def run(asker: Asker, stream: Stream, seed: int, settling: float = HOUR) -> Run:
    """Let `asker` follow a stream to its end."""
    rng = random.Random(seed)
    elapsed, end = START, stream[-1][0]
    waiting: Stream = []
    position = 0
    result = Run([], [], [])
    while (sent := asker.next(elapsed)) < end:
        took = rng.uniform(0.1, 0.3)
        elapsed = sent + took
        while position < len(stream) and stream[position][0] <= elapsed:
            waiting.append(stream[position])
            position += 1
        there = [reading for reading in waiting if reading[1] <= sent + took / 2]
        waiting = [reading for reading in waiting if reading not in there]
        asker.saw(sent, elapsed, [time for time, _ in there])
        if sent >= START + settling:
            result.asked.append(sent)
            result.lags.extend(elapsed - available for _, available in there)
            result.seen.extend(elapsed for _ in there)
    return result


def oracle(shape: Shape, spend: float) -> tuple[tuple[float, ...], float]:
    """Return offsets and pace of the least median lag that cost at most `spend` a reading."""
    stream = shape.stream(1000, 2000 * shape.cadence)
    delays = sorted(available - time for time, available in stream)
    levels = [0.5 + 0.04 * i for i in range(13)]
    grid = sorted({delays[min(int(level * len(delays)), len(delays) - 1)] for level in levels})
    grid = [offset for offset in grid if offset < shape.cadence]

    def lag(offsets: tuple[float, ...], pace: float) -> tuple[float, float]:
        if list(offsets) != sorted(offsets) or offsets[0] <= 0:
            return math.inf, math.inf
        tried = run(Fixed(stream[0][0], shape.cadence, offsets, pace), stream, 0, 0.0)
        if tried.requests > spend:
            return math.inf, math.inf
        return statistics.median(tried.lags), statistics.fmean(tried.lags)

    plans = [offsets for size in (1, 2, 3) for offsets in combinations(grid, size)]
    paces = (shape.cadence, shape.cadence / 2)
    tried = [(lag(offsets, pace), offsets, pace) for offsets in plans for pace in paces]
    best, offsets, pace = min(tried)
    for step in (0.08, 0.04, 0.02, 0.01):
        for _ in range(3):
            near = [
                tuple(
                    offset * (1 + step * move) for offset, move in zip(offsets, moves, strict=True)
                )
                for moves in _moves(len(offsets))
            ]
            found, better = min((lag(plan, pace), plan) for plan in near)
            if found >= best:
                break
            best, offsets = found, better
    return offsets, pace


def _moves(size: int) -> Iterable[tuple[int, ...]]:
    """Return every way to move `size` offsets down, not at all, or up."""
    if size == 0:
        return [()]
    return [(move, *rest) for rest in _moves(size - 1) for move in (-1, 0, 1)]
