"""Dexcom Share's rows become readings, one by one: a bad row costs itself only.

39 and 401 stand for LOW and HIGH (nightscout/cgm-remote-monitor#7207).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import cast

from ..errors import InvalidReadingError
from ..reading import Bound, Reading, utc_of_epoch_ms, whole_mg_dl
from ..trend import Trend

SERIES = "share"
LOW = 39
HIGH = 401

# By place as well as by name: until December 2021 the trend was its number in this row.
_TRENDS = {
    "None": Trend.NONE,
    "DoubleUp": Trend.DOUBLE_UP,
    "SingleUp": Trend.UP,
    "FortyFiveUp": Trend.SLIGHT_UP,
    "Flat": Trend.FLAT,
    "FortyFiveDown": Trend.SLIGHT_DOWN,
    "SingleDown": Trend.DOWN,
    "DoubleDown": Trend.DOUBLE_DOWN,
    "NotComputable": Trend.NONE,
    "RateOutOfRange": Trend.NONE,
}
_NUMBERED = tuple(_TRENDS.values())
_TIME = re.compile(r"/?Date\((\d{1,15})(?:[+-]\d{4})?\)/?", re.ASCII)
# Share began in 2014; an older time is a clock that was never set (.NET's and Unix's zero).
_EARLIEST = datetime(2010, 1, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=1)


def readings_of(
    rows: Iterable[object], *, source: str, since: datetime, now: datetime | None
) -> tuple[tuple[Reading, ...], int]:
    """Return the readings at or after `since`, oldest first, and how many rows are none.

    `now` is the vendor's time, None where unknown: a time more than a day ahead of it is no
    reading's. Less than that is: whose clock is wrong, others decide.
    """
    latest = _LATEST if now is None else now + _AHEAD
    readings: list[Reading] = []
    refused = 0
    for row in rows:
        try:
            reading = _reading(row, source, latest)
        except InvalidReadingError:
            refused += 1
        else:
            if reading.time >= since:
                readings.append(reading)
    # Newest first is how they come; of two with one time the one told first is the newer.
    readings.reverse()
    readings.sort(key=lambda reading: reading.time)
    return tuple(readings), refused


def _reading(row: object, source: str, latest: datetime) -> Reading:
    """Return one row's reading; raises InvalidReadingError."""
    if not isinstance(row, dict):
        raise InvalidReadingError("not a row")
    known = cast("dict[str, object]", row)
    mg_dl = whole_mg_dl(known.get("Value"))
    # Below its range a Dexcom sensor sends states, not glucose (1 not active, 5 not calibrated …).
    if mg_dl < LOW:
        raise InvalidReadingError("a state of the sensor")
    return Reading(
        time=_time(known.get("WT"), latest),
        mg_dl=mg_dl,
        source=source,
        series=SERIES,
        bound={LOW: Bound.LOW, HIGH: Bound.HIGH}.get(mg_dl),
        trend=_trend(known.get("Trend")),
    )


def _time(value: object, latest: datetime) -> datetime:
    """Read WT, the time of the wearer's transmitter in UTC; ST and DT follow a device's clock."""
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise InvalidReadingError("not a time")
    time = utc_of_epoch_ms(int(match[1]))
    if not _EARLIEST <= time <= latest:
        raise InvalidReadingError("not a time a reading can have")
    return time


def _trend(value: object) -> Trend | None:
    """Read a trend's name or number; what is absent or unknown is None and loses no reading."""
    if value == "":
        return Trend.NONE
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:3])
    if type(value) is int:
        return _NUMBERED[value] if 0 <= value < len(_NUMBERED) else None
    return _TRENDS.get(value) if isinstance(value, str) else None
