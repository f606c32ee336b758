"""What holds of the present whatever was read."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

from hypothesis import assume, given, settings, strategies as st

from fakes.rows import Situation, situations
from glucose.merge import AHEAD_TOLERANCE, FOLD_WITHIN, leader, merged, withdrawn_after
from glucose.present import Present, present
from glucose.reading import Kind, Reading
from glucose.targets import Targets, status_of

_SECOND = timedelta(seconds=1)


def _present(situation: Situation) -> Present:
    return present(
        situation.readings,
        order=situation.order,
        cadences=situation.cadences,
        targets=Targets(),
        now=situation.now,
    )


def _leads(situation: Situation) -> bool:
    return _present(situation).reading is not None


def _reading(seen: Present) -> Reading:
    assert seen.reading is not None
    return seen.reading


@given(situations(repeated=True).filter(_leads))
def test_nothing_stale_ahead_or_metered_is_ever_shown_as_now(situation: Situation) -> None:
    seen = _present(situation)
    reading = _reading(seen)
    assert situation.now - reading.time < withdrawn_after(situation.cadences[reading.source])
    assert reading.time <= situation.now + AHEAD_TOLERANCE
    assert reading.kind is Kind.CGM
    assert reading in situation.readings


@given(situations(repeated=True))
def test_leader_reading_and_status_go_together(situation: Situation) -> None:
    seen = _present(situation)
    expected = leader(situation.readings, situation.order, situation.cadences, situation.now)
    assert seen.leading == expected
    assert (None if seen.reading is None else seen.reading.source) == expected
    assert seen.status is status_of(seen.reading, Targets())


@given(situations(repeated=True), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(
    situation: Situation, shuffler: random.Random
) -> None:
    shuffled = list(situation.readings)
    shuffler.shuffle(shuffled)
    assert _present(replace(situation, readings=shuffled)) == _present(situation)


@given(situations(repeated=True))
def test_saying_everything_twice_changes_nothing(situation: Situation) -> None:
    once = _present(situation)
    twice = _present(replace(situation, readings=situation.readings * 2))
    assert replace(twice, held=once.held) == once


@given(situations().filter(_leads), st.integers(1, 4000), st.sampled_from([0, 0, -1, 40, 300]))
def test_an_older_reading_never_changes_the_leaders_value(
    situation: Situation, seconds: int, change: int
) -> None:
    before = _present(situation)
    reading = _reading(before)
    older = replace(
        reading,
        time=reading.time - seconds * _SECOND,
        mg_dl=min(600, max(10, reading.mg_dl + change)),
    )
    after = _present(replace(situation, readings=[*situation.readings, older]))
    # It may be the second reading that lets its source, or takes from another, the lead.
    assume(after.leading == before.leading)
    assert _reading(after).mg_dl == reading.mg_dl
    # A copy that comes late may show that the reading was made up to half a minute earlier
    # or, where equal readings follow each other as fast, which of them is the copy.
    assert abs(_reading(after).time - reading.time) <= FOLD_WITHIN


@given(situations(repeated=True), situations(repeated=True))
def test_meter_readings_change_nothing(situation: Situation, other: Situation) -> None:
    sensors = [reading for reading in situation.readings if reading.kind is Kind.CGM]
    meters = [replace(reading, kind=Kind.METER) for reading in other.readings]
    alone = _present(replace(situation, readings=sensors))
    beside = _present(replace(situation, readings=[*meters, *sensors]))
    assert replace(beside, held=(), until=None) == replace(alone, held=(), until=None)


@given(situations(repeated=True))
def test_readings_ahead_of_the_clock_are_held_and_nothing_else_knows_of_them(
    situation: Situation,
) -> None:
    latest = situation.now + AHEAD_TOLERANCE
    due = [reading for reading in situation.readings if reading.time <= latest]
    ahead = sorted(reading.time for reading in situation.readings if reading.time > latest)
    seen, without = _present(situation), _present(replace(situation, readings=due))
    assert [reading.time for reading in seen.held] == ahead
    assert replace(seen, held=(), until=None) == replace(without, until=None)


@given(situations(repeated=True), st.floats(0, 1))
def test_until_then_nothing_changes_by_time_alone(situation: Situation, share: float) -> None:
    seen = _present(situation)
    end = seen.until or situation.now + timedelta(days=1)
    assert end > situation.now
    last = end - timedelta(microseconds=1)
    later = situation.now + (last - situation.now) * share
    assert _present(replace(situation, now=later)) == seen


@settings(deadline=None)
@given(situations(repeated=True))
def test_woken_whenever_it_asks_for_it_ends_with_nothing_shown(situation: Situation) -> None:
    seen, wakings = _present(situation), 0
    while seen.until is not None:
        situation = replace(situation, now=seen.until)
        seen, wakings = _present(situation), wakings + 1
    assert wakings <= 2 * len(situation.readings)
    assert (seen.reading, seen.held) == (None, ())


@given(situations().filter(lambda s: _present(s).leading == s.order[0]))
def test_what_the_highest_source_shows_stands_in_its_history(situation: Situation) -> None:
    reading = _reading(_present(situation))
    assume(reading.series == "live")
    assert reading in merged(situation.readings, situation.order, situation.cadences)
