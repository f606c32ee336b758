"""The action that flashes lights for an alarm and gives them back as they were."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

import probatio
from homeassistant.components.light import DOMAIN as LIGHT
from homeassistant.const import (
    EVENT_HOMEASSISTANT_STOP,
    SERVICE_TURN_OFF,
    SERVICE_TURN_ON,
    STATE_OFF,
    STATE_ON,
)
from homeassistant.core import (
    Context,
    ServiceCall,
    State,
    callback,
)
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.start import async_at_started
from homeassistant.helpers.state import async_reproduce_state
from homeassistant.util import dt as dt_util

from .const import DOMAIN, LOGGER
from .set_aside import TAKEN, SetAside
from .singles import singles

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

FLASH = "flash_lights"
# Seconds on, seconds off, and so on: once through is one flash.
PATTERNS = {
    "slow": (1.0, 1.0),
    "fast": (0.4, 0.4),
    "double": (0.25, 0.25, 0.25, 1.25),
}
# Lamps report late: what one shows just after it was given back may still be the alarm's colour.
_REPORTS_WITHIN_SECONDS = 10
_OBEYS_WITHIN_SECONDS = 10
# What a lamp that was off shows once it is on: the colour it would have when somebody needs it.
_WAKES_WITHIN_SECONDS = 1
_KEPT = (
    "brightness",
    "effect",
    "color_mode",
    "hs_color",
    "color_temp_kelvin",
    "rgb_color",
    "rgbw_color",
    "rgbww_color",
    "xy_color",
)

SCHEMA = probatio.Schema(
    {
        **cv.ENTITY_SERVICE_FIELDS,
        probatio.Optional("color", default=(255, 0, 0)): probatio.All(
            probatio.Coerce(tuple), probatio.ExactSequence((cv.byte,) * 3)
        ),
        probatio.Optional("brightness_pct", default=100): probatio.All(
            probatio.Coerce(int), probatio.Range(min=1, max=100)
        ),
        probatio.Optional("pattern", default="slow"): probatio.In(PATTERNS),
        probatio.Optional("count", default=10): probatio.All(
            probatio.Coerce(int), probatio.Range(min=1, max=600)
        ),
    }
)


@callback
def async_register_lamps(hass: HomeAssistant) -> None:
    """Offer the action, and give back what an earlier run left in the alarm's colour."""
    lamps = Lamps(hass)
    hass.services.async_register(DOMAIN, FLASH, lamps.async_flash, SCHEMA)
    async_at_started(hass, lamps.async_give_back)
    hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, lamps.async_give_back)


class Lamps:
    """What each flashing lamp was before its first flash, kept on the disk until it is so again.

    A lamp belongs to the newest call that flashes it: an older one lets go of it, and only the
    owner gives it back.
    """

    def __init__(self, hass: HomeAssistant) -> None:
        """Know of nothing yet; the disk is read when it is first needed."""
        self._hass = hass
        self._aside = SetAside(hass, f"{DOMAIN}.lamps")
        self._owners: dict[str, object] = {}
        self._given_back: dict[str, tuple[float, dict[str, Any]]] = {}

    async def async_flash(self, call: ServiceCall) -> None:
        """Flash the lights that can be reached, and return when they are as they were."""
        # What is done to each lamp is no telling of its own.
        data, context = call.data, Context(user_id=call.context.user_id, parent_id=call.context.id)
        lamps = {
            lamp: state
            for lamp in singles(self._hass, data, LIGHT)
            if (state := self._hass.states.get(lamp)) is not None
            and state.state in {STATE_ON, STATE_OFF}
        }
        if not lamps:
            LOGGER.warning("None of the lights that are to flash can be reached")
            return
        before = await self._aside.async_kept()
        owner = object()
        for lamp, state in lamps.items():
            self._owners[lamp] = owner
            before.setdefault(lamp, self._shown(state))
        await self._aside.async_save()
        red = {"rgb_color": data["color"], "brightness_pct": data["brightness_pct"]}
        pattern = PATTERNS[data["pattern"]] * data["count"]
        await asyncio.gather(
            *(self._async_flash_one(lamp, owner, red, pattern, context) for lamp in lamps)
        )

    async def async_give_back(self, _: object = None) -> None:
        """Give back every lamp that is not as it was; late ones when they come."""
        self._owners.clear()
        await asyncio.gather(
            *(self._async_give_back(lamp) for lamp in await self._aside.async_kept())
        )

    async def _async_flash_one(
        self,
        lamp: str,
        owner: object,
        red: dict[str, Any],
        pattern: tuple[float, ...],
        context: Context,
    ) -> None:
        """Flash until the pattern is over, or another call has taken the lamp."""
        try:
            await self._async_wake(lamp, context)
            for place, seconds in enumerate(pattern):
                if self._owners.get(lamp) is not owner:
                    return
                if place % 2:
                    await self._async_call(SERVICE_TURN_OFF, lamp, {}, context)
                else:
                    await self._async_call(SERVICE_TURN_ON, lamp, red, context)
                await asyncio.sleep(seconds)
        finally:
            # Also where the automation was stopped in the middle.
            if self._owners.get(lamp) is owner:
                await self._async_give_back(lamp, owner, context)

    async def _async_wake(self, lamp: str, context: Context) -> None:
        """Learn which colour a dark lamp remembers, before it is told to be red."""
        before = await self._aside.async_kept()
        kept = before.get(lamp)
        if kept is None or kept["state"] != STATE_OFF or "awake" in kept:
            return
        await self._async_call(SERVICE_TURN_ON, lamp, {}, context)
        for _ in range(10):
            state = self._hass.states.get(lamp)
            if state is not None and state.state == STATE_ON:
                kept["awake"] = _attributes(state)
                await self._aside.async_save()
                return
            await asyncio.sleep(_WAKES_WITHIN_SECONDS / 10)

    async def _async_give_back(
        self, lamp: str, owner: object = None, context: Context | None = None
    ) -> None:
        before = await self._aside.async_kept()
        kept = before.get(lamp)
        if kept is None:
            return
        now = self._hass.states.get(lamp)
        if now is None or now.state not in {STATE_ON, STATE_OFF}:
            self._wait_for(lamp)
            return
        states = [State(lamp, kept["state"], kept["attributes"])]
        if "awake" in kept:
            states.insert(0, State(lamp, STATE_ON, kept["awake"]))
        for state in states:
            try:
                async with asyncio.timeout(_OBEYS_WITHIN_SECONDS):
                    await async_reproduce_state(self._hass, state, context=context)
            except (HomeAssistantError, TimeoutError) as error:
                LOGGER.warning("A light did not go back to what it was: %s", error)
                self._wait_for(lamp)
                return
        if self._owners.get(lamp) is owner:
            self._owners.pop(lamp, None)
            self._given_back[lamp] = monotonic(), before.pop(lamp)
            await self._aside.async_save()

    def _wait_for(self, lamp: str) -> None:
        """Give the lamp back once it says something again."""
        self._owners.pop(lamp, None)
        self._aside.wait_for(lamp, self._can_be_given_back, self._async_give_back)

    def _can_be_given_back(self, state: State) -> bool:
        return state.state in {STATE_ON, STATE_OFF} and state.entity_id not in self._owners

    async def _async_call(
        self, action: str, lamp: str, data: dict[str, Any], context: Context
    ) -> None:
        # What one lamp cannot do must not keep the others dark.
        with suppress(HomeAssistantError, TimeoutError, probatio.Invalid):
            async with asyncio.timeout(_OBEYS_WITHIN_SECONDS):
                await self._hass.services.async_call(
                    LIGHT, action, {"entity_id": lamp, **data}, blocking=True, context=context
                )

    def _shown(self, state: State) -> dict[str, Any]:
        """Return what a lamp is now, or was given back as a moment ago."""
        given_back, kept = self._given_back.pop(state.entity_id, (0.0, {}))
        if kept and monotonic() - given_back < _REPORTS_WITHIN_SECONDS:
            return kept
        return {
            "state": state.state,
            "attributes": _attributes(state),
            TAKEN: dt_util.utcnow().isoformat(),
        }


def _attributes(state: State) -> dict[str, Any]:
    return {
        name: state.attributes[name] for name in _KEPT if state.attributes.get(name) is not None
    }
