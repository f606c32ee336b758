"""What is said of an alarm: short, in the home's language, in the wearer's unit."""

from datetime import UTC, datetime, timedelta

import pytest

from glucose.alarms.kinds import AlarmKind
from glucose.alarms.sentence import LANGUAGES, alarm_name, sentence
from glucose.alarms.state import Happening, Mark, What
from glucose.reading import Bound, Reading
from glucose.units import Unit

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def happening(
    *marks: Mark,
    kind: AlarmKind = AlarmKind.URGENT_LOW,
    what: What = What.FIRED,
    mg_dl: int = 51,
    bound: Bound | None = None,
    minutes_ago: float = 0,
    extreme: int | None = None,
    silence: float | None = None,
) -> Happening:
    """Return something that happened to an alarm now."""
    time = NOW - minutes_ago * MINUTE
    reading = Reading(time=time, mg_dl=mg_dl, source="a", series="s", bound=bound)
    return Happening(
        kind=kind,
        what=what,
        at=NOW,
        reading=reading,
        began=reading.time,
        extreme_mg_dl=extreme,
        silence=None if silence is None else silence * MINUTE,
        marks=frozenset(marks),
    )


def english(one: Happening, unit: Unit = Unit.MG_DL, source: str | None = None) -> str:
    """Return it as said in English of Alex."""
    return sentence(one, language="en", unit=unit, wearer="Alex", source=source)


def german(one: Happening, unit: Unit = Unit.MMOL_L, source: str | None = None) -> str:
    """Return it as said in German of Alex."""
    return sentence(one, language="de-AT", unit=unit, wearer="Alex", source=source)


def test_a_value_is_said_in_the_wearers_unit_and_the_languages_decimals() -> None:
    assert english(happening()) == "Alex: urgent low, 51 mg/dL."
    assert english(happening(), Unit.MMOL_L) == "Alex: urgent low, 2.8 mmol/L."
    assert german(happening()) == "Alex: dringend niedrig, 2,8 mmol/L."


@pytest.mark.parametrize("unit", Unit)
def test_beyond_the_sensors_range_it_is_a_word(unit: Unit) -> None:
    assert english(happening(mg_dl=39, bound=Bound.LOW), unit) == "Alex: urgent low, LOW."
    high = happening(kind=AlarmKind.URGENT_HIGH, mg_dl=401, bound=Bound.HIGH)
    assert german(high, unit) == "Alex: dringend hoch, HIGH."


def test_what_is_only_last_known_is_never_said_as_now() -> None:
    one = happening(Mark.LAST_KNOWN, what=What.REPEATED, minutes_ago=18)
    assert english(one) == ("Alex: still urgent low, last known 51 mg/dL, no data for 18 minutes.")
    assert german(one) == (
        "Alex: weiterhin dringend niedrig, zuletzt bekannt 2,8 mmol/L, keine Daten seit 18 Minuten."
    )


def test_missing_data_say_how_long_and_what_was_last() -> None:
    stale = happening(kind=AlarmKind.STALE, mg_dl=112, minutes_ago=20)
    assert english(stale) == ("Alex: no readings, last known 112 mg/dL, no data for 20 minutes.")
    back = happening(kind=AlarmKind.STALE, what=What.CLEARED, mg_dl=112, extreme=90)
    assert english(back) == "Alex: over: no readings, 112 mg/dL."


@pytest.mark.parametrize(
    ("minutes", "said"), [(1, "1 minute"), (120, "120 minutes"), (121, "2 hours"), (200, "3 hours")]
)
def test_long_spans_are_hours(minutes: int, said: str) -> None:
    one = happening(Mark.LAST_KNOWN, minutes_ago=minutes)
    assert english(one).endswith(f"no data for {said}.")


def test_pressure_on_the_sensor_another_source_and_a_finger_stick_are_said() -> None:
    assert english(happening(Mark.COMPRESSION_LOW_SUSPECTED)) == (
        "Alex: urgent low, 51 mg/dL, compression low suspected."
    )
    assert english(happening(Mark.OTHER_SOURCE), source="Dexcom") == (
        "Alex: urgent low, 51 mg/dL at Dexcom."
    )
    assert english(happening(Mark.OTHER_SOURCE)) == "Alex: urgent low, 51 mg/dL."
    meter = happening(Mark.METER, kind=AlarmKind.LOW, mg_dl=65)
    assert english(meter, source="Nightscout") == "Alex: low, finger-stick 65 mg/dL."
    assert german(meter) == "Alex: niedrig, am Finger gemessen 3,6 mmol/L."


def test_what_is_over_names_the_worst() -> None:
    low = happening(what=What.CLEARED, mg_dl=84, extreme=44)
    assert english(low) == "Alex: over: urgent low, 84 mg/dL, lowest 44."
    high = happening(kind=AlarmKind.HIGH, what=What.CLEARED, mg_dl=230, extreme=310)
    assert german(high) == "Alex: vorbei: hoch, 12,8 mmol/L, höchster Wert 17,2."
    off = happening(Mark.SWITCHED_OFF, what=What.CLEARED)
    assert english(off) == "Alex: over: urgent low, 51 mg/dL, switched off."


def test_seen_silenced_late_and_test() -> None:
    assert english(happening(what=What.ACKNOWLEDGED, silence=15)) == (
        "Alex: urgent low, seen, quiet for 15 minutes, 51 mg/dL."
    )
    assert english(happening(what=What.SILENCED, silence=30)) == (
        "Alex: urgent low, silenced for 30 minutes, 51 mg/dL."
    )
    late = happening(what=What.FOUND_LATE, minutes_ago=40)
    assert english(late) == "Alex: urgent low, found late, measured 40 minutes ago, 51 mg/dL."
    test = Happening(kind=AlarmKind.LOW, what=What.TESTED, at=NOW)
    assert english(test) == "Alex: this is only a test. A real alarm would say: low."


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("what", What)
@pytest.mark.parametrize("kind", AlarmKind)
def test_everything_can_be_said(kind: AlarmKind, what: What, language: str) -> None:
    one = happening(kind=kind, what=what, silence=15)
    said = sentence(one, language=language, unit=Unit.MG_DL, wearer="Alex")
    assert said.startswith("Alex: ")
    assert said.endswith(".")
    assert alarm_name(kind, language) in said
    assert "{" not in said


def test_an_unknown_language_is_english() -> None:
    assert alarm_name(AlarmKind.LOW, "fr") == "low"
