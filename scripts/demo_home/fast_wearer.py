"""The demo's second wearer, who lives sixty times as fast: calm days, and a low when asked for.

Also a program of its own: `python fast_wearer.py FOLDER` is what the home's script "Make it low"
runs. It writes the same days once more with one low in them that begins now.
"""

from __future__ import annotations

import json
import math
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

NAME: Final = "Robin"
SPEED: Final = 60
FILE: Final = "robin.csv"
_KNOWN: Final = "robin.json"
_SPACING = timedelta(minutes=2.5)
# A replay takes fourteen days of its file as history, and as many at least must follow.
_HISTORY = timedelta(days=14)
_PLAYED = timedelta(days=30)
_CALM_MG_DL, _SWING_MG_DL, _LOWEST_MG_DL = 115.0, 5.0, 44.0
_DAY = timedelta(days=1) / _SPACING
# How far glucose is on its way to the lowest, reading by reading: down in the time of a night's
# low that nobody treats, long enough there to press a button, and up as after juice.
_LOW = (*(n / 8 for n in range(1, 8)), *(1.0,) * 20, *(n / 10 for n in range(9, 0, -1)))


def write_days(folder: Path, started: datetime) -> Path:
    """Write the days of a wearer who is watched from `started` on; returns the export."""
    return _write(folder, started, [])


def make_low(folder: Path, now: datetime) -> None:
    """Write the days once more, with another low that begins with the next reading."""
    known = json.loads((folder / _KNOWN).read_text())
    started = datetime.fromisoformat(known["started"])
    coming = math.ceil((now - started) * SPEED / _SPACING)
    _write(folder, started, [*known["lows"], coming])


def _write(folder: Path, started: datetime, lows: list[int]) -> Path:
    depth: dict[int, float] = {}
    for low in lows:
        depth |= dict(enumerate(_LOW, low))
    rows = ["time,glucose_mg_dl"]
    last = max(lows, default=0) + _PLAYED // _SPACING
    for number in range(-(_HISTORY // _SPACING), last):
        calm = _CALM_MG_DL + _SWING_MG_DL * math.sin(2 * math.pi * number / _DAY)
        part = depth.get(number, 0.0)
        mg_dl = round(calm * (1 - part) + _LOWEST_MG_DL * part)
        rows.append(f"{(started + number * _SPACING).isoformat(timespec='seconds')},{mg_dl}")
    file = folder / FILE
    # Whole or not at all: the home may be reading it.
    new = file.with_suffix(".new")
    new.write_text("\n".join(rows) + "\n")
    new.replace(file)
    (folder / _KNOWN).write_text(json.dumps({"started": started.isoformat(), "lows": lows}))
    return file


if __name__ == "__main__":
    make_low(Path(sys.argv[1]), datetime.now(UTC))
