"""One wearer's alarms on the agent's own readings, by the rules that Home Assistant has too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from glucose.alarms.engine import advance
from glucose.alarms.kinds import AlarmKind
from glucose.alarms.rules import AlarmRules, Rule
from glucose.alarms.state import Alarms, AlarmState, Happening, Mark, What
from glucose.alarms.view import RECOVERING_STEP_MG_DL, View, view
from glucose.merge import WITHDRAWN_AT_LEAST
from glucose.reading import Bound, Kind, Reading

# As far back as a view looks.
RECENT = timedelta(hours=6)
_NOT_CURRENT = frozenset({Mark.LAST_KNOWN})


def rules_with(urgent_low_mg_dl: int) -> AlarmRules:
    """Return the defaults by day and night, but for where an urgent low begins."""
    urgent = {AlarmKind.URGENT_LOW: Rule(threshold=urgent_low_mg_dl)}
    # Its night is as long as its day: none.
    return AlarmRules(zone=UTC, day=urgent, night=urgent)


class AlarmWatch:
    """Of one wearer, whose sources are in `order`; no I/O. `number` is said in place of a name."""

    def __init__(self, number: int, wearer: str, order: Sequence[str], rules: AlarmRules) -> None:
        """Stand clear, with no reading."""
        self.number = number
        self.wearer = wearer
        self.order = order
        self.alarms = Alarms()
        self.last: Happening | None = None
        self._rules = rules
        self._urgent_below = rules.day[AlarmKind.URGENT_LOW].threshold or 0.0
        self._recent: dict[tuple[str, Kind, str, datetime], Reading] = {}
        self.view: View | None = None

    @property
    def urgent(self) -> AlarmState:
        """Where the urgent low stands."""
        return self.alarms[AlarmKind.URGENT_LOW]

    @property
    def held_back(self) -> bool:
        """Whether glucose is on its way back, so that what was said need not be said again.

        As for the alarm's own repeats: never below the threshold, and never for what another
        source or a finger-stick says.
        """
        reading = None if self.view is None else self.view.reading
        if self.view is None or reading is None or reading != self.urgent.reading:
            return False
        if reading.bound is Bound.LOW or reading.mg_dl < self._urgent_below:
            return False
        changes = self.view.recovering_mg_dl
        return changes is not None and min(changes) >= RECOVERING_STEP_MG_DL

    def heard(self, readings: Iterable[Reading]) -> bool:
        """Take what came of this wearer's sources; tells whether there was anything."""
        ours = {one.identity: one for one in readings if one.source in self.order}
        self._recent.update(ours)
        return bool(ours)

    def look(
        self, now: datetime, elapsed: timedelta, cadences: Mapping[str, timedelta]
    ) -> AlarmState:
        """Judge the alarms at `now` (the vendors' clock); returns where the urgent low stands."""
        oldest = now - RECENT
        self._recent = {key: one for key, one in self._recent.items() if one.time >= oldest}
        self.view = view(
            self._recent.values(),
            order=self.order,
            cadences=cadences,
            now=now,
            withdrawn_at_least=WITHDRAWN_AT_LEAST,
        )
        self.alarms, happenings = advance(self.alarms, self.view, self._rules, elapsed)
        for one in happenings:
            if one.kind is AlarmKind.URGENT_LOW:
                self.last = one
        return self.urgent

    def happening(self, what: What, now: datetime) -> Happening:
        """Return what there is to say of the urgent low now."""
        if what is What.CLEARED and self.last is not None and self.last.what is What.CLEARED:
            return self.last
        state = self.urgent
        return Happening(
            kind=AlarmKind.URGENT_LOW,
            what=what,
            at=now,
            reading=state.reading,
            began=state.since,
            extreme_mg_dl=state.extreme_mg_dl,
            marks=frozenset() if self._is_current else _NOT_CURRENT,
        )

    @property
    def _is_current(self) -> bool:
        """Whether there is a value that is true now."""
        seen = self.view
        return seen is not None and (seen.reading is not None or seen.meter is not None)
