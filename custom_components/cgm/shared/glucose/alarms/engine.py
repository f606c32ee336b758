"""All of a wearer's alarms together: who covers whom, who breaks a silence, and when to look."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from ..errors import GlucoseError
from ..reading import Bound, Kind
from .kinds import STANDING, AlarmKind, Side
from .machine import Look, advanced, happened, next_reading_within
from .state import Alarms, Happening, Phase, What
from .verdicts import JUDGES, STALE_NEAR_LOW, Case

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from ..reading import Reading
    from .rules import AlarmRules, Rule
    from .state import AlarmState
    from .view import View


class AlarmNotActive(GlucoseError):  # noqa: N818 - named for what the user is told
    """The alarm is not active: there is nothing to acknowledge or silence."""


class SilenceTooLong(GlucoseError, ValueError):  # noqa: N818 - as in errors.py
    """The alarm cannot be silenced for so long: choose `longest` at most."""

    def __init__(self, longest: timedelta) -> None:
        """Keep the longest silence."""
        super().__init__(f"at most {longest // timedelta(minutes=1)} minutes")
        self.longest = longest


def advance(
    alarms: Alarms, view: View, rules: AlarmRules, elapsed: timedelta
) -> tuple[Alarms, tuple[Happening, ...]]:
    """Return where the alarms stand at `view.now`, and what happened, in order.

    `elapsed` is the time since the last call as a clock measures it that nobody sets; after a
    restart what the wall clock says, and never negative.
    """
    now_rules = rules.at(view.now)
    states: dict[AlarmKind, AlarmState] = {}
    happenings: list[Happening] = []
    for kind, judge in JUDGES.items():
        rule, state = now_rules[kind], alarms[kind]
        case = Case(kind=kind, view=view, rule=rule, state=state, judged=states)
        look = Look(
            kind=kind, view=view, rule=rule, verdict=judge(case), covered=_covered(kind, states)
        )
        states[kind], happening = advanced(state, look, max(elapsed, timedelta()))
        if happening is not None:
            happenings.append(happening)
    fired = [one.kind for one in happenings if one.what is What.FIRED]
    for kind in AlarmKind:
        if states[kind].phase is Phase.SILENCED and any(_breaks(one, kind) for one in fired):
            states[kind] = replace(
                states[kind], phase=Phase.ACTIVE, silence_left=None, quiet=timedelta()
            )
            happenings.append(happened(kind, What.UNSILENCED, states[kind], view))
    return Alarms(states=states), tuple(happenings)


def silenced(
    alarms: Alarms,
    kind: AlarmKind,
    view: View,
    length: timedelta | None = None,
) -> tuple[Alarms, Happening]:
    """Return the alarms with one of them silenced, for its default length if none is given.

    Without a length it is acknowledged. Raises AlarmNotActive and SilenceTooLong.
    """
    standing, state = STANDING[kind], alarms[kind]
    if not state.on:
        raise AlarmNotActive(kind)
    if length is not None and not timedelta() < length <= standing.longest_silence:
        raise SilenceTooLong(standing.longest_silence)
    what = What.ACKNOWLEDGED if length is None else What.SILENCED
    length = length or standing.silence
    state = replace(state, phase=Phase.SILENCED, silence_left=length, owed=False)
    said = replace(happened(kind, what, state, view), silence=length)
    return Alarms(states={**alarms.states, kind: state}), said


def found_late(late: Iterable[Reading], view: View, rules: AlarmRules) -> tuple[Happening, ...]:
    """Return what is to be logged of lows among readings that came too late to fire anything.

    `late` are the readings that have just come. Those older than the current value count, and
    where nothing is current those that may not be shown as now; but not those beside which
    a reading was known already, such as a second source's copy or a graph smoothed afterwards.
    """
    late = tuple(late)
    known = _known_before(late, view)
    found: dict[AlarmKind, Reading] = {}
    for row in late:
        if row.kind is not Kind.CGM or not _too_late(row, view) or known(row):
            continue
        for kind in (AlarmKind.URGENT_LOW, AlarmKind.LOW):
            rule = rules.at(row.time)[kind]
            if rule.on and _is_low(row, rule):
                worst = found.get(kind)
                if worst is None or row.mg_dl < worst.mg_dl:
                    found[kind] = row
                break
    return tuple(
        Happening(
            kind=kind,
            what=What.FOUND_LATE,
            at=view.now,
            reading=row,
            began=row.time,
            extreme_mg_dl=row.mg_dl,
        )
        for kind, row in found.items()
    )


def next_look(alarms: Alarms, view: View, rules: AlarmRules) -> timedelta | None:
    """Return how long until time alone may change something, None where nothing can.

    That night begins, or another source's value is withdrawn, is not among it: look at least
    once a minute while anything is awaited.
    """
    now_rules = rules.at(view.now)
    waits = [_wait(kind, alarms[kind], now_rules[kind], view) for kind in AlarmKind]
    last = view.last_known
    if last is not None:
        age = view.now - last.time
        limit = view.stream.limit if view.stream is not None else timedelta()
        stale = now_rules[AlarmKind.STALE].delay
        waits += [limit - age, min(stale, STALE_NEAR_LOW) - age, stale - age]
    if view.quiet_until is not None:
        waits.append(view.quiet_until - view.now)
    return min((wait for wait in waits if wait is not None and wait > timedelta()), default=None)


def _wait(kind: AlarmKind, state: AlarmState, rule: Rule, view: View) -> timedelta | None:
    """Return how long until one alarm would fire, repeat or end its silence."""
    if state.phase is Phase.PENDING:
        steep = timedelta() if state.steep is None else next_reading_within(view)
        return max(rule.delay, steep) - state.waited
    if state.phase is Phase.SILENCED:
        return state.silence_left
    repeats = STANDING[kind].repeats
    if state.phase is Phase.ACTIVE and repeats is not None:
        return repeats - state.quiet
    return None


def _covered(kind: AlarmKind, states: Mapping[AlarmKind, AlarmState]) -> bool:
    """Tell whether a worse alarm of the same side is on and speaks for this one."""
    mine = STANDING[kind]
    return any(
        state.on and STANDING[other].side is mine.side and STANDING[other].severity > mine.severity
        for other, state in states.items()
        if mine.side is not Side.NEITHER
    )


def _breaks(fired: AlarmKind, silent: AlarmKind) -> bool:
    """Tell whether the firing of one alarm ends another's silence: a worse or an opposite one."""
    one, other = STANDING[fired], STANDING[silent]
    if Side.NEITHER in {one.side, other.side}:
        return False
    return one.side is not other.side or one.severity > other.severity


def _known_before(late: Collection[Reading], view: View) -> Callable[[Reading], bool]:
    """Return what tells whether the leader had another reading within half a cadence."""
    if view.last is None:
        return lambda _row: False
    new, near = set(late), view.last.cadence / 2
    times = [row.time for row in view.last.readings if row not in new]
    return lambda row: any(abs(row.time - time) <= near for time in times)


def _too_late(row: Reading, view: View) -> bool:
    if view.reading is not None:
        return row.time < view.reading.time and row not in view.others
    limit = timedelta() if view.last is None else view.last.limit
    return view.now - row.time >= limit


def _is_low(row: Reading, rule: Rule) -> bool:
    below = rule.threshold is not None and row.mg_dl < rule.threshold
    return row.bound is Bound.LOW or (row.bound is None and below)
