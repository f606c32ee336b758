"""The measures of an export as a table fit for reading, with the consensus targets beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..metrics.consensus import CONSENSUS, ConsensusAims, Group
from ..units import MG_DL_PER_MMOL_L, Unit, shown

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

    from ..metrics.consensus import Aim
    from ..metrics.episodes import EpisodeSummary
    from ..metrics.report import Report

Row = tuple[str, str, str]
_ABSENT = "not known"
_TIMES = "%Y-%m-%d %H:%M"
_WHOSE = {
    Group.ADULT: "adults",
    Group.OLDER: "older people and people at high risk",
    Group.PREGNANCY: "pregnancy with type 1 diabetes",
}


def table(found: Report, *, unit: Unit, group: Group, zone: ZoneInfo) -> str:
    """Return the lines; glucose in `unit`, times in `zone`, what is undefined as "not known"."""
    aims = CONSENSUS[group]
    parts: list[tuple[str, list[Row]]] = [
        ("glucose", _glucose(found, unit, aims)),
        (f"readings in range ({unit})", _ranges(found, unit, aims)),
        ("risk", _risk(found)),
        ("variability", _variability(found, unit)),
    ]
    rows = [("", "", f"target for {_WHOSE[group]}")]
    for title, lines in parts:
        rows += [("", "", ""), (title, "", "")]
        rows += [(f"  {name}", value, target) for name, value, target in lines]
    return "\n".join([_title(found, zone), *_aligned(rows), "", *_episodes(found, unit), ""])


def _title(found: Report, zone: ZoneInfo) -> str:
    if found.first is None or found.last is None:
        return "no readings"
    first, last = (time.astimezone(zone) for time in (found.first, found.last))
    readings = "1 reading" if found.readings == 1 else f"{found.readings} readings"
    text = f"{readings} from {first:{_TIMES}} to {last:{_TIMES}} ({zone.key})"
    if found.ndays is None or found.active_percent is None:
        return text
    return f"{text}, {found.ndays:g} days, sensor active {found.active_percent:.1f} %"


def _glucose(found: Report, unit: Unit, aims: ConsensusAims) -> list[Row]:
    return [
        ("mean", _glucose_of(found.mean, unit), ""),
        ("median", _glucose_of(found.median, unit), ""),
        ("standard deviation (SD)", _glucose_of(found.sd, unit), ""),
        ("coefficient of variation (CV)", _percent(found.cv), f"≤ {aims.cv_at_most_percent:g} %"),
        ("glucose management indicator (GMI)", _percent(found.gmi), ""),
        ("estimated A1c (eA1c)", _percent(found.ea1c), ""),
        ("interquartile range", _glucose_of(found.iqr, unit), ""),
        ("median absolute deviation", _glucose_of(found.mad, unit), ""),
    ]


def _ranges(found: Report, unit: Unit, aims: ConsensusAims) -> list[Row]:
    def of(aim: Aim | None, lower: int | None = None, upper: int | None = None) -> str:
        """Name the aim where it is of this row's range, which pregnancy has another of."""
        own = lower in {None, aims.targets.low_mg_dl} and upper in {None, aims.targets.high_mg_dl}
        return str(aim) if own and aim is not None else ""

    def between(lower: int, upper: int) -> str:
        return f"{shown(lower, unit)} to {shown(upper, unit)}"

    rows = [
        (f"below {shown(54, unit)}", _percent(found.below_54), of(aims.very_low)),
        (f"below {shown(70, unit)}", _percent(found.below_70), of(aims.low, lower=70)),
        (between(70, 180), _percent(found.in_range_70_180), of(aims.in_range, 70, 180)),
        (between(70, 140), _percent(found.in_range_70_140), ""),
        (between(63, 140), _percent(found.in_range_63_140), of(aims.in_range, 63, 140)),
        (f"above {shown(140, unit)}", _percent(found.above_140), of(aims.high, upper=140)),
        (f"above {shown(180, unit)}", _percent(found.above_180), of(aims.high, upper=180)),
        (f"above {shown(250, unit)}", _percent(found.above_250), of(aims.very_high)),
    ]
    if found.in_range_63_140 is not None and found.above_140 is not None:
        low = max(0.0, 100 - found.in_range_63_140 - found.above_140)
        rows.insert(1, (f"below {shown(63, unit)}", _percent(low), of(aims.low, lower=63)))
    return rows


def _risk(found: Report) -> list[Row]:
    return [
        ("glycemia risk index (GRI)", _plain(found.gri), ""),
        ("low blood glucose index (LBGI)", _plain(found.lbgi), ""),
        ("high blood glucose index (HBGI)", _plain(found.hbgi), ""),
        ("average daily risk range (ADRR)", _plain(found.adrr), ""),
        ("GRADE", _plain(found.grade), ""),
        ("J-index", _plain(found.j_index), ""),
        ("M-value", _plain(found.m_value), ""),
    ]


def _variability(found: Report, unit: Unit) -> list[Row]:
    mean_swing = None if found.mage is None else found.mage.average
    per_hour = "" if found.mag is None else " an hour"
    return [
        ("mean swing (MAGE)", _glucose_of(mean_swing, unit), ""),
        ("from day to day (MODD)", _glucose_of(found.modd, unit), ""),
        ("after 1 hour (CONGA-1)", _glucose_of(found.conga_1, unit), ""),
        ("after 4 hours (CONGA-4)", _glucose_of(found.conga_4, unit), ""),
        ("after 24 hours (CONGA-24)", _glucose_of(found.conga_24, unit), ""),
        ("change (MAG)", _glucose_of(found.mag, unit) + per_hour, ""),
        ("longer than a level line (GVP)", _percent(found.gvp), ""),
        ("SD of the rate of change", _rate(found.sd_roc, unit), ""),
    ]


def _episodes(found: Report, unit: Unit) -> list[str]:
    if found.episodes is None:
        return ["episodes: not known"]
    named: list[tuple[str, EpisodeSummary]] = [
        (f"below {shown(70, unit)}", found.episodes.hypo_1),
        (f"below {shown(54, unit)}, among them", found.episodes.hypo_2),
        (f"below {shown(70, unit)} for over 2 hours", found.episodes.hypo_extended),
        (f"above {shown(180, unit)}", found.episodes.hyper_1),
        (f"above {shown(250, unit)}, among them", found.episodes.hyper_2),
    ]
    head = ("episodes of 15 minutes or more", "number", "a day", "lasting", f"mean ({unit})")
    rows: list[tuple[str, ...]] = [head]
    for name, episodes in named:
        lasting = f"{episodes.mean_minutes:.0f} min" if episodes.count else ""
        middle = "" if episodes.mean_mg_dl is None else shown(episodes.mean_mg_dl, unit)
        rows.append((f"  {name}", str(episodes.count), f"{episodes.per_day:.2f}", lasting, middle))
    return _aligned(rows)


def _aligned(rows: Iterable[tuple[str, ...]]) -> list[str]:
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _glucose_of(mg_dl: float | None, unit: Unit) -> str:
    if mg_dl is None:
        return _ABSENT
    return f"{mg_dl:.1f}" if unit is Unit.MG_DL else f"{mg_dl / MG_DL_PER_MMOL_L:.2f}"


def _rate(mg_dl: float | None, unit: Unit) -> str:
    if mg_dl is None:
        return _ABSENT
    per_minute = mg_dl if unit is Unit.MG_DL else mg_dl / MG_DL_PER_MMOL_L
    return f"{per_minute:.2f} a minute" if unit is Unit.MG_DL else f"{per_minute:.3f} a minute"


def _percent(value: float | None) -> str:
    return _ABSENT if value is None else f"{value:.1f} %"


def _plain(value: float | None) -> str:
    return _ABSENT if value is None else f"{value:.2f}"
