"""A glucose reading: made once at the border, and impossible to hold wrong values."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from .errors import InvalidReadingError
from .trend import Trend
from .units import MG_DL_PER_MMOL_L

LOWEST_MG_DL = 10
HIGHEST_MG_DL = 600
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class Kind(StrEnum):
    """What measured: a continuous sensor, or a finger-stick meter (also strips, calibrations)."""

    CGM = "cgm"
    METER = "meter"


class Bound(StrEnum):
    """The sensor's range ended: the true value lies at or beyond the number."""

    LOW = "low"
    HIGH = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One measurement of one wearer.

    `time` is the vendor's aware UTC time; `mg_dl` whole mg/dL in 10..600; `source` and
    `series` are stable ids (one source may have several series, such as LibreLinkUp's
    current value and its smoothed graph). Raises InvalidReadingError.
    """

    time: datetime
    mg_dl: int
    source: str
    series: str
    kind: Kind = Kind.CGM
    bound: Bound | None = None
    trend: Trend | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be a reading."""
        # Another zone that happens to have no offset now would add hours by its wall clock.
        if self.time.tzinfo is not UTC:
            msg = "time must be aware UTC"
            raise InvalidReadingError(msg)
        if type(self.mg_dl) is not int or not LOWEST_MG_DL <= self.mg_dl <= HIGHEST_MG_DL:
            msg = f"glucose must be whole mg/dL in {LOWEST_MG_DL}..{HIGHEST_MG_DL}"
            raise InvalidReadingError(msg)
        if not self.source or not self.series:
            msg = "source and series must be named"
            raise InvalidReadingError(msg)

    @property
    def identity(self) -> tuple[str, Kind, str, datetime]:
        """What makes it this reading: (source, kind, series, vendor time)."""
        return self.source, self.kind, self.series, self.time


def whole_mg_dl(value: object) -> int:
    """Round a vendor's mg/dL once: a finite number or a numeric string, half to even.

    Raises InvalidReadingError for NaN, infinities, bool, other text, anything else, and
    for what lies outside 10..600.
    """
    number = finite_number(value)
    if not LOWEST_MG_DL - 0.5 <= number <= HIGHEST_MG_DL + 0.5:
        msg = f"glucose outside {LOWEST_MG_DL}..{HIGHEST_MG_DL} mg/dL"
        raise InvalidReadingError(msg)
    return round(number)


def whole_mg_dl_of_mmol_l(value: object) -> int:
    """Convert a vendor's mmol/L to whole mg/dL, rounded once; refuses as whole_mg_dl does."""
    return whole_mg_dl(finite_number(value) * MG_DL_PER_MMOL_L)


def utc_of_epoch_ms(value: object) -> datetime:
    """Return aware UTC for a vendor's epoch milliseconds; raises InvalidReadingError."""
    try:
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=finite_number(value))
    except OverflowError:
        msg = "time outside the calendar"
        raise InvalidReadingError(msg) from None


def finite_number(value: object) -> float:
    """Read a finite decimal; a comma, NaN, bool or any other text: InvalidReadingError."""
    if isinstance(value, str):
        text = value.strip()
        if _DECIMAL.fullmatch(text) is None:
            msg = "not a number"
            raise InvalidReadingError(msg)
        value = float(text)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        msg = "not a number"
        raise InvalidReadingError(msg)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        msg = "not a finite number"
        raise InvalidReadingError(msg)
    return number
