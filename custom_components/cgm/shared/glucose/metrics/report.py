"""All measures of one wearer's readings at once, each reading counted once, as iglu counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .active_percent import active_percent
from .adrr import adrr
from .auc import auc
from .cogi import cogi
from .conga import conga
from .cv import cv
from .cv_measures import CvMeasures, cv_measures
from .ea1c import ea1c
from .episodes import EpisodeSummaries, summaries
from .glucose_range import glucose_range
from .gmi import gmi
from .grade import GradeShares, grade, grade_shares
from .gri import gri
from .gvp import gvp
from .hbgi import hbgi
from .igc import hyper_index, hypo_index, igc
from .iqr import iqr
from .j_index import j_index
from .lbgi import lbgi
from .m_value import m_value
from .mad import mad
from .mag import mag
from .mage import Mage, mage
from .mean import mean
from .median import median
from .modd import modd
from .percent import above, below, within
from .pgs import pgs
from .quantiles import quantiles
from .sd import sd
from .sd_measures import SdMeasures, sd_measures
from .sd_roc import sd_roc
from .series import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Every measure, None where it is not defined; units and sources are in each measure's file.

    `lows` and `highs` are how many readings were the sensor's limit and count as its number.
    """

    readings: int
    first: datetime | None
    last: datetime | None
    lows: int
    highs: int
    ndays: float | None
    active_percent: float | None
    mean: float | None
    median: float | None
    sd: float | None
    cv: float | None
    gmi: float | None
    ea1c: float | None
    iqr: float | None
    range: float | None
    quantiles: tuple[float, ...] | None
    mad: float | None
    j_index: float | None
    m_value: float | None
    lbgi: float | None
    hbgi: float | None
    adrr: float | None
    gri: float | None
    grade: float | None
    grade_shares: GradeShares
    hyper_index: float | None
    hypo_index: float | None
    igc: float | None
    cogi: float | None
    pgs: float | None
    mage: Mage | None
    modd: float | None
    conga_1: float | None
    conga_4: float | None
    conga_24: float | None
    mag: float | None
    gvp: float | None
    sd_roc: float | None
    auc: float | None
    sd_measures: SdMeasures | None
    cv_measures: CvMeasures | None
    below_54: float | None
    below_70: float | None
    in_range_70_180: float | None
    in_range_70_140: float | None
    in_range_63_140: float | None
    above_140: float | None
    above_180: float | None
    above_250: float | None
    episodes: EpisodeSummaries | None


def report(series: Series) -> Report:
    """Take every measure of the readings; what too few readings leave undefined is None."""
    values = series.mg_dl
    activity = active_percent(series)
    middle = mean(values)
    grid, fine = series.grid, series.five_minute_grid
    averaged = series.averaged.grid
    return Report(
        readings=len(series),
        first=series.first,
        last=series.last,
        lows=series.lows,
        highs=series.highs,
        ndays=activity.days,
        active_percent=activity.percent,
        mean=middle,
        median=median(values),
        sd=sd(values),
        cv=cv(values),
        gmi=gmi(middle),
        ea1c=ea1c(middle),
        iqr=iqr(values),
        range=glucose_range(values),
        quantiles=quantiles(values, (5, 25, 50, 75, 95)),
        mad=mad(values),
        j_index=j_index(values),
        m_value=m_value(values),
        lbgi=lbgi(values),
        hbgi=hbgi(values),
        adrr=adrr(series),
        gri=gri(series.averaged.mg_dl),
        grade=grade(values),
        grade_shares=grade_shares(values),
        hyper_index=hyper_index(values),
        hypo_index=hypo_index(values),
        igc=igc(values),
        cogi=cogi(values),
        pgs=pgs(series),
        mage=None if fine is None else mage(fine),
        modd=None if grid is None else modd(grid),
        conga_1=None if grid is None else conga(grid, 1),
        conga_4=None if grid is None else conga(grid, 4),
        conga_24=None if grid is None else conga(grid, 24),
        mag=None if grid is None else mag(grid),
        gvp=None if grid is None else gvp(grid),
        sd_roc=None if grid is None else sd_roc(grid),
        auc=None if grid is None else auc(grid),
        sd_measures=None if averaged is None else sd_measures(averaged),
        cv_measures=None if grid is None else cv_measures(grid),
        below_54=below(values, 54),
        below_70=below(values, 70),
        in_range_70_180=within(values, 70, 180),
        in_range_70_140=within(values, 70, 140),
        in_range_63_140=within(values, 63, 140),
        above_140=above(values, 140),
        above_180=above(values, 180),
        above_250=above(values, 250),
        episodes=None if grid is None else summaries(grid),
    )
