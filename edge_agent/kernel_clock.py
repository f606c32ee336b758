"""Asks the kernel whether the clock is synchronised, as chrony and ntpd tell it."""

from __future__ import annotations

import ctypes

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


def kernel_says() -> bool | None:
    """Tell whether the clock is synchronised; None where the kernel does not say."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        timex = _Timex()
        answer = library.adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        return None
    if answer < 0:
        return None
    return answer != _TIME_ERROR and not timex.status & _STA_UNSYNC
