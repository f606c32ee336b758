"""How well each alarm rule warns and how often it cries wolf, beside thresholds and Nightscout.

All rules see the same readings, each from its own time on; a LibreView export's scans and history
are one series. Two kinds of days:

- real ones: two adults of Hall 2018 (not on insulin for the most part), one Clarity and one
  LibreView export, from ../shared/data. What ought to be said is decided by the sensor's own
  readings. The wearers acted on what they felt and on their own alarms, so that a warning that was
  heeded looks false here.
- simulated nights, 22:00 to 07:00: eight seeds, 28 nights each, of this library's own wearer. What
  ought to be said is decided by the true glucose, which no rule sees: sensors err, lose readings,
  and one night in eight somebody lies on one. The model's numbers were not chosen for these rules,
  nor these rules for the model; it is a model none the less.

alarm_events.py defines event, told, ahead, lead, false; alarm_rules.py the rules. For missing
data an event is a gap of 30 minutes or more between two readings, and the age is that of the last
reading when it was first said; what is said again in the same gap counts for ours alone. `begun`
are the alarms that began, `said` these and what was said again: nobody acknowledges ours, and who
hears one of the others is taken to acknowledge it, so that only `begun` compares.

No number here is a target, and nothing was tuned to these days.

Run: .cache/venv311/bin/python benchmarks/alarms.py [--data FOLDER] (about half a minute)
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from alarm_days import Wearer, real, simulated
from alarm_events import LONG_ENOUGH, Event, Score, Spoken, events, score
from alarm_rules import (
    HIGH,
    LOW,
    URGENT,
    Flag,
    Moment,
    after_silence,
    heard,
    ours,
    plain,
    predict,
    said_by,
    sensors,
    simple,
    spoken,
)
from glucose.alarms.kinds import AlarmKind
from glucose.alarms.state import Happening
from glucose.reading import Reading

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
GAP = timedelta(minutes=30)
SELDOM = timedelta(minutes=10)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said over one wearer's readings: by the engine, and by Nightscout's two rules."""

    readings: Sequence[Reading]
    engine: Sequence[Happening]
    simple: Sequence[Moment]
    predict: Sequence[Moment]


@dataclass(frozen=True, slots=True)
class Part:
    """What ought to be said, and by which rules it is tried."""

    title: str
    beyond: Callable[[float], bool]
    rules: dict[str, Callable[[Heard], list[Spoken]]]
    lasting: timedelta = LONG_ENOUGH


def engine(*kinds: AlarmKind) -> Callable[[Heard], list[Spoken]]:
    """Return a rule of ours."""
    return lambda heard_: said_by(heard_.engine, *kinds)


def over(beyond: Callable[[float], bool]) -> Callable[[Heard], list[Spoken]]:
    """Return a plain threshold."""
    return lambda heard_: plain(heard_.readings, beyond)


def nightscout(rule: str, side: str, level: int = 0) -> Callable[[Heard], list[Spoken]]:
    """Return one side of a rule of Nightscout's, of this level or worse."""

    def wanted(flag: Flag) -> bool:
        return flag.side == side and flag.level >= level

    return lambda heard_: spoken(heard_.simple if rule == "simple" else heard_.predict, wanted)


PARTS = (
    Part(
        "low: under 70",
        lambda mg_dl: mg_dl < 70,
        {
            "ours: low": engine(AlarmKind.LOW),
            "ours: predicted_low": engine(AlarmKind.PREDICTED_LOW),
            "ours: predicted_low, low, urgent_low": engine(
                AlarmKind.PREDICTED_LOW, AlarmKind.LOW, AlarmKind.URGENT_LOW
            ),
            "ours: falling_fast": engine(AlarmKind.FALLING_FAST),
            "plain: under 70": over(lambda mg_dl: mg_dl < 70),
            "plain: under 80": over(lambda mg_dl: mg_dl < 80),
            "Nightscout predict: low": nightscout("predict", LOW),
            "Nightscout simple: low (under 80)": nightscout("simple", LOW),
        },
    ),
    Part(
        "urgent low: under 54",
        lambda mg_dl: mg_dl < 54,
        {
            "ours: urgent_low": engine(AlarmKind.URGENT_LOW),
            "ours: predicted_low, low, urgent_low": engine(
                AlarmKind.PREDICTED_LOW, AlarmKind.LOW, AlarmKind.URGENT_LOW
            ),
            "plain: under 54": over(lambda mg_dl: mg_dl < 54),
            "Nightscout predict: urgent low": nightscout("predict", LOW, URGENT),
            "Nightscout simple: urgent low (under 55)": nightscout("simple", LOW, URGENT),
        },
    ),
    Part(
        "high: over 250",
        lambda mg_dl: mg_dl > 250,
        {
            "ours: high": engine(AlarmKind.HIGH),
            "ours: rising_fast": engine(AlarmKind.RISING_FAST),
            "plain: over 250": over(lambda mg_dl: mg_dl > 250),
            "Nightscout predict: high": nightscout("predict", HIGH),
            "Nightscout simple: urgent high (over 260)": nightscout("simple", HIGH, URGENT),
        },
    ),
    Part(
        "urgent high: over 300",
        lambda mg_dl: mg_dl > 300,
        {
            "ours: urgent_high": engine(AlarmKind.URGENT_HIGH),
            "plain: over 300": over(lambda mg_dl: mg_dl > 300),
            "Nightscout predict: urgent high": nightscout("predict", HIGH, URGENT),
            "Nightscout simple: urgent high (over 260)": nightscout("simple", HIGH, URGENT),
        },
    ),
    Part(
        "sustained high: over 180 for 120 minutes",
        lambda mg_dl: mg_dl > 180,
        {
            "ours: sustained_high": engine(AlarmKind.SUSTAINED_HIGH),
            "plain: over 180": over(lambda mg_dl: mg_dl > 180),
            "Nightscout predict: high": nightscout("predict", HIGH),
            "Nightscout simple: high (over 180)": nightscout("simple", HIGH),
        },
        lasting=timedelta(minutes=120),
    ),
)


def main() -> int:
    """Print both tables; return 1 where the real days are not there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="the folder with the real days")
    data: Path = parser.parse_args().data
    if data.is_dir():
        wearers = real(data)
        often = [wearer for wearer in wearers if wearer.cadence < SELDOM]
        seldom = [wearer for wearer in wearers if wearer.cadence >= SELDOM]
        show("real days, a reading every 5 minutes", "day", often)
        show("real days, a reading every 15 minutes, and scans", "day", seldom)
    show("simulated nights", "night", simulated())
    if not data.is_dir():
        print(f"the real days are missing: there is no folder {data}")
    return 0 if data.is_dir() else 1


def show(title: str, unit: str, wearers: Sequence[Wearer]) -> None:
    """Print every part for these wearers."""
    said = [_heard(wearer) for wearer in wearers]
    print(f"\n== {title}")
    for wearer in wearers:
        print(f"   {wearer.name}: {wearer.days:.1f} {unit}s, {len(wearer.readings)} readings")
    for part in PARTS:
        scores = {
            name: sum(
                (
                    score(rule(heard_), _events(wearer, part), wearer.days, wearer.counts)
                    for wearer, heard_ in zip(wearers, said, strict=True)
                ),
                Score(),
            )
            for name, rule in part.rules.items()
        }
        any_one = next(iter(scores.values()))
        print(f"\n{part.title}: n = {any_one.events} events in {any_one.days:.1f} {unit}s")
        print(
            f"  {'':<42}     told    ahead  lead, min"
            f"{'false/' + unit:>13}{'begun/' + unit:>13}{'said/' + unit:>12}"
        )
        for name, one in scores.items():
            print(_line(name, one))
    _show_gaps(unit, wearers, said)
    faults = [
        one
        for wearer, heard_ in zip(wearers, said, strict=True)
        for one in said_by(heard_.engine, AlarmKind.SENSOR_FAULT_SUSPECTED)
        if wearer.counts(one.at)
    ]
    print(f"\nours: sensor_fault_suspected was said {len(faults)} times; no truth is known of it")


def _heard(wearer: Wearer) -> Heard:
    readings = sensors(wearer.readings)
    return Heard(
        readings,
        ours(wearer.readings, wearer.cadence),
        heard(readings, simple),
        heard(readings, predict),
    )


def _events(wearer: Wearer, part: Part) -> list[Event]:
    return events(wearer.truth, part.beyond, wearer.truth_cadence, part.lasting)


def _line(name: str, one: Score) -> str:
    # Not "-0.0".
    lead = "-" if one.median_lead is None else f"{round(one.median_lead, 1) or 0.0:.1f}"
    told, ahead = _share(one.told, one.events), _share(one.ahead, one.events)
    return (
        f"  {name:<42}{told:>9}{ahead:>9}{lead:>11}"
        f"{one.false / one.days:>13.2f}{one.begun / one.days:>13.2f}{one.spoken / one.days:>12.2f}"
    )


def _share(part: int, whole: int) -> str:
    return f"{part} {part / whole:.2f}" if whole else "-"


def _show_gaps(unit: str, wearers: Sequence[Wearer], said: Sequence[Heard]) -> None:
    """Print what is said of missing data."""
    rules: dict[str, Callable[[Heard], list[Spoken]]] = {
        "ours: stale": engine(AlarmKind.STALE),
        "plain: nothing for 20 min": lambda heard_: _silent(heard_, 20),
        "Nightscout timeago: warning (15 min)": lambda heard_: _silent(heard_, 15),
        "Nightscout timeago: urgent (30 min)": lambda heard_: _silent(heard_, 30),
    }
    gaps = [
        [
            (earlier.time, later.time)
            for earlier, later in pairwise(heard_.readings)
            if later.time - earlier.time >= GAP
        ]
        for heard_ in said
    ]
    days = sum(wearer.days for wearer in wearers)
    count = sum(
        wearer.counts(start + GAP)
        for wearer, long in zip(wearers, gaps, strict=True)
        for start, _ in long
    )
    print(f"\nno data: n = {count} gaps of 30 minutes or more in {days:.1f} {unit}s")
    print(f"  {'':<42}     told     age, min  in shorter gaps/{unit:<6} said/{unit}")
    for name, rule in rules.items():
        ages: list[float] = []
        short = all_ = 0
        for wearer, heard_, long in zip(wearers, said, gaps, strict=True):
            own = [gap for gap in long if wearer.counts(gap[0] + GAP)]
            spoken_ = rule(heard_)
            firsts = [one for one in spoken_ if one.first]
            all_ += sum(wearer.counts(one.at) for one in spoken_)
            for start, end in own:
                first = next((one.at for one in firsts if start < one.at <= end), None)
                if first is not None:
                    ages.append((first - start) / _MINUTE)
            short += sum(
                wearer.counts(one.at) and not any(s < one.at <= e for s, e in long)
                for one in firsts
            )
        age = f"{statistics.median(ages):.1f}" if ages else "-"
        print(
            f"  {name:<42}{_share(len(ages), count):>9}{age:>13}"
            f"{short / days:>17.2f}{all_ / days:>17.2f}"
        )


def _silent(heard_: Heard, minutes: int) -> list[Spoken]:
    return after_silence(heard_.readings, timedelta(minutes=minutes))


if __name__ == "__main__":
    sys.exit(main())
