"""How fast the matrix profiles are: ours on one core, beside STUMPY's on all of them.

Ours and STUMPY's each run in a process of their own and are asked by turns for profiles of the
same readings, each by its quickest turn, so that a busy machine weighs on both. Cold is all that
one answer costs in a new process: start, imports, for STUMPY its compilation. Answers are
compared, too. STUMPY is installed into a throw-away environment.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from figures import Figure
from history_metrics import DAY, days_of
from throw_away import environment

PEER = ("stumpy==1.14.1", f"numpy=={np.__version__}")
SHARED = Path(__file__).resolve().parents[1] / "custom_components/cgm/shared"
DAYS = 90
LENGTHS = (24, 48, 288)
GROWTH = (30, 90, 180, 365)
GROWTH_LENGTH = 48
MOST_TIMES_WARM = 3.0
EQUAL = 1e-6
# Each answers lines of "measure, length, readings, answer" with its seconds and its peak memory.
_LOOP = """
import resource, sys, time, warnings
import numpy as np
warnings.simplefilter("ignore")
def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print("ready", memory(), flush=True)
for line in sys.stdin:
    measure, m, readings, answer = line.split()
    values = np.load(readings)
    begun = time.perf_counter()
    distances = MEASURES[measure](values, int(m))
    taken = time.perf_counter() - begun
    np.save(answer, distances)
    print(taken, memory(), flush=True)
"""
OURS = f"""
import sys
sys.path.insert(0, {str(SHARED)!r})
from glucose.patterns import profile
MEASURES = {{
    "z": lambda values, m: profile.z_normalised(values, m).distances,
    "plain": lambda values, m: profile.un_normalised(values, m).distances,
    "centred": lambda values, m: profile.mean_centred(values, m).distances,
}}
{_LOOP}"""
THEIRS = f"""
import stumpy
MEASURES = {{
    "z": lambda values, m: stumpy.stump(values, m)[:, 0].astype(float),
    "plain": lambda values, m: stumpy.aamp(values, m)[:, 0].astype(float),
}}
{_LOOP}"""
WORDS = {"z": "z-normalised", "plain": "un-normalised", "centred": "mean-centred"}
NAMES = {"z": "stump", "plain": "aamp"}


@dataclass
class Worker:
    """One process that answers; `idle_mb` is its memory before the first question."""

    process: subprocess.Popen[str]
    folder: Path
    idle_mb: int = 0
    peak_mb: int = 0

    @classmethod
    @contextmanager
    def started(cls, python: Path | str, program: str, folder: Path) -> Iterator[Self]:
        """Start it; it ends with the block."""
        command = [str(python), "-c", program]
        with subprocess.Popen(  # noqa: S603 - our interpreter, or the one just installed
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            worker = cls(process, folder)
            worker.idle_mb = int(worker.line()[1])
            try:
                yield worker
            finally:
                if process.stdin is not None:
                    process.stdin.close()

    def line(self) -> list[str]:
        """Wait for its next line, as words."""
        line = self.process.stdout.readline() if self.process.stdout is not None else ""
        if not line:
            raise RuntimeError("a process that measures has ended")
        return line.split()

    def ask(self, measure: str, m: int, readings: Path) -> tuple[float, NDArray[np.float64]]:
        """Return the seconds of one profile, and its distances."""
        if self.process.stdin is None:
            raise RuntimeError("a process that measures has no ears")
        answer = self.folder / f"answer-{self.process.pid}.npy"
        self.process.stdin.write(f"{measure} {m} {readings} {answer}\n")
        self.process.stdin.flush()
        taken, memory = self.line()
        self.peak_mb = int(memory)
        return float(taken), np.load(answer)


@dataclass(frozen=True)
class Pair:
    """Quickest seconds of one profile warm, ours and theirs, and the largest difference."""

    measure: str
    m: int
    ours: float
    theirs: float
    difference: float


def readings_of(days: int, folder: Path) -> Path:
    """Make days with meals, drift and holes, the same each time."""
    file = folder / f"{days}.npy"
    if not file.is_file():
        np.save(file, np.array(days_of(days).mg_dl))
    return file


def cold(python: Path | str, program: str, measure: str, readings: Path) -> float:
    """Return the seconds from the start of a new process to its first profile."""
    begun = time.perf_counter()
    with Worker.started(python, program, readings.parent) as worker:
        worker.ask(measure, LENGTHS[0], readings)
        return time.perf_counter() - begun


def warm(ours: Worker, theirs: Worker, readings: Path, turns: int) -> Iterator[Pair]:
    """Yield each measure and length, taken by turns."""
    for measure, name in NAMES.items():
        # The first call compiles: it is not a warm one.
        theirs.ask(measure, LENGTHS[0], readings)
        for m in LENGTHS:
            mine, peers, difference = math.inf, math.inf, 0.0
            for _ in range(turns):
                taken, found = ours.ask(measure, m, readings)
                mine = min(mine, taken)
                taken, expected = theirs.ask(measure, m, readings)
                peers = min(peers, taken)
                paired = np.isfinite(expected)
                if not np.array_equal(paired, np.isfinite(found)):
                    raise RuntimeError("ours and STUMPY's do not have the same gaps")
                difference = max(difference, float(np.abs(found[paired] - expected[paired]).max()))
            print(
                f"  {WORDS[measure]:14} m {m:4}: ours {mine:6.2f} s, warm {name}"
                f" {peers:6.2f} s, at most {difference:.0e} apart"
            )
            yield Pair(measure, m, mine, peers, difference)


def growth(ours: Worker, theirs: Worker, folder: Path, start_up: float) -> None:
    """Print what 30 to 365 days cost, and from where STUMPY's start-up is worth it."""
    print(f"growth, m {GROWTH_LENGTH}, seconds (each once):")
    print("  days  " + "".join(f"{WORDS[measure]:>15}" for measure in WORDS) + "     warm stump")
    mine = peers = 0.0
    for days in GROWTH:
        readings = readings_of(days, folder)
        taken = [ours.ask(measure, GROWTH_LENGTH, readings)[0] for measure in WORDS]
        mine, (peers, _) = taken[0], theirs.ask("z", GROWTH_LENGTH, readings)
        cells = "".join(f"{seconds:15.2f}" for seconds in taken)
        print(f"  {days:4}  {cells}{peers:15.2f}", flush=True)
    print(f"  ours took {ours.idle_mb} MB idle and {ours.peak_mb} MB at its peak", end="")
    print(f", STUMPY {theirs.idle_mb} and {theirs.peak_mb} MB")
    saved = (mine - peers) / GROWTH[-1] ** 2
    if saved > 0:
        print(f"  STUMPY breaks even, cold, at {math.sqrt(start_up / saved):,.0f} days")
    else:
        print(
            f"  STUMPY never breaks even: ours is as fast as warm stump on {os.cpu_count()} cores"
        )


def figures(turns: int, folder: Path) -> list[Figure]:
    """Measure, print, and return what the targets say. Raises CalledProcessError, OSError."""
    python = environment(folder / "peer", *PEER)
    readings = readings_of(DAYS, folder)
    known = int(np.count_nonzero(~np.isnan(np.load(readings))))
    print(f"matrix profiles of {DAYS} days, {known} readings in {DAYS * DAY} places")
    print(f"  ours on one core, STUMPY on {os.cpu_count()}; quickest of {turns}, by turns")
    ours_cold = cold(sys.executable, OURS, "z", readings)
    theirs_cold = cold(python, THEIRS, "z", readings)
    print(f"  z-normalised, cold: ours {ours_cold:.1f} s, stump {theirs_cold:.1f} s")
    with (
        Worker.started(sys.executable, OURS, folder) as ours,
        Worker.started(python, THEIRS, folder) as theirs,
    ):
        pairs = list(warm(ours, theirs, readings, turns))
        start_up = theirs_cold - min(pair.theirs for pair in pairs if pair.measure == "z")
        growth(ours, theirs, folder, start_up)
    slowest = {
        measure: max(pair.ours / pair.theirs for pair in pairs if pair.measure == measure)
        for measure in NAMES
    }
    apart = max(pair.difference for pair in pairs)
    return [
        Figure(
            what="un-normalised profile beside warm aamp, the slowest of m 24, 48, 288",
            measured=f"{slowest['plain']:.2f} of its time",
            target="under 1",
            met=slowest["plain"] < 1,
        ),
        Figure(
            what="z-normalised profile beside warm stump, the slowest of m 24, 48, 288",
            measured=f"{slowest['z']:.2f} of its time",
            target=f"at most {MOST_TIMES_WARM:g}",
            met=slowest["z"] <= MOST_TIMES_WARM,
        ),
        Figure(
            what="z-normalised profile beside cold stump, each in a new process",
            measured=f"{ours_cold / theirs_cold:.2f} of its time",
            target="under 1",
            met=ours_cold < theirs_cold,
        ),
        Figure(
            what="largest difference of any distance from STUMPY's",
            measured=f"{apart:.0e}",
            target=f"at most {EQUAL:.0e}",
            met=apart <= EQUAL,
        ),
    ]
