"""`glucose alarms`: which alarms an export's readings would have raised, as episodes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from ..alarms.episodes import episodes
from ..alarms.replay import replayed
from ..alarms.rules import AlarmRules
from ..alarms.state import Alarms, Happening
from ..merge import USUAL_CADENCE
from ..reading import Kind
from .command import Answer, CannotDo, Command
from .export_file import SOURCE, describe, read
from .progress import doing

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable, Sequence
    from zoneinfo import ZoneInfo

    from ..alarms.episodes import Episode
    from ..alarms.kinds import AlarmKind
    from ..reading import Reading

# One series, whatever the file calls its parts (see `as_one_series`).
SERIES = "export"
# LibreView's scans lie closer together than the sensor's own history, and tell nothing of it.
_SCANS = "scan"
_TIMES = "%Y-%m-%d %H:%M"


def found_episodes(readings: Sequence[Reading], rules: AlarmRules) -> list[Episode]:
    """Return the episodes that the readings of one export, oldest first, would have had.

    Each reading is known from its own time on, and nothing is known of what comes after the last.
    """
    alarms = Alarms()
    happenings: list[Happening] = []
    for alarms, happened in replayed(  # noqa: B007 - the last one is wanted
        as_one_series(readings),
        order=(SOURCE,),
        cadences={SOURCE: cadence_of(readings)},
        rules=rules,
    ):
        happenings += happened
    return episodes(happenings, alarms)


def as_one_series(readings: Iterable[Reading]) -> list[Reading]:
    """Return the readings with the sensor's in one series.

    An export's scans and history come of one sensor. Live, the history would be smoothed and
    late, and wait behind a scan; here both are known at their own time and count alike.
    """
    return [
        replace(reading, series=SERIES) if reading.kind is Kind.CGM else reading
        for reading in readings
    ]


def cadence_of(readings: Sequence[Reading]) -> timedelta:
    """Return how often the sensor wrote a reading by itself: the median gap, the lower of two."""
    sensor = [reading for reading in readings if reading.kind is Kind.CGM]
    own = [reading for reading in sensor if reading.series != _SCANS] or sensor
    counted = Counter(reading.series for reading in own)
    if not counted:
        return USUAL_CADENCE
    (series, _), *_ = counted.most_common(1)
    times = [reading.time for reading in own if reading.series == series]
    gaps = sorted(later - earlier for earlier, later in pairwise(times) if later > earlier)
    return gaps[(len(gaps) - 1) // 2] if gaps else USUAL_CADENCE


def _describe(parser: ArgumentParser) -> None:
    describe(parser)
    parser.add_argument(
        "--json",
        action="store_true",
        help="print a list of objects: kind, start, end (null where it still ran at the last "
        "reading), fired, extreme_mg_dl; times are ISO 8601 with their offset",
    )


def _run(given: Namespace) -> Answer:
    file = read(given)
    if not any(reading.kind is Kind.CGM for reading in file.readings):
        raise CannotDo(f"{given.file}: finger-sticks only, and no sensor's reading")
    with doing("going through the readings"):
        found = found_episodes(file.readings, AlarmRules(zone=file.zone))
    text = _as_json(found, file.zone) if given.json else _as_table(found, file.readings, file.zone)
    return Answer(text=text, notes=file.notes)


def _as_json(found: Iterable[Episode], zone: ZoneInfo) -> str:
    def shown(time: datetime | None) -> str | None:
        return None if time is None else time.astimezone(zone).isoformat()

    rows = [
        {
            "kind": str(episode.kind),
            "start": shown(episode.start),
            "end": shown(episode.end),
            "fired": shown(episode.fired),
            "extreme_mg_dl": episode.extreme_mg_dl,
        }
        for episode in found
    ]
    return json.dumps(rows, indent=2) + "\n"


def _as_table(found: Sequence[Episode], readings: Sequence[Reading], zone: ZoneInfo) -> str:
    sensor = [reading.time for reading in readings if reading.kind is Kind.CGM]
    first, last = (time.astimezone(zone) for time in (sensor[0], sensor[-1]))
    title = f"{len(sensor)} readings from {first:{_TIMES}} to {last:{_TIMES}} ({zone.key})"
    if not found:
        return f"{title}\nno alarm\n"
    head = ("alarm", "began", "fired", "ended", "lasted", "worst")
    table = [head, *(_row(episode, sensor[-1], zone) for episode in found)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
    counted = Counter(episode.kind for episode in found)
    return "\n".join([title, *lines, f"{len(found)} episodes: {_counts(counted)}", ""])


def _row(episode: Episode, last: datetime, zone: ZoneInfo) -> tuple[str, ...]:
    minutes = ((episode.end or last) - episode.start) // timedelta(minutes=1)
    worst = episode.extreme_mg_dl
    return (
        str(episode.kind),
        f"{episode.start.astimezone(zone):{_TIMES}}",
        f"{episode.fired.astimezone(zone):%H:%M}",
        "still on" if episode.end is None else f"{episode.end.astimezone(zone):{_TIMES}}",
        f"{minutes // 60} h {minutes % 60:02} min",
        "" if worst is None else f"{worst} mg/dL",
    )


def _counts(counted: Counter[AlarmKind]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in sorted(counted.items()))


ALARMS = Command(
    name="alarms",
    says="List the alarms that an export's readings would have raised, with the default settings",
    about="Each reading counts from its own time on, as if nobody had acknowledged anything. A "
    "real home hears of readings later, and of some not at all.",
    example="glucose alarms clarity.csv --tz Europe/Berlin --json",
    describe=_describe,
    run=_run,
)
