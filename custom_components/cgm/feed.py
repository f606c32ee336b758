"""One polled source at run time: asks at the moments cadence.py plans, hands on what came."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

from homeassistant.core import CALLBACK_TYPE, HassJob, callback
from homeassistant.helpers.event import async_call_later

from .accounts import account_settings, async_hold, async_let_go, async_log_in
from .const import CONF_REFUSED, CONF_WEARER, FIRST_REACH, LOGGER
from .feed_status import FeedState, FeedStatus
from .feed_treatments import FeedTreatments
from .shared.glucose.cadence import Cadence
from .shared.glucose.cadence_learning import Learned
from .shared.glucose.errors import (
    AccountLocked,
    ClientVersionRefused,
    CredentialsRejected,
    GlucoseError,
    SharingDisabled,
    SourceUnreachable,
    StoreError,
    TermsNotAccepted,
    UnexpectedAnswer,
)
from .shared.glucose.merge import parted
from .shared.glucose.sources.source import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeassistant.config_entries import ConfigSubentry

    from .shared.glucose.sources.source import Answer
    from .wearer import Wearer

# A login that works and brings nothing for this long: sharing was switched off in the app, or
# the sensor was not replaced (core#103966).
SILENT_AFTER = timedelta(hours=24)
# What was learned is written at most this often; it changes with every reading.
_KEEP_EVERY = timedelta(hours=1)


_STATE_OF_ERROR: tuple[tuple[type[GlucoseError], FeedState], ...] = (
    (AccountLocked, FeedState.LOCKED),
    (TermsNotAccepted, FeedState.TERMS_NOT_ACCEPTED),
    (SharingDisabled, FeedState.SHARING_DISABLED),
    (ClientVersionRefused, FeedState.VERSION_REFUSED),
    (SourceUnreachable, FeedState.RETRYING),
    (GlucoseError, FeedState.UNEXPECTED_ANSWER),
)


class Feed:
    """Runs one source of one wearer; a timer, then one short task, never an endless loop."""

    def __init__(self, wearer: Wearer, subentry: ConfigSubentry) -> None:
        """Take the settings as they are now; changed settings make a new feed."""
        self._wearer = wearer
        self._hass = wearer.hass
        self.id = subentry.subentry_id
        self.title = subentry.title
        self.settings: Mapping[str, object] = subentry.data
        self.source = Source(
            account=async_hold(self._hass, subentry.data, self.id),
            wearer=str(subentry.data[CONF_WEARER]),
            id=self.id,
        )
        self.treatments = FeedTreatments(wearer, self.source)
        self.status = FeedStatus()
        self.cadence = Cadence(self.source.cadence, self.id)
        self._cancel: CALLBACK_TYPE | None = None
        self._started: datetime | None = None
        self._kept: float = monotonic()
        self._history_id: str | None = None
        self._recalled = False
        self._stopped = False
        self._failing = False
        self._asking = False

    def serves(self, data: Mapping[str, object]) -> bool:
        """Tell whether this feed still does what these settings want, or must be made anew."""
        asks_the_same = account_settings(data) == account_settings(self.settings)
        logged_in_again = self.settings.get(CONF_REFUSED) and not data.get(CONF_REFUSED)
        return (
            asks_the_same
            and data[CONF_WEARER] == self.settings[CONF_WEARER]
            and not logged_in_again
        )

    @callback
    def async_start(self) -> None:
        """Ask at once, off the caller's path."""
        self._async_due()

    @callback
    def async_stop(self) -> None:
        """Ask no more; what still comes of a request under way is not looked at."""
        self._stopped = True
        self._cancel_timer()
        self.treatments.async_stop()
        async_let_go(self._hass, self.id)

    @callback
    def async_ask_now(self) -> None:
        """Log in and ask without waiting: the user says that the cause is gone."""
        if not self._stopped and not self._asking:
            self._cancel_timer()
            self._wearer.entry.async_create_background_task(
                self._hass, self._async_ask(by_hand=True), f"cgm ask {self.id}"
            )

    def _cancel_timer(self) -> None:
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    def _schedule_next(self) -> None:
        self._cancel_timer()
        self._cancel = async_call_later(
            self._hass,
            self.cadence.wait(monotonic()).total_seconds(),
            HassJob(self._async_due, cancel_on_shutdown=True),
        )

    @callback
    def _async_due(self, _now: datetime | None = None) -> None:
        self._cancel = None
        self._wearer.entry.async_create_background_task(
            self._hass, self._async_ask(), f"cgm ask {self.id}"
        )

    async def _async_ask(self, *, by_hand: bool = False) -> None:
        """Ask once, hand on what came, plan the next time."""
        self._asking = True
        try:
            if self._started is None:
                self._started = self._wearer.now()
            await self._async_recall()
            if self._stopped:
                return
            self.cadence.asked(monotonic())
            try:
                if by_hand:
                    # What an account remembers of refusals and pauses does not hold back a person.
                    await async_log_in(self._hass, self.settings, self.id)
                answer = await self.source.readings(self._since())
            except GlucoseError as error:
                if not self._stopped:
                    self._async_failed(error)
            else:
                if not self._stopped:
                    await self._async_answered(answer)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end the watch
            # The traceback might carry readings or names; the type says enough to look for it.
            LOGGER.error("Asking a source failed in CGM itself, please report: %r", type(error))
            if not self._stopped:
                self._async_failed(UnexpectedAnswer("a fault in CGM itself"))
        finally:
            self._asking = False

    async def _async_answered(self, answer: Answer) -> None:
        self._wearer.async_note_clock(self.id, answer.clock_offset)
        now = self._wearer.now()
        self.cadence.answered(now, monotonic(), answer.readings)
        self._schedule_next()
        due, _held = parted(answer.readings, now)
        times = [reading.time for reading in due]
        newest = max(
            times if self.status.newest is None else [*times, self.status.newest], default=None
        )
        silent = now - (newest or self._started or now) > SILENT_AFTER
        self.status = FeedStatus(
            state=FeedState.NO_READINGS if silent else FeedState.OK,
            answered=now,
            newest=newest,
            refused_rows=self.status.refused_rows + answer.refused,
            sensor=answer.sensor or self.status.sensor,
        )
        if self._failing:
            self._failing = False
            LOGGER.info("A %s source answers again", self.settings.get("kind"))
        await self._wearer.async_receive(self, answer)
        if not self._stopped:
            self.treatments.async_ask()
        if monotonic() - self._kept >= _KEEP_EVERY.total_seconds():
            await self.async_keep()

    @callback
    def _async_failed(self, error: GlucoseError) -> None:
        """Back off and show what is wrong. Telling the wearer comes last: it may stop this feed."""
        self.cadence.failed(self._wearer.now(), monotonic(), error)
        self._schedule_next()
        if not self._failing:
            self._failing = True
            LOGGER.info(
                "A %s source cannot be read: %s (%s)",
                self.settings.get("kind"),
                type(error).__name__,
                error,
            )
        if isinstance(error, CredentialsRejected):
            state = FeedState.WAITING_FOR_LOGIN if error.confirmed else FeedState.RETRYING
        else:
            state = next(state for kind, state in _STATE_OF_ERROR if isinstance(error, kind))
        until = error.until if isinstance(error, AccountLocked) else None
        self.status = replace(self.status, state=state, until=until)
        self._wearer.async_feed_changed(self)

    def _since(self) -> datetime:
        """Ask for the trailing window; for all it has where the source is new."""
        now = self._wearer.now()
        if self.status.newest is None:
            return now - FIRST_REACH
        return min(self.cadence.since(now, monotonic()), self.status.newest)

    async def _async_recall(self) -> None:
        """Take up what is in the history: at first, and where a new one was begun since."""
        if self._history_id is not None and self._history_id == self._wearer.history.id:
            return
        if self._recalled:
            # The source is asked for all it has: the new history holds at most the last hours.
            self._history_id = self._wearer.history.id
            self.status = replace(self.status, newest=None)
            return
        try:
            newest, learned = await self._wearer.memory.async_recall(self.id)
        except StoreError:
            return
        self._recalled = True
        self._history_id = self._wearer.history.id
        self.status = replace(self.status, newest=newest)
        if learned is not None:
            known = Learned.from_dict(json.loads(learned))
            self.cadence = Cadence(self.source.cadence, self.id, known)

    async def async_keep(self) -> None:
        """Keep what was learned over a restart; nothing before what was kept is known."""
        if self._recalled:
            self._kept = monotonic()
            learned = json.dumps(self.cadence.learned.to_dict())
            await self._wearer.memory.async_keep(self.id, learned)
