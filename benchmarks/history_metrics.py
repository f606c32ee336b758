"""How fast the clinical measures are: all of ours against py_agata's full analysis.

90 days of one wearer, readings each five minutes with holes, the same numbers for both; ours from
arrays to a whole report, in the wearer's zone, py_agata's `analyze_glucose_profile` of the table
it wants, already made. py_agata is GPL-3 and never part of this project: it is installed into a
throw-away environment, and the two meet in numbers only. Both are taken by turns in one run, each
by its quickest turn, so that a busy machine weighs on both.

Exit status 1 where the target is missed (600 times as fast), 2 where py_agata cannot be installed.

Run: python benchmarks/history_metrics.py [--days N] [--turns N]
"""

from __future__ import annotations

import argparse
import math
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "custom_components/cgm/shared"))

from figures import Figure, add_option, conclude
from glucose.metrics.report import report
from glucose.metrics.series import Series

REPOSITORY = Path(__file__).resolve().parents[1]
LEAST_RATIO = 600.0
PEER = "py_agata==0.0.8"
DAY = 288
STEP_MS = 300_000
START_MS = 1_735_689_600_000
ZONE = ZoneInfo("Europe/Berlin")
OURS_A_TURN = 20
# Reads the table, says it is ready, then times one analysis for each line that it is sent.
PEER_PROGRAM = """
import sys, time, warnings
warnings.simplefilter("ignore")
import pandas as pd
from py_agata.py_agata import Agata
table = pd.read_csv(sys.argv[1])
table["t"] = pd.to_datetime(table["t"], unit="ms")
agata = Agata()
print("ready", flush=True)
for _ in sys.stdin:
    begun = time.perf_counter()
    agata.analyze_glucose_profile(table.copy())
    print(time.perf_counter() - begun, flush=True)
"""


@dataclass(frozen=True)
class Numbers:
    """Times in epoch milliseconds, and mg/dL or NaN where the sensor was silent."""

    times: list[int]
    mg_dl: list[float]


def days_of(days: int) -> Numbers:
    """Make days with meals, drift and holes, the same each time."""
    chance = random.Random(90)
    slope, away, values = 0.0, 0.0, []
    silent = 0
    for step in range(days * DAY):
        slope = 0.9 * slope + chance.gauss(0, 1.2) - 0.004 * away
        away += slope
        meal = 45 * max(0.0, math.sin(step / DAY * 6 * math.pi))
        mg_dl = round(min(400.0, max(40.0, 125 + meal + away)))
        if silent == 0 and chance.random() < 0.001:
            silent = chance.choice((1, 2, 5, 24, 60))
        values.append(math.nan if silent else float(mg_dl))
        silent = max(0, silent - 1)
    return Numbers([START_MS + STEP_MS * step for step in range(days * DAY)], values)


def ours(numbers: Numbers) -> float:
    """Return the seconds of one whole report; a fresh series each time, since it remembers."""
    mg_dl = np.array(numbers.mg_dl)
    there = ~np.isnan(mg_dl)
    times, mg_dl = np.array(numbers.times)[there], mg_dl[there]
    quickest = math.inf
    for _ in range(OURS_A_TURN):
        begun = time.perf_counter()
        report(Series(times=times, mg_dl=mg_dl, zone=ZONE))
        quickest = min(quickest, time.perf_counter() - begun)
    return quickest


def environment(folder: Path) -> Path:
    """Install py_agata into `folder`; return its Python. Raises CalledProcessError."""
    uv = REPOSITORY / ".cache" / "uv" / "bin" / "uv"
    program = str(uv) if uv.is_file() else shutil.which("uv")
    python = folder / "bin" / "python"
    if program is None:
        commands = [
            [sys.executable, "-m", "venv", str(folder)],
            [str(python), "-m", "pip", "install", "--quiet", PEER],
        ]
    else:
        commands = [
            [program, "venv", "--quiet", "--python", sys.executable, str(folder)],
            [program, "pip", "install", "--quiet", "--python", str(python), PEER],
        ]
    for command in commands:
        subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - ours
    return python


def compared(numbers: Numbers, python: Path, folder: Path, turns: int) -> tuple[float, float]:
    """Return the quickest seconds of ours and of py_agata's, taken by turns."""
    table = folder / "readings.csv"
    rows = zip(numbers.times, numbers.mg_dl, strict=True)
    table.write_text(
        "t,glucose\n" + "".join(f"{at},{'' if math.isnan(g) else g}\n" for at, g in rows),
        encoding="ascii",
    )
    with subprocess.Popen(  # noqa: S603 - the interpreter that was just installed
        [str(python), "-c", PEER_PROGRAM, str(table)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as peer:
        if peer.stdin is None or peer.stdout is None or peer.stdout.readline() != "ready\n":
            raise RuntimeError("py_agata did not start")
        fastest, theirs = math.inf, math.inf
        for _ in range(turns):
            fastest = min(fastest, ours(numbers))
            peer.stdin.write("\n")
            peer.stdin.flush()
            theirs = min(theirs, float(peer.stdout.readline()))
        fastest = min(fastest, ours(numbers))
        peer.stdin.close()
    return fastest, theirs


def main() -> int:
    """Print both and their ratio."""
    parser = argparse.ArgumentParser(description="All measures of 90 days, against py_agata.")
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--turns", type=int, default=3)
    add_option(parser)
    given = parser.parse_args()
    numbers = days_of(given.days)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        try:
            python = environment(folder / "peer")
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"py_agata cannot be installed here, nothing was compared: {error}")
            return 2
        fastest, theirs = compared(numbers, python, folder, given.turns)
    known = sum(not math.isnan(value) for value in numbers.mg_dl)
    print(
        f"{given.days} days, {known} readings in {given.days * DAY} places, quickest of all turns"
    )
    print(f"  ours, all measures         {fastest * 1000:10.2f} ms")
    print(f"  py_agata, full analysis    {theirs * 1000:10.2f} ms")
    print(f"  as fast {theirs / fastest:,.0f} times (target: at least {LEAST_RATIO:,.0f})")
    ratio = theirs / fastest
    figure = Figure(
        what=f"all measures of {given.days} days, beside py_agata's",
        measured=f"{ratio:,.0f} times as fast",
        target=f"at least {LEAST_RATIO:,.0f} times",
        met=ratio >= LEAST_RATIO,
    )
    return conclude([figure], given.figures)


if __name__ == "__main__":
    sys.exit(main())
