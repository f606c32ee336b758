"""Until when missing readings are no alarm: a new sensor on the skin warms up."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .shared.glucose.treatment import TreatmentKind

if TYPE_CHECKING:
    from .wearer import Wearer

# Warm-up or a new sensor quiets the alarm on missing data for so long at most.
LONGEST_QUIET = timedelta(hours=2)
# Who logs a change may do so before it, and the old sensor measures on; a new one takes longer
# than this to its first reading.
_OLD_SENSOR_MAY_MEASURE = timedelta(minutes=20)


def quiet_until(wearer: Wearer, now: datetime) -> datetime | None:
    """Return until when no readings are expected, None where they are.

    A vendor that tells its sensor's warm-up knows better than a change that was logged for it.
    """
    told, ends = [], []
    newest = wearer.present.newest
    for source, feed in wearer.feeds.items():
        life = feed.status.sensor
        if life is None or life.warm_up_until is None:
            continue
        begun = life.started or life.warm_up_until - LONGEST_QUIET
        told.append(begun)
        if newest is not None and newest.source != source and newest.time > begun:
            # Another sensor measured meanwhile: its silence is not this one's warm-up.
            continue
        ends.append(min(life.warm_up_until, begun + LONGEST_QUIET))
    changed = _logged(wearer)
    if changed is not None and not any(abs(changed - begun) < LONGEST_QUIET for begun in told):
        ends.append(changed + LONGEST_QUIET)
    end = max(ends, default=now)
    return None if end <= now else end


def _logged(wearer: Wearer) -> datetime | None:
    """Return when the sensor was changed, as logged; None once a reading shows it to measure."""
    change = wearer.records.latest.get(TreatmentKind.SENSOR_CHANGE)
    if change is None:
        return None
    newest = wearer.present.newest
    measures = newest is not None and newest.time > change.time + _OLD_SENSOR_MAY_MEASURE
    return None if measures else change.time
