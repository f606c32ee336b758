"""Alarm states as one line of text, so that a restart neither forgets nor repeats an alarm."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..errors import GlucoseError
from ..reading import Bound, Kind, Reading
from ..trend import Trend
from .kinds import STANDING, AlarmKind
from .state import CLEAR, Alarms, AlarmState, Phase

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1
_SECOND = timedelta(seconds=1)
_TIMES = frozenset({"since", "fired", "cleared_only_after", "metered", "steep"})
_SPANS = frozenset({"waited", "quiet", "silence_left"})


class AlarmsDamaged(GlucoseError):  # noqa: N818 - named for what is done next
    """What was kept of the alarms cannot be read: work it out anew from the readings."""


def kept(alarms: Alarms, now: datetime) -> str:
    """Return the alarms as they stand at `now` (aware UTC) as a line of JSON."""
    states = {str(kind): _plain(state) for kind, state in alarms.states.items() if state != CLEAR}
    whole = {"version": VERSION, "at": now.isoformat(), "alarms": states}
    return json.dumps(whole, separators=(",", ":"), sort_keys=True)


def read_back(text: str, now: datetime) -> tuple[Alarms, timedelta]:
    """Return the alarms that `kept` wrote, and how long ago that was by the wall clock.

    A clock that was set back in between must not lengthen a silence: then all silences are
    over. One that was set back by less than nobody was looking cannot be told from time that
    passed more slowly: what is left of a silence then ends later by as much. Raises
    AlarmsDamaged.
    """
    try:
        whole = json.loads(text)
        if whole["version"] != VERSION:
            raise AlarmsDamaged("written by another release")
        at = _time(whole["at"])
        states = {
            AlarmKind(kind): _state(AlarmKind(kind), plain)
            for kind, plain in whole["alarms"].items()
        }
    except (
        *(AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError),
    ) as error:
        raise AlarmsDamaged("not what was written") from error
    elapsed = now - at
    if elapsed < timedelta():
        states = {kind: _awake(state) for kind, state in states.items()}
    return Alarms(states=states), max(elapsed, timedelta())


def _awake(state: AlarmState) -> AlarmState:
    if state.silence_left is None:
        return state
    return replace(state, silence_left=timedelta())


def _values(state: AlarmState) -> dict[str, object]:
    return {field.name: getattr(state, field.name) for field in fields(state)}


def _plain(state: AlarmState) -> dict[str, object]:
    """Return what of a state is not as in a clear one, as JSON knows it."""
    clear = _values(CLEAR)
    return {
        name: _plain_value(value) for name, value in _values(state).items() if value != clear[name]
    }


def _plain_value(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value / _SECOND
    if isinstance(value, Reading):
        plain = {field.name: getattr(value, field.name) for field in fields(value)}
        return {**plain, "time": value.time.isoformat()}
    return value


def _state(kind: AlarmKind, plain: Mapping[str, object]) -> AlarmState:
    """Build a state of its plain values; raises what the values' own builders raise."""
    values: dict[str, object] = dict(plain)
    for name, value in plain.items():
        if name in _TIMES:
            values[name] = _time(value)
        elif name in _SPANS:
            values[name] = timedelta(seconds=_number(value))
    if "reading" in values:
        values["reading"] = _reading(values["reading"])
    values["phase"] = Phase(str(values.get("phase", Phase.CLEAR)))
    state = AlarmState(**values)  # type: ignore[arg-type]  # looked at below
    whole = state.extreme_mg_dl is None or type(state.extreme_mg_dl) is int
    named = state.raised_by is None or isinstance(state.raised_by, str)
    if not whole or not named or type(state.owed) is not bool:
        raise AlarmsDamaged("a value of another type")
    begun = state.since is not None and state.reading is not None
    silenced = state.silence_left is not None
    if begun is not (state.phase is not Phase.CLEAR) or silenced is not (
        state.phase is Phase.SILENCED
    ):
        raise AlarmsDamaged("values that do not go together")
    if min(state.waited, state.quiet) < timedelta() or (
        state.silence_left is not None and state.silence_left > STANDING[kind].longest_silence
    ):
        raise AlarmsDamaged("a span that cannot be")
    return state


def _reading(plain: object) -> Reading:
    if not isinstance(plain, dict):
        raise AlarmsDamaged("a reading of another shape")
    bound, trend = plain.get("bound"), plain.get("trend")
    if not isinstance(plain["source"], str) or not isinstance(plain["series"], str):
        raise AlarmsDamaged("a name of another type")
    return Reading(
        time=_time(plain["time"]),
        mg_dl=plain["mg_dl"],
        source=plain["source"],
        series=plain["series"],
        kind=Kind(plain["kind"]),
        bound=None if bound is None else Bound(bound),
        trend=None if trend is None else Trend(trend),
    )


def _time(value: object) -> datetime:
    if not isinstance(value, str):
        raise AlarmsDamaged("a time of another type")
    time = datetime.fromisoformat(value)
    if time.utcoffset() != timedelta():
        raise AlarmsDamaged("a time that is not UTC")
    return time.replace(tzinfo=UTC)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise AlarmsDamaged("a span of another type")
    return value
