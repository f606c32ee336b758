"""What happened to an alarm, as a row of the alarm log."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from .shared.glucose.store import LoggedAlarm

if TYPE_CHECKING:
    from .shared.glucose.alarms.state import Happening


def logged(happening: Happening) -> LoggedAlarm:
    """Return the row; what is not known is left out."""
    reading, silence = happening.reading, happening.silence
    about: dict[str, object] = {
        "mg_dl": None if reading is None else reading.mg_dl,
        "bound": None if reading is None else reading.bound,
        "reading_at": None if reading is None else reading.time.isoformat(),
        "began": None if happening.began is None else happening.began.isoformat(),
        "extreme_mg_dl": happening.extreme_mg_dl,
        "silence_minutes": None if silence is None else silence / timedelta(minutes=1),
        "marks": sorted(happening.marks) or None,
    }
    return LoggedAlarm(
        at=happening.at,
        kind=happening.kind,
        what=happening.what,
        about={key: value for key, value in about.items() if value is not None},
    )
