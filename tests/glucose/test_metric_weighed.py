"""The measures that sensors show: spacing of a merged series, weights in spread, coverage words."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from glucose.metrics.consensus import CONSENSUS, Aim, Group
from glucose.metrics.cv import cv
from glucose.metrics.report import report
from glucose.metrics.sd import sd
from glucose.metrics.series import Series
from glucose.metrics.spacing import spacing
from glucose.metrics.sufficiency import Sufficiency
from glucose.metrics.weighed import weighed
from glucose.reading import Kind, Reading
from glucose.targets import Targets

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
FIVE = 5 * MINUTE


def rows(
    minutes: list[float], mg_dl: int = 100, *, source: str = "a", kind: Kind = Kind.CGM
) -> list[Reading]:
    return [
        Reading(time=START + m * MINUTE, mg_dl=mg_dl, source=source, series="s", kind=kind)
        for m in minutes
    ]


def every(step: float, first: float, last: float) -> list[float]:
    return [first + step * n for n in range(round((last - first) / step))]


@pytest.mark.parametrize(
    ("readings", "known", "minutes"),
    [
        ([], {}, 5),
        (rows([0, 100]), {}, 5),
        (rows([0, 100]), {"a": MINUTE}, 1),
        (rows(every(1, 0, 600)), {}, 1),
        # The sensor writes less often now than it did for most of the time.
        (rows(every(1, 0, 600)), {"a": FIVE}, 5),
        (rows([*every(1, 0, 300), *every(5, 300, 600)]), {"a": MINUTE}, 5),
        # One reading in ten is lost.
        (rows([m for m in every(5, 0, 3000) if m % 50]), {}, 5),
        (rows(every(15, 0, 600)), {}, 15),
        (rows(every(15, 0, 600)) + rows(every(1, 600, 1200), source="b"), {}, 15),
        # Scans an hour apart, and none of them is the sensor's own.
        (rows(every(60, 0, 6000)), {}, 5),
        (rows(every(60, 0, 6000)), {"a": 60 * MINUTE}, 15),
        (rows(every(15, 0, 600), kind=Kind.METER), {}, 5),
    ],
)
def test_the_longest_interval_among_the_sensors(
    readings: list[Reading], known: dict[str, timedelta], minutes: int
) -> None:
    assert spacing(readings, known) == minutes * MINUTE


def test_weighed_spread_is_that_of_readings_repeated_and_plain_where_weights_are_equal() -> None:
    draw = random.Random(5)
    values = [draw.uniform(40, 400) for _ in range(50)]
    weights = [float(draw.randint(0, 9)) for _ in values]
    total = sum(weights)
    mean = sum(w * v for w, v in zip(weights, values, strict=True)) / total
    squares = sum(w * (v - mean) ** 2 for w, v in zip(weights, values, strict=True))
    slow = math.sqrt(squares / (total - sum(w * w for w in weights) / total))
    mg_dl = np.array(values)
    assert sd(mg_dl, np.array(weights)) == pytest.approx(slow, rel=1e-12)
    assert cv(mg_dl, np.array(weights)) == pytest.approx(100 * slow / mean, rel=1e-12)
    assert sd(mg_dl, np.full(50, 5.0)) == pytest.approx(sd(mg_dl), rel=1e-12)
    assert sd(mg_dl[:1], np.ones(1)) is sd(mg_dl, np.zeros(50)) is None
    assert cv(mg_dl, np.eye(50)[3]) is None


def test_even_readings_give_what_the_command_counts() -> None:
    draw = random.Random(7)
    readings = [
        Reading(time=START + FIVE * n, mg_dl=draw.randint(40, 300), source="a", series="s")
        for n in range(1, 289)
    ]
    series = Series.of(readings, UTC)
    found = weighed(series, START, START + DAY, cadence=FIVE, targets=Targets())
    whole = report(series)
    assert (found.in_range, found.low, found.very_low, found.high, found.very_high) == (
        pytest.approx(
            (
                whole.in_range_70_180,
                whole.below_70,
                whole.below_54,
                whole.above_180,
                whole.above_250,
            )
        )
    )
    assert (found.mean, found.gmi, found.cv, found.gri) == pytest.approx(
        (whole.mean, whole.gmi, whole.cv, whole.gri)
    )
    assert found.episodes == whole.episodes
    assert found.covered.words == "24 of 24 hours"
    chosen = Targets(low_mg_dl=63, high_mg_dl=140)
    own = weighed(series, START, START + DAY, cadence=FIVE, targets=chosen)
    assert own.in_range == pytest.approx(whole.in_range_63_140)


def test_of_nothing_there_is_nothing() -> None:
    found = weighed(Series.of([], UTC), START, START + DAY, cadence=FIVE, targets=Targets())
    assert (found.mean, found.cv, found.in_range, found.episodes) == (None,) * 4
    assert found.covered.words == "0 of 24 hours; needs 70 %"


@pytest.mark.parametrize(
    ("covered", "english", "german"),
    [
        (Sufficiency(9.44, 14), "9.4 of 14 days; needs 70 %", "9,4 von 14 Tagen; nötig sind 70 %"),
        (Sufficiency(14, 14), "14 of 14 days", "14 von 14 Tagen"),
        (Sufficiency(0.5, 1), "12 of 24 hours; needs 70 %", "12 von 24 Stunden; nötig sind 70 %"),
        (Sufficiency(10.5, 10.5), "10.5 of 10.5 days", "10,5 von 10,5 Tagen"),
        (Sufficiency(366, 366), "366 of 366 days", "366 von 366 Tagen"),
    ],
)
def test_coverage_is_said_in_two_languages(covered: Sufficiency, english: str, german: str) -> None:
    assert covered.words == covered.words_in("fr") == english
    assert covered.words_in("de-AT") == covered.words_in("de") == german


def test_a_bound_that_may_be_reached_is_met_by_itself() -> None:
    aim = CONSENSUS[Group.ADULT].cv
    assert (str(aim), aim.met(36.0), aim.met(36.1)) == ("≤ 36 %", True, False)
    assert str(Aim(70, more=True, or_equal=True)) == "≥ 70 %"
    assert not Aim(70, more=True).met(70)
