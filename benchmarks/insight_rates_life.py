"""How often links are told of lives that have none, and how often planted ones are found.

Lives as in tests/fakes/lives.py: six factors, five outcomes, everything keeping a share of the day
before, weekends that lift all. Prints the rate, its 95 % interval (Wilson) for each kind of life,
and the seconds a search takes. Exit status 1 where more of the null lives than chance allows at
2.5 % are told anything (the interval's lower end lies above).

Run: python benchmarks/insight_rates_life.py [--lives N] [--days N ...] [--power]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "custom_components/cgm/shared"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from fakes.lives import Life
from glucose.insight import Insight
from glucose.lifestyle.found import found

BUDGET = 0.025
FIRST_SEED = 10_000
SHARES = ((0.0, 0.0), (0.5, 1.0), (0.7, 0.0), (0.7, 1.0))


@dataclass(frozen=True, slots=True)
class Planted:
    """What is planted, and the factors and the lag of the insight that tells it."""

    name: str
    plant: Callable[[Life], Life]
    factors: frozenset[str]
    lag: int = 0

    def told(self, insight: Insight) -> bool:
        """Tell whether it is this."""
        return set(insight.factors) == self.factors and insight.lag_days == self.lag


PLANTED = (
    Planted(
        "sleep the night before, 0.6 SD",
        lambda life: life.link("sleep", 1, -0.6),
        frozenset({"sleep"}),
        1,
    ),
    Planted(
        "sleep the night before, 0.9 SD",
        lambda life: life.link("sleep", 1, -0.9),
        frozenset({"sleep"}),
        1,
    ),
    Planted(
        "nights after exercise, 0.9 SD",
        lambda life: life.link_night("exercise", 1, -0.9),
        frozenset({"exercise"}),
        1,
    ),
    Planted(
        "short night and many steps, 2.5 SD",
        lambda life: life.rule(2.5),
        frozenset({"sleep", "steps"}),
    ),
)


def main() -> int:
    """Print the rates."""
    parser = argparse.ArgumentParser(description="rates of links in invented lives")
    parser.add_argument("--lives", type=int, default=200)
    parser.add_argument("--days", type=int, nargs="+", default=[45, 90])
    parser.add_argument("--power", action="store_true", help="planted links instead of none")
    options = parser.parse_args()
    missed = False
    for days in options.days:
        if options.power:
            for planted in PLANTED:
                _power(planted, days, options.lives)
            continue
        for share, weekend in SHARES:
            missed |= _null(days, share, weekend, options.lives)
    return 1 if missed else 0


def _null(days: int, share: float, weekend: float, lives: int) -> bool:
    told = 0
    kinds: Counter[str] = Counter()
    begun = time.perf_counter()
    for seed in range(lives):
        life = Life(days=days, seed=FIRST_SEED + seed, share=share, weekend=weekend)
        insights = found(life.outcomes(), life.logged()).insights
        told += bool(insights)
        kinds.update(insight.kind.value for insight in insights)
    seconds = (time.perf_counter() - begun) / lives
    low, high = wilson(told, lives)
    print(
        f"null, {days} days, share {share}, weekend {weekend}: {told} of {lives} told anything "
        f"({low:.1%} to {high:.1%}) {dict(kinds)}; {seconds:.2f} s each",
        flush=True,
    )
    return low > BUDGET


def _power(planted: Planted, days: int, lives: int) -> None:
    hits = 0
    for seed in range(lives):
        life = planted.plant(Life(days=days, seed=FIRST_SEED + seed))
        insights = found(life.outcomes(), life.logged()).insights
        hits += any(planted.told(insight) for insight in insights)
    low, high = wilson(hits, lives)
    print(
        f"{planted.name}, {days} days: {hits} of {lives} found ({low:.0%} to {high:.0%})",
        flush=True,
    )


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927, J Am Stat Assoc 22:209)."""
    z = 1.959964
    middle = (hits + z**2 / 2) / (of + z**2)
    half = z / (of + z**2) * (hits * (of - hits) / of + z**2 / 4) ** 0.5
    return middle - half, middle + half


if __name__ == "__main__":
    sys.exit(main())
