"""What folds into one reading, and what a cadence is learned from."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from hypothesis import given, strategies as st

from fakes.rows import FIVE, Situation, at, row, rows, situations
from glucose.merge import FOLD_WITHIN, fold, meter_readings, withdrawn_after
from glucose.reading import Bound, Kind, Reading
from glucose.trend import Trend
from naive.merge import naive_fold


def test_phone_and_watch_uploads_fold_into_the_earlier() -> None:
    phone, watch = row(5, 120), row(5 + 9 / 60, 120)
    assert fold([watch, phone]) == [phone]


@pytest.mark.parametrize(
    "other",
    [
        row(5.5 + 0.001, 120),
        row(5.1, 121),
        row(5.1, 120, "b"),
        row(5.1, 120, series="other"),
        row(5.1, 120, kind=Kind.METER),
        row(5.1, 120, bound=Bound.HIGH),
    ],
    ids=["over 30 s", "value", "source", "series", "kind", "bound"],
)
def test_what_differs_is_kept(other: Reading) -> None:
    first = row(5, 120)
    assert fold([other, first]) == [first, other]


def test_exactly_thirty_seconds_apart_folds() -> None:
    assert fold(rows("a", (5, 120), (5.5, 120))) == [row(5, 120)]


def test_a_copy_folds_across_another_value_between() -> None:
    kept = rows("a", (5, 120), (5.1, 121))
    assert fold([*kept, row(5.2, 120)]) == kept


def test_equal_readings_every_twenty_seconds_never_fold_to_one() -> None:
    constant = [row(third / 3, 120) for third in range(30)]
    assert [reading.time for reading in fold(constant)] == [at(2 * i / 3) for i in range(15)]


def test_of_two_values_under_one_identity_the_lower_is_kept() -> None:
    assert fold(rows("a", (5, 120), (5, 70))) == [row(5, 70)]
    assert fold(rows("a", (5, 70), (5, 120))) == [row(5, 70)]


def test_of_two_equal_rows_the_one_with_more_to_say_is_kept() -> None:
    bare, bounded = row(5, 39), row(5, 39, bound=Bound.LOW)
    assert fold([bare, bounded]) == fold([bounded, bare]) == [bounded]
    plain, trended = row(5, 90), row(5, 90, trend=Trend.UP)
    assert fold([plain, trended]) == fold([trended, plain]) == [trended]


def test_meter_readings_are_listed_apart() -> None:
    meters = [row(3, 98, kind=Kind.METER), row(9, 101, kind=Kind.METER)]
    assert meter_readings([meters[1], row(5), meters[0], meters[0]]) == meters


@given(situations())
def test_fold_equals_its_slow_twin(situation: Situation) -> None:
    assert fold(situation.readings) == naive_fold(situation.readings)


@given(situations(repeated=True))
def test_folding_again_changes_nothing(situation: Situation) -> None:
    once = fold(situation.readings)
    assert fold(once) == once


@given(situations(repeated=True), st.randoms(use_true_random=False))
def test_fold_does_not_depend_on_the_order(situation: Situation, shuffler: random.Random) -> None:
    shuffled = list(situation.readings)
    shuffler.shuffle(shuffled)
    assert fold(shuffled) == fold(situation.readings)


@given(situations(repeated=True))
def test_every_reading_left_out_is_said_by_one_that_is_kept(situation: Situation) -> None:
    kept = fold(situation.readings)
    assert set(kept) <= set(situation.readings)
    for reading in situation.readings:
        assert [
            other
            for other in kept
            if (other.source, other.series, other.kind)
            == (reading.source, reading.series, reading.kind)
            and timedelta(0) <= reading.time - other.time <= FOLD_WITHIN
        ]


@pytest.mark.parametrize(
    ("cadence", "limit"),
    [(1, 11), (3, 11), (5, 11), (6, 13.2), (15, 33)],
)
def test_a_value_is_withdrawn_after_eleven_minutes_or_two_cadences_and_a_bit(
    cadence: float, limit: float
) -> None:
    assert withdrawn_after(timedelta(minutes=cadence)) == timedelta(minutes=limit)


def test_the_least_limit_can_be_chosen() -> None:
    assert withdrawn_after(FIVE, timedelta(minutes=20)) == timedelta(minutes=20)
    assert withdrawn_after(FIVE, timedelta(minutes=6)) == timedelta(minutes=11)
