"""What is known of a wearer's last day, weeks and months, computed now and then off the loop."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from homeassistant.core import CALLBACK_TYPE, HassJob, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.start import async_at_started
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .const import CONF_TIME_ZONE, DOMAIN, LOGGER, PERIODS
from .shared.glucose.errors import StoreError
from .wearer_history import async_merged, merged_between

if TYPE_CHECKING:
    from datetime import datetime

    from homeassistant.core import HomeAssistant

    from .shared.glucose.metrics.report import Report
    from .shared.glucose.metrics.weighed import Weighed
    from .shared.glucose.reading import Kind, Reading
    from .shared.glucose.targets import Targets
    from .wearer import Wearer

_TURN: HassKey[asyncio.Lock] = HassKey(f"{DOMAIN}_measures")

# The longer the period, the less a few readings change and the more it costs to read.
EVERY = {
    "24h": timedelta(minutes=5),
    "7d": timedelta(minutes=30),
    "14d": timedelta(minutes=30),
    "30d": timedelta(hours=1),
    "90d": timedelta(hours=3),
}
# After the start, when what shows the present is done.
_FIRST = timedelta(seconds=10)
# A backfill arrives in several answers, a form is changed field by field: wait for the last.
_SETTLE = timedelta(seconds=20)
# Whatever comes in, no period is computed more often.
_LEAST_APART = timedelta(minutes=5)
_TRY_AGAIN = timedelta(minutes=5)
# Ranges end before their end; what was measured at this very moment is in.
_JUST_NOW = timedelta(milliseconds=1)


class Measures:
    """One wearer's measures of each period that somebody shows; the others cost nothing."""

    def __init__(self, wearer: Wearer) -> None:
        """Begin with nothing known."""
        self._wearer = wearer
        self._found: dict[str, Weighed] = {}
        self._due: dict[str, datetime] = {}
        self._looked: dict[str, datetime] = {}
        self._used: Counter[str] = Counter()
        self._settings = _settings(wearer)
        self._started = False
        self._working = False
        self._cancel: CALLBACK_TYPE | None = None
        self._cancel_start: CALLBACK_TYPE | None = None

    def get(self, period: str) -> Weighed | None:
        """Return what was last found of a period; None while nothing is known."""
        return self._found.get(period)

    # Life.

    @callback
    def async_start(self) -> None:
        """Begin once Home Assistant is up: its start shall not wait for months of readings."""

        @callback
        def started(_hass: HomeAssistant) -> None:
            self._cancel_start = None
            self._started = True
            self._schedule(_FIRST)

        self._cancel_start = async_at_started(self._wearer.hass, started)

    @callback
    def async_stop(self) -> None:
        """Compute no more; what is under way is thrown away."""
        self._started = False
        self._cancel_timer()
        if self._cancel_start is not None:
            self._cancel_start()
            self._cancel_start = None

    @callback
    def async_use(self, period: str) -> CALLBACK_TYPE:
        """Keep a period known from now on, until what is returned is called."""
        self._used[period] += 1
        if self._used[period] == 1:
            self._due[period] = dt_util.utcnow()
            self._schedule(_FIRST)

        @callback
        def done() -> None:
            self._used[period] -= 1
            if not self._used[period]:
                self._found.pop(period, None)

        return done

    # What changes them.

    @callback
    def async_follow(self) -> None:
        """Compute all anew where the user changed what they rest on."""
        settings = _settings(self._wearer)
        if settings != self._settings:
            self._settings = settings
            self._due = dict.fromkeys(self._due, dt_util.utcnow())
            self._schedule(timedelta(seconds=1))

    @callback
    def async_changed(self, earliest: datetime) -> None:
        """Note that the history changed from `earliest` on: old readings came, or were erased.

        What is newer than a period's usual interval is found at its usual time.
        """
        now = dt_util.utcnow()
        for period, due in self._due.items():
            if earliest < now - EVERY[period] and period in self._looked:
                soon = max(now + _SETTLE, self._looked[period] + _LEAST_APART)
                self._due[period] = min(due, soon)
        self._schedule()

    # The work.

    def _schedule(self, at_least: timedelta = timedelta()) -> None:
        """Set the timer for the first period that is due."""
        self._cancel_timer()
        now = dt_util.utcnow()
        # A clock that was set back must not put anything off for longer than usual.
        waits = [
            min(max(self._due[period] - now, at_least), EVERY[period])
            for period, users in self._used.items()
            if users
        ]
        if waits and self._started and not self._working:
            self._cancel = async_call_later(
                self._wearer.hass, min(waits), HassJob(self._async_look, cancel_on_shutdown=True)
            )

    def _cancel_timer(self) -> None:
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    async def _async_look(self, _now: datetime) -> None:
        """Compute what is due, one period at a time, with what writes readings in between."""
        self._cancel = None
        self._working = True
        turn = self._wearer.hass.data.setdefault(_TURN, asyncio.Lock())
        try:
            now = dt_util.utcnow()
            for period in [p for p, users in self._used.items() if users and self._is_due(p, now)]:
                # One wearer after the other: readings that come in wait for one period at most.
                async with turn:
                    await self._async_find(period)
        finally:
            self._working = False
        self._schedule()

    def _is_due(self, period: str, now: datetime) -> bool:
        return self._due[period] <= now or self._due[period] > now + EVERY[period]

    async def _async_find(self, period: str) -> None:
        if not self._is_wanted(period):
            return
        now = self._looked[period] = dt_util.utcnow()
        self._due[period] = now + EVERY[period]
        end = self._wearer.now()
        try:
            found, _ = await self._async_of(end - PERIODS[period], end, whole=False)
        except Exception as error:  # noqa: BLE001 - whatever stood in the way, it is tried again
            log = LOGGER.debug if isinstance(error, StoreError) else LOGGER.error
            log("Measures were not computed, to be tried again: %r", type(error))
            self._due[period] = now + _TRY_AGAIN
            # What was true hours ago is not shown as if it were known now.
            self._found.pop(period, None)
        else:
            if not self._is_wanted(period):
                return
            self._found[period] = found
        self._wearer.async_tell()

    def _is_wanted(self, period: str) -> bool:
        return self._started and self._used[period] > 0

    async def async_between(self, start: datetime, end: datetime) -> tuple[Weighed, Report]:
        """Return the measures of any (start, end], weighed by time and each reading once.

        Raises StoreError.
        """
        found, whole = await self._async_of(start, end, whole=True)
        if whole is None:
            raise AssertionError("the whole report was asked for")
        return found, whole

    async def async_readings(
        self, start: datetime, end: datetime, *, kind: Kind, merged: bool, most: int
    ) -> list[Reading] | None:
        """Return the readings of one kind in [start, end), oldest first; None of more than `most`.

        `merged` ones are the sensor's, of all sources one series. Raises StoreError.
        """
        if merged:
            work = merged_between(self._wearer, start, end)
            return await self._wearer.history.async_do(lambda store: _at_most(work(store), most))
        return await self._wearer.history.async_do(
            lambda store: _at_most(
                [r for r in store.readings(self._wearer.id, start, end) if r.kind is kind], most
            )
        )

    async def _async_of(
        self, start: datetime, end: datetime, *, whole: bool
    ) -> tuple[Weighed, Report | None]:
        wearer = self._wearer
        zone: str = wearer.entry.options[CONF_TIME_ZONE]
        targets, cadences = wearer.chosen.targets, wearer.cadences
        readings = await async_merged(wearer, start + _JUST_NOW, end + _JUST_NOW)
        return await wearer.hass.async_add_executor_job(
            lambda: measured(
                readings, start, end, zone=zone, targets=targets, cadences=cadences, whole=whole
            )
        )


def measured(  # noqa: PLR0913 - what the measures rest on
    readings: list[Reading],
    start: datetime,
    end: datetime,
    *,
    zone: str,
    targets: Targets,
    cadences: dict[str, timedelta],
    whole: bool = False,
) -> tuple[Weighed, Report | None]:
    """Take the measures of merged readings; `whole` with every one that the command has, too."""
    # numpy takes a tenth of a second to load, for which the start of Home Assistant need not wait.
    from .shared.glucose.metrics.report import report  # noqa: PLC0415 - see above
    from .shared.glucose.metrics.series import Series  # noqa: PLC0415 - see above
    from .shared.glucose.metrics.spacing import spacing  # noqa: PLC0415 - see above
    from .shared.glucose.metrics.weighed import weighed  # noqa: PLC0415 - see above

    series = Series.of(readings, ZoneInfo(zone))
    found = weighed(series, start, end, cadence=spacing(readings, cadences), targets=targets)
    return found, report(series) if whole else None


def _at_most(readings: list[Reading], most: int) -> list[Reading] | None:
    return readings if len(readings) <= most else None


def _settings(wearer: Wearer) -> tuple[object, ...]:
    """Return what the user chose that the measures rest on."""
    return wearer.chosen.targets, wearer.chosen.order, wearer.entry.options[CONF_TIME_ZONE]
