"""The machine the agent runs on: free disk, temperature of the processor."""

from __future__ import annotations

import os
from pathlib import Path

THERMAL = Path("/sys/class/thermal")
# Named by the Pi's firmware; other boards name theirs after the chip.
_PROCESSOR = ("cpu", "soc", "x86_pkg")
# Outside this a sensor is broken or not there.
_COLDEST, _HOTTEST = -40.0, 150.0


def disk_free_mb(folder: Path) -> float | None:
    """Return what an ordinary user may still write there, in MB; None where it cannot be told."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return round(found.f_bavail * found.f_frsize / 1e6, 1)


def temperature_c(thermal: Path = THERMAL) -> float | None:
    """Return the processor's temperature, None on a machine that has none to tell."""
    for zone in sorted(thermal.glob("thermal_zone*")):
        try:
            kind = (zone / "type").read_text(encoding="ascii", errors="replace")
            degrees = int((zone / "temp").read_text(encoding="ascii")) / 1000
        except (OSError, ValueError):
            continue
        if kind.startswith(_PROCESSOR) and _COLDEST < degrees < _HOTTEST:
            return round(degrees, 1)
    return None
