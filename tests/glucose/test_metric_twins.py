"""Every clinical measure against its slow, obvious twin, on invented and on real readings."""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from glucose.metrics.report import Report, report
from glucose.metrics.series import Series
from naive import metrics as naive
from naive.metrics import Point

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "cgm"
Numbers = dict[str, float | None]


def series_of(points: Sequence[Point], zone: tzinfo) -> Series:
    times = [round(time.timestamp() * 1000) for time, _ in points]
    return Series(
        times=np.array(times, dtype=np.int64),
        mg_dl=np.array([mg_dl for _, mg_dl in points], dtype=np.float64),
        zone=zone,
    )


def ours(found: Report) -> Numbers:
    """Return the report as flat numbers by name."""
    mage, spreads, cvs = found.mage, found.sd_measures, found.cv_measures
    numbers: Numbers = {
        name: getattr(found, name)
        for name in Report.__dataclass_fields__
        if isinstance(getattr(found, name), int | float | None) and name not in {"first", "last"}
    }
    numbers |= {"mage": None if mage is None else mage.average}
    for name in ("w", "hhmm", "wsh", "dm", "b", "bdm"):
        numbers[f"sd_{name}"] = None if spreads is None else getattr(spreads, name)
    numbers |= {
        "cv_mean": None if cvs is None else cvs.mean,
        "cv_sd": None if cvs is None else cvs.sd,
        "grade_hypo": found.grade_shares.hypo,
        "grade_eugly": found.grade_shares.eugly,
        "grade_hyper": found.grade_shares.hyper,
    }
    for kind in KINDS:
        summary = None if found.episodes is None else getattr(found.episodes, kind)
        for part in ("count", "per_day", "mean_minutes", "mean_mg_dl"):
            numbers[f"{kind}_{part}"] = None if summary is None else getattr(summary, part)
    # The twin has no other way to say these than theirs, or they are no measure.
    for name in ("quantiles", "episodes", "sd_measures", "cv_measures", "lows", "highs"):
        numbers.pop(name, None)
    return numbers


KINDS = ("hypo_1", "hypo_2", "hypo_extended", "hyper_1", "hyper_2", "hypo_1_only", "hyper_1_only")


def twin(points: Sequence[Point], zone: tzinfo) -> Numbers:
    """Return what the twins say, by the same names."""
    values = [mg_dl for _, mg_dl in points]
    numbers = _of_values(values)
    percent, days = naive.active(points)
    once = [mg_dl for _, mg_dl in naive.averaged(points)]
    parts = [
        naive.share(once, lambda g: g < 54),
        naive.share(once, lambda g: 54 <= g < 70),
        naive.share(once, lambda g: g > 250),
        naive.share(once, lambda g: 180 < g <= 250),
    ]
    numbers |= {
        "readings": len(points),
        "ndays": days,
        "active_percent": percent,
        "adrr": naive.adrr(points, zone),
        "gri": None
        if not once
        else min(100.0, sum(f * (p or 0) for f, p in zip((3, 2.4, 1.6, 0.8), parts, strict=True))),
    }
    return numbers | _of_days(points, zone, numbers)


def _of_values(values: Sequence[float]) -> Numbers:
    middle, deviation = naive.mean(values), naive.sd(values)
    half = naive.quantile(values, 0.5) if values else 0.0
    grades = [(g, naive.grade_of(g)) for g in values if g >= 18]
    total = sum(grade for _, grade in grades)

    def part(low: float, high: float) -> float | None:
        return 100 * sum(y for g, y in grades if low <= g <= high) / total if total else None

    hyper = naive.mean([max(0.0, g - 140) ** 1.1 / 30 for g in values])
    hypo = naive.mean([max(0.0, 80 - g) ** 2 / 30 for g in values])
    numbers: Numbers = {
        "mean": middle,
        "median": half if values else None,
        "sd": deviation,
        "cv": None if deviation is None or middle is None else 100 * deviation / middle,
        "gmi": None if middle is None else 3.31 + 0.02392 * middle,
        "ea1c": None if middle is None else (46.7 + middle) / 28.7,
        "iqr": naive.quantile(values, 0.75) - naive.quantile(values, 0.25) if values else None,
        "range": max(values) - min(values) if values else None,
        "mad": 1.4826 * naive.quantile([abs(g - half) for g in values], 0.5) if values else None,
        "j_index": None
        if deviation is None or middle is None
        else 0.001 * (middle + deviation) ** 2,
        "m_value": naive.mean([1000 * abs(math.log10(g / 90)) ** 3 for g in values]),
        "lbgi": naive.lbgi(values),
        "hbgi": naive.hbgi(values),
        "grade": naive.grade(values),
        "grade_hypo": part(0, 79.999),
        "grade_eugly": part(70, 140),
        "grade_hyper": part(140.001, 600),
        "hyper_index": hyper,
        "hypo_index": hypo,
        "igc": None if hyper is None or hypo is None else hyper + hypo,
        "below_54": naive.share(values, lambda g: g < 54),
        "below_70": naive.share(values, lambda g: g < 70),
        "in_range_70_180": naive.share(values, lambda g: 70 <= g <= 180),
        "in_range_70_140": naive.share(values, lambda g: 70 <= g <= 140),
        "in_range_63_140": naive.share(values, lambda g: 63 <= g <= 140),
        "above_140": naive.share(values, lambda g: g > 140),
        "above_180": naive.share(values, lambda g: g > 180),
        "above_250": naive.share(values, lambda g: g > 250),
    }
    in_range, low = numbers["in_range_70_180"], numbers["below_70"]
    numbers["cogi"] = (
        None
        if in_range is None or low is None or deviation is None
        else 0.5 * in_range
        + 35 * max(0.0, 15 - low) / 15
        + 15 * max(0.0, min(1.0, (108 - deviation) / 90))
    )
    return numbers


def _of_days(points: Sequence[Point], zone: tzinfo, known: Numbers) -> Numbers:
    names = ("modd", "conga_1", "conga_4", "conga_24", "mag", "gvp", "sd_roc", "auc", "pgs", "mage")
    numbers: Numbers = dict.fromkeys(names)
    numbers |= {f"sd_{name}": None for name in ("w", "hhmm", "wsh", "dm", "b", "bdm")}
    numbers |= {"cv_mean": None, "cv_sd": None}
    for kind in KINDS:
        numbers |= {f"{kind}_{p}": None for p in ("count", "per_day", "mean_minutes", "mean_mg_dl")}
    fine = naive.grid(points, zone, 5)
    numbers["mage"] = None if fine is None else naive.mage(fine[1])
    laid, once = naive.grid(points, zone), naive.grid(naive.averaged(points), zone)
    if laid is None or once is None:
        return numbers
    step, days = laid
    hour, lag = round(60 / step), max(15, step)
    changes = naive.steps(days, 1)
    length = sum(math.hypot(step, change) for change in changes)
    cvs = naive.cvs(days)
    numbers |= {
        "modd": naive.modd(days),
        **{f"conga_{n}": naive.sd(naive.steps(days, hour * n)) for n in (1, 4, 24)},
        "mag": sum(map(abs, changes)) / (len(changes) * step / 60) if changes else None,
        "gvp": 100 * (length / (len(changes) * step) - 1) if changes else None,
        "sd_roc": naive.sd([change / lag for change in naive.steps(days, lag // step)]),
        "auc": naive.auc(days),
        **{f"sd_{name}": value for name, value in naive.sd_measures(*once).items()},
        "cv_mean": naive.mean(cvs),
        "cv_sd": naive.sd(cvs),
    }
    if not naive.stretches(days):
        return numbers
    numbers |= _episodes(step, days)
    score = (numbers["gvp"], known["in_range_70_180"], known["mean"])
    numbers["pgs"] = _pgs(step, days, *score)
    return numbers


def _episodes(step: int, days: naive.Days, minutes: float = 15, ends: float = 15) -> Numbers:
    found = {
        "hypo_1": naive.episodes(step, days, lambda g: g < 70, minutes, ends),
        "hypo_2": naive.episodes(step, days, lambda g: g < 54, minutes, ends),
        # "Longer than" is one cell more.
        "hypo_extended": naive.episodes(step, days, lambda g: g < 70, 120 + step, ends),
        "hyper_1": naive.episodes(step, days, lambda g: g > 180, minutes, ends),
        "hyper_2": naive.episodes(step, days, lambda g: g > 250, minutes, ends),
    }
    # A level 2 episode lies in a level 1 episode whole or not at all: by its own cells.
    for side, beyond in (("hypo", lambda g: g < 54), ("hyper", lambda g: g > 250)):
        found[f"{side}_1_only"] = [
            cells
            for cells in found[f"{side}_1"]
            if not naive.episodes(step, [list(cells)], beyond, minutes, ends)
        ]
    numbers: Numbers = {}
    for kind, spans in found.items():
        parts = naive.summary(step, days, spans)
        for name, value in zip(
            ("count", "per_day", "mean_minutes", "mean_mg_dl"), parts, strict=True
        ):
            numbers[f"{kind}_{name}"] = value
    return numbers


def _pgs(
    step: int,
    days: naive.Days,
    variability: float | None,
    in_range: float | None,
    middle: float | None,
) -> float | None:
    if variability is None or in_range is None or middle is None:
        return None
    found = _episodes(step, days, 20, 30)
    very_low, low = (7 * (found[f"{kind}_per_day"] or 0) for kind in ("hypo_2", "hypo_1_only"))
    return (
        (1 + 9 / (1 + math.exp(-0.049 * (variability - 65.47))))
        + (1 + 9 / (1 + math.exp(0.0833 * (in_range - 55.04))))
        + 1
        + 9 / (1 + math.exp(0.1139 * (middle - 72.08)))
        + 9 / (1 + math.exp(-0.09195 * (middle - 157.57)))
        + 0.5
        + 4.5 * (1 - math.exp(-0.81093 * very_low))
        + (0.5714 * low + 0.625 if low <= 7.65 else 5)
    )


def differing(
    points: Sequence[Point], zone: tzinfo
) -> list[tuple[str, float | None, float | None]]:
    """Return every measure that the two do not agree on."""
    mine, theirs = ours(report(series_of(points, zone))), twin(points, zone)
    assert sorted(mine) == sorted(theirs)
    return [
        (name, mine[name], theirs[name]) for name in mine if not agree(mine[name], theirs[name])
    ]


def agree(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)


ZONES = [UTC, *map(ZoneInfo, ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe"))]
STARTS = [
    datetime(2026, 1, 15, 9, 7, 11, tzinfo=UTC),
    datetime(2026, 3, 28, 15, 3, 7, tzinfo=UTC),
    datetime(2026, 10, 24, 15, 3, 7, tzinfo=UTC),
    datetime(2026, 4, 4, 3, 0, 0, tzinfo=UTC),
]


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Point], tzinfo]:
    """Draw readings at any spacing, with jitter, holes, repeats, plateaus and steep turns."""
    cadence = draw(st.sampled_from([1, 3, 5, 5, 5, 7, 8, 11, 15, 15, 20, 30, 45, 60]))
    # Of a number, so that a failing history is found again at once, and not shrunk for minutes.
    chance = random.Random(draw(st.integers(0, 2**32)))
    readings = draw(st.integers(1, 220))
    jitter = draw(st.sampled_from([0, 0, 20, 90]))
    holes, repeats = draw(st.sampled_from([0.0, 0.02, 0.1])), draw(st.sampled_from([0.0, 0.05]))
    low, high = draw(st.sampled_from([(40, 400), (10, 60), (60, 75), (100, 100), (170, 260)]))
    time, mg_dl = draw(st.sampled_from(STARTS)), (low + high) / 2
    points: list[Point] = []
    for _ in range(readings):
        mg_dl = min(high, max(low, mg_dl + chance.gauss(0, (high - low) / 12)))
        points.append((time + timedelta(seconds=chance.randint(-jitter, jitter)), round(mg_dl)))
        if chance.random() < repeats:
            points.append((points[-1][0], chance.randint(low, high)))
        hole = (
            chance.choice([2, 5, 9, 10, 36, 37, 38, 39, 60, 290]) if chance.random() < holes else 1
        )
        time += timedelta(minutes=cadence * hole)
    return sorted(points, key=lambda point: point[0]), draw(st.sampled_from(ZONES))


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(histories())
def test_every_measure_agrees_with_its_twin(history: tuple[list[Point], tzinfo]) -> None:
    with np.errstate(all="raise"):
        assert differing(*history) == []


def test_the_twins_agree_on_lows_that_twenty_good_minutes_part() -> None:
    values = [*[100] * 40, *[60] * 6, *[100] * 5, *[60] * 6, *[100] * 40, *[50] * 5, *[100] * 40]
    start = STARTS[0].replace(minute=0, second=0)
    points = [(start + timedelta(minutes=5 * at), float(g)) for at, g in enumerate(values)]
    assert differing(points, UTC) == []
    # One episode of its kind for the score, which asks for 30 good minutes, but two for hypo_1.
    assert twin(points, UTC)["hypo_1_count"] == 3


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared data is not beside this checkout")
def test_the_twins_agree_on_a_real_week() -> None:
    with (DATA / "hall_2133-004.csv").open(encoding="utf-8") as file:
        points = [
            (datetime.fromisoformat(row["time"]).replace(tzinfo=UTC), float(row["gl"]))
            for row in csv.DictReader(file)
        ]
    assert differing(points, UTC) == []
