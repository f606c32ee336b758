"""A wearer's alarm options as rules: what is kept in the entry, and what it means."""

from __future__ import annotations

from datetime import time, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Final

from .const import LOGGER
from .shared.glucose.alarms.kinds import AlarmKind
from .shared.glucose.alarms.rules import DEFAULTS, AlarmRules, Part, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

CONF_ON: Final = "on"
CONF_THRESHOLD: Final = "threshold"
CONF_DELAY_MINUTES: Final = "delay_minutes"
CONF_NIGHT_FROM: Final = "night_from"
CONF_NIGHT_TO: Final = "night_to"

NIGHT_FROM: Final = time(22)
NIGHT_TO: Final = time(7)
_MINUTE = timedelta(minutes=1)


def alarm_rules(settings: Mapping[str, Any], zone: tzinfo) -> AlarmRules:
    """Return the rules that the options mean; raises ContradictoryRules.

    `settings` is `{"day": {alarm: {"on", "threshold", "delay_minutes"}}, "night": …,
    "night_from": "22:00", "night_to": "07:00"}`, each part of it optional; thresholds are
    whole mg/dL, or mg/dL per minute for falling and rising fast.
    """
    return AlarmRules(
        zone=zone,
        day=_rules(settings.get(Part.DAY, {})),
        night=_rules(settings.get(Part.NIGHT, {})),
        night_from=_clock(settings.get(CONF_NIGHT_FROM), NIGHT_FROM),
        night_to=_clock(settings.get(CONF_NIGHT_TO), NIGHT_TO),
    )


def usable_alarm_rules(settings: Mapping[str, Any], zone: tzinfo) -> tuple[AlarmRules, bool]:
    """Return the rules that the options mean, or the defaults; and whether they mean any."""
    try:
        return alarm_rules(settings, zone), True
    except AttributeError, TypeError, ValueError:
        # Of another release, or changed by hand.
        LOGGER.error("The alarm settings cannot be used; the defaults are")
        return alarm_rules({}, zone), False


def _rules(part: Mapping[str, Mapping[str, Any]]) -> dict[AlarmKind, Rule]:
    return {AlarmKind(kind): _rule(AlarmKind(kind), kept) for kind, kept in part.items()}


def _rule(kind: AlarmKind, kept: Mapping[str, Any]) -> Rule:
    usual = DEFAULTS[kind]
    minutes = kept.get(CONF_DELAY_MINUTES)
    return Rule(
        on=kept.get(CONF_ON, usual.on),
        threshold=kept.get(CONF_THRESHOLD, usual.threshold),
        delay=usual.delay if minutes is None else minutes * _MINUTE,
    )


def _clock(kept: str | None, usual: time) -> time:
    return usual if kept is None else time.fromisoformat(kept)
