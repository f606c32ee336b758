"""Who is told that something shown may have changed: what is read with an alarm before the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.core import CALLBACK_TYPE, callback

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from homeassistant.core import HomeAssistant


class Listeners:
    """Listeners are called at once, followers once in the next turn, however often it was told."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Know of nobody yet."""
        self._hass = hass
        self._listeners: list[CALLBACK_TYPE] = []
        self._followers: list[CALLBACK_TYPE] = []
        self._following: asyncio.Handle | None = None

    @callback
    def async_add(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call `listener` from now on; returns how to stop."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def async_add_follower(self, follower: Callable[[], None]) -> CALLBACK_TYPE:
        """As a listener, but after them all and after the alarms: what none is judged by."""
        self._followers.append(follower)
        return lambda: self._followers.remove(follower)

    @callback
    def async_tell(self) -> None:
        """Call everybody."""
        for listener in list(self._listeners):
            listener()
        if self._following is None:
            self._following = self._hass.loop.call_soon(self._follow)

    @callback
    def async_stop(self) -> None:
        """Call no follower any more for what was told before."""
        if self._following is not None:
            self._following.cancel()
            self._following = None

    def _follow(self) -> None:
        self._following = None
        for follower in list(self._followers):
            follower()
