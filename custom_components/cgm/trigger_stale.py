"""The trigger on missing readings: the newest of a wearer is older than so many minutes."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any, cast, override

import probatio
from homeassistant.const import CONF_OPTIONS, CONF_TARGET
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, State, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.trigger import Trigger
from homeassistant.util import dt as dt_util

from .listening import async_listen
from .reading_age import CONF_MINUTES, MINUTES_FIELD, reading_age
from .shared.glucose.alarms.kinds import AlarmKind
from .shared.glucose.alarms.sentence import sentence
from .shared.glucose.alarms.state import Happening, What
from .shared.glucose.units import in_unit
from .targeted import GLUCOSE, entry_of, loaded, unit_of, whose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeassistant.helpers.trigger import (
        TriggerActionRunner,
        TriggerConfig,
        TriggerNotTriggeredReporter,
    )
    from homeassistant.helpers.typing import ConfigType

    from .wearer import CgmConfigEntry

# Sources that have just begun, and what they bring of the time before, are waited for.
_SETTLES_WITHIN = timedelta(minutes=2)
_LOOK_EVERY = timedelta(minutes=1)
_SCHEMA = probatio.Schema(
    {
        probatio.Required(CONF_TARGET): cv.TARGET_FIELDS,
        probatio.Optional(CONF_OPTIONS, default=dict): MINUTES_FIELD,
    }
)


class _Waiting:
    """How long readings of one wearer are waited for."""

    def __init__(self) -> None:
        """Begin to wait now."""
        self._begun = monotonic()
        self._known: float | None = None
        self._heard = False
        self.told = False

    def stale(self, entry: CgmConfigEntry, longest: timedelta) -> bool:
        """Tell whether the newest reading is too old; a wearer who is not set up has no newer."""
        now, wearer = monotonic(), loaded(entry)
        if wearer is None:
            since = self._begun if self._known is None else self._known
            return now - since >= longest.total_seconds()
        age = reading_age(wearer)
        if age is not None:
            self._known = now - age.total_seconds()
            if age < longest:
                self._heard = True
                return False
        return self._heard or now - self._begun >= _SETTLES_WITHIN.total_seconds()


class ReadingsStale(Trigger):
    """Runs once when readings are missing, and again only after there have been some."""

    @override
    @classmethod
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        """Return the options with their defaults; raises Invalid."""
        return cast("ConfigType", _SCHEMA(config))

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Take the validated configuration."""
        super().__init__(hass, config)
        self._target = config.target or {}
        self._longest = timedelta(minutes=(config.options or {})[CONF_MINUTES])

    @override
    async def async_attach_runner(
        self,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None = None,
    ) -> CALLBACK_TYPE:
        """Look from now on: with each change, and each minute, for nothing changes with age."""
        watch = _Watch(self._hass, self._longest, run_action)
        stop = await async_listen(self._hass, self._target, GLUCOSE, watch)
        stop_looking = async_track_time_interval(
            self._hass, watch.look_at_all, _LOOK_EVERY, cancel_on_shutdown=True
        )

        @callback
        def detach() -> None:
            stop_looking()
            stop()

        return detach


class _Watch:
    """Knows how long each wearer's readings are waited for, and whether that was told."""

    def __init__(
        self, hass: HomeAssistant, longest: timedelta, run_action: TriggerActionRunner
    ) -> None:
        """Wait for nobody yet."""
        self._hass = hass
        self._longest = longest
        self._run_action = run_action
        self._entities: dict[str, str] = {}
        self._waiting: dict[str, _Waiting] = {}

    def targeted(
        self, added: set[str], removed: set[str], _states: Mapping[str, State | None]
    ) -> None:
        """Begin to wait for who is new, and forget who is not meant any more."""
        for entity_id in added:
            if (entry := entry_of(self._hass, entity_id)) is not None:
                self._entities[entity_id] = entry.entry_id
        for entity_id in removed:
            self._entities.pop(entity_id, None)
        wearers = set(self._entities.values())
        self._waiting = {each: self._waiting.get(each) or _Waiting() for each in wearers}

    def begin(self) -> None:
        """Look once before a minute has passed."""
        self.look_at_all()

    def changed(self, state: State, _before: State | None) -> None:
        """Look at whose state it is."""
        self._look(state.entity_id)

    @callback
    def look_at_all(self, _now: datetime | None = None) -> None:
        """Look at everybody."""
        for entity_id in sorted(self._entities):
            self._look(entity_id)

    def _look(self, entity_id: str) -> None:
        entry = entry_of(self._hass, entity_id)
        one = None if entry is None else self._waiting.get(entry.entry_id)
        if entry is None or one is None:
            return
        stale, told = one.stale(entry, self._longest), one.told
        one.told = stale
        if stale and not told:
            self._run_action(
                {**whose(self._hass, entity_id, entry), **_said(self._hass, entry)},
                f"missing readings of {entity_id}",
            )


def _said(hass: HomeAssistant, entry: CgmConfigEntry) -> dict[str, Any]:
    """Return the sentence of the alarm on missing readings, and what was known last."""
    wearer, unit = loaded(entry), unit_of(entry)
    reading = None if wearer is None else wearer.present.newest
    now = dt_util.utcnow() if wearer is None else wearer.now()
    happening = Happening(kind=AlarmKind.STALE, what=What.FIRED, at=now, reading=reading)
    return {
        "text": sentence(happening, language=hass.config.language, unit=unit, wearer=entry.title),
        "value": None if reading is None else in_unit(reading.mg_dl, unit),
        "unit": unit.value,
        "bound": None if reading is None or reading.bound is None else reading.bound.value,
        "measured": None if reading is None else reading.time.isoformat(),
    }
