"""Tells an address of the user's that a wearer's alarms work; its silence tells of a dead home."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import aiohttp
from homeassistant.core import CALLBACK_TYPE, HassJob, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.event import async_call_later

from .const import LOGGER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .wearer import Wearer

CONF_HEARTBEAT: Final = "heartbeat"
# Redacted in diagnostics under this name.
CONF_HEARTBEAT_URL: Final = "url"
CONF_EVERY_MINUTES: Final = "every_minutes"
EVERY_MINUTES: Final = 5
MOST_MINUTES: Final = 60

# Services answer within a second; one that hangs must not hold the next beat up.
_ANSWERS_WITHIN = aiohttp.ClientTimeout(total=20)
# A service that is down for less mends itself.
_REPAIR_AFTER = timedelta(hours=1)
# The alarms are looked at once a minute at least.
_LOOKED_WITHIN = timedelta(minutes=5)
_MINUTE = timedelta(minutes=1)
_TAKEN = range(200, 300)


def usable_address(text: str) -> bool:
    """Tell whether a heartbeat can be sent there: http or https, a host, and no user name."""
    try:
        parts = urlsplit(text)
        # Asked for, the port is checked.
        return (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and parts.port != 0
            and "@" not in parts.netloc
            and text.isprintable()
        )
    except ValueError:
        return False


class Heartbeat:
    """One wearer's; off until the options name an address. Nothing of the wearer is sent."""

    def __init__(self, wearer: Wearer) -> None:
        """Beat not yet; async_follow begins."""
        self._wearer = wearer
        self._settings: Mapping[str, Any] = {}
        self._cancel: CALLBACK_TYPE | None = None
        self._beating: asyncio.Task[None] | None = None
        self._failing: float | None = None
        self._held = False

    @property
    def overdue(self) -> bool:
        """Whether heartbeats have not been taken for so long that somebody must look."""
        return (
            self._failing is not None
            and monotonic() - self._failing >= _REPAIR_AFTER.total_seconds()
        )

    @callback
    def async_follow(self) -> None:
        """Beat as the options say, at once where they have changed; safe to call at any time."""
        settings = self._wearer.entry.options.get(CONF_HEARTBEAT, {})
        if settings == self._settings:
            return
        self.async_stop()
        self._settings = dict(settings)
        if settings.get(CONF_HEARTBEAT_URL):
            self._begin()

    @callback
    def async_stop(self) -> None:
        """Beat no more."""
        if self._cancel is not None:
            self._cancel()
            self._cancel = None
        if self._beating is not None:
            self._beating.cancel()
            self._beating = None
        self._settings = {}
        self._failing, self._held = None, False

    @callback
    def _begin(self, _now: datetime | None = None) -> None:
        """Beat now, and again after the interval however long this one takes."""
        wearer = self._wearer
        self._cancel = async_call_later(
            wearer.hass,
            self._settings.get(CONF_EVERY_MINUTES, EVERY_MINUTES) * _MINUTE,
            HassJob(self._begin, cancel_on_shutdown=True),
        )
        self._beating = wearer.entry.async_create_background_task(
            wearer.hass, self._async_beat(), "cgm heartbeat"
        )

    async def _async_beat(self) -> None:
        if not self._works():
            if not self._held:
                self._held = True
                LOGGER.warning("The heartbeat is held back: alarms cannot work now")
            return
        self._held = False
        why = await self._why_not_taken()
        if why is None:
            if self._failing is not None:
                LOGGER.info("The heartbeat is taken again")
            self._failing = None
        elif self._failing is None:
            self._failing = monotonic()
            LOGGER.warning("The heartbeat is not taken: %s", why)

    def _works(self) -> bool:
        """Tell whether the alarms are judged and can be kept.

        A home whose sources are all down lives: its own alarm on missing readings says that.
        """
        wearer = self._wearer
        looked = abs(wearer.now() - wearer.alarms.view.now) < _LOOKED_WITHIN
        return bool(wearer.feeds) and looked and wearer.writing.error is None

    async def _why_not_taken(self) -> str | None:
        """Send one; returns why it was not taken, without a word of where it went."""
        session = async_get_clientsession(self._wearer.hass)
        try:
            async with session.get(
                self._settings[CONF_HEARTBEAT_URL], timeout=_ANSWERS_WITHIN
            ) as answer:
                return None if answer.status in _TAKEN else f"answered {answer.status}"
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            # Its words may hold the address.
            return type(error).__name__
