"""What insights cost: matrix profiles beside STUMPY's; then a whole run.

Each part says in its own file what it measures and how (insights_profile.py).

Exit status 1 where a target is missed, 2 where STUMPY cannot be installed.

Run: python benchmarks/insights.py [--turns N] [--figures FILE]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "custom_components/cgm/shared"))

import insights_profile
from figures import Figure, add_option, conclude


def main() -> int:
    """Run every part and print its figures beside their targets."""
    parser = argparse.ArgumentParser(description="What insights cost, beside STUMPY.")
    parser.add_argument("--turns", type=int, default=3)
    add_option(parser)
    given = parser.parse_args()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as scratch:
        try:
            figures += insights_profile.figures(given.turns, Path(scratch))
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"STUMPY cannot be installed here, nothing was compared: {error}")
            return 2
    # The whole insight run (90 days, 6 factors: seconds and memory on one core) adds its figures
    # here, from a file of its own beside insights_profile.py.
    for figure in figures:
        verdict = "met" if figure.met else "MISSED"
        print(f"{figure.what}: {figure.measured} (target: {figure.target}): {verdict}")
    return conclude(figures, given.figures)


if __name__ == "__main__":
    sys.exit(main())
