"""What a benchmark measured beside its target, and a file of it for the one that runs several."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One measured number: `measured` and `target` as people read them."""

    what: str
    measured: str
    target: str
    met: bool


def add_option(parser: argparse.ArgumentParser) -> None:
    """Let the benchmark be told where to leave its figures."""
    parser.add_argument("--figures", type=Path, help="also write the figures as JSON to this file")


def conclude(figures: list[Figure], file: Path | None) -> int:
    """Leave the figures where asked to; return the exit status: 1 where a target is missed."""
    if file is not None:
        file.write_text(json.dumps([asdict(figure) for figure in figures]), encoding="utf-8")
    return int(not all(figure.met for figure in figures))


def figures_of(file: Path) -> list[Figure]:
    """Read what `conclude` left; nothing where the benchmark did not come so far."""
    if not file.is_file():
        return []
    return [Figure(**figure) for figure in json.loads(file.read_text(encoding="utf-8"))]
