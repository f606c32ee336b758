"""How often patterns tell a wearer something who has no habit, and how often they find one.

Invented wearers (tests/fakes/habits.py), of each kind as many as asked for, each from its own
seed. Null wearers: two, six and thirteen weeks, glucose that forgets in two hours or in five,
days that resemble the day before, no rhythm of the day or a faint one, a reading each 15
minutes, wild glucose, and somebody without diabetes. Planted: breakfasts on working days, lows
on Thursday nights, dawns, weekends, nights that fall, a fortnight unlike the last. Each rate is
printed with its 95 % interval (Wilson), the seconds of the processor a wearer takes, and the
largest memory of the process.

Exit status 1 where a target is missed: at most 2.5 % of null wearers told anything, over all kinds
of insight together, beyond what the number of wearers can blur (3 SD of a binomial); weekday
breakfasts of +60 mg/dL found in at least 90 % of six-week wearers, blurred likewise.

Run: python benchmarks/insight_rates.py [--wearers N] [--only WORD]
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "custom_components" / "cgm" / "shared"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from fakes.habits import Wearer
from figures import Figure, add_option, conclude
from glucose.insight import EVERY_DAY, WORKING_DAYS, Insight, InsightKind
from glucose.metrics.series import Series
from glucose.patterns.found import found
from glucose.targets import Targets

MOST_TOLD = 0.025
LEAST_FOUND = 0.90
SIX_WEEKS, THIRTEEN_WEEKS = 42, 91
# Other seeds than the tests'.
FIRST_SEED = 1_000_000


@dataclass(frozen=True)
class Case:
    """Wearers of one sort: `right` is what should be told of them, None for null wearers."""

    what: str
    make: Callable[[int], Wearer]
    right: Callable[[Insight], bool] | None = None
    sparse: bool = False
    target: float | None = None


def _of(kind: InsightKind) -> Callable[[Insight], bool]:
    return lambda insight: insight.kind is kind


def _breakfast(insight: Insight) -> bool:
    start = insight.start
    return (
        insight.kind is InsightKind.RISE
        and start is not None
        and 6.5 <= start.hour + start.minute / 60 <= 8.5
        and set(WORKING_DAYS) <= set(insight.weekdays)
    )


def _thursday(insight: Insight) -> bool:
    late = insight.start is not None and insight.start.hour >= 20
    return insight.kind is InsightKind.RECURRENT_LOW and insight.weekdays == (
        (3,) if late else (4,)
    )


def _six(seed: int) -> Wearer:
    return Wearer(days=SIX_WEEKS, seed=seed)


def _thirteen(seed: int) -> Wearer:
    return Wearer(days=THIRTEEN_WEEKS, seed=seed)


NULL = (
    Case("six weeks", _six),
    Case("six weeks, no rhythm of the day", lambda s: Wearer(days=SIX_WEEKS, seed=s, rhythm=0)),
    Case("six weeks, slow glucose", lambda s: Wearer(days=SIX_WEEKS, seed=s, hours=5)),
    Case(
        "six weeks, days like the day before",
        lambda s: Wearer(days=SIX_WEEKS, seed=s, day_sd=30, day_share=0.6, sd=25),
    ),
    Case(
        "six weeks, without diabetes",
        lambda s: Wearer(days=SIX_WEEKS, seed=s, mean=108, sd=16, day_sd=5, rhythm=4),
    ),
    Case("six weeks, a reading each 15 minutes", _six, sparse=True),
    Case(
        "six weeks, wild glucose",
        lambda s: Wearer(days=SIX_WEEKS, seed=s, mean=180, sd=65, day_sd=25),
    ),
    Case("two weeks", lambda s: Wearer(days=14, seed=s)),
    Case("thirteen weeks", _thirteen),
)
PLANTED = (
    Case(
        "weekday breakfasts +60, six weeks",
        lambda s: _six(s).rise(7.5, 60, WORKING_DAYS),
        _breakfast,
        target=LEAST_FOUND,
    ),
    Case(
        "weekday breakfasts +45, six weeks",
        lambda s: _six(s).rise(7.5, 45, WORKING_DAYS),
        _breakfast,
    ),
    Case(
        "weekday breakfasts +45, thirteen weeks",
        lambda s: _thirteen(s).rise(7.5, 45, WORKING_DAYS),
        _breakfast,
    ),
    Case(
        "Thursday nights low on 85 %, thirteen weeks",
        lambda s: _thirteen(s).low(23.5, 0.85, (3,)),
        _thursday,
    ),
    Case(
        "every night low on 75 %, six weeks",
        lambda s: _six(s).low(3, 0.75, EVERY_DAY),
        _of(InsightKind.RECURRENT_LOW),
    ),
    Case("dawns +50, six weeks", lambda s: _six(s).dawn(50), _of(InsightKind.DAWN)),
    Case("dawns +50, thirteen weeks", lambda s: _thirteen(s).dawn(50), _of(InsightKind.DAWN)),
    Case(
        "nights falling by 60, six weeks",
        lambda s: Wearer(days=SIX_WEEKS, seed=s, mean=190).drift(-60),
        _of(InsightKind.OVERNIGHT_DRIFT),
    ),
    Case(
        "weekends +35, six weeks",
        lambda s: _six(s).weekend(35),
        _of(InsightKind.WEEKEND_DIFFERENCE),
    ),
    Case(
        "weekends +35, thirteen weeks",
        lambda s: _thirteen(s).weekend(35),
        _of(InsightKind.WEEKEND_DIFFERENCE),
    ),
    Case("last fortnight +40", lambda s: _six(s).last_fortnight(40), _of(InsightKind.CHANGE)),
    Case("last fortnight +60", lambda s: _six(s).last_fortnight(60), _of(InsightKind.CHANGE)),
)


def wilson(seen: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927)."""
    z = 1.96
    middle = (seen + z * z / 2) / (of + z * z)
    half = z / (of + z * z) * sqrt(seen * (of - seen) / of + z * z / 4)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def measure(case: Case, wearers: int) -> Figure | None:
    """Print one case's rate; return its figure where it has a target."""
    seen, seconds = 0, 0.0
    kinds: Counter[str] = Counter()
    for seed in range(FIRST_SEED, FIRST_SEED + wearers):
        wearer = case.make(seed)
        series = wearer.series()
        if case.sparse:
            series = Series(times=series.times[::3], mg_dl=series.mg_dl[::3], zone=series.zone)
        begun = time.process_time()
        insights = found(series, Targets(), today=wearer.today).insights
        seconds += time.process_time() - begun
        seen += any(map(case.right, insights)) if case.right else bool(insights)
        kinds.update({insight.kind.value for insight in insights})
    low, high = wilson(seen, wearers)
    told = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
    print(
        f"{case.what:<46} {seen:>5} of {wearers} = {seen / wearers:6.1%} "
        f"({low:.1%} to {high:.1%})  {seconds / wearers:.2f} s  [{told}]",
        flush=True,
    )
    if case.right is None:
        blur = 3 * sqrt(MOST_TOLD * (1 - MOST_TOLD) / wearers)
        return Figure(
            f"null: {case.what}",
            f"{seen / wearers:.1%}",
            f"at most {MOST_TOLD:.1%}",
            seen / wearers <= MOST_TOLD + blur,
        )
    if case.target is None:
        return None
    blur = 3 * sqrt(case.target * (1 - case.target) / wearers)
    return Figure(
        f"found: {case.what}",
        f"{seen / wearers:.1%}",
        f"at least {case.target:.0%}",
        seen / wearers >= case.target - blur,
    )


def main() -> int:
    """Measure every case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--wearers", type=int, default=200, help="of each sort")
    parser.add_argument("--only", default="", help="only sorts with this word in their name")
    add_option(parser)
    chosen = parser.parse_args()
    print(f"numpy {np.__version__}")
    figures: list[Figure] = []
    for title, cases in (("Told without a habit", NULL), ("Found, of planted habits", PLANTED)):
        print(title)
        for case in cases:
            if chosen.only in case.what:
                figure = measure(case, chosen.wearers)
                figures += [] if figure is None else [figure]
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"largest memory of the process: {kilobytes / 1024:.0f} MB")
    return conclude(figures, chosen.figures)


if __name__ == "__main__":
    sys.exit(main())
