"""`glucose stats`: the clinical measures of an export, for programs and for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from ..metrics.consensus import Group
from ..reading import Kind
from ..units import Unit
from .alarms import cadence_of
from .command import Answer, CannotDo, Command
from .export_file import describe, read
from .progress import doing
from .stats_table import table

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from ..metrics.episodes import EpisodeSummary
    from ..metrics.report import Report

# What the answer holds, in its order; each is a field of Report of that name.
_MEASURES = (
    *("mean", "median", "sd", "cv", "gmi", "ea1c", "iqr", "mad", "j_index", "m_value"),
    *("lbgi", "hbgi", "adrr", "gri", "grade", "mage", "modd", "conga_1", "conga_4", "conga_24"),
    *("mag", "gvp", "sd_roc", "below_54", "below_70", "in_range_70_180", "in_range_70_140"),
    *("in_range_63_140", "above_140", "above_180", "above_250"),
)
_EPISODES = ("hypo_1", "hypo_2", "hypo_extended", "hyper_1", "hyper_2")
_UNITS = {"mg": Unit.MG_DL, "mmol": Unit.MMOL_L}

Number = int | float | None


def _describe(parser: ArgumentParser) -> None:
    describe(parser)
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one object: mg/dL, per cent and minutes in full precision; null is what the "
        "readings leave undefined",
    )
    parser.add_argument(
        "--unit",
        choices=sorted(_UNITS),
        help="show glucose in mg/dL or in mmol/L (default: as in FILE); JSON is always in mg/dL",
    )
    parser.add_argument(
        "--targets",
        choices=[str(group) for group in Group],
        default=str(Group.ADULT),
        help="whose consensus targets stand beside the table's numbers (default: %(default)s)",
    )


def _run(given: Namespace) -> Answer:
    # numpy takes a tenth of a second to load, which the other commands need not wait for.
    from ..metrics.report import report  # noqa: PLC0415 - see above
    from ..metrics.series import Series  # noqa: PLC0415 - see above
    from ..metrics.sufficiency import sufficiency  # noqa: PLC0415 - see above
    from .stats_by_time import by_time  # noqa: PLC0415 - see above

    file = read(given)
    readings = [reading for reading in file.readings if reading.kind is Kind.CGM]
    if not readings:
        raise CannotDo(f"{given.file}: finger-sticks only, and no sensor's reading")
    with doing("working it out"):
        series = Series.of(readings, file.zone)
        found = report(series)
    cadence = cadence_of(readings)
    covered = sufficiency(series, readings[-1].time, cadence)
    unit = file.export.unit if given.unit is None else _UNITS[given.unit]
    notes = [*file.notes, *_limits(found), *_too_little(covered.enough, covered.words)]
    if len({reading.series for reading in readings}) > 1:
        notes.append(by_time(series, cadence, unit))
    if given.json:
        return Answer(
            text=json.dumps(_object(found, file.zone), indent=2) + "\n", notes=tuple(notes)
        )
    text = table(found, unit=unit, group=Group(given.targets), zone=file.zone)
    return Answer(text=text, notes=tuple(notes))


def _limits(found: Report) -> list[str]:
    """Say how many readings are the sensor's limit and no measured number."""
    said = [
        f"{count} {word}" for count, word in ((found.lows, "LOW"), (found.highs, "HIGH")) if count
    ]
    return [f"{' and '.join(said)} among the readings count as the sensor's limit"] if said else []


def _too_little(enough: bool, words: str) -> list[str]:  # noqa: FBT001 - two parts of one value
    return [] if enough else [f"too little data for a report: the readings cover {words}"]


def _object(found: Report, zone: ZoneInfo) -> dict[str, object]:
    def local(time: datetime | None) -> str | None:
        return None if time is None else time.astimezone(zone).isoformat()

    measures: dict[str, Number] = {name: _number(found, name) for name in _MEASURES}
    return {
        "readings": found.readings,
        "first": local(found.first),
        "last": local(found.last),
        "ndays": found.ndays,
        "active_percent": found.active_percent,
        **measures,
        "episodes": {
            kind: _episodes(None if found.episodes is None else getattr(found.episodes, kind))
            for kind in _EPISODES
        },
    }


def _number(found: Report, name: str) -> Number:
    if name == "mage":
        return None if found.mage is None else found.mage.average
    return cast("Number", getattr(found, name))


def _episodes(found: EpisodeSummary | None) -> dict[str, Number]:
    if found is None:
        return dict.fromkeys(("count", "per_day", "mean_minutes", "mean_mg_dl"))
    return {
        "count": found.count,
        "per_day": found.per_day,
        "mean_minutes": found.mean_minutes,
        "mean_mg_dl": found.mean_mg_dl,
    }


STATS = Command(
    name="stats",
    says="Work out the clinical measures of an export's readings",
    about="The sensor's readings count, each once, finger-sticks never; the measures are those of "
    "the R package iglu 4.3.0. Nothing of it is a reason to change a dose.",
    example="glucose stats clarity.csv --tz Europe/Berlin --json",
    describe=_describe,
    run=_run,
)
