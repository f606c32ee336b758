"""The alarms' options as forms: fields in the wearer's unit, and what was typed as settings."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import probatio
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    TimeSelector,
)

from .alarm_settings import (
    CONF_DELAY_MINUTES,
    CONF_NIGHT_FROM,
    CONF_NIGHT_TO,
    CONF_ON,
    CONF_THRESHOLD,
)
from .number_boxes import level_box, minutes_box, number_box
from .shared.glucose.alarms.kinds import STANDING, AlarmKind, Side
from .shared.glucose.alarms.rules import (
    DEFAULTS,
    FASTEST,
    LATEST_STALE,
    LONGEST_DELAY,
    SLOWEST_FAST,
    Part,
)
from .shared.glucose.units import MG_DL_PER_MMOL_L, Unit, in_unit, threshold_mg_dl

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from .shared.glucose.alarms.rules import AlarmRules, Rule

NIGHT: Final = "night"
_MINUTE = timedelta(minutes=1)
_RATES = frozenset({AlarmKind.FALLING_FAST, AlarmKind.RISING_FAST})


def alarm_schema(part: Part, unit: Unit, opened: Container[str] = ()) -> probatio.Schema:
    """Return the form of one part of the day: a section for each alarm, and when it is night.

    Sections are folded but for the urgent low's and those that are `opened`, by their keys.
    """
    fields: dict[probatio.Marker, object] = {}
    if part is Part.NIGHT:
        fields[probatio.Required(NIGHT)] = section(
            probatio.Schema(
                {
                    probatio.Required(CONF_NIGHT_FROM): TimeSelector(),
                    probatio.Required(CONF_NIGHT_TO): TimeSelector(),
                }
            )
        )
    for kind in AlarmKind:
        fields[probatio.Required(kind.value)] = section(
            probatio.Schema(_fields(kind, unit)),
            {"collapsed": kind is not AlarmKind.URGENT_LOW and kind.value not in opened},
        )
    return probatio.Schema(fields)


def shown_alarms(rules: AlarmRules, part: Part, unit: Unit) -> dict[str, dict[str, Any]]:
    """Return what the form of one part of the day has filled in."""
    shown = {kind.value: _shown(kind, rule, unit) for kind, rule in _of(rules, part).items()}
    if part is Part.NIGHT:
        shown[NIGHT] = {
            CONF_NIGHT_FROM: rules.night_from.isoformat(),
            CONF_NIGHT_TO: rules.night_to.isoformat(),
        }
    return shown


def typed_alarms(
    typed: Mapping[str, Mapping[str, Any]], rules: AlarmRules, part: Part, unit: Unit
) -> dict[str, Any]:
    """Return what was typed as settings (alarm_settings.py), in whole mg/dL.

    A number left as it was shown keeps the mg/dL it stands for.
    """
    kept: dict[str, Any] = {
        part.value: {
            kind.value: _kept(kind, typed[kind.value], rule, unit)
            for kind, rule in _of(rules, part).items()
        }
    }
    if part is Part.NIGHT:
        kept |= typed[NIGHT]
    return kept


def _of(rules: AlarmRules, part: Part) -> Mapping[AlarmKind, Rule]:
    return rules.night if part is Part.NIGHT else rules.day


def _fields(kind: AlarmKind, unit: Unit) -> dict[probatio.Marker, object]:
    fields: dict[probatio.Marker, object] = {probatio.Required(CONF_ON): BooleanSelector()}
    if DEFAULTS[kind].threshold is not None:
        fields[probatio.Required(CONF_THRESHOLD)] = _threshold(kind, unit)
    if kind is not AlarmKind.URGENT_LOW:
        longest = LATEST_STALE if kind is AlarmKind.STALE else LONGEST_DELAY
        fields[probatio.Required(CONF_DELAY_MINUTES)] = minutes_box(
            # Before that age a missing value is not missing.
            0 if DEFAULTS[kind].threshold is not None else 11,
            longest // _MINUTE,
        )
    return fields


def _threshold(kind: AlarmKind, unit: Unit) -> NumberSelector:
    if kind not in _RATES:
        return level_box(unit)
    if unit is Unit.MG_DL:
        return number_box(SLOWEST_FAST, FASTEST, 0.1, f"{unit}/min")
    return number_box(_shown_rate(SLOWEST_FAST), _shown_rate(FASTEST), 0.01, f"{unit}/min")


def _shown(kind: AlarmKind, rule: Rule, unit: Unit) -> dict[str, Any]:
    shown: dict[str, Any] = {CONF_ON: rule.on}
    if rule.threshold is not None:
        shown[CONF_THRESHOLD] = _shown_threshold(kind, rule.threshold, unit)
    if kind is not AlarmKind.URGENT_LOW:
        shown[CONF_DELAY_MINUTES] = rule.delay // _MINUTE
    return shown


def _shown_threshold(kind: AlarmKind, threshold: float, unit: Unit) -> float:
    return in_unit(threshold, unit, decimals=1 if kind in _RATES else 0)


def _shown_rate(mg_dl_per_minute: float) -> float:
    return in_unit(mg_dl_per_minute, Unit.MMOL_L, decimals=1)


def _kept(kind: AlarmKind, typed: Mapping[str, Any], rule: Rule, unit: Unit) -> dict[str, Any]:
    kept: dict[str, Any] = {CONF_ON: typed[CONF_ON]}
    if rule.threshold is not None:
        left = typed[CONF_THRESHOLD] == _shown_threshold(kind, rule.threshold, unit)
        kept[CONF_THRESHOLD] = rule.threshold if left else _meant(kind, typed[CONF_THRESHOLD], unit)
    if kind is not AlarmKind.URGENT_LOW:
        kept[CONF_DELAY_MINUTES] = int(typed[CONF_DELAY_MINUTES])
    return kept


def _meant(kind: AlarmKind, typed: float, unit: Unit) -> float:
    if kind not in _RATES:
        return threshold_mg_dl(typed, unit, upper=STANDING[kind].side is Side.HIGH)
    if unit is Unit.MG_DL:
        return round(typed, 1)
    # The ends of the range are rounded where they are shown: typed, they mean the ends.
    ends = {_shown_rate(end): end for end in (SLOWEST_FAST, FASTEST)}
    return ends.get(typed) or round(typed * MG_DL_PER_MMOL_L, 1)
