"""Names a finger-stick, which is a reading, as treatments and measurements are named: by an id."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .shared.glucose.reading import Reading

_WORD = "finger_stick"
# None is later, and what is could not be reckoned with.
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)


def finger_stick_id(reading: Reading) -> str:
    """Return the id: within its source, a finger-stick is found by its time and its series."""
    return f"{_WORD} {reading.time.isoformat(timespec='milliseconds')} {reading.series}"


def time_and_series(id_: str) -> tuple[datetime, str] | None:
    """Return what an id says, the time aware UTC; None where it is no finger-stick's."""
    word, _, rest = id_.partition(" ")
    told, _, series = rest.partition(" ")
    if word != _WORD or not series:
        return None
    try:
        time = datetime.fromisoformat(told).astimezone(UTC)
    except ValueError, OverflowError:
        return None
    return (time, series) if time < _LATEST else None
