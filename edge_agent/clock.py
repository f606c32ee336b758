"""Whether this machine's clock is set by the network, as its own software says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

# systemd-timesyncd makes it when the clock was set since the machine started.
SYNCHRONISED = Path("/run/systemd/timesync/synchronized")


def utc_now() -> datetime:
    """Return this machine's time, aware UTC."""
    return datetime.now(UTC)


def is_synchronised(marker: Path = SYNCHRONISED) -> bool | None:
    """Tell whether the clock is synchronised; None where nobody can tell.

    timesyncd says it with a file. Any other program (chrony, ntpd) tells the kernel, which is
    asked without being told anything; that needs no right.
    """
    if marker.exists():
        return True
    # Who has timesyncd needs no ctypes, which is 0.5 MB of memory.
    from .kernel_clock import kernel_says  # noqa: PLC0415 - see above

    return kernel_says()
