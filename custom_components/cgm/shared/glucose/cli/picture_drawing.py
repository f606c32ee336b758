"""An export as a picture: its day with the alarms it would have had, or its profile."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..alarms.kinds import STANDING, Side
from ..alarms.rules import AlarmRules
from ..metrics.series import Series
from ..pictures.day import Day, day_picture
from ..pictures.marks import Span
from ..pictures.profile import Profile, profile_picture
from ..targets import Targets
from .alarms import as_one_series, cadence_of, found_episodes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from ..pictures.look import Look
    from .export_file import ExportFile

_LOW: Mapping[Side, bool | None] = MappingProxyType(
    {Side.LOW: True, Side.HIGH: False, Side.NEITHER: None}
)


def drawn_day(file: ExportFile, day: date, look: Look) -> bytes:
    """Return a local day as it was when it ended, with the alarms of the default rules."""
    readings = as_one_series(file.readings)
    alarms = found_episodes(readings, AlarmRules(zone=file.zone))
    shown = Day(
        date=day,
        zone=file.zone,
        now=_begin(file.zone, day + timedelta(days=1)),
        readings=readings,
        targets=Targets(),
        treatments=file.export.treatments,
        alarms=[
            Span(start=one.start, end=one.end, low=_LOW[STANDING[one.kind].side]) for one in alarms
        ],
    )
    return day_picture(shown, look)


def drawn_profile(file: ExportFile, last: date, look: Look) -> bytes:
    """Return the profile of the 14 local days that end with `last`."""
    series = Series.of(file.readings, file.zone)
    end = _begin(file.zone, last + timedelta(days=1))
    return profile_picture(Profile.of(series, end, cadence_of(file.readings), Targets()), look)


def _begin(zone: ZoneInfo, day: date) -> datetime:
    """Return the first moment of a local day, aware UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
