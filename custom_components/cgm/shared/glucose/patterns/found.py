"""The search for what repeats: every question asked, every chance counted, the sure ones told."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from datetime import date, datetime

import numpy as np

from ..findings import Findings, Missing
from ..insight import InsightKind
from ..metrics.local_clock import epoch_ms, wall_of
from ..metrics.number import FloatArray
from ..metrics.series import Series
from ..targets import Targets
from . import fortnights
from .chances import Chances
from .compared import Compared, changes, told_compared, weekends
from .contrasts import whole_days
from .day_table import STARTS, DayTable
from .questions import questions
from .telling import insight_of
from .turned_days import LEAST_DAYS, Asked, ask, members
from .turned_weeks import WEEK, by_weeks, weekends_of
from .windows import told_windows

# Chance is given this many tries: enough that one kind of seven can be sure.
ROUNDS = 1999
_BOTH = 2 * fortnights.FORTNIGHT
_OF_THE_DAY = (
    InsightKind.RECURRENT_LOW,
    InsightKind.RECURRENT_HIGH,
    InsightKind.RISE,
    InsightKind.DAWN,
    InsightKind.OVERNIGHT_DRIFT,
)
_NEEDS = dict.fromkeys(_OF_THE_DAY, LEAST_DAYS) | {
    InsightKind.WEEKEND_DIFFERENCE: LEAST_DAYS,
    InsightKind.CHANGE: _BOTH,
}


def found(
    series: Series, targets: Targets, *, today: date, carbs: Sequence[datetime] = ()
) -> Findings:
    """Return what repeats in the last 90 days before `today`, on the wearer's wall clock.

    `carbs` are when something was eaten, as far as that is known: no such night has a dawn.
    Of wearers with nothing to find at most 2.5 % are told anything. Equal readings give equal
    findings: chance is drawn from a generator seeded by them.
    """
    eaten = np.array([epoch_ms(time) for time in carbs], dtype=np.int64)
    table = DayTable.of(series, today, wall_of(eaten, series.zone))
    if table is None:
        return Findings(missing=tuple(_missing(kind, 0) for kind in _NEEDS))
    rng = np.random.default_rng(zlib.crc32(np.ascontiguousarray(table.cells).tobytes()))
    days = rng.integers(STARTS, size=(ROUNDS, len(table.days)))
    asked = [ask(question, table.weekdays, days) for question in questions(table, targets)]
    compared, missing = _compared(table, targets, rng)
    missing = [*_too_few(asked, table), *missing]
    chances = Chances(_strongest(asked, compared))
    told = [insight_of(window, table) for window in told_windows(asked, table.weekdays, chances)]
    told += told_compared(compared, table, chances)
    return Findings(
        insights=tuple(sorted(told, key=lambda insight: insight.chance)),
        tests_run=sum(one.tried for one in asked) + len(compared),
        missing=tuple(missing),
    )


def _compared(
    table: DayTable, targets: Targets, rng: np.random.Generator
) -> tuple[list[Compared], list[Missing]]:
    """Return the comparisons of days, and those for which there are too few."""
    mean = whole_days(table, targets)[0].values
    compared: list[Compared] = []
    missing = []
    rests = int(np.count_nonzero(~np.isnan(weekends_of(mean, table.weekdays))))
    if rests >= LEAST_DAYS:
        weeks = len(by_weeks(mean, table.weekdays))
        compared += weekends(table, targets, rng.integers(WEEK, size=(ROUNDS, weeks)))
    else:
        missing.append(_missing(InsightKind.WEEKEND_DIFFERENCE, rests))
    if len(mean) >= _BOTH and fortnights.enough(mean[-_BOTH:]):
        compared += changes(table, targets, ROUNDS, rng)
    else:
        have = int(np.count_nonzero(~np.isnan(mean[-_BOTH:])))
        missing.append(_missing(InsightKind.CHANGE, have))
    return compared, missing


def _too_few(asked: Iterable[Asked], table: DayTable) -> list[Missing]:
    """Return the kinds of which no window had days enough."""
    have: dict[InsightKind, int] = {}
    for one in asked:
        counts = members(one.question, table.weekdays) @ one.question.known
        most = int(counts[:, one.question.starts].max())
        have[one.question.kind] = max(most, have.get(one.question.kind, 0))
    return [_missing(kind, count) for kind, count in have.items() if count < LEAST_DAYS]


def _missing(kind: InsightKind, have: int) -> Missing:
    return Missing(kind=kind, have=have, need=_NEEDS[kind])


def _strongest(
    asked: Sequence[Asked], compared: Sequence[Compared]
) -> dict[InsightKind, FloatArray]:
    """Return each kind's largest strength in each round, of the kinds that were tried."""
    rounds = [(one.question.kind, one.strongest) for one in asked if one.tried]
    rounds += [(one.kind, one.rounds) for one in compared]
    strongest: dict[InsightKind, FloatArray] = {}
    for kind, values in rounds:
        strongest[kind] = np.maximum(strongest.get(kind, values), values)
    return strongest
