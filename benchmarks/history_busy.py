"""What large imports keep waiting: the event loop, readings on their way to disk, and alarms.

A year of Clarity and five years of a plain CSV are imported by the action `cgm.import_file` into
a real Home Assistant with its recorder on disk, one after the other, then the year once more,
while three wearers receive a reading each second, every third of one of them a low. Told is, for
the import and for the time in which long-term statistics follow: the longest stall of the event
loop (how late a tick of 5 ms came, as far as this process worked meanwhile) and what its own
thread worked in it; the longest wait of a reading for its commit; the longest from a low to its
event; how much memory grew. The first line is the same home without an import.

Exit status 1 where a target is missed: the event loop's own thread works at most 20 ms at once
during an import or while statistics follow, beyond what it does without.

Run: .cache/venv/bin/python benchmarks/history_busy.py [--rows N]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from figures import Figure, add_option, conclude

HERE = Path(__file__).parent
MOST_MS = 20


def worst(values: list[float]) -> str:
    """Return the largest of seconds as milliseconds, to stand in a table."""
    return f"{1000 * max(values):.0f}" if values else "-"


def main() -> int:
    """Measure, print a table, and return 1 where the target is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=105_120, help="a year's rows")
    add_option(parser)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        done = subprocess.run(  # noqa: S603 - our own interpreter and file
            [
                *(sys.executable, "-m", "pytest", str(HERE / "history_busy_runs.py")),
                *("-c", str(HERE.parent / "pyproject.toml"), "-o", "timeout=0"),
                *("-o", "python_files=history_busy_runs.py", "-q", "-p", "no:cacheprovider"),
                "--show-capture=no",
            ],
            env={
                **os.environ,
                "HISTORY_BUSY_RESULTS": str(results),
                "HISTORY_BUSY_ROWS": str(asked.rows),
                "PYTHONPATH": str(HERE),
            },
            cwd=HERE.parent,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            print(done.stdout[-4000:])
            return 2
        runs = json.loads(results.read_text())
    print(f"{asked.rows:,} rows a year; ms, the worst of each; memory in MB")
    print(f"{'':42}{'stall':>7}{'its own':>9}{'commit':>8}{'event':>7}{'memory':>8}{'seconds':>9}")
    usual = 0.0
    figures = []
    for run in runs:
        for when, parts in run["parts"].items():
            own = max(own for _, own in parts["late"])
            name = run["what"] + ("" if when == "import" else ", statistics follow")
            print(
                f"{name:42}{worst([late for late, _ in parts['late']]):>7}{1000 * own:>9.0f}"
                f"{worst(parts['commits']):>8}{worst(parts['events']):>7}"
                f"{run['memory']:>8.0f}{parts['seconds']:>9.1f}"
            )
            if run["what"] == "no import":
                usual = own
                continue
            beyond = 1000 * (own - usual)
            told = f"{beyond:.0f} ms beyond the usual", f"at most {MOST_MS} ms"
            figures.append(Figure(f"event loop, {name}", *told, met=beyond <= MOST_MS))
    for figure in figures:
        if not figure.met:
            print(f"MISSED: {figure.what}: {figure.measured}, {figure.target}")
    return conclude(figures, asked.figures)


if __name__ == "__main__":
    sys.exit(main())
