"""Reads one Nightscout entry, and says what its device's numbers mean at the ends of the range.

Nightscout stores whatever an uploader sent, so a row is believed field by field. The shapes are
those of cgm-remote-monitor's `entries` collection (v1 and v3) and of the phone servers' sgv.json.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from ..errors import InvalidReadingError
from ..reading import Bound, Kind, Reading, utc_of_epoch_ms, whole_mg_dl
from ..trend import Trend
from .source import Answer

SGV = "sgv"
MBG = "mbg"

# Nightscout's own floor (API3 MIN_TIMESTAMP): an earlier date is seconds read as milliseconds.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)

# Under 39 a receiver reports an error code (1 not active, 5 not calibrated, 10 no signal ...),
# and xDrip+ writes 38 for its own errors.
LOWEST_GLUCOSE = 39

# Uploaders name the program, the transmitter, or both: "share2", "Dexcom G7", "G6 Native",
# "xDrip-DexcomG5", "AndroidAPS-DexcomG6".
_DEXCOM = re.compile(r"dexcom|\bshare2?\b|\bg[4-7]\b|stelo")
_LIBRE = re.compile(r"libre|juggluco|limitter|miaomiao|bubble|blu[ck]on")
_DEXCOM_HIGH = 401
# Libre sensors end at 400 or at 500, and no device name says which. A number between the two can
# only come from the longer range. Exactly 400 may be either: "400 or more" is true of both.
_LIBRE_HIGH = 400
_LIBRE_LONG_HIGH = 500
# xDrip+ clamps what it computes to 39..400, whatever the sensor (BgReading).
_XDRIP_HIGH = 400

# Dexcom's words, and Nightscout's two that are steeper than any arrow we have.
_TRENDS = {
    "NONE": Trend.NONE,
    "TRIPLEUP": Trend.DOUBLE_UP,
    "DOUBLEUP": Trend.DOUBLE_UP,
    "SINGLEUP": Trend.UP,
    "FORTYFIVEUP": Trend.SLIGHT_UP,
    "FLAT": Trend.FLAT,
    "FORTYFIVEDOWN": Trend.SLIGHT_DOWN,
    "SINGLEDOWN": Trend.DOWN,
    "DOUBLEDOWN": Trend.DOUBLE_DOWN,
    "TRIPLEDOWN": Trend.DOUBLE_DOWN,
    "NOTCOMPUTABLE": Trend.NONE,
    "RATEOUTOFRANGE": Trend.NONE,
}


class Entries:
    """Takes rows in any order and gives an Answer: every moment once, oldest first.

    Two uploaders may have written the same millisecond; a reading's identity has room for one.
    The row with the higher id wins (Mongo's ids grow), so that every poll gives the same one.
    """

    def __init__(self, source: str, since: datetime, *, phone: bool = False) -> None:
        """Make readings with the id `source`, from `since` (aware UTC) on."""
        self._source = source
        self._since = since
        self._phone = phone
        self._kept: dict[Kind, dict[datetime, tuple[str, Reading]]] = {kind: {} for kind in Kind}
        self._refused = 0

    def take(self, rows: Iterable[object]) -> None:
        """Read rows; those that cannot be readings are counted, those of no glucose left out."""
        for row in rows:
            try:
                reading = entry_reading(row, self._source, phone=self._phone)
            except InvalidReadingError:
                self._refused += 1
                continue
            if reading is None or reading.time < self._since:
                continue
            kept, candidate = self._kept[reading.kind], (entry_id(row), reading)
            held = kept.get(reading.time)
            if held is None or held[0] <= candidate[0]:
                kept[reading.time] = candidate

    def answer(self, clock_offset: timedelta | None) -> Answer:
        """Return what was taken so far."""
        readings = [reading for kept in self._kept.values() for _, reading in kept.values()]
        readings.sort(key=lambda reading: (reading.time, reading.kind))
        return Answer(readings=tuple(readings), refused=self._refused, clock_offset=clock_offset)


def entry_id(row: object) -> str:
    """Return the server's id of a row (v1 `_id`, v3 `identifier`), "" where it has none."""
    if not isinstance(row, Mapping):
        return ""
    found = row.get("_id") or row.get("identifier")
    return found if isinstance(found, str) else ""


def entry_reading(row: object, source: str, *, phone: bool = False) -> Reading | None:
    """Return the Reading of one row; None where the row is of something else (`cal`, deleted).

    `phone` says that a phone server sent it. Raises InvalidReadingError.
    """
    if not isinstance(row, Mapping):
        msg = "an entry is not an object"
        raise InvalidReadingError(msg)
    what = row.get("type", SGV if SGV in row else MBG if MBG in row else None)
    # v3 hides deleted rows itself; v1 shows them, and knows nothing of the mark.
    if row.get("isValid") is False or what not in (SGV, MBG):
        return None
    mg_dl = whole_mg_dl(row.get(what))
    time = _time(row)
    if what == MBG:
        return Reading(time=time, mg_dl=mg_dl, source=source, series=MBG, kind=Kind.METER)
    if mg_dl < LOWEST_GLUCOSE:
        msg = "an error code stands for the glucose"
        raise InvalidReadingError(msg)
    device = row.get("device")
    return Reading(
        time=time,
        mg_dl=mg_dl,
        source=source,
        series=SGV,
        kind=Kind.CGM,
        bound=_bound(mg_dl, device if isinstance(device, str) else "", phone=phone),
        trend=_trend(row.get("direction")),
    )


def _time(row: Mapping[str, object]) -> datetime:
    """Return the row's time: `date` rules, `dateString` stands in only where it is missing."""
    date = row.get("date")
    time = _time_of_text(row.get("dateString")) if date is None else utc_of_epoch_ms(date)
    if time < EARLIEST:
        msg = "the time lies before Nightscout's own"
        raise InvalidReadingError(msg)
    return time


def _time_of_text(text: object) -> datetime:
    """Read an ISO 8601 time with its offset; one without could be any hour of a day."""
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
        if time is None or time.utcoffset() is None:
            msg = "no time that could be read"
            raise InvalidReadingError(msg)
        return time.astimezone(UTC)
    except (ValueError, OverflowError):
        msg = "no time that could be read"
        raise InvalidReadingError(msg) from None


def _bound(mg_dl: int, device: str, *, phone: bool) -> Bound | None:
    """Say whether the device's range ended here: its name decides, never the number alone."""
    name = device.lower()
    dexcom = _DEXCOM.search(name) is not None
    libre = _LIBRE.search(name) is not None
    # A phone server that does not sign as Juggluco is xDrip+, which names only the transmitter.
    xdrip = name.startswith("xdrip") or (phone and "juggluco" not in name)
    if mg_dl == LOWEST_GLUCOSE and (dexcom or libre or xdrip):
        return Bound.LOW
    if (
        ((dexcom or xdrip) and mg_dl == _DEXCOM_HIGH)
        or (xdrip and mg_dl == _XDRIP_HIGH)
        or (libre and (mg_dl == _LIBRE_HIGH or mg_dl >= _LIBRE_LONG_HIGH))
    ):
        return Bound.HIGH
    return None


def _trend(direction: object) -> Trend | None:
    """Return the arrow; None where it is absent or a word nobody defined."""
    if not isinstance(direction, str):
        return None
    return _TRENDS.get(direction.upper().replace(" ", "").replace("_", ""))
