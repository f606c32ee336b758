"""What leaves the house in a call: a sentence for people, and the same in parts for programs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from glucose.alarms.kinds import AlarmKind
from glucose.alarms.sentence import alarm_name, sentence
from glucose.alarms.state import What
from glucose.trend import Trend
from glucose.units import Unit, in_unit

from .call_plan import Word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from glucose.alarms.state import Happening

    from .call_plan import Plan
    from .settings import CallSettings

_ARROWS: Mapping[Trend, str] = MappingProxyType(
    {
        Trend.DOUBLE_UP: "⇈",
        Trend.UP: "↑",
        Trend.SLIGHT_UP: "↗",
        Trend.FLAT: "→",
        Trend.SLIGHT_DOWN: "↘",
        Trend.DOWN: "↓",
        Trend.DOUBLE_DOWN: "⇊",
    }
)
_ENGLISH = MappingProxyType(
    {
        "who": "Person {number}",
        "age": "Measured {n} min ago.",
        Word.CALL: "Home Assistant has not answered for {n} min.",
        Word.BACK: "Home Assistant answers again and watches from here on.",
        "test": "Test call",
        "tested": "This is a test of the edge agent's call. Nothing is wrong.",
    }
)
_GERMAN = MappingProxyType(
    {
        "who": "Person {number}",
        "age": "Vor {n} min gemessen.",
        Word.CALL: "Home Assistant antwortet seit {n} min nicht.",
        Word.BACK: "Home Assistant antwortet wieder und wacht von jetzt an selbst.",
        "test": "Probeanruf",
        "tested": "Das ist ein Test des Anrufs vom Edge-Agenten. Es ist nichts passiert.",
    }
)
_LANGUAGES = MappingProxyType({"en": _ENGLISH, "de": _GERMAN})
LANGUAGES = tuple(_LANGUAGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """One thing to say: `content` is the webhook's JSON, `loud` whether it may wake somebody."""

    title: str
    text: str
    content: Mapping[str, object]
    loud: bool


class Person(NamedTuple):
    """Whose low it is; the number is said where the name is not."""

    number: int
    name: str


def what_of(word: Word, plan: Plan) -> What:
    """Return what happened to the urgent low, where `word` is what is said of it."""
    if word is Word.OVER:
        return What.CLEARED
    return What.REPEATED if plan.calls or word is Word.BACK else What.FIRED


def said(
    happening: Happening, word: Word, plan: Plan, call: CallSettings, person: Person
) -> Saying:
    """Return a call about one wearer, who is named only where the settings say so."""
    words, unit = _LANGUAGES[call.language], Unit(call.unit)
    name = person.name if call.names else None
    who = name or words["who"].format(number=person.number)
    reading = happening.reading
    minutes = None if reading is None else _minutes(happening.at, reading.time)
    parts = [sentence(happening, language=call.language, unit=unit, wearer=who)]
    if reading is not None and word is not Word.OVER:
        arrow = _ARROWS.get(reading.trend) if reading.trend is not None else None
        parts += [part for part in (arrow, words["age"].format(n=minutes)) if part]
    if word is not Word.OVER:
        parts.append(words[word].format(n=int((plan.away or 0) // 60)))
    content: dict[str, object] = {
        "event": word.value,
        "alarm": str(AlarmKind.URGENT_LOW),
        "text": " ".join(parts),
        "wearer": name,
        "wearer_number": person.number,
        "value": None if reading is None else in_unit(reading.mg_dl, unit),
        "bound": None if reading is None else reading.bound,
        "unit": unit.value,
        "trend": None if reading is None else reading.trend,
        "age_minutes": minutes,
        "calls": plan.calls,
    }
    return Saying(
        title=f"{alarm_name(AlarmKind.URGENT_LOW, call.language).capitalize()}: {who}",
        text=" ".join(parts),
        content=content,
        loud=word is Word.CALL,
    )


def trial(call: CallSettings) -> Saying:
    """Return a call that says of itself that it is a test, with nobody's reading in it."""
    words = _LANGUAGES[call.language]
    return Saying(
        title=words["test"],
        text=words["tested"],
        content={"event": "test", "text": words["tested"]},
        loud=True,
    )


def _minutes(now: datetime, then: datetime) -> int:
    return max(0, int((now - then).total_seconds() // 60))
