"""Small facts of a wearer's that shall survive a restart, where its alarms stand among them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from . import alarm_log
from .alarm_log import LoggedAlarm
from .connection import Connection

_ALARM_STATES = "alarms"


class Notes(Connection):
    """Notes by wearer and key, and the alarms' states and log, which are written together."""

    def note(self, wearer: str, key: str, value: str | None) -> None:
        """Keep a small text of the wearer's that shall survive a restart; None takes it away."""
        with self.writing() as connection:
            if value is None:
                connection.execute("DELETE FROM notes WHERE (wearer, key) = (?, ?)", (wearer, key))
            else:
                connection.execute("REPLACE INTO notes VALUES (?, ?, ?)", (wearer, key, value))

    def recall(self, wearer: str, key: str) -> str | None:
        """Return what was noted, None if nothing was."""
        with self.looking() as connection:
            row = connection.execute(
                "SELECT value FROM notes WHERE (wearer, key) = (?, ?)", (wearer, key)
            ).fetchone()
        return None if row is None else str(row[0])

    def keep_alarms(self, wearer: str, states: str, log: Iterable[LoggedAlarm] = ()) -> None:
        """Keep where a wearer's alarms stand, and add to the log what happened: both or neither."""
        with self.writing() as connection:
            connection.execute(
                "REPLACE INTO notes VALUES (?, ?, ?)", (wearer, _ALARM_STATES, states)
            )
            alarm_log.write(connection, wearer, log, self._clock())

    def alarm_states(self, wearer: str) -> str | None:
        """Return where the alarms stood when they were kept last, None if they never were."""
        return self.recall(wearer, _ALARM_STATES)

    def alarm_log(
        self, wearer: str, start: datetime | None = None, end: datetime | None = None
    ) -> list[LoggedAlarm]:
        """Return what happened to a wearer's alarms in [start, end), oldest first."""
        with self.looking() as connection:
            return alarm_log.read(connection, wearer, start, end)
