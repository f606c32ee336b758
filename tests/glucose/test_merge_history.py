"""From whom history takes its rows."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import pairwise
from time import process_time

import pytest
from hypothesis import given, strategies as st

from fakes.rows import FIVE, Situation, row, rows, situations
from glucose.merge import merged
from glucose.reading import Kind, Reading
from naive.merge import naive_merged

BOTH = {"a": FIVE, "b": FIVE}


def _a(*minutes: float) -> list[Reading]:
    return [row(minute, 100, "a") for minute in minutes]


def _b(*minutes: float) -> list[Reading]:
    return [row(minute, 140, "b") for minute in minutes]


def test_a_full_source_leaves_nothing_to_others() -> None:
    own = _a(0, 5, 10, 15, 20)
    assert merged([*_b(2, 7, 12, 17), *own], ["a", "b"], BOTH) == own


def test_the_wearers_order_decides() -> None:
    readings = [*_a(0, 5, 10), *_b(0, 5, 10)]
    assert merged(readings, ["b", "a"], BOTH) == _b(0, 5, 10)


def test_a_gap_is_filled() -> None:
    readings = [*_a(0, 5, 20, 25), *_b(2, 7, 12, 17, 22)]
    assert merged(readings, ["a", "b"], BOTH) == [*_a(0, 5), *_b(12, 17), *_a(20, 25)]


@pytest.mark.parametrize(("second", "taken"), [(7.5, 0), (7.6, 1)])
def test_a_gap_is_more_than_one_and_a_half_cadences(second: float, taken: int) -> None:
    history = merged([*_a(0, second), *_b(3.8)], ["a", "b"], BOTH)
    assert len(history) == 2 + taken


@pytest.mark.parametrize(("minute", "taken"), [(2.5, 0), (2.6, 1), (17.4, 1), (17.5, 0)])
def test_a_row_within_half_a_cadence_of_a_neighbour_stands_in_its_place(
    minute: float, taken: int
) -> None:
    history = merged([*_a(0, 20), *_b(minute)], ["a", "b"], BOTH)
    assert len(history) == 2 + taken


def test_before_and_after_a_source_others_stand_in() -> None:
    history = merged([*_a(20, 25), *_b(10, 15, 18, 27, 30, 35)], ["a", "b"], BOTH)
    assert [reading.source for reading in history] == ["b", "b", "a", "a", "b", "b"]


def test_the_longer_cadence_of_two_neighbours_decides_what_is_a_gap() -> None:
    each = {"a": timedelta(minutes=15), "b": FIVE}
    assert merged([*_a(0, 15, 30), *_b(5, 10, 20, 25)], ["a", "b"], each) == _a(0, 15, 30)
    history = merged([*_a(0, 30), *_b(5, 10, 15, 20, 25)], ["a", "b"], each)
    assert len(history) == 7


@pytest.mark.parametrize(("second", "taken"), [(22.5, 0), (22.6, 1)])
def test_a_faster_source_elsewhere_does_not_make_gaps_of_a_slower_one(
    second: float, taken: int
) -> None:
    each = {"a": timedelta(minutes=15), "b": FIVE, "c": FIVE}
    history = merged([*_a(0, second), *_b(60, 65), row(11, 90, "c")], ["a", "b", "c"], each)
    assert len(history) == 4 + taken


@pytest.mark.parametrize(("second", "taken"), [(30, 0), (31, 1)])
def test_half_a_minute_is_the_least_distance_however_fast_the_sources(
    second: int, taken: int
) -> None:
    each = dict.fromkeys("ab", timedelta(seconds=20))
    history = merged([*_a(0, 20), *_b(second / 60)], ["a", "b"], each)
    assert len(history) == 2 + taken


def test_a_graph_fills_what_was_missed_live_and_only_that() -> None:
    current = rows("a", (0, 100), (1, 101), (2, 102), (40, 120), (41, 121))
    graph = rows("a", *((5 * i, 90) for i in range(9)), series="graph")
    history = merged([*graph, *current], ["a"], {"a": timedelta(minutes=1)})
    assert history == [*current[:3], *graph[1:8], *current[3:]]


def test_another_source_live_stands_before_a_graph() -> None:
    graph = rows("a", (5, 90), (10, 90), (15, 90), series="graph")
    readings = [*_a(0, 20), *graph, *_b(5, 10, 15)]
    assert merged(readings, ["a", "b"], BOTH) == [*_a(0), *_b(5, 10, 15), *_a(20)]


def test_a_removed_sources_history_stays() -> None:
    history = merged([*_a(0, 5), *_b(20, 25)], ["b"], BOTH)
    assert history == [*_a(0, 5), *_b(20, 25)]


def test_the_same_reading_by_two_ways_counts_once() -> None:
    direct = rows("a", (0, 100), (5, 104))
    relayed = rows("b", (0, 100), (5 + 9 / 60, 104), (10, 109))
    assert merged([*relayed, *direct], ["a", "b"], BOTH) == [*direct, relayed[2]]


def test_meter_readings_are_left_out() -> None:
    meter = row(12, 70, kind=Kind.METER)
    assert merged([*_a(0, 5, 20), meter], ["a"], BOTH) == _a(0, 5, 20)


def test_a_meter_reading_in_a_cgm_minute_changes_nothing() -> None:
    cgm, meter = row(5, 120), row(5, 88, kind=Kind.METER)
    assert merged([meter, cgm], ["a"], BOTH) == [cgm]


@given(situations())
def test_history_equals_its_slow_twin(situation: Situation) -> None:
    readings, order, each = situation.readings, situation.order, situation.cadences
    assert merged(readings, order, each) == naive_merged(readings, order, each)


@given(situations(repeated=True))
def test_history_rises_in_time_and_is_made_of_what_was_read(situation: Situation) -> None:
    history = merged(situation.readings, situation.order, situation.cadences)
    assert set(history) <= {r for r in situation.readings if r.kind is Kind.CGM}
    assert all(a.time < b.time for a, b in pairwise(history))


@given(situations(repeated=True), st.randoms(use_true_random=False))
def test_history_does_not_depend_on_the_order_of_the_rows(
    situation: Situation, shuffler: random.Random
) -> None:
    shuffled = list(situation.readings)
    shuffler.shuffle(shuffled)
    order, each = situation.order, situation.cadences
    assert merged(shuffled, order, each) == merged(situation.readings, order, each)


def test_a_year_of_three_sources_is_merged_in_a_moment() -> None:
    chance = random.Random(7)
    year = range(105_120)
    readings = [
        *(row(5 * i, 100 + i % 50) for i in year if chance.random() > 0.05),
        *(row(5 * i + 2, 110 + i % 50, "b") for i in year[::4]),
        *(row(5 * i + 1, 105 + i % 50, "a", series="graph") for i in year[::3]),
    ]
    start = process_time()
    history = merged(readings, ["a", "b"], BOTH)
    spent = process_time() - start
    assert len(history) > 99_000
    # Measured: a fifth of this; quadratic work would take hours.
    assert spent < 2
