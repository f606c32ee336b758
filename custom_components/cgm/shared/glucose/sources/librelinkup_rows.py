"""What LibreLinkUp's JSON means: readings, bounds, trend, the sensor's life. Pure, no I/O.

The shapes were read in public clients and recorded answers; no vendor documentation exists.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from ..errors import InvalidReadingError, UnexpectedAnswer
from ..reading import Bound, Reading, whole_mg_dl
from ..trend import Trend
from .source import SensorLife, VisibleWearer

CURRENT = "current"
GRAPH = "graph"

# Five arrows, of which the steepest is no steeper than Dexcom's single one.
_TRENDS = {1: Trend.DOWN, 2: Trend.SLIGHT_DOWN, 3: Trend.FLAT, 4: Trend.SLIGHT_UP, 5: Trend.UP}

# No Libre measures below 40. The upper end is 400 for some (US Libre 2 and 3) and 500 for
# others, and no field of the answer says which of them is worn.
_LOWEST_MEASURED = 40
_LOWER_LIMIT = 400
_UPPER_LIMIT = 500
_WORDS = {"lo": (_LOWEST_MEASURED, Bound.LOW), "hi": (_LOWER_LIMIT, Bound.HIGH)}

# `pt` is the product: 3 lasts 14 days, 4 lasts 15 (a Plus). Before the Plus, 4 was given to
# sensors of 14 days too, so an old one may end a day sooner. Others: the life is not known.
_LIFE = {3: timedelta(days=14), 4: timedelta(days=15)}
_LONGEST_WARM_UP = timedelta(days=1)

_EPOCH = datetime.fromtimestamp(0, UTC)
_FACTORY_TIME = re.compile(
    r"(\d{1,2})/(\d{1,2})/(\d{4}) (\d{1,2}):(\d{2}):(\d{2}) ([AP])M", re.ASCII | re.IGNORECASE
)
# It becomes a part of an address: nothing that could leave its place in there.
_PATIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def table(value: object) -> Mapping[str, object]:
    """Return a JSON object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def is_patient_id(value: object) -> bool:
    """Tell whether this can be a patient's id: letters, digits, hyphens."""
    return isinstance(value, str) and _PATIENT_ID.fullmatch(value) is not None


def visible_wearers(data: object) -> tuple[VisibleWearer, ...]:
    """Read the list of connections, by name; the vendor's own order is not stable.

    Raises UnexpectedAnswer where it is no list, or where not one of its rows names a patient.
    """
    rows = [] if data is None else data
    if not isinstance(rows, list):
        raise UnexpectedAnswer("the list of connections is not a list")
    seen = {}
    for row in map(table, rows):
        patient = row.get("patientId")
        if isinstance(patient, str) and is_patient_id(patient):
            names = (row.get("firstName"), row.get("lastName"))
            name = " ".join(part.strip() for part in names if isinstance(part, str)).strip()
            # JSON can carry half a character, which nothing downstream can write.
            whole = name.encode(errors="replace").decode()
            seen[patient] = VisibleWearer(patient, whole or patient)
    if rows and not seen:
        raise UnexpectedAnswer("no connection names its patient")
    return tuple(sorted(seen.values(), key=lambda wearer: (wearer.name, wearer.id)))


def graph_readings(
    data: object, *, wearer: str, source: str, since: datetime
) -> tuple[tuple[Reading, ...], int]:
    """Read a graph answer: readings at or after `since`, oldest first, and how many were refused.

    Graph points (smoothed, five minutes apart, no trend) and the current value are two series.
    Raises UnexpectedAnswer for another shape, and where the answer is about somebody else.
    """
    document = table(data)
    connection = document.get("connection")
    if not isinstance(connection, dict):
        raise UnexpectedAnswer("the graph came without its connection")
    if connection.get("patientId", wearer) != wearer:
        raise UnexpectedAnswer("the graph is about another patient than the one asked for")
    points = document.get("graphData")
    if points is not None and not isinstance(points, list):
        raise UnexpectedAnswer("the graph is not a list of points")
    current = connection.get("glucoseMeasurement")
    rows = [(GRAPH, row) for row in points or []]
    rows += [(CURRENT, current)] if current is not None else []
    readings = []
    refused = 0
    for series, row in rows:
        try:
            readings.append(reading(row, source=source, series=series))
        except InvalidReadingError:
            refused += 1
    kept = (found for found in readings if found.time >= since)
    return tuple(sorted(kept, key=lambda found: found.time)), refused


def reading(row: object, *, source: str, series: str) -> Reading:
    """Read one measurement; raises InvalidReadingError.

    The time is FactoryTimestamp (UTC): Timestamp is the phone's local time. The value is
    ValueInMgPerDl: Value is in whatever unit the account shows.
    """
    fields = table(row)
    mg_dl, bound = _value_and_bound(fields)
    return Reading(
        time=factory_time(fields.get("FactoryTimestamp")),
        mg_dl=mg_dl,
        source=source,
        series=series,
        bound=bound,
        trend=_trend(fields.get("TrendArrow")),
    )


def _value_and_bound(fields: Mapping[str, object]) -> tuple[int, Bound | None]:
    """Return mg/dL and whether the sensor's range ended there. The one place with this rule.

    - The words LO and HI are bounds: at or below 40, at or above 400.
    - Below 40 is LOW and 500 or more is HIGH, for every sensor; the number is kept.
    - 400 to 499 are numbers, because most sensors go to 500. Only 400 or 401 with isHigh is HIGH:
      there a sensor whose range ends at 400 stops. Likewise 40 with isLow is LOW.
    - The flags mean nothing elsewhere: in a recorded answer isHigh is false at 197, and other
      clients read it as "above the target".
    """
    value = fields.get("ValueInMgPerDl")
    if isinstance(value, str) and value.strip().lower() in _WORDS:
        return _WORDS[value.strip().lower()]
    mg_dl = whole_mg_dl(value)
    if mg_dl < _LOWEST_MEASURED:
        return mg_dl, Bound.LOW
    if mg_dl >= _UPPER_LIMIT:
        return mg_dl, Bound.HIGH
    if mg_dl == _LOWEST_MEASURED and fields.get("isLow") is True:
        return mg_dl, Bound.LOW
    if mg_dl in {_LOWER_LIMIT, _LOWER_LIMIT + 1} and fields.get("isHigh") is True:
        return mg_dl, Bound.HIGH
    return mg_dl, None


def _trend(arrow: object) -> Trend | None:
    """Return the trend; `none` for an arrow that says it cannot be told, None without one."""
    if arrow is None:
        return None
    return _TRENDS.get(arrow, Trend.NONE) if type(arrow) is int else Trend.NONE


def factory_time(text: object) -> datetime:
    """Read `M/D/YYYY h:mm:ss AM` as UTC; raises InvalidReadingError.

    By hand, because strptime's %p reads the words of the process's locale.
    """
    match = _FACTORY_TIME.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise InvalidReadingError("not a time in LibreLinkUp's format")
    month, day, year, hour, minute, second = map(int, match.groups()[:6])
    if not 1 <= hour <= 12:  # noqa: PLR2004 - the clock's face
        raise InvalidReadingError("not an hour of a 12-hour clock")
    afternoon = 12 if match[7] in "Pp" else 0
    try:
        return datetime(year, month, day, hour % 12 + afternoon, minute, second, tzinfo=UTC)
    except ValueError:
        raise InvalidReadingError("not a time of the calendar") from None


def sensor_life(data: object) -> SensorLife | None:
    """Read when the worn sensor was started and will end; None where none is told."""
    document = table(data)
    active = document.get("activeSensors")
    told = [table(table(document.get("connection")).get("sensor"))]
    told += [table(table(row).get("sensor")) for row in active] if isinstance(active, list) else []
    lives = [life for life in map(_sensor_life, told) if life is not None]
    # After a change of sensor the old one may still be listed for a while.
    return max(lives, key=lambda life: life.started or _EPOCH) if lives else None


def _sensor_life(sensor: Mapping[str, object]) -> SensorLife | None:
    """Read one sensor: `a` is its start in epoch seconds, `w` the warm-up in minutes."""
    started_seconds = sensor.get("a")
    if type(started_seconds) is not int or started_seconds <= 0:
        return None
    try:
        started = _EPOCH + timedelta(seconds=started_seconds)
        product = sensor.get("pt")
        life = _LIFE.get(product) if type(product) is int else None
        minutes = sensor.get("w")
        # 60 in every answer seen; that it is minutes of warm-up is inferred.
        warm_up = timedelta(minutes=minutes) if type(minutes) is int else timedelta()
        return SensorLife(
            started=started,
            expires=None if life is None else started + life,
            warm_up_until=started + warm_up if timedelta() < warm_up <= _LONGEST_WARM_UP else None,
        )
    except OverflowError:
        return None
