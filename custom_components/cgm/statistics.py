"""Hourly long-term statistics of the glucose sensor, made from the history: no holes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from homeassistant.components.recorder import DOMAIN as RECORDER_DOMAIN, get_instance
from homeassistant.components.recorder.models import (
    StatisticData,
    StatisticMeanType,
    StatisticMetaData,
)
from homeassistant.components.recorder.statistics import async_import_statistics, get_metadata
from homeassistant.components.sensor import DOMAIN as SENSOR_DOMAIN
from homeassistant.const import UnitOfBloodGlucoseConcentration
from homeassistant.core import CALLBACK_TYPE, HassJob, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util
from homeassistant.util.unit_conversion import BloodGlucoseConcentrationConverter

from .const import DOMAIN, LOGGER
from .shared.glucose.errors import StoreError
from .wearer_history import async_merged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .shared.glucose.reading import Reading
    from .wearer import Wearer

# The recorder compiles an hour within its first seconds after; a row of ours that is there
# before would make it give up the whole run (unique constraint), so ours come later and win.
_RECORDER_HAS_COMPILED = timedelta(minutes=12)
# A backfill arrives in several answers; wait for the last.
_SETTLE = timedelta(seconds=20)
# What failed is tried again after this.
_TRY_AGAIN = timedelta(minutes=5)
_HOUR = timedelta(hours=1)
# What is read and handed to the recorder at once: readings that come in, and states that the
# recorder is to keep, wait for so much at most.
_PIECE = timedelta(days=7)
# The recorder takes seconds for a piece on a slow disk.
_RECORDER_ANSWERS = 300
_EVER = datetime(2201, 1, 1, tzinfo=UTC)
_PENDING = "statistics pending from"


class HourlyStatistics:
    """Keeps the recorder's hourly rows of one wearer's glucose sensor equal to the history."""

    def __init__(self, wearer: Wearer) -> None:
        """Begin with nothing to import."""
        self._wearer = wearer
        self._pending: datetime | None = None
        self._under_way: datetime | None = None
        self._importing = False
        self._cancel: CALLBACK_TYPE | None = None
        self._stopped = False

    async def async_load(self) -> None:
        """Take up the hours that were not imported before the restart. Raises StoreError."""
        noted = await self._wearer.history.async_do(
            lambda store: store.recall(self._wearer.id, _PENDING)
        )
        if noted is not None:
            self._pending = datetime.fromisoformat(noted)

    async def async_changed(self, earliest: datetime) -> None:
        """Note that the history changed from `earliest` on; hours follow once they are over."""
        if self._reaches_back_to(_hour_of(earliest)):
            await self._async_note()
            self.async_schedule()
        elif self._cancel is None:
            self.async_schedule()

    @callback
    def async_stop(self) -> None:
        """Import no more, also where an import is under way; what is pending stays noted."""
        self._stopped = True
        self._cancel_timer()

    def _cancel_timer(self) -> None:
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    @callback
    def async_schedule(self, at_least: timedelta = _SETTLE) -> None:
        """Import when the first pending hour may be; nothing without a recorder."""
        self._cancel_timer()
        if (
            self._stopped
            or self._importing
            or self._pending is None
            or RECORDER_DOMAIN not in self._wearer.hass.config.components
        ):
            return
        ready = self._pending + _HOUR + _RECORDER_HAS_COMPILED
        wait = max(ready - self._now(), at_least)
        self._cancel = async_call_later(
            self._wearer.hass,
            wait.total_seconds(),
            HassJob(self._async_import, cancel_on_shutdown=True),
        )

    def _now(self) -> datetime:
        """Return the time for a reading and for the recorder, which has our own clock only."""
        return min(self._wearer.now(), dt_util.utcnow())

    async def _async_import(self, _now: datetime) -> None:
        """Import every changed hour that is over; what is still running is left pending."""
        self._cancel = None
        at_least = _SETTLE
        self._importing = True
        try:
            await self._async_import_pending()
        except Exception as error:  # noqa: BLE001 - whatever stood in the way, it is still to be done
            log = LOGGER.debug if isinstance(error, StoreError) else LOGGER.error
            log("Statistics were not imported, to be tried again: %r", type(error))
            at_least = _TRY_AGAIN
        finally:
            self._importing = False
            if self._under_way is not None:
                self._reaches_back_to(self._under_way)
                self._under_way = None
        await self._async_note()
        self.async_schedule(at_least)

    async def _async_import_pending(self) -> None:
        """Import one piece after the other; changes behind the one under way begin anew there."""
        while (start := self._pending) is not None and not self._stopped:
            end = _hour_of(self._now() - _RECORDER_HAS_COMPILED)
            beyond = min(start + _PIECE, end)
            # What changes from here on is not in what is read now.
            self._under_way, self._pending = start, None
            if start >= end:
                left = await async_merged(self._wearer, start, _EVER)
                if left:
                    self._reaches_back_to(_hour_of(left[0].time))
                self._under_way = None
                return
            await self._async_import_hours(await async_merged(self._wearer, start, beyond))
            if beyond < end:
                # What else the recorder is to keep has its turn between two pieces.
                async with asyncio.timeout(_RECORDER_ANSWERS):
                    await get_instance(self._wearer.hass).async_block_till_done()
            self._under_way = None
            self._reaches_back_to(beyond)
            await self._async_note()

    def _reaches_back_to(self, hour: datetime) -> bool:
        """Make `hour` the first pending one unless an earlier one is; tell whether it is now."""
        if self._pending is not None and self._pending <= hour:
            return False
        self._pending = hour
        return True

    async def _async_import_hours(self, readings: list[Reading]) -> None:
        hass = self._wearer.hass
        statistic_id = er.async_get(hass).async_get_entity_id(
            SENSOR_DOMAIN, DOMAIN, f"{self._wearer.id}_glucose"
        )
        if statistic_id is None or not readings:
            return

        def made() -> tuple[str | None, list[StatisticData]]:
            known = get_metadata(hass, statistic_ids={statistic_id})
            # Rows that exist keep the unit they were written in; new ones begin in mg/dL.
            unit = (
                known[statistic_id][1]["unit_of_measurement"]
                if statistic_id in known
                else UnitOfBloodGlucoseConcentration.MILLIGRAMS_PER_DECILITER
            )
            return unit, hourly(readings, unit)

        unit, rows = await get_instance(hass).async_add_executor_job(made)
        async_import_statistics(
            hass,
            StatisticMetaData(
                mean_type=StatisticMeanType.ARITHMETIC,
                has_sum=False,
                name=None,
                source=RECORDER_DOMAIN,
                statistic_id=statistic_id,
                unit_class=BloodGlucoseConcentrationConverter.UNIT_CLASS,
                unit_of_measurement=unit,
            ),
            rows,
        )

    async def _async_note(self) -> None:
        """Note from where on hours are still to be imported, after a restart as well."""
        left = [hour for hour in (self._under_way, self._pending) if hour is not None]
        text = min(left).isoformat() if left else None
        try:
            await self._wearer.history.async_do(
                lambda store: store.note(self._wearer.id, _PENDING, text)
            )
        except StoreError as error:
            LOGGER.debug("Pending statistics were not noted: %s", error)


def hourly(readings: Iterable[Reading], unit: str | None) -> list[StatisticData]:
    """Return mean, least and greatest of every hour that has readings, in `unit`.

    `readings` in order of time. LOW and HIGH count as their number.
    """
    convert = BloodGlucoseConcentrationConverter.converter_factory(
        UnitOfBloodGlucoseConcentration.MILLIGRAMS_PER_DECILITER, unit
    )
    rows = []
    for start, group in groupby(readings, key=lambda reading: _hour_of(reading.time)):
        values = [reading.mg_dl for reading in group]
        rows.append(
            StatisticData(
                start=start,
                mean=convert(sum(values) / len(values)),
                min=convert(min(values)),
                max=convert(max(values)),
            )
        )
    return rows


def _hour_of(time: datetime) -> datetime:
    return time.replace(minute=0, second=0, microsecond=0)
