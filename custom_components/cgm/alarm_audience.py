"""Whether a wearer's alarms are on and nobody in the home hears them, asked now and then."""

from __future__ import annotations

from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING

from homeassistant.core import callback
from homeassistant.util import dt as dt_util

from .alarm_listeners import anybody_listens

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

    from .wearer import Wearer

# Who has just set a wearer up has other things to do first.
GRACE = timedelta(days=1)
# Automations come and go by hand: soon enough for a repair, and no work with each reading.
_ASK_EVERY = timedelta(minutes=1)


class Audience:
    """Answers whether somebody listens; asks the home once a minute at most."""

    def __init__(self, wearer: Wearer) -> None:
        """Take it that somebody does until it was asked."""
        self._wearer = wearer
        self._asked: float | None = None
        self._missing = False

    @callback
    def missing(self) -> bool:
        """Tell whether alarms are on, a day has passed since set-up, and nothing listens."""
        hass, now = self._wearer.hass, monotonic()
        # While Home Assistant starts, automations are not there yet.
        if not hass.is_running:
            return False
        if self._asked is None or now - self._asked >= _ASK_EVERY.total_seconds():
            self._asked = now
            self._missing = self._is_missing(hass)
        return self._missing

    def _is_missing(self, hass: HomeAssistant) -> bool:
        if dt_util.utcnow() - self._wearer.entry.created_at < GRACE:
            return False
        rules = self._wearer.alarms.rules
        on = any(rule.on for part in (rules.day, rules.night) for rule in part.values())
        return on and not anybody_listens(hass, self._wearer.id)
