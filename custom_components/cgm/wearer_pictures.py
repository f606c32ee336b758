"""A wearer's day and glucose profile as pictures: gathered from the history, drawn off the loop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from .alarm_spans import async_spans
from .const import CONF_DARK, CONF_LARGE, CONF_PICTURES, PERIODS
from .shared.glucose.merge import USUAL_CADENCE, merged, meter_readings
from .shared.glucose.pictures.look import Look, Size
from .wearer_history import async_merged

if TYPE_CHECKING:
    from datetime import date
    from typing import Any

    from .shared.glucose.alarms.kinds import AlarmKind
    from .shared.glucose.present import Present
    from .shared.glucose.reading import Reading
    from .shared.glucose.store import Store
    from .shared.glucose.targets import Targets
    from .shared.glucose.treatment import Treatment
    from .wearer import Wearer

# What lies before midnight tells the merge whether a gap begins there.
_BEFORE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ProfileShows:
    """What a profile depends on: while it stays equal, so does the picture, to the hour."""

    look: Look
    zone: ZoneInfo
    targets: Targets
    edition: int
    end: datetime


@dataclass(frozen=True, slots=True)
class DayShows:
    """What today's picture depends on beside the clock: while it stays equal, so does that."""

    look: Look
    zone: ZoneInfo
    date: date
    targets: Targets
    present: Present
    edition: int
    recent: frozenset[Reading]
    treatments: tuple[Treatment, ...]
    alarms: tuple[AlarmKind, ...]


class Pictures:
    """Draws one wearer's pictures whenever asked; what is kept of them is others' business."""

    def __init__(self, wearer: Wearer) -> None:
        """Know whose they are."""
        self._wearer = wearer

    @property
    def look(self) -> Look:
        """How the pictures look: as chosen, in the wearer's unit and the home's language."""
        wearer = self._wearer
        chosen: dict[str, Any] = wearer.entry.options.get(CONF_PICTURES, {})
        return Look(
            size=Size.LARGE if chosen.get(CONF_LARGE) else Size.SMALL,
            dark=bool(chosen.get(CONF_DARK)),
            unit=wearer.chosen.unit,
            language=wearer.hass.config.language,
        )

    @property
    def day_shows(self) -> DayShows:
        """What today's picture would show now."""
        wearer, zone = self._wearer, self._zone
        return DayShows(
            look=self.look,
            zone=zone,
            date=wearer.now().astimezone(zone).date(),
            targets=wearer.chosen.targets,
            present=wearer.present,
            edition=wearer.edition,
            recent=frozenset(wearer.recent),
            treatments=wearer.records.treatments,
            alarms=wearer.alarms.alarms.on,
        )

    @property
    def profile_shows(self) -> ProfileShows:
        """What the profile would show now."""
        wearer = self._wearer
        return ProfileShows(
            look=self.look,
            zone=self._zone,
            targets=wearer.chosen.targets,
            edition=wearer.edition,
            end=wearer.now().replace(minute=0, second=0, microsecond=0),
        )

    @property
    def minute(self) -> datetime:
        """The minute that it is, by which a current value's age is told."""
        return self._wearer.now().replace(second=0, microsecond=0)

    async def async_day(self) -> bytes:
        """Return today as a PNG. Raises StoreError."""
        wearer, shows = self._wearer, self.day_shows
        now = wearer.now()
        start = datetime.combine(shows.date, time(), shows.zone).astimezone(UTC)
        readings = await self._async_readings(start - _BEFORE, now)
        treatments = await wearer.records.async_between(start, now)
        alarms = await async_spans(wearer, start)

        def draw() -> bytes:
            # numpy and Pillow take a while to load, for which neither the start nor the loop waits.
            from .shared.glucose.pictures.day import Day, day_picture  # noqa: PLC0415 - see above

            day = Day(
                date=shows.date,
                zone=shows.zone,
                now=now,
                readings=readings,
                targets=shows.targets,
                current=shows.present.reading,
                trend=shows.present.trend,
                treatments=treatments,
                alarms=alarms,
            )
            return day_picture(day, shows.look)

        return await wearer.hass.async_add_executor_job(draw)

    async def async_profile(self) -> bytes:
        """Return the profile of the 14 days up to the full hour as a PNG. Raises StoreError."""
        wearer, shows = self._wearer, self.profile_shows
        readings = await async_merged(wearer, shows.end - PERIODS["14d"], shows.end)
        # Where intervals mix a reading stands for the time until the next one, for one of the
        # longest at most (standing.py).
        cadence = max(wearer.cadences.values(), default=USUAL_CADENCE)
        return await wearer.hass.async_add_executor_job(_drawn, readings, shows, cadence)

    @property
    def _zone(self) -> ZoneInfo:
        return self._wearer.chosen.zone

    async def _async_readings(self, start: datetime, end: datetime) -> list[Reading]:
        """Return the merged readings and the finger-sticks, those not written yet among them."""
        wearer = self._wearer
        recent = {row.identity: row for row in wearer.recent if start <= row.time <= end}
        order, cadences, key = wearer.chosen.order, wearer.cadences, wearer.id

        def read(store: Store) -> list[Reading]:
            rows = {row.identity: row for row in store.readings(key, start, end)} | recent
            return [
                *merged(rows.values(), order=order, cadences=cadences),
                *meter_readings(rows.values()),
            ]

        return await wearer.history.async_do(read)


def _drawn(readings: list[Reading], shows: ProfileShows, cadence: timedelta) -> bytes:
    """Return the profile of readings as a PNG; takes a tenth of a second."""
    from .shared.glucose.metrics.series import Series  # noqa: PLC0415 - as above
    from .shared.glucose.pictures.profile import Profile, profile_picture  # noqa: PLC0415 - as above

    series = Series.of(readings, shows.zone)
    return profile_picture(Profile.of(series, shows.end, cadence, shows.targets), shows.look)
