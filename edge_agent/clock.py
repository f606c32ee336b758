"""Whether this machine's clock is set by the network, as its own software says."""

from __future__ import annotations

import ctypes
from datetime import UTC, datetime
from pathlib import Path

# systemd-timesyncd makes it when the clock was set since the machine started.
SYNCHRONISED = Path("/run/systemd/timesync/synchronized")

# adjtimex(2): the call's answer, and the bit of the status, that say "not synchronised".
_TIME_ERROR = 5
_STA_UNSYNC = 0x0040


class _Timex(ctypes.Structure):
    """The beginning of struct timex; the kernel fills in as much again, so room is left for it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("room", ctypes.c_long * 32),
    )


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
    return _kernel_says()


def _kernel_says() -> bool | None:
    try:
        library = ctypes.CDLL(None, use_errno=True)
        timex = _Timex()
        answer = library.adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        return None
    if answer < 0:
        return None
    return answer != _TIME_ERROR and not timex.status & _STA_UNSYNC
