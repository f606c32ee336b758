"""The rules that benchmarks/alarms.py compares, each as what it says over one wearer's readings.

Ours is the engine with its defaults, replayed; nobody acknowledges. A plain threshold speaks at
each reading beyond it, then not for 30 minutes. Nightscout speaks as its sources say
(lib/plugins/simplealarms.js, ar2.js, timeago.js and lib/notifications.js of cgm-remote-monitor):

- simple: urgent under 55 and over 260, warning under 80 and over 180, all strictly; nothing at 39.
- predict (what a site has that sets no threshold): AR2 over six steps of five minutes; the sum of
  the six squared log10(p / 120), divided by five as its code does, over 0.10 is urgent, over 0.05 a
  warning; low or high by the point 20 minutes ahead, under 80 or over 180, else neither. Nothing
  at 39. Two readings more than 20 minutes apart are taken for no way between them.
- The highest level alone is emitted, low and high share it. Whatever is emitted is taken to be
  acknowledged at once, for 30 minutes, its fallback; an urgent one's acknowledgement covers the
  warning too, and none that is running is changed.
- timeago: 15 minutes warning, 30 urgent.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from alarm_events import Spoken

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "custom_components/cgm/shared"))

from glucose.alarms.kinds import AlarmKind
from glucose.alarms.replay import replayed
from glucose.alarms.rules import AlarmRules
from glucose.alarms.state import Happening, What
from glucose.reading import Kind, Reading

QUIET = timedelta(minutes=30)
WARN, URGENT = 1, 2
LOW, HIGH, NEITHER = "low", "high", ""
SILENT_AT = 39
_LONGEST_WAY = timedelta(minutes=20)
_INTERPOLATES_PAST = timedelta(minutes=9)
_STEP = timedelta(minutes=5)
_STEPS = 6


@dataclass(frozen=True, slots=True)
class Flag:
    """What a peer's rule says of one reading."""

    level: int
    side: str


@dataclass(frozen=True, slots=True)
class Moment:
    """One reading as a peer's rule saw it: what it said of it, and whether anybody heard that."""

    at: datetime
    flag: Flag | None
    heard: bool


Judge = Callable[[Reading, Reading | None], Flag | None]


def sensors(readings: Sequence[Reading]) -> list[Reading]:
    """Return the sensor's readings; a peer knows no others."""
    return [reading for reading in readings if reading.kind is Kind.CGM]


def ours(readings: Sequence[Reading], cadence: timedelta) -> list[Happening]:
    """Return everything that the engine says of one source's readings."""
    names = {reading.source for reading in readings}
    return [
        happening
        for _, happenings in replayed(
            readings,
            order=tuple(names),
            cadences=dict.fromkeys(names, cadence),
            rules=AlarmRules(zone=UTC),
        )
        for happening in happenings
        if happening.what in {What.FIRED, What.REPEATED}
    ]


def said_by(happenings: Sequence[Happening], *kinds: AlarmKind) -> list[Spoken]:
    """Return when the engine spoke of any of these alarms."""
    return [Spoken(one.at, one.what is What.FIRED) for one in happenings if one.kind in kinds]


def plain(readings: Sequence[Reading], beyond: Callable[[float], bool]) -> list[Spoken]:
    """Return when a threshold and nothing else would have spoken."""

    def judge(reading: Reading, _: Reading | None) -> Flag | None:
        return Flag(WARN, NEITHER) if beyond(reading.mg_dl) else None

    return spoken(heard(readings, judge), lambda _: True)


def simple(reading: Reading, _: Reading | None) -> Flag | None:
    """Nightscout's simplealarms."""
    if reading.mg_dl <= SILENT_AT:
        return None
    for level, side, out in (
        (URGENT, HIGH, reading.mg_dl > 260),
        (WARN, HIGH, reading.mg_dl > 180),
        (URGENT, LOW, reading.mg_dl < 55),
        (WARN, LOW, reading.mg_dl < 80),
    ):
        if out:
            return Flag(level, side)
    return None


def predict(reading: Reading, before: Reading | None) -> Flag | None:
    """Nightscout's ar2."""
    if before is None or SILENT_AT in {reading.mg_dl, before.mg_dl}:
        return None
    gap = reading.time - before.time
    if gap > _LONGEST_WAY:
        return None
    share = _STEP / gap if gap > _INTERPOLATES_PAST else 1.0
    then = reading.mg_dl - share * (reading.mg_dl - before.mg_dl)
    previous, current = math.log(then / 140), math.log(reading.mg_dl / 140)
    points = []
    for _ in range(_STEPS):
        previous, current = current, -0.723 * previous + 1.716 * current
        points.append(max(36, min(400, round(140 * math.exp(current)))))
    loss = sum(math.log10(point / 120) ** 2 for point in points) / (_STEPS - 1)
    if loss <= 0.05:
        return None
    side = HIGH if points[3] > 180 else LOW if points[3] < 80 else NEITHER
    return Flag(URGENT if loss > 0.10 else WARN, side)


def heard(readings: Sequence[Reading], judge: Judge) -> list[Moment]:
    """Return each reading with what is said of it, and whether that is not silenced."""
    silent_until: dict[int, datetime] = {}
    moments = []
    before: Reading | None = None
    for reading in readings:
        flag, at = judge(reading, before), reading.time
        speaks = flag is not None and at >= silent_until.get(flag.level, at)
        if flag is not None and speaks:
            for level in range(WARN, flag.level + 1):
                if at >= silent_until.get(level, at):
                    silent_until[level] = at + QUIET
        moments.append(Moment(at, flag, speaks))
        before = reading
    return moments


def spoken(moments: Sequence[Moment], wanted: Callable[[Flag], bool]) -> list[Spoken]:
    """Return what was heard of the wanted flags; the first of a row of them begins an alarm."""
    found = []
    begun = False
    for moment in moments:
        if moment.flag is None or not wanted(moment.flag):
            begun = False
        elif moment.heard:
            found.append(Spoken(moment.at, not begun))
            begun = True
    return found


def after_silence(readings: Sequence[Reading], age: timedelta) -> list[Spoken]:
    """Return when a rule speaks that knows nothing but the age of the last reading."""
    return [
        Spoken(earlier.time + age, first=True)
        for earlier, later in pairwise(readings)
        if later.time - earlier.time > age
    ]
