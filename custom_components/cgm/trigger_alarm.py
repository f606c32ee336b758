"""The triggers on alarms: one fired or was repeated, one is over."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast, override

import probatio
from homeassistant.const import CONF_OPTIONS, CONF_TARGET, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, State, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.trigger import Trigger

from .alarms_chosen import ALARMS_FIELD, chosen
from .alarms_heard import said_now, said_while_starting
from .listening import async_listen
from .shared.glucose.alarms.state import Mark
from .targeted import ALARM, entry_of, whose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeassistant.helpers.trigger import (
        TriggerActionRunner,
        TriggerConfig,
        TriggerNotTriggeredReporter,
    )
    from homeassistant.helpers.typing import ConfigType

CONF_REPEATS: Final = "repeats"
CONF_COVERED: Final = "covered"
CONF_TESTS: Final = "tests"

# What an event says of an alarm; a trigger has all of it, as None where it was not said.
_SAID = (
    *("event_type", "alarm", "text", "value", "unit", "bound", "measured", "since", "extreme"),
    "marks",
)
_NOTHING = frozenset({STATE_UNAVAILABLE, STATE_UNKNOWN})


class _AlarmTrigger(Trigger):
    """Runs when an alarm of a targeted wearer says what is wanted.

    It hears the event entities, which outlive reloads. What they take up again after a reload or
    a restart is no news; what they said while Home Assistant started is made up for.
    """

    _fields: ClassVar[dict[probatio.Marker, Any]] = {}

    @override
    @classmethod
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        """Return the options with their defaults; raises Invalid."""
        schema = probatio.Schema(
            {
                probatio.Required(CONF_TARGET): cv.TARGET_FIELDS,
                probatio.Optional(CONF_OPTIONS, default=dict): {**ALARMS_FIELD, **cls._fields},
            }
        )
        return cast("ConfigType", schema(config))

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Take the validated configuration."""
        super().__init__(hass, config)
        self.hass = hass
        self._target = config.target or {}
        self._options = config.options or {}
        self._alarms = chosen(self._options)

    @abstractmethod
    def _wanted(self, event_type: str, marks: list[str]) -> bool:
        """Tell whether what happened to one of the chosen alarms is to run the actions."""

    @override
    async def async_attach_runner(
        self,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None = None,
    ) -> CALLBACK_TYPE:
        """Listen from now on."""
        return await async_listen(self._hass, self._target, ALARM, _Ear(self, run_action))

    @callback
    def say(self, state: State, run_action: TriggerActionRunner) -> None:
        """Run the actions if an event entity's state says what is wanted."""
        entry = entry_of(self._hass, state.entity_id)
        said = {name: state.attributes.get(name) for name in _SAID}
        if entry is None or said["alarm"] not in self._alarms:
            return
        if self._wanted(state.attributes["event_type"], said["marks"] or []):
            run_action(
                {**whose(self._hass, state.entity_id, entry), **said},
                f"alarm {said['alarm']} of {state.entity_id} {said['event_type']}",
                state.context,
            )


class _Ear:
    """Tells what an event entity says now from what it says once more, after a reload."""

    def __init__(self, trigger: _AlarmTrigger, run_action: TriggerActionRunner) -> None:
        """Have heard nothing."""
        self._trigger = trigger
        self._hass = trigger.hass
        self._run_action = run_action
        self._entities: set[str] = set()
        # By wearer: an event is not heard again under another name of its entity.
        self._last: dict[str, str] = {}
        # What was heard between being attached and beginning.
        self._early: set[tuple[str, str]] = set()
        self._begun = False

    def targeted(
        self, added: set[str], removed: set[str], states: Mapping[str, State | None]
    ) -> None:
        """Take what was said before as heard."""
        self._entities = {*(self._entities - removed), *added}
        for entity_id in added:
            entry, state = entry_of(self._hass, entity_id), states[entity_id]
            if entry is not None and state is not None and state.state not in _NOTHING:
                self._last.setdefault(entry.entry_id, state.state)

    def changed(self, state: State, _before: State | None) -> None:
        """Run the actions for what is news."""
        entry = entry_of(self._hass, state.entity_id)
        if entry is None or state.state in _NOTHING:
            return
        last = self._last.get(entry.entry_id)
        self._last[entry.entry_id] = state.state
        if last != state.state and (last is not None or said_now(self._hass, state)):
            if not self._begun:
                self._early.add((state.entity_id, state.state))
            self._trigger.say(state, self._run_action)

    def begin(self) -> None:
        """Make up for what was said while Home Assistant started and nobody heard."""
        self._begun = True
        for entity_id in sorted(self._entities):
            for state in said_while_starting(self._hass, entity_id):
                if (entity_id, state.state) not in self._early:
                    self._trigger.say(state, self._run_action)


class AlarmFired(_AlarmTrigger):
    """An alarm speaks: for the first time, again, or to be tested."""

    _fields: ClassVar[dict[probatio.Marker, Any]] = {
        probatio.Optional(CONF_REPEATS, default=True): cv.boolean,
        probatio.Optional(CONF_COVERED, default=False): cv.boolean,
        probatio.Optional(CONF_TESTS, default=True): cv.boolean,
    }

    @override
    def _wanted(self, event_type: str, marks: list[str]) -> bool:
        if Mark.COVERED in marks and not self._options[CONF_COVERED]:
            return False
        wanted = {"fired"}
        if self._options[CONF_REPEATS]:
            wanted.add("repeated")
        if self._options[CONF_TESTS]:
            wanted.add("test")
        return event_type in wanted


class AlarmCleared(_AlarmTrigger):
    """An alarm is over."""

    @override
    def _wanted(self, event_type: str, marks: list[str]) -> bool:
        return event_type == "cleared"
