"""How fresh readings are in Home Assistant: ours beside core's integrations and an oracle.

Real Home Assistant, real HTTP to the fake vendors of tests/fakes; the clock jumps from one due
timer to the next. Readings become available later than their own time in the three shapes of
delay of delays.py, whose oracle (it knows the delays' distribution and the phase, and spends as
many requests as ours did) is printed beside. One day after one hour of settling, five seeds.
Then: a changed password, three missing hours, a sensor that stops, a vendor that never answers.

Exit status 1 where a target is missed: 1.3 requests a reading and 1.3 times the oracle's median
lag everywhere; 6 s median and 15 s at the 95th percentile for five minutes with uniform delays;
2 bad logins in two hours; 36 of 36 missing readings in the store, and their hours in the
statistics; a stopped sensor's value withdrawn at 11 minutes.

Run: .cache/venv/bin/python benchmarks/freshness.py [--seeds 5] (about ten minutes)
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from delays import HOUR, MOST_RATIO, MOST_REQUESTS, SHAPES, Fixed, Shape, oracle, run

HERE = Path(__file__).parent
DAY_AND_SETTLING = 25 * HOUR


def main() -> int:
    """Run everything, print the tables, return 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.jsonl"
        played = subprocess.run(  # noqa: S603 - our own interpreter and file
            [
                *(sys.executable, "-m", "pytest", str(HERE / "freshness_runs.py")),
                *("-c", str(HERE.parent / "pyproject.toml"), "-o", "timeout=0"),
                *("-o", "python_files=freshness_runs.py", "-q", "-p", "no:cacheprovider"),
                *("--show-capture=no", "-n", "2"),
            ],
            env={
                **os.environ,
                "FRESHNESS_RESULTS": str(results),
                "FRESHNESS_SEEDS": str(seeds),
                "PYTHONPATH": str(HERE),
            },
            cwd=HERE.parent,
            check=False,
            capture_output=True,
            text=True,
        )
        print(played.stdout.strip().splitlines()[-1])
        if played.returncode:
            print(played.stdout[-4000:])
            return 1
        rows = [json.loads(line) for line in results.read_text().splitlines()]
    missed = [*freshness(rows, seeds), *faults(rows)]
    print("\n".join(f"MISSED: {what}" for what in missed) or "every target is met")
    return 1 if missed else 0


def freshness(rows: list[dict[str, Any]], seeds: int) -> list[str]:
    """Print lags and requests by shape; return the targets that were missed."""
    missed = []
    days = [row for row in rows if row["run"] == "day"]
    for shape in SHAPES:
        print(f"\n{shape.name}, every {shape.cadence:.0f} s")
        print("  lag, s           median (by seed)        95 %    mean     max   requests   shown")
        of_shape = [row for row in days if row["shape"] == shape.name]
        best: float | None = None
        for who in sorted({row["who"] for row in of_shape}, key=lambda w: (w[0] != "o", w)):
            runs = [row for row in of_shape if row["who"] == who]
            median, late, requests = _line(who, runs)
            if not who.startswith("our"):
                continue
            best = _oracle(shape, requests, seeds)
            print(f"  {who} / oracle: {median / best:.2f}")
            if requests > MOST_REQUESTS:
                missed.append(f"{who}, {shape.name}: {requests:.3f} requests a reading")
            if median > MOST_RATIO * best:
                missed.append(f"{who}, {shape.name}: {median / best:.2f} times the oracle")
            if shape is SHAPES[0] and (median > 6 or late > 15):
                missed.append(f"{who}, {shape.name}: median {median:.1f} s, 95 % {late:.1f} s")
    return missed


def _line(who: str, runs: list[dict[str, Any]]) -> tuple[float, float, float]:
    """Print one line over all seeds; return median, 95th percentile and requests a reading."""
    lags = sorted(lag for one in runs for lag in one["lags"])
    medians = [statistics.median(one["lags"]) for one in runs]
    median, late = statistics.median(lags), lags[int(0.95 * len(lags))]
    readings = sum(one["readings"] for one in runs)
    requests = sum(one["requests"] for one in runs) / readings
    print(
        f"  {who:<16}{median:7.1f} ({min(medians):.1f}-{max(medians):.1f}){late:10.1f}"
        f"{statistics.fmean(lags):8.1f}{lags[-1]:8.1f}{requests:11.3f}   {len(lags)} of {readings}"
    )
    return median, late, requests


def _oracle(shape: Shape, spend: float, seeds: int) -> float:
    """Print the oracle's line for as many requests; return its median lag."""
    offsets, pace = oracle(shape, spend)
    streams = [shape.stream(seed, DAY_AND_SETTLING) for seed in range(seeds)]
    runs = [
        run(Fixed(stream[0][0], shape.cadence, offsets, pace), stream, seed)
        for seed, stream in enumerate(streams)
    ]
    lags = sorted(lag for one in runs for lag in one.lags)
    asked = sum(len(one.asked) for one in runs) / len(lags)
    median = statistics.median(lags)
    print(
        f"  oracle          {median:7.1f}             {lags[int(0.95 * len(lags))]:10.1f}"
        f"{statistics.fmean(lags):8.1f}{lags[-1]:8.1f}{asked:11.3f}"
    )
    return median


def faults(rows: list[dict[str, Any]]) -> list[str]:
    """Print what faults cost; return the targets that were missed."""
    missed = []
    print("\nafter a password change, bad logins in two hours")
    for row in _of(rows, "password"):
        print(f"  {row['who']:<16}{row['bad_logins']}")
        if row["who"].startswith("our") and row["bad_logins"] > 2:
            missed.append(f"{row['bad_logins']} bad logins")
    print("\nthree hours missing, then recovery")
    for row in _of(rows, "missing"):
        kept = (
            "no store"
            if row["stored"] is None
            else f"{row['stored']} of {row['missing']} stored, {row['hours']} of 3 hours imported"
        )
        print(
            f"  {row['who']:<16}{row['cause']:<12} shown {row['shown']}, {kept}; first value after "
            f"{row['first_value_after']:.0f} s, {row['requests']} requests meanwhile"
        )
        if row["stored"] is not None and (row["stored"] < row["missing"] or row["hours"] < 3):
            missed.append(f"{row['cause']}: {kept}")
    print("\nthe sensor stops: age of its value when it is withdrawn, minutes")
    for row in _of(rows, "stopped"):
        age = row["withdrawn_after_minutes"]
        print(f"  {row['who']:<16}{'not within two hours' if age is None else f'{age:.1f}'}")
        if row["who"].startswith("our") and (age is None or not 11 <= age < 11.1):
            missed.append(f"a stopped sensor's value stands for {age} minutes")
    print("\nthe vendor accepts a request and never answers")
    for row in _of(rows, "never"):
        print(
            f"  {row['who']:<16}lost {row['seconds_of_the_machine']:.0f} s; "
            f"then {row['shown']} of {row['due']} shown (core: pydexcom waits for ever)"
        )
        if row["shown"] < row["due"]:
            missed.append("readings lost after an answer that never came")
    return missed


def _of(rows: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return sorted((row for row in rows if row["run"] == kind), key=lambda row: row["who"] < "d")


if __name__ == "__main__":
    sys.exit(main())
