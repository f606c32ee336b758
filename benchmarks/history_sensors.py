"""How much of a core the statistics sensors of many wearers take, every one of them switched on.

Each wearer has 90 days of five-minute readings. An hour of running is each period as often as
measures.py takes it: read from the store, merged, measured, and 55 states made anew for each.
Times are of the process (all threads), so that a busy machine weighs little.

Exit status 1 where they take one per cent of a core or more.

Run: python benchmarks/history_sensors.py [--wearers N] [--runs N]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

sys.path.insert(0, str(Path(__file__).parents[1]))

from custom_components.cgm.const import PERIODS
from custom_components.cgm.measure_sensors import MEASURE_SENSORS
from custom_components.cgm.measures import EVERY, measured
from custom_components.cgm.shared.glucose.metrics.consensus import Group
from custom_components.cgm.shared.glucose.metrics.weighed import Weighed
from custom_components.cgm.shared.glucose.reading import Reading
from custom_components.cgm.shared.glucose.store import Store
from custom_components.cgm.shared.glucose.targets import Targets
from custom_components.cgm.wearer import Wearer
from custom_components.cgm.wearer_history import merged_between

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
STEP = timedelta(minutes=5)
DAYS = 90
HOUR = timedelta(hours=1)
MOST_PERCENT = 1.0
SOURCE = "dexcom"


def seconds(call: Callable[[], object], runs: int) -> float:
    """Return the median of the processor's seconds for a call."""
    taken = []
    for _ in range(runs):
        begun = time.process_time()
        call()
        taken.append(time.process_time() - begun)
    return statistics.median(taken)


def history(store: Store, wearers: int) -> list[str]:
    """Keep 90 days of readings of each wearer, no two neighbours alike; return their keys."""
    count = DAYS * timedelta(days=1) // STEP
    keys = [f"wearer {number}" for number in range(wearers)]
    for number, key in enumerate(keys):
        store.add(
            key,
            [
                Reading(
                    time=NOW - STEP * back,
                    mg_dl=45 + (back // 7 * 17 + number) % 240,
                    source=SOURCE,
                    series="share",
                )
                for back in range(count)
            ],
        )
    return keys


def one_period(store: Store, key: str, period: str) -> Weighed:
    """Read, merge and measure as the integration does."""
    start = NOW - PERIODS[period]
    cadences = {SOURCE: STEP}
    # What the work takes of a wearer, who cannot be had without a running home.
    wearer = cast("Wearer", SimpleNamespace(id=key, order=[SOURCE], cadences=cadences))
    readings = merged_between(wearer, start + STEP, NOW + STEP)(store)
    if len(readings) != PERIODS[period] // STEP:
        raise AssertionError("other readings than were kept")
    found, _ = measured(
        readings, start, NOW, zone="Europe/Berlin", targets=Targets(), cadences=cadences
    )
    return found


def shown(found: Weighed) -> list[object]:
    """Make the value and the attributes of every sensor, as each new state does."""
    wearer = cast(
        "Wearer",
        SimpleNamespace(
            measures=SimpleNamespace(get=lambda _period: found),
            group=Group.ADULT,
            hass=SimpleNamespace(config=SimpleNamespace(language="en")),
        ),
    )
    return [(each.value_of(wearer), each.attributes_of(wearer)) for each in MEASURE_SENSORS]


def main() -> int:
    """Measure, print a table, and say whether the target is met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wearers", type=int, default=20)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()

    total = 0.0
    with tempfile.TemporaryDirectory() as name:
        store = Store(Path(name) / "cgm.db", clock=lambda: NOW)
        store.open()
        keys = history(store, asked.wearers)
        one_period(store, keys[0], "24h")  # numpy is loaded once
        print(f"Python {sys.version.split()[0]}, {asked.wearers} wearers, {DAYS} days each")
        print(f"\n{'period':10}{'each time':>12}{'times an hour':>16}{'seconds an hour':>18}")
        for period in PERIODS:
            once = seconds(lambda: [one_period(store, key, period) for key in keys], asked.runs)  # noqa: B023 - run at once
            found = one_period(store, keys[0], period)
            once += asked.wearers * seconds(lambda: shown(found), asked.runs * 20)  # noqa: B023 - run at once
            times = HOUR / EVERY[period]
            total += once * times
            each = 1000 * once / asked.wearers
            print(f"{period:10}{each:>9.2f} ms{times:>16.2f}{once * times:>18.3f}")
        store.close()
    percent = 100 * total / HOUR.total_seconds()
    print(f"\nof a core: {percent:.3f} %, at most {MOST_PERCENT:g} %")
    return int(percent >= MOST_PERCENT)


if __name__ == "__main__":
    sys.exit(main())
