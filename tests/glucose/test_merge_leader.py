"""Who leads."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from hypothesis import given, strategies as st

from fakes.rows import FIVE, Situation, at, row, rows, situations
from glucose.merge import AHEAD_TOLERANCE, leader, withdrawn_after
from glucose.reading import Kind
from naive.merge import naive_leader

BOTH = {"a": FIVE, "b": FIVE}
A_UNTIL_20 = rows("a", (0, 100), (5, 100), (10, 100), (15, 100), (20, 100))
B_ALWAYS = [row(5 * i + 1, 140, "b") for i in range(12)]


def test_nobody_leads_without_readings() -> None:
    assert leader([], ["a"], BOTH, at(0)) is None


def test_the_first_current_source_leads() -> None:
    readings = [*A_UNTIL_20, *rows("b", (0, 140), (5, 140), (10, 140), (15, 140), (20, 140))]
    assert leader(readings, ["a", "b"], BOTH, at(21)) == "a"
    assert leader(readings, ["b", "a"], BOTH, at(21)) == "b"


@pytest.mark.parametrize(
    ("cadence", "last"),
    [(1, 11), (5, 11), (15, 33)],
)
def test_a_value_leads_until_its_limit_and_not_at_it(cadence: int, last: int) -> None:
    readings, of_a = rows("a", (0, 100)), {"a": timedelta(minutes=cadence)}
    assert leader(readings, ["a"], of_a, at(last) - timedelta(microseconds=1)) == "a"
    assert leader(readings, ["a"], of_a, at(last)) is None


def test_a_lower_source_leads_while_the_higher_is_silent() -> None:
    readings = [*A_UNTIL_20, *B_ALWAYS]
    assert leader(readings, ["a", "b"], BOTH, at(30.9)) == "a"
    assert leader(readings, ["a", "b"], BOTH, at(31)) == "b"


def test_the_return_to_a_higher_source_needs_two_of_its_readings() -> None:
    before = [reading for reading in [*A_UNTIL_20, *B_ALWAYS] if reading.time <= at(45)]
    one = [*before, row(44, 100)]
    assert leader(one, ["a", "b"], BOTH, at(45)) == "b"
    two = [*one, row(49, 100), row(46, 140, "b")]
    assert leader(two, ["a", "b"], BOTH, at(50)) == "a"


def test_a_copy_is_not_the_second_reading() -> None:
    readings = [*A_UNTIL_20, *B_ALWAYS, row(44, 100), row(44 + 9 / 60, 100)]
    corrected = [*A_UNTIL_20, *B_ALWAYS, row(44, 100), row(44 + 9 / 60, 104)]
    assert leader(readings, ["a", "b"], BOTH, at(46)) == "b"
    assert leader(corrected, ["a", "b"], BOTH, at(46)) == "b"


def test_two_readings_further_apart_than_the_limit_are_no_return() -> None:
    readings = [*B_ALWAYS, row(30, 100), row(42, 100)]
    assert leader(readings, ["a", "b"], BOTH, at(43)) == "b"


def test_two_readings_exactly_the_limit_apart_are_a_return() -> None:
    readings = [*B_ALWAYS, row(30, 100), row(41, 100)]
    assert leader(readings, ["a", "b"], BOTH, at(42)) == "a"


def test_a_single_reading_leads_where_no_lower_source_is_current() -> None:
    readings = [*A_UNTIL_20, row(21, 140, "b"), row(60, 100)]
    assert leader(readings, ["a", "b"], BOTH, at(61)) == "a"


def test_a_newcomer_below_takes_no_lead_from_a_single_reading_above() -> None:
    readings = [row(0, 100), row(1, 140, "b"), row(6, 140, "b")]
    assert leader(readings, ["a", "b"], BOTH, at(7)) == "a"


def test_of_two_sources_that_begin_at_once_the_higher_leads() -> None:
    assert leader([row(0, 100), row(0, 140, "b")], ["a", "b"], BOTH, at(1)) == "a"


def test_a_meter_never_leads() -> None:
    meters = [row(5 * i, 100, kind=Kind.METER) for i in range(5)]
    assert leader(meters, ["a"], BOTH, at(21)) is None
    assert leader([*meters, row(19, 140, "b")], ["a", "b"], BOTH, at(21)) == "b"


def test_a_source_that_was_removed_never_leads() -> None:
    assert leader(A_UNTIL_20, ["b"], BOTH, at(21)) is None


def test_a_graph_leads_only_where_no_source_is_live() -> None:
    graph = rows("a", (0, 100), (5, 100), (10, 100), (15, 100), series="graph")
    assert leader(graph, ["a", "b"], BOTH, at(16)) == "a"
    assert leader([*graph, row(14, 140, "b")], ["a", "b"], BOTH, at(16)) == "b"


def test_a_sources_own_graph_does_not_delay_its_first_current_value() -> None:
    graph = rows("a", (0, 100), (5, 100), (10, 100), series="graph")
    assert leader([*graph, row(14, 108, series="current")], ["a"], BOTH, at(15)) == "a"


def test_a_source_of_unknown_cadence_is_taken_for_a_five_minute_one() -> None:
    assert leader(rows("a", (0, 100)), ["a"], {}, at(10.9)) == "a"
    assert leader(rows("a", (0, 100)), ["a"], {}, at(11)) is None


def test_a_reading_ahead_of_the_clock_waits_for_its_time() -> None:
    readings = [*B_ALWAYS, *rows("a", (20, 100), (25, 100))]
    assert leader(readings, ["a", "b"], BOTH, at(18)) == "b"
    assert leader(readings, ["a"], BOTH, at(18)) is None
    assert leader(readings, ["a"], BOTH, at(20) - AHEAD_TOLERANCE) == "a"


@given(situations())
def test_leader_equals_its_slow_twin(situation: Situation) -> None:
    readings, order = situation.readings, situation.order
    each, now = situation.cadences, situation.now
    assert leader(readings, order, each, now) == naive_leader(readings, order, each, now)


@given(situations(repeated=True))
def test_whoever_leads_is_listed_and_has_a_current_cgm_reading(situation: Situation) -> None:
    leads = leader(situation.readings, situation.order, situation.cadences, situation.now)
    current = {
        reading.source
        for reading in situation.readings
        if reading.kind is Kind.CGM
        and reading.source in situation.order
        and situation.now - withdrawn_after(situation.cadences[reading.source]) < reading.time
        and reading.time <= situation.now + AHEAD_TOLERANCE
    }
    assert leads is None or leads in current


@given(situations(repeated=True), st.randoms(use_true_random=False))
def test_the_leader_does_not_depend_on_the_order_of_the_rows(
    situation: Situation, shuffler: random.Random
) -> None:
    shuffled = list(situation.readings)
    shuffler.shuffle(shuffled)
    order, each, now = situation.order, situation.cadences, situation.now
    assert leader(shuffled, order, each, now) == leader(situation.readings, order, each, now)
