"""The action that says an alarm aloud and gives the speakers back as loud as they were."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import probatio
from homeassistant.components.media_player import (
    ATTR_MEDIA_VOLUME_LEVEL,
    DOMAIN as MEDIA_PLAYER,
)
from homeassistant.const import (
    EVENT_HOMEASSISTANT_STOP,
    SERVICE_TURN_OFF,
    SERVICE_TURN_ON,
    SERVICE_VOLUME_SET,
    STATE_OFF,
    STATE_PLAYING,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import (
    Context,
    Event,
    EventStateChangedData,
    ServiceCall,
    State,
    callback,
)
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.helpers.start import async_at_started
from homeassistant.util import dt as dt_util

from .const import DOMAIN, LOGGER
from .set_aside import TAKEN, SetAside
from .singles import singles

if TYPE_CHECKING:
    from collections.abc import Callable

    from homeassistant.core import HomeAssistant

SPEAK = "speak"
_OBEYS_WITHIN_SECONDS = 10
# Making the sound takes some voices a request to a cloud.
_BEGINS_WITHIN_SECONDS = 30
_ENDS_WITHIN_SECONDS = 20
# Speakers that do not tell when they are done get as long as the sentence takes.
_SECONDS_TO_BEGIN = 4
_LETTERS_A_SECOND = 12

SCHEMA = probatio.Schema(
    {
        **cv.ENTITY_SERVICE_FIELDS,
        probatio.Required("tts"): cv.entity_id,
        probatio.Required("message"): cv.string,
        probatio.Optional("volume_pct", default=60): probatio.All(
            probatio.Coerce(int), probatio.Range(min=1, max=100)
        ),
    }
)


@callback
def async_register_speakers(hass: HomeAssistant) -> None:
    """Offer the action, and set back what an earlier run left as loud as the alarm."""
    speakers = Speakers(hass)
    hass.services.async_register(DOMAIN, SPEAK, speakers.async_speak, SCHEMA)
    async_at_started(hass, speakers.async_give_back)
    hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, speakers.async_give_back)


class Speakers:
    """What each speaker was before it spoke, kept on the disk until it is so again.

    One sentence after the other in the whole home: of two voices at once nobody understands one.
    """

    def __init__(self, hass: HomeAssistant) -> None:
        """Know of nothing yet."""
        self._hass = hass
        self._aside = SetAside(hass, f"{DOMAIN}.speakers")
        self._speaking = asyncio.Lock()
        self._busy: set[str] = set()

    async def async_speak(self, call: ServiceCall) -> None:
        """Say it on the speakers that can be reached; return when they are as they were."""
        # What is done to each speaker is no telling of its own.
        data, context = call.data, Context(user_id=call.context.user_id, parent_id=call.context.id)
        async with self._speaking:
            named = self._states(singles(self._hass, data, MEDIA_PLAYER))
            speakers = [state.entity_id for state in named if _is_reached(state)]
            if not speakers:
                LOGGER.warning("None of the speakers that are to speak can be reached")
                return
            self._busy = set(speakers)
            # Music that an announcement interrupts goes on after it: nobody waits for its end.
            silent = [state.entity_id for state in self._states(speakers) if _is_silent(state)]
            try:
                await self._async_set_aside(speakers)
                loud = {ATTR_MEDIA_VOLUME_LEVEL: data["volume_pct"] / 100}
                await asyncio.gather(
                    *(self._async_say(one, loud, data, context) for one in speakers)
                )
                await self._async_wait_until_said(silent, data["message"])
            finally:
                # Also where the automation was stopped in the middle.
                self._busy = set()
                await asyncio.gather(*(self._async_give_back(one, context) for one in speakers))

    async def async_give_back(self, _: object = None) -> None:
        """Set back every speaker that is not as it was; late ones when they come."""
        kept = list(await self._aside.async_kept())
        await asyncio.gather(*(self._async_give_back_late(one) for one in kept))

    async def _async_set_aside(self, speakers: list[str]) -> None:
        kept = await self._aside.async_kept()
        for state in self._states(speakers):
            # Where an earlier sentence is not made up for yet, it was as before that one.
            volume = state.attributes.get(ATTR_MEDIA_VOLUME_LEVEL)
            one = kept.setdefault(state.entity_id, {"volume": volume})
            one["off"] = state.state == STATE_OFF
            one[TAKEN] = dt_util.utcnow().isoformat()
        await self._aside.async_save()

    async def _async_say(
        self, speaker: str, loud: dict[str, Any], data: dict[str, Any], context: Context
    ) -> None:
        await self._async_wake(speaker, context)
        await self._async_call(SERVICE_VOLUME_SET, speaker, loud, context)
        words = {
            "entity_id": data["tts"],
            "media_player_entity_id": speaker,
            "message": data["message"],
            "cache": False,
        }
        try:
            async with asyncio.timeout(_BEGINS_WITHIN_SECONDS):
                await self._hass.services.async_call(
                    "tts", "speak", words, blocking=True, context=context
                )
        except (HomeAssistantError, TimeoutError, probatio.Invalid) as error:
            LOGGER.error("An alarm was not said on a speaker: %s", type(error).__name__)

    async def _async_wake(self, speaker: str, context: Context) -> None:
        """Switch on a speaker that is off, and learn its volume, which it tells only then."""
        kept = (await self._aside.async_kept()).get(speaker)
        if kept is None or not kept["off"]:
            return
        await self._async_call(SERVICE_TURN_ON, speaker, {}, context)
        await self._async_until([speaker], _is_awake, _OBEYS_WITHIN_SECONDS)
        state = self._hass.states.get(speaker)
        if kept["volume"] is None and state is not None:
            kept["volume"] = state.attributes.get(ATTR_MEDIA_VOLUME_LEVEL)
            await self._aside.async_save()

    async def _async_wait_until_said(self, speakers: list[str], message: str) -> None:
        await asyncio.sleep(_SECONDS_TO_BEGIN + len(message) / _LETTERS_A_SECOND)
        await self._async_until(speakers, _is_silent, _ENDS_WITHIN_SECONDS)

    async def _async_until(
        self, speakers: list[str], holds: Callable[[State], bool], seconds: float
    ) -> None:
        """Return when it holds of all, or after so long."""
        changed = asyncio.Event()

        @callback
        def note(_: Event[EventStateChangedData]) -> None:
            changed.set()

        stop = async_track_state_change_event(self._hass, speakers, note)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while not all(holds(state) for state in self._states(speakers)):
                        await changed.wait()
                        changed.clear()
        finally:
            stop()

    def _states(self, speakers: list[str]) -> list[State]:
        return [state for one in speakers if (state := self._hass.states.get(one)) is not None]

    async def _async_give_back_late(self, speaker: str) -> None:
        """Set back what was left so; a speaker that plays meanwhile is not switched off."""
        if speaker in self._busy and not self._hass.is_stopping:
            return
        kept = (await self._aside.async_kept()).get(speaker)
        if kept is not None and self._hass.states.is_state(speaker, STATE_PLAYING):
            kept["off"] = False
        await self._async_give_back(speaker, None)

    async def _async_give_back(self, speaker: str, context: Context | None) -> None:
        kept = (await self._aside.async_kept()).get(speaker)
        if kept is None:
            return
        state = self._hass.states.get(speaker)
        if state is None or not _takes_volume(state, kept["volume"]):
            # Off already, or away: its volume is for when it comes again.
            kept["off"] = kept["off"] and state is not None and state.state != STATE_OFF
            await self._aside.async_save()
            self._aside.wait_for(speaker, self._can_be_given_back, self._async_give_back_late)
            return
        if kept["volume"] is not None:
            quiet = {ATTR_MEDIA_VOLUME_LEVEL: kept["volume"]}
            await self._async_call(SERVICE_VOLUME_SET, speaker, quiet, context)
        if kept["off"]:
            await self._async_call(SERVICE_TURN_OFF, speaker, {}, context)
        (await self._aside.async_kept()).pop(speaker, None)
        await self._aside.async_save()

    def _can_be_given_back(self, state: State) -> bool:
        return _is_awake(state) and state.entity_id not in self._busy

    async def _async_call(
        self, action: str, speaker: str, data: dict[str, Any], context: Context | None
    ) -> None:
        # What one speaker cannot do must not keep the others silent.
        with suppress(HomeAssistantError, TimeoutError, probatio.Invalid):
            async with asyncio.timeout(_OBEYS_WITHIN_SECONDS):
                await self._hass.services.async_call(
                    MEDIA_PLAYER,
                    action,
                    {"entity_id": speaker, **data},
                    blocking=True,
                    context=context,
                )


def _is_reached(state: State) -> bool:
    return state.state not in {STATE_UNAVAILABLE, STATE_UNKNOWN}


def _is_awake(state: State) -> bool:
    return _is_reached(state) and state.state != STATE_OFF


def _is_silent(state: State) -> bool:
    return state.state != STATE_PLAYING


def _takes_volume(state: State, volume: float | None) -> bool:
    """Tell whether a speaker can be set to a volume, where there is one to set."""
    return _is_awake(state) or (volume is None and _is_reached(state))
