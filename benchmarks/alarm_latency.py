"""From a low reading's arrival to the event fired, with twenty wearers in one home.

Every wearer has six hours of readings, every alarm on, and a low arrives at all of them at once,
again and again. Timed is from the call that hands on a source's answer to the state change of
that wearer's event entity, which is what automations are told by; the median and the worst
beside the 99th percentile. The real Home Assistant, recorder and history run along. The CPU time
of the event loop's thread in between is ours; what the clock shows beyond it is waiting for a
processor, or for other threads.

Exit status 1 where the target is missed: at most 20 ms at the 99th percentile.

Run: .cache/venv/bin/python benchmarks/alarm_latency.py
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
MOST_MS = 20
WEARERS = 20


def main() -> int:
    """Measure, print, and return 1 where the target is missed."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        done = subprocess.run(  # noqa: S603 - our own interpreter and file
            [
                *(sys.executable, "-m", "pytest", str(HERE / "alarm_latency_runs.py")),
                *("-c", str(HERE.parent / "pyproject.toml"), "-o", "timeout=0"),
                *("-o", "python_files=alarm_latency_runs.py", "-q", "-p", "no:cacheprovider"),
                "--show-capture=no",
            ],
            env={
                **os.environ,
                "ALARM_LATENCY_RESULTS": str(results),
                "PYTHONPATH": str(HERE),
            },
            cwd=HERE.parent,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            print(done.stdout[-4000:])
            return 1
        rows = json.loads(results.read_text())
    p99 = 0.0
    print(f"low reading to event, ms, {len(rows)} lows at {WEARERS} wearers")
    for name, place in (("CPU of the event loop", 1), ("by the clock", 0)):
        took = [1000 * row[place] for row in rows]
        p99 = statistics.quantiles(took, n=100)[98]
        print(
            f"  {name:22} median {statistics.median(took):5.2f}   p99 {p99:5.2f}"
            f"   worst {max(took):5.2f}"
        )
    if p99 > MOST_MS:
        print(f"MISSED: at most {MOST_MS} ms at the 99th percentile")
        return 1
    print(f"the target is met: at most {MOST_MS} ms at the 99th percentile")
    return 0


if __name__ == "__main__":
    sys.exit(main())
