"""A wearer's alarms played by hand: readings come, time passes, somebody silences, all restarts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from fakes.rows import START, at, row
from glucose.alarms.engine import advance, silenced
from glucose.alarms.keeping import kept, read_back
from glucose.alarms.kinds import AlarmKind
from glucose.alarms.rules import AlarmRules, Rule
from glucose.alarms.state import Alarms, AlarmState, Happening, What
from glucose.alarms.view import View, view
from glucose.merge import WITHDRAWN_AT_LEAST
from glucose.reading import Bound, Kind, Reading
from glucose.trend import Trend

DEFAULTS = AlarmRules(zone=UTC)


def by_day(**rules: Rule) -> AlarmRules:
    """Return rules that differ from the defaults, at any hour."""
    return AlarmRules(zone=UTC, day={AlarmKind(kind): rule for kind, rule in rules.items()})


class Watch:
    """One wearer, at minutes after START; `said` is all that happened."""

    def __init__(
        self,
        rules: AlarmRules = DEFAULTS,
        *,
        order: Sequence[str] = ("a",),
        cadence: float = 5,
        cadences: Mapping[str, float] | None = None,
    ) -> None:
        self.rules = rules
        self.order = order
        minutes = dict.fromkeys(order, cadence) | dict(cadences or {})
        self.cadences = {source: timedelta(minutes=each) for source, each in minutes.items()}
        self.readings: list[Reading] = []
        self.alarms = Alarms()
        self.now = START
        self.said: list[Happening] = []
        self.quiet_until: datetime | None = None
        self.settling = False

    def __getitem__(self, kind: str) -> AlarmState:
        return self.alarms[AlarmKind(kind)]

    @property
    def on(self) -> set[str]:
        return {str(kind) for kind in self.alarms.on}

    @property
    def view(self) -> View:
        return view(
            self.readings,
            order=self.order,
            cadences=self.cadences,
            now=self.now,
            withdrawn_at_least=WITHDRAWN_AT_LEAST,
            quiet_until=self.quiet_until,
            settling=self.settling,
        )

    def look(self, minutes: float, *, elapsed: float | None = None) -> list[str]:
        """Look at a moment of the wall clock; `elapsed` minutes after the last look."""
        now = at(minutes)
        passed = now - self.now if elapsed is None else timedelta(minutes=elapsed)
        self.now = now
        self.alarms, happenings = advance(self.alarms, self.view, self.rules, passed)
        self.said += happenings
        return told(happenings)

    def come(
        self,
        minutes: float,
        mg_dl: int,
        source: str = "a",
        *,
        bound: Bound | None = None,
        trend: Trend | None = None,
        kind: Kind = Kind.CGM,
        seen: float | None = None,
    ) -> list[str]:
        """A reading comes, at its own time or when it is `seen`."""
        self.readings.append(row(minutes, mg_dl, source, bound=bound, trend=trend, kind=kind))
        return self.look(minutes if seen is None else seen)

    def play(self, *points: tuple[float, int], source: str = "a") -> list[str]:
        """Readings come one after the other; returns all that was told."""
        return [said for minutes, mg_dl in points for said in self.come(minutes, mg_dl, source)]

    def run(self, values: Iterable[int], start: float = 0, every: float = 5) -> list[str]:
        """Readings come at even distances."""
        return self.play(*((start + every * i, mg_dl) for i, mg_dl in enumerate(values)))

    def silence(self, kind: str, minutes: float | None = None) -> Happening:
        length = None if minutes is None else timedelta(minutes=minutes)
        self.alarms, happening = silenced(self.alarms, AlarmKind(kind), self.view, length)
        self.said.append(happening)
        return happening

    def restart(self, minutes: float) -> timedelta:
        """Stop now, begin anew at a moment of the wall clock; returns how long it was away."""
        text = kept(self.alarms, self.now)
        self.now = at(minutes)
        self.alarms, away = read_back(text, self.now)
        return away

    def last(self, kind: str, what: What) -> Happening:
        """Return the last of its kind that happened."""
        return [one for one in self.said if (one.kind, one.what) == (AlarmKind(kind), what)][-1]


def told(happenings: Iterable[Happening]) -> list[str]:
    """Return happenings as "kind what"."""
    return [f"{one.kind} {one.what}" for one in happenings]
