"""One alarm's way through clear, pending, active and silenced, one look at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from .kinds import STANDING, AlarmKind, Side
from .state import CLEAR, AlarmState, Happening, Mark, Phase, What
from .verdicts import Answer
from .view import RECOVERING_STEP_MG_DL

if TYPE_CHECKING:
    from datetime import datetime

    from ..reading import Reading
    from .rules import Rule
    from .verdicts import Verdict
    from .view import View

# These judge by themselves how long something has lasted.
DELAYED_BY_VERDICT = frozenset(
    {AlarmKind.SUSTAINED_HIGH, AlarmKind.STALE, AlarmKind.SENSOR_FAULT_SUSPECTED}
)
# "One reading later", where that reading does not come.
NEXT_READING_AT_LATEST = timedelta(minutes=6)
NEXT_READING_CADENCES = 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at one alarm: what was judged, by which rule, and whether a worse one speaks."""

    kind: AlarmKind
    view: View
    rule: Rule
    verdict: Verdict
    covered: bool

    @property
    def marks(self) -> frozenset[Mark]:
        """What is to be said beside, whatever happens."""
        marks = set(self.verdict.marks)
        if self.covered:
            marks.add(Mark.COVERED)
        if self.verdict.answer is Answer.UNKNOWN:
            marks.add(Mark.LAST_KNOWN)
        if self.steep:
            marks.add(Mark.COMPRESSION_LOW_SUSPECTED)
        return frozenset(marks)

    @property
    def steep(self) -> bool:
        """Whether pressure on the sensor may have made the leading value that is low."""
        low = self.kind in {AlarmKind.LOW, AlarmKind.URGENT_LOW}
        return (
            low
            and self.verdict.reading is not None
            and self.verdict.reading == self.view.reading
            and self.view.dropped_steeply
        )


def advanced(
    state: AlarmState, look: Look, elapsed: timedelta
) -> tuple[AlarmState, Happening | None]:
    """Return the alarm's next state, `elapsed` after the last look, and what happened."""
    state = _counted(state, look, elapsed)
    state = _noted(state, look)
    if not look.rule.on:
        return _cleared(state, look, Mark.SWITCHED_OFF)
    if state.phase is Phase.CLEAR:
        return _begun(state, look)
    if state.phase is Phase.PENDING:
        return _waited(state, look)
    if look.verdict.answer is Answer.BACK:
        return _cleared(state, look)
    return _lasting(state, look)


def _counted(state: AlarmState, look: Look, elapsed: timedelta) -> AlarmState:
    """Let time pass; a delay does not run while nothing is known, save for a steep drop's."""
    if state.phase is Phase.PENDING:
        runs = elapsed if state.steep is not None else elapsed - _unknown_for(state, look)
        return replace(state, waited=state.waited + max(runs, timedelta()))
    if not state.on:
        return state
    left = state.silence_left
    return replace(
        state,
        quiet=state.quiet + elapsed,
        silence_left=None if left is None else left - elapsed,
    )


def _unknown_for(state: AlarmState, look: Look) -> timedelta:
    """Return how long no value was current before this one, or until now where none is."""
    stream, reading = look.view.last, look.verdict.reading
    if state.reading is None or stream is None:
        return timedelta()
    lost = state.reading.time + stream.limit
    found = look.view.now if reading is None else reading.time
    return max(found - lost, timedelta())


def _noted(state: AlarmState, look: Look) -> AlarmState:
    """Remember the finger-stick that was judged, so that it raises once."""
    if Mark.METER not in look.verdict.marks or look.verdict.reading is None:
        return state
    metered = look.verdict.reading.time
    leading = look.view.reading
    after = metered if leading is None else max(metered, leading.time)
    return replace(state, metered=metered, cleared_only_after=after)


def _begun(state: AlarmState, look: Look) -> tuple[AlarmState, Happening | None]:
    reading = look.verdict.reading
    if look.verdict.answer is not Answer.OUT or reading is None:
        return state, None
    begun = look.verdict.since
    state = replace(
        state,
        since=begun or reading.time,
        extreme_mg_dl=None if begun is None else _worst_since(begun, look),
        waited=timedelta(),
        steep=reading.time if look.steep and look.kind is AlarmKind.LOW else None,
    )
    if _must_wait(state, look):
        return _with(replace(state, phase=Phase.PENDING), look), None
    return _fired(state, look)


def _waited(state: AlarmState, look: Look) -> tuple[AlarmState, Happening | None]:
    if look.verdict.answer in {Answer.BACK, Answer.BETWEEN}:
        return _over(state), None
    known = look.verdict.answer is Answer.OUT
    if _must_wait(state, look) or not (known or state.steep is not None):
        return _with(state, look), None
    return _fired(state, look)


def _must_wait(state: AlarmState, look: Look) -> bool:
    """Tell whether a delay is still running, or one more reading is awaited.

    A finger-stick waits for nothing: it is one reading, and the next one is the leader's.
    """
    if Mark.METER in look.verdict.marks:
        return False
    if look.kind not in DELAYED_BY_VERDICT and state.waited < look.rule.delay:
        return True
    if state.steep is None:
        return False
    reading = look.verdict.reading
    if reading is not None and reading.time > state.steep:
        return False
    return state.waited < next_reading_within(look.view)


def next_reading_within(view: View) -> timedelta:
    """Return how long "one more reading" is waited for."""
    cadence = timedelta() if view.last is None else view.last.cadence
    return max(NEXT_READING_AT_LATEST, cadence * NEXT_READING_CADENCES)


def _fired(state: AlarmState, look: Look) -> tuple[AlarmState, Happening]:
    marks = look.marks
    if state.steep is not None:
        marks |= {Mark.COMPRESSION_LOW_SUSPECTED}
    state = replace(
        _with(state, look),
        phase=Phase.ACTIVE,
        fired=look.view.now,
        quiet=timedelta(),
        silence_left=None,
        owed=False,
    )
    return state, happened(look.kind, What.FIRED, state, look.view, marks)


def _lasting(state: AlarmState, look: Look) -> tuple[AlarmState, Happening | None]:
    """Go on with an alarm that is on: end its silence, say it again, or neither."""
    state = _with(state, look)
    marks = look.marks
    if state.phase is Phase.SILENCED:
        if state.silence_left is not None and state.silence_left > timedelta():
            return state, None
        state = replace(state, phase=Phase.ACTIVE, silence_left=None, owed=True)
    repeats = STANDING[look.kind].repeats
    due = state.owed or (repeats is not None and state.quiet >= repeats)
    if not due or _muted(state, look):
        return state, None
    if state.owed:
        marks |= {Mark.AFTER_SILENCE}
    state = replace(state, quiet=timedelta(), owed=False)
    return state, happened(look.kind, What.REPEATED, state, look.view, marks)


def _muted(state: AlarmState, look: Look) -> bool:
    """Tell whether what would be said again is better left unsaid now.

    That is while a worse one speaks; while missing data are expected, or the sources could not
    have answered yet; and while glucose recovers, which is the leader's value moving back by
    3 mg/dL or more twice in a row. Inside its margin an alarm is not over: it is said again.
    """
    if look.covered:
        return True
    if look.kind is AlarmKind.STALE:
        return look.verdict.answer is Answer.BETWEEN
    if look.view.reading is None:
        return look.view.settling
    urgent = look.kind is AlarmKind.URGENT_LOW and look.verdict.answer is Answer.OUT
    return not urgent and _recovering(look)


def _recovering(look: Look) -> bool:
    """Tell whether the leading value, if it is the one that was judged, is on its way back."""
    changes = look.view.recovering_mg_dl
    if changes is None or look.verdict.reading != look.view.reading:
        return False
    side = STANDING[look.kind].side
    if side is Side.LOW:
        return min(changes) >= RECOVERING_STEP_MG_DL
    return side is Side.HIGH and max(changes) <= -RECOVERING_STEP_MG_DL


def _cleared(state: AlarmState, look: Look, *marks: Mark) -> tuple[AlarmState, Happening | None]:
    if not state.on:
        return _over(state), None
    said = happened(look.kind, What.CLEARED, state, look.view, frozenset(marks))
    # What ended it is told, with the worst of the episode beside it.
    return _over(state), replace(said, reading=look.verdict.reading or state.reading)


def _over(state: AlarmState) -> AlarmState:
    """Return a clear state that still knows which finger-stick it has seen."""
    return replace(CLEAR, metered=state.metered)


def _with(state: AlarmState, look: Look) -> AlarmState:
    """Take the judged reading into the state, where there is one."""
    reading = look.verdict.reading
    if reading is None:
        return state
    out = look.verdict.answer is Answer.OUT
    extreme = _worse(look.kind, state.extreme_mg_dl, reading)
    return replace(
        state,
        reading=reading,
        raised_by=reading.source if out else state.raised_by,
        extreme_mg_dl=extreme,
    )


def _worst_since(begun: datetime, look: Look) -> int | None:
    """Return the worst of the readings that the alarm is about and did not speak of yet."""
    worst = None
    for row in look.view.leading_since(begun):
        worst = _worse(look.kind, worst, row)
    return worst


def _worse(kind: AlarmKind, extreme: int | None, reading: Reading) -> int:
    if extreme is None:
        return reading.mg_dl
    pick = max if STANDING[kind].side is Side.HIGH else min
    return pick(extreme, reading.mg_dl)


def happened(
    kind: AlarmKind, what: What, state: AlarmState, view: View, marks: frozenset[Mark] = frozenset()
) -> Happening:
    """Return what happened to an alarm that stands at `state`."""
    return Happening(
        kind=kind,
        what=what,
        at=view.now,
        reading=state.reading,
        began=state.since,
        extreme_mg_dl=state.extreme_mg_dl,
        marks=marks,
    )
