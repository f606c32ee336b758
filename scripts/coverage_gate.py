"""Refuses a test run that left too much of the integration untried."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TypedDict

ABOVE_PERCENT = 95.0
"""The integration as a whole, and each of its modules, must be covered better than this."""

FLOWS = "flow"
"""A file whose name holds this must be covered entirely: a flow is what somebody meets first."""


class Summary(TypedDict):
    """The part of a coverage summary that counts here; branches are included in it."""

    percent_covered: float


class MeasuredFile(TypedDict):
    """One file of a coverage report."""

    summary: Summary
    missing_lines: list[int]


class Report(TypedDict):
    """The report that `coverage json` writes."""

    files: dict[str, MeasuredFile]
    totals: Summary


def shortfalls(report: Report) -> list[str]:
    """Return one line for each file, and for the whole, that misses its limit."""
    if not report["files"]:
        return ["nothing was measured"]
    lines = [
        f"{name}: {file['summary']['percent_covered']:.2f} %, lines {file['missing_lines']}"
        for name, file in sorted(report["files"].items())
        if not is_enough(name, file["summary"]["percent_covered"])
    ]
    if (total := report["totals"]["percent_covered"]) <= ABOVE_PERCENT:
        lines.append(f"total: {total:.2f} %")
    return lines


def is_enough(name: str, percent: float) -> bool:
    """Return whether `percent` meets the limit of the file called `name`."""
    if FLOWS in Path(name).stem:
        return percent == 100  # noqa: PLR2004 - entirely is entirely
    return percent > ABOVE_PERCENT


def main() -> int:
    """Read the report named on the command line; say what falls short, else nothing."""
    parser = argparse.ArgumentParser(
        description="Fails unless the integration and each of its modules are covered "
        f"above {ABOVE_PERCENT:.0f} %, and its flows entirely."
    )
    parser.add_argument("report", type=Path, help="what `coverage json` wrote")
    report: Report = json.loads(parser.parse_args().report.read_text(encoding="utf-8"))
    if not (lines := shortfalls(report)):
        return 0
    print("coverage falls short:", *lines, sep="\n  ", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
