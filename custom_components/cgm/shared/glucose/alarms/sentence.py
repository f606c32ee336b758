"""What has just happened to an alarm as people say it, in English and German."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..reading import Bound
from ..units import shown
from .kinds import STANDING, AlarmKind, Side
from .state import Mark, What

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..reading import Reading
    from ..units import Unit
    from .state import Happening

_MINUTE = timedelta(minutes=1)
_LONGEST_IN_MINUTES = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """One language: the alarms' names, what happens to them, and what is said beside."""

    kinds: Mapping[AlarmKind, str]
    happens: Mapping[What, str]
    at_source: str
    finger_stick: str
    last_known: str
    no_data: str
    compression: str
    lowest: str
    highest: str
    switched_off: str
    minutes: tuple[str, str]
    hours: tuple[str, str]
    decimal_comma: bool


_ENGLISH = _Words(
    kinds=MappingProxyType(
        {
            AlarmKind.URGENT_LOW: "urgent low",
            AlarmKind.LOW: "low",
            AlarmKind.PREDICTED_LOW: "low predicted",
            AlarmKind.FALLING_FAST: "falling fast",
            AlarmKind.URGENT_HIGH: "urgent high",
            AlarmKind.HIGH: "high",
            AlarmKind.SUSTAINED_HIGH: "high for long",
            AlarmKind.RISING_FAST: "rising fast",
            AlarmKind.STALE: "no readings",
            AlarmKind.SENSOR_FAULT_SUSPECTED: "sensor fault suspected",
        }
    ),
    happens=MappingProxyType(
        {
            What.FIRED: "{kind}",
            What.REPEATED: "still {kind}",
            What.ACKNOWLEDGED: "{kind}, seen, quiet for {span}",
            What.SILENCED: "{kind}, silenced for {span}",
            What.UNSILENCED: "{kind}, no longer silenced",
            What.CLEARED: "over: {kind}",
            What.FOUND_LATE: "{kind}, found late, measured {age} ago",
            What.TESTED: "this is only a test. A real alarm would say: {kind}",
        }
    ),
    at_source="{value} at {source}",
    finger_stick="finger-stick {value}",
    last_known="last known {value}",
    no_data="no data for {age}",
    compression="compression low suspected",
    lowest="lowest {value}",
    highest="highest {value}",
    switched_off="switched off",
    minutes=("{n} minute", "{n} minutes"),
    hours=("{n} hour", "{n} hours"),
    decimal_comma=False,
)
_GERMAN = _Words(
    kinds=MappingProxyType(
        {
            AlarmKind.URGENT_LOW: "dringend niedrig",
            AlarmKind.LOW: "niedrig",
            AlarmKind.PREDICTED_LOW: "bald niedrig",
            AlarmKind.FALLING_FAST: "fällt schnell",
            AlarmKind.URGENT_HIGH: "dringend hoch",
            AlarmKind.HIGH: "hoch",
            AlarmKind.SUSTAINED_HIGH: "lange hoch",
            AlarmKind.RISING_FAST: "steigt schnell",
            AlarmKind.STALE: "keine Messwerte",
            AlarmKind.SENSOR_FAULT_SUSPECTED: "Sensorfehler vermutet",
        }
    ),
    happens=MappingProxyType(
        {
            What.FIRED: "{kind}",
            What.REPEATED: "weiterhin {kind}",
            What.ACKNOWLEDGED: "{kind}, gesehen, still für {span}",
            What.SILENCED: "{kind}, stumm für {span}",
            What.UNSILENCED: "{kind}, nicht mehr stumm",
            What.CLEARED: "vorbei: {kind}",
            What.FOUND_LATE: "{kind}, spät bekannt geworden, vor {age} gemessen",
            What.TESTED: "Das ist nur ein Test. Ein echter Alarm würde melden: {kind}",
        }
    ),
    at_source="{value} bei {source}",
    finger_stick="am Finger gemessen {value}",
    last_known="zuletzt bekannt {value}",
    no_data="keine Daten seit {age}",
    compression="Druck auf den Sensor vermutet",
    lowest="tiefster Wert {value}",
    highest="höchster Wert {value}",
    switched_off="ausgeschaltet",
    minutes=("{n} Minute", "{n} Minuten"),
    hours=("{n} Stunde", "{n} Stunden"),
    decimal_comma=True,
)
LANGUAGES: Mapping[str, _Words] = MappingProxyType({"en": _ENGLISH, "de": _GERMAN})


def alarm_name(kind: AlarmKind, language: str) -> str:
    """Return what an alarm is called in `language` (a tag such as "de-AT"), English by default."""
    return _words(language).kinds[kind]


def sentence(
    happening: Happening, *, language: str, unit: Unit, wearer: str, source: str | None = None
) -> str:
    """Return what happened in one sentence: "Alex: urgent low, 51 mg/dL" with a full stop.

    `source` is what the reading's source is called, said where it is not the one that leads.
    """
    words = _words(language)
    said = [_happened(happening, words), *_about(happening, words, unit, source)]
    if Mark.COMPRESSION_LOW_SUSPECTED in happening.marks:
        said.append(words.compression)
    if Mark.SWITCHED_OFF in happening.marks:
        said.append(words.switched_off)
    return f"{wearer}: {', '.join(said)}."


def _words(language: str) -> _Words:
    return LANGUAGES.get(language.partition("-")[0].lower(), _ENGLISH)


def _happened(happening: Happening, words: _Words) -> str:
    silence = happening.silence or timedelta()
    return words.happens[happening.what].format(
        kind=words.kinds[happening.kind],
        span=_span(silence, words),
        age=_span(_age(happening), words),
    )


def _about(happening: Happening, words: _Words, unit: Unit, source: str | None) -> list[str]:
    """Return the value, where it comes from, how old it is, and the worst where it is over."""
    reading = happening.reading
    if reading is None or happening.what is What.TESTED:
        return []
    value = _value(reading, words, unit)
    stale = happening.kind is AlarmKind.STALE and happening.what is not What.CLEARED
    said = []
    if stale or Mark.LAST_KNOWN in happening.marks:
        said += [
            words.last_known.format(value=value),
            words.no_data.format(age=_span(_age(happening), words)),
        ]
    elif Mark.METER in happening.marks:
        said.append(words.finger_stick.format(value=value))
    elif Mark.OTHER_SOURCE in happening.marks and source is not None:
        said.append(words.at_source.format(value=value, source=source))
    else:
        said.append(value)
    extreme, side = happening.extreme_mg_dl, STANDING[happening.kind].side
    if happening.what is What.CLEARED and extreme is not None and side is not Side.NEITHER:
        worst = words.lowest if side is Side.LOW else words.highest
        said.append(worst.format(value=_number(extreme, words, unit)))
    return said


def _value(reading: Reading, words: _Words, unit: Unit) -> str:
    """Return a value with its unit; beyond the sensor's range the vendors' words LOW and HIGH."""
    if reading.bound is not None:
        return "LOW" if reading.bound is Bound.LOW else "HIGH"
    return f"{_number(reading.mg_dl, words, unit)} {unit}"


def _number(mg_dl: float, words: _Words, unit: Unit) -> str:
    number = shown(mg_dl, unit)
    return number.replace(".", ",") if words.decimal_comma else number


def _age(happening: Happening) -> timedelta:
    reading = happening.reading
    return timedelta() if reading is None else max(happening.at - reading.time, timedelta())


def _span(span: timedelta, words: _Words) -> str:
    """Return minutes up to two hours, then whole hours."""
    minutes = span // _MINUTE
    if minutes <= _LONGEST_IN_MINUTES:
        return words.minutes[minutes != 1].format(n=minutes)
    return words.hours[1].format(n=minutes // 60)
