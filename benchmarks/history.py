"""How fast history is, in one run: metrics, import, the history file, pictures and sensors.

Each part is a program of its own, which says in its first lines what it measures and how; they
run one after another, each in a fresh process, and their own tables are shown. At the end stands
one table of what was measured beside its target. Ratios are of times taken by turns or of the
processor's time, so that a busy machine weighs on both sides.

Exit status 1 where a target is missed, 2 where a part could not measure.

Run: python benchmarks/history.py [PART ...]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from figures import figures_of

PARTS = ("history_metrics", "history_import", "history_store", "pictures", "history_sensors")
MET, MISSED, NOT_MEASURED = 0, 1, 2


def main() -> int:
    """Run the parts, print the table, return the worst of their statuses."""
    here = Path(__file__).parent
    there = [part for part in PARTS if (here / f"{part}.py").is_file()]
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(there)}")
    parts: list[str] = parser.parse_args().parts or there
    if not set(parts) <= set(there):
        parser.error(f"the parts are {', '.join(there)}")

    rows = [("", "measured", "target", "")]
    status = MET
    with tempfile.TemporaryDirectory() as scratch:
        for part in parts:
            print(f"=== {part}", flush=True)
            file = Path(scratch) / f"{part}.json"
            done = subprocess.run(  # noqa: S603 - our own programs
                [sys.executable, str(here / f"{part}.py"), "--figures", str(file)], check=False
            )
            print(flush=True)
            figures = figures_of(file)
            rows += [
                (f"{part}: {one.what}", one.measured, one.target, "met" if one.met else "MISSED")
                for one in figures
            ]
            if not figures or done.returncode not in {MET, MISSED}:
                rows.append((part, "", "", f"not measured (exit status {done.returncode})"))
            status = max(status, done.returncode if figures else NOT_MEASURED)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
    return status


if __name__ == "__main__":
    sys.exit(main())
