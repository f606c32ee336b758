"""Measures of real readings against what iglu 4.3.0 reports of them, read at run time."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from glucose.formats import read_export
from glucose.metrics.active_percent import active_percent_of_last
from glucose.metrics.report import Report, report
from glucose.metrics.series import Series

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "cgm"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the shared data is not beside this checkout"
)
SUBJECTS = ("1636-69-001", "2133-004")
_LEVELS = {
    "hypo.lv1": "hypo_1",
    "hypo.lv2": "hypo_2",
    "hypo.extended": "hypo_extended",
    "hyper.lv1": "hyper_1",
    "hyper.lv2": "hyper_2",
    "hypo.lv1_excl": "hypo_1_only",
    "hyper.lv1_excl": "hyper_1_only",
}
_PARTS = {
    "avg_ep_per_day": "per_day",
    "avg_ep_duration": "mean_minutes",
    "avg_ep_gl": "mean_mg_dl",
    "total_episodes": "count",
}
# What iglu reports and we do not: dates as text, two of MAGE's other versions.
_NOT_OURS = {"start_date", "end_date"}
_NO_MEASURE = {
    "mage_naive.MAGE",
    "mage_service.MAGE",
    "active_consensus.ndays",
    "summary.Min.",
    "summary.Max.",
}
Take = Callable[[Report], float | None]


def _attribute(*names: str) -> Take:
    def take(found: Report) -> float | None:
        value: object = found
        for name in names:
            value = None if value is None else getattr(value, name)
        assert value is None or isinstance(value, int | float)
        return value

    return take


def _quantile(place: int) -> Take:
    return lambda found: None if found.quantiles is None else found.quantiles[place]


OURS: dict[str, Take] = {
    **{
        f"{part}.{name}": _attribute(name)
        for part, names in {
            "above": ("above_140", "above_180", "above_250"),
            "below": ("below_54", "below_70"),
            "inrange": ("in_range_63_140", "in_range_70_140", "in_range_70_180"),
            "agpmetrics": ("ndays", "active_percent", "mean", "below_54", "below_70"),
            "active": ("ndays", "active_percent"),
            "mean": ("mean",),
            "median": ("median",),
            "range": ("range",),
            "hyperindex": ("hyper_index",),
            "hypoindex": ("hypo_index",),
        }.items()
        for name in names
    },
    "agpmetrics.in_range_70_180": _attribute("in_range_70_180"),
    "agpmetrics.above_180": _attribute("above_180"),
    "agpmetrics.above_250": _attribute("above_250"),
    "agpmetrics.GMI": _attribute("gmi"),
    "agpmetrics.CV": _attribute("cv"),
    "adrr.ADRR": _attribute("adrr"),
    "auc.hourly_auc": _attribute("auc"),
    "cogi.COGI": _attribute("cogi"),
    "conga1.CONGA": _attribute("conga_1"),
    "conga4.CONGA": _attribute("conga_4"),
    "conga24.CONGA": _attribute("conga_24"),
    "cv.CV": _attribute("cv"),
    "cvmeasures.CVmean": _attribute("cv_measures", "mean"),
    "cvmeasures.CVsd": _attribute("cv_measures", "sd"),
    "ea1c.eA1C": _attribute("ea1c"),
    "gmi.GMI": _attribute("gmi"),
    "grade.GRADE": _attribute("grade"),
    "gradeeugly.GRADE_eugly": _attribute("grade_shares", "eugly"),
    "gradehyper.GRADE_hyper": _attribute("grade_shares", "hyper"),
    "gradehypo.GRADE_hypo": _attribute("grade_shares", "hypo"),
    "gri.GRI": _attribute("gri"),
    "gvp.GVP": _attribute("gvp"),
    "hbgi.HBGI": _attribute("hbgi"),
    "lbgi.LBGI": _attribute("lbgi"),
    "igc.IGC": _attribute("igc"),
    "iqr.IQR": _attribute("iqr"),
    "j.J_index": _attribute("j_index"),
    "mad.MAD": _attribute("mad"),
    "mag.MAG": _attribute("mag"),
    "mage.MAGE": _attribute("mage", "average"),
    "mage_plus.MAGE": _attribute("mage", "plus"),
    "mage_minus.MAGE": _attribute("mage", "minus"),
    "modd.MODD": _attribute("modd"),
    "mvalue.M_value": _attribute("m_value"),
    "pgs.PGS": _attribute("pgs"),
    "sd.SD": _attribute("sd"),
    "sdroc.sd_roc": _attribute("sd_roc"),
    **{
        f"sdmeasures.SD{n}": _attribute("sd_measures", n)
        for n in ["w", "hhmm", "wsh", "dm", "b", "bdm"]
    },
    **{f"quantile.{p}": _quantile(at) for at, p in enumerate((5, 25, 50, 75, 95))},
    "summary.1st Qu.": _quantile(1),
    "summary.Median": _attribute("median"),
    "summary.Mean": _attribute("mean"),
    "summary.3rd Qu.": _quantile(3),
    **{
        f"episodes.{theirs}.{part}": _attribute("episodes", mine, ours)
        for theirs, mine in _LEVELS.items()
        for part, ours in _PARTS.items()
    },
}


def reference() -> dict[str, dict[str, str]]:
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    with (DATA / "iglu_reference_metrics.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found[row["id"]][row["metric"]] = row["value"]
    return found


def series_of(subject: str) -> Series:
    zone = ZoneInfo("UTC")
    path = DATA / f"hall_{subject}.csv"
    return Series.of(read_export(path, zone=zone, source="s").readings, zone)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_measure_is_iglus_to_a_millionth(subject: str) -> None:
    expected = {
        name: value
        for name, value in reference()[subject].items()
        if name.rsplit(".", 1)[-1] not in _NOT_OURS
        and name not in _NO_MEASURE
        and name != "active_consensus.active_percent"
    }
    assert len(expected) > 90
    found = report(series_of(subject))
    wrong = {
        name: (value, OURS[name](found))
        for name, value in expected.items()
        if not _agrees(OURS[name](found), value)
    }
    assert wrong == {}


def _agrees(ours: float | None, theirs: str) -> bool:
    if not theirs or ours is None:
        return not theirs and ours is None
    return math.isclose(ours, float(theirs), rel_tol=1e-9)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_last_fourteen_days_are_as_active_as_iglu_says(subject: str) -> None:
    theirs = float(reference()[subject]["active_consensus.active_percent"])
    assert active_percent_of_last(series_of(subject)) == pytest.approx(theirs, rel=1e-9)
